internal import Checkpoints
internal import Networks

/// The rule that turns gradients into updates, stored under `optimizer`.
///
/// Settings that a rule does not use are refused rather than ignored.
package struct OptimizerConfiguration: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// θ −= η·g on the whole training set.
        case gd
        /// b = μ·b + g, θ −= η·b, as PyTorch's `SGD`.
        case sgd
        /// Adam; weight decay, if any, is added to the gradient (L2).
        case adam
        /// Adam with decay apart from the gradient, as PyTorch's `AdamW`.
        case adamw
        /// Muon for the matrices of hidden layers, AdamW for everything else.
        case muon
    }

    /// What is added to each gradient (Grokfast, Lee and others 2024).
    package enum Filter: String, Codable, CaseIterable, Sendable {
        case none
        /// λ times the exponential moving average of the gradients, from the first on.
        case ema
        /// λ times the mean of the last w gradients, once there are so many.
        case movingAverage = "moving_average"
    }

    /// The factor on Muon's updates of a matrix.
    package enum MuonScale: String, Codable, CaseIterable, Sendable {
        /// √max(1, outputs/inputs).
        case original
        /// 0.2·√max(outputs, inputs), the size of AdamW's updates.
        case matchAdam = "match_adam"
    }

    /// What weight decay λ does at each update with learning rate η.
    package enum Decay: String, Codable, CaseIterable, Sendable {
        /// θ *= 1 − ηλ, before the update.
        case toZero = "to_zero"
        /// θ += ηλ(θ₀ − θ), towards the initial weights.
        case toInit = "to_init"
        /// θ *= exp(ηλ·z), one normal z for each tensor.
        case jiggle
        /// g += λθ: the L2 penalty (λ/2)‖θ‖² seen by the moments.
        case honest
    }

    package var kind: Kind = .adamw
    package var learningRate = 1e-3
    /// μ of `sgd` and `muon`.
    package var momentum = 0.0
    package var beta1 = 0.9
    package var beta2 = 0.98
    package var epsilon = 1e-8
    package var weightDecay = 0.0
    package var decay: Decay = .toZero
    /// Standard deviation of normal noise added to each gradient element.
    package var gradientNoise = 0.0
    /// Standard deviation of normal noise added to the update: θ −= η/(1 − β₁ᵗ)·(u + σz) for the
    /// Adam rules, θ −= η·(u + σz) for the others.
    package var updateNoise = 0.0

    package var filter: Filter = .none
    /// α of the filter `ema`.
    package var filterDecay = 0.98
    /// λ of the filter.
    package var filterGain = 2.0
    /// w of the filter `moving_average`.
    package var filterWindow = 100
    /// Takes from each tensor's gradient its part along the weights and keeps its length.
    package var perpendicularGradient = false
    /// The largest norm of a gradient over all parameters; nil for none.
    package var clipNorm: Double?
    /// The largest magnitude of a gradient's element; nil for none.
    package var clipValue: Double?
    /// ρ of sharpness-aware minimisation: the gradient is taken this far up the slope; 0 for none.
    package var sharpnessRadius = 0.0
    /// Measures ρ relative to each weight.
    package var sharpnessAdaptive = false
    /// Scales the weights back to their first norm after each update.
    package var keepNorm = false
    /// U of Muon looks one update ahead.
    package var nesterov = true
    /// η of AdamW beside Muon.
    package var adamLearningRate = 1e-3
    package var muonScale: MuonScale = .original

    /// A rule with its usual decay: AdamW with λ = 1 unless told otherwise, no decay elsewhere.
    package init(
        _ kind: Kind = .adamw, learningRate: Double = 1e-3, weightDecay: Double? = nil
    ) {
        self.kind = kind
        self.learningRate = learningRate
        self.weightDecay = weightDecay ?? (kind == .adamw ? 1 : 0)
        decay = kind == .adamw || kind == .muon ? .toZero : .honest
        if kind == .muon { momentum = 0.95 }
    }

    private var isAdam: Bool { kind == .adam || kind == .adamw || kind == .muon }

    /// The keys that this rule and its filter do not use.
    private var strangers: [CodingKeys] {
        var keys: [CodingKeys] =
            isAdam ? [] : [.beta1, .beta2, .epsilon]
        if kind != .sgd && kind != .muon { keys.append(.momentum) }
        if kind != .muon { keys += [.nesterov, .adamLearningRate, .muonScale] }
        if filter == .none { keys.append(.filterGain) }
        if filter != .ema { keys.append(.filterDecay) }
        if filter != .movingAverage { keys.append(.filterWindow) }
        if sharpnessRadius == 0 { keys.append(.sharpnessAdaptive) }
        return keys
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind
        case learningRate = "learning_rate"
        case momentum, beta1, beta2, epsilon
        case weightDecay = "weight_decay"
        case decay
        case gradientNoise = "gradient_noise"
        case updateNoise = "update_noise"
        case filter
        case filterDecay = "filter_decay"
        case filterGain = "filter_gain"
        case filterWindow = "filter_window"
        case perpendicularGradient = "perpendicular_gradient"
        case clipNorm = "clip_norm"
        case clipValue = "clip_value"
        case sharpnessRadius = "sharpness_radius"
        case sharpnessAdaptive = "sharpness_adaptive"
        case keepNorm = "keep_norm"
        case nesterov
        case adamLearningRate = "adam_learning_rate"
        case muonScale = "muon_scale"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "optimizer")
        var kind = Kind.adamw
        try values.read(.kind, into: &kind)
        self.init(kind)
        try values.read(.learningRate, into: &learningRate)
        try values.read(.momentum, into: &momentum)
        try values.read(.beta1, into: &beta1)
        try values.read(.beta2, into: &beta2)
        try values.read(.epsilon, into: &epsilon)
        try values.read(.weightDecay, into: &weightDecay)
        try values.read(.decay, into: &decay)
        try values.read(.gradientNoise, into: &gradientNoise)
        try values.read(.updateNoise, into: &updateNoise)
        try values.read(.filter, into: &filter)
        if filter == .movingAverage { filterGain = 5 }
        try values.read(.filterDecay, into: &filterDecay)
        try values.read(.filterGain, into: &filterGain)
        try values.read(.filterWindow, into: &filterWindow)
        try values.read(.perpendicularGradient, into: &perpendicularGradient)
        try values.read(.clipNorm, into: &clipNorm)
        try values.read(.clipValue, into: &clipValue)
        try values.read(.sharpnessRadius, into: &sharpnessRadius)
        try values.read(.sharpnessAdaptive, into: &sharpnessAdaptive)
        try values.read(.keepNorm, into: &keepNorm)
        try values.read(.nesterov, into: &nesterov)
        try values.read(.adamLearningRate, into: &adamLearningRate)
        try values.read(.muonScale, into: &muonScale)
        if let stranger = strangers.first(where: values.contains) {
            throw UserError.usage(
                subject: "optimizer setting \(stranger.rawValue)",
                cause: "the rule \(kind.rawValue)"
                    + (filter == .none ? "" : " with the filter \(filter.rawValue)")
                    + " does not use it",
                advice: "leave it out, or choose the rule or the filter that has it")
        }
    }

    /// Writes the settings that the rule uses.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let strangers = strangers
        for key in CodingKeys.allCases where !strangers.contains(key) {
            switch key {
            case .kind: try container.encode(kind, forKey: key)
            case .learningRate: try container.encode(learningRate, forKey: key)
            case .momentum: try container.encode(momentum, forKey: key)
            case .beta1: try container.encode(beta1, forKey: key)
            case .beta2: try container.encode(beta2, forKey: key)
            case .epsilon: try container.encode(epsilon, forKey: key)
            case .weightDecay: try container.encode(weightDecay, forKey: key)
            case .decay: try container.encode(decay, forKey: key)
            case .gradientNoise: try container.encode(gradientNoise, forKey: key)
            case .updateNoise: try container.encode(updateNoise, forKey: key)
            case .filter: try container.encode(filter, forKey: key)
            case .filterDecay: try container.encode(filterDecay, forKey: key)
            case .filterGain: try container.encode(filterGain, forKey: key)
            case .filterWindow: try container.encode(filterWindow, forKey: key)
            case .perpendicularGradient: try container.encode(perpendicularGradient, forKey: key)
            case .clipNorm: try container.encodeIfPresent(clipNorm, forKey: key)
            case .clipValue: try container.encodeIfPresent(clipValue, forKey: key)
            case .sharpnessRadius: try container.encode(sharpnessRadius, forKey: key)
            case .sharpnessAdaptive: try container.encode(sharpnessAdaptive, forKey: key)
            case .keepNorm: try container.encode(keepNorm, forKey: key)
            case .nesterov: try container.encode(nesterov, forKey: key)
            case .adamLearningRate: try container.encode(adamLearningRate, forKey: key)
            case .muonScale: try container.encode(muonScale, forKey: key)
            }
        }
    }

    /// Throws one sentence about the first setting that cannot work.
    func validate() throws {
        try Range.atLeast(0, learningRate, "learning_rate")
        try Range.below(1, momentum, "momentum")
        try Range.below(1, beta1, "beta1")
        try Range.below(1, beta2, "beta2")
        try Range.atLeast(0, weightDecay, "weight_decay")
        try Range.atLeast(0, gradientNoise, "gradient_noise")
        try Range.atLeast(0, updateNoise, "update_noise")
        try Range.below(1, filterDecay, "filter_decay")
        try Range.atLeast(0, filterGain, "filter_gain")
        try Range.atLeast(1, filterWindow, "filter_window")
        try Range.atLeast(0, sharpnessRadius, "sharpness_radius")
        try Range.atLeast(0, adamLearningRate, "adam_learning_rate")
        for (name, value) in [("clip_norm", clipNorm), ("clip_value", clipValue)] {
            guard let value, !(value > 0 && value.isFinite) else { continue }
            throw UserError.usage(
                subject: "\(name) \(value)", cause: "it must be a positive number",
                advice: "leave it out for none")
        }
        if kind == .muon, decay != .toZero {
            throw UserError.usage(
                subject: "decay \(decay.rawValue)", cause: "the rule muon decays to zero alone",
                advice: "choose to_zero")
        }
        guard epsilon > 0, epsilon.isFinite else {
            throw UserError.usage(
                subject: "epsilon \(epsilon)", cause: "it must be a positive number",
                advice: "use 1e-8")
        }
    }
}

/// Checks of single numbers, with the sentence that says what is allowed.
enum Range {
    static func atLeast(_ bound: Double, _ value: Double, _ name: String) throws {
        guard value >= bound, value.isFinite else {
            throw UserError.usage(
                subject: "\(name) \(value)", cause: "it is out of range",
                advice: "choose a number of at least \(bound.formattedBriefly)")
        }
    }

    static func atLeast(_ bound: Int, _ value: Int, _ name: String) throws {
        guard value >= bound else {
            throw UserError.usage(
                subject: "\(name) \(value)", cause: "it is out of range",
                advice: "choose at least \(bound)")
        }
    }

    static func below(_ bound: Double, _ value: Double, _ name: String) throws {
        guard value >= 0, value < bound else {
            throw UserError.usage(
                subject: "\(name) \(value)", cause: "it is out of range",
                advice: "choose a number of at least 0 and below \(bound.formattedBriefly)")
        }
    }
}

extension Double {
    /// The number without a trailing `.0`.
    var formattedBriefly: String {
        self == rounded() && abs(self) < 1e15 ? String(Int(self)) : "\(self)"
    }
}
