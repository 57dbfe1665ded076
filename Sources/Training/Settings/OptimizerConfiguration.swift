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
    /// μ of `sgd`.
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

    /// A rule with its usual decay: AdamW with λ = 1 unless told otherwise, no decay elsewhere.
    package init(
        _ kind: Kind = .adamw, learningRate: Double = 1e-3, weightDecay: Double? = nil
    ) {
        self.kind = kind
        self.learningRate = learningRate
        self.weightDecay = weightDecay ?? (kind == .adamw ? 1 : 0)
        decay = kind == .adamw ? .toZero : .honest
    }

    private var isAdam: Bool { kind == .adam || kind == .adamw }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind
        case learningRate = "learning_rate"
        case momentum, beta1, beta2, epsilon
        case weightDecay = "weight_decay"
        case decay
        case gradientNoise = "gradient_noise"
        case updateNoise = "update_noise"
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
        let strangers: [CodingKeys] =
            isAdam
            ? [.momentum] : [.beta1, .beta2, .epsilon] + (kind == .gd ? [.momentum] : [])
        if let stranger = strangers.first(where: values.contains) {
            throw UserError.usage(
                subject: "optimizer setting \(stranger.rawValue)",
                cause: "the rule \(kind.rawValue) does not use it",
                advice: "leave it out or choose another rule")
        }
    }

    /// Writes the settings that the rule uses.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(learningRate, forKey: .learningRate)
        if isAdam {
            try container.encode(beta1, forKey: .beta1)
            try container.encode(beta2, forKey: .beta2)
            try container.encode(epsilon, forKey: .epsilon)
        }
        if kind == .sgd { try container.encode(momentum, forKey: .momentum) }
        try container.encode(weightDecay, forKey: .weightDecay)
        try container.encode(decay, forKey: .decay)
        try container.encode(gradientNoise, forKey: .gradientNoise)
        try container.encode(updateNoise, forKey: .updateNoise)
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
