internal import Checkpoints

/// How the loss is computed, stored under `loss`.
package struct LossConfiguration: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, CaseIterable, Sendable {
        case crossEntropy = "cross_entropy"
        /// Of real answers, or of the one-hot codes of classes.
        case meanSquaredError = "mean_squared_error"
        /// Cross-entropy with a rational function in place of the exponential.
        case stableMax = "stablemax"
        /// max(0, 1 − y·f) for two classes y = ±1 and one output.
        case hinge
        /// ln(1 + e^(−y·f)) for two classes y = ±1 and one output.
        case logistic
    }

    /// What becomes of the squared errors of an example's outputs; examples are always averaged.
    package enum Reduction: String, Codable, CaseIterable, Sendable {
        /// Their mean, as PyTorch's `MSELoss`.
        case mean
        case sum
    }

    package var kind: Kind = .crossEntropy
    /// The arithmetic of the cross-entropy; the other losses are computed in double precision.
    package var precision: LossPrecision = .float64
    package var reduction: Reduction = .mean
    /// A real answer counts as right where the mean of its squared errors is below this; without it
    /// accuracy means nothing and is not recorded.
    package var accuracyThreshold: Double?

    package init(_ kind: Kind = .crossEntropy, precision: LossPrecision = .float64) {
        self.kind = kind
        self.precision = precision
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, precision, reduction
        case accuracyThreshold = "accuracy_threshold"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "loss")
        try values.read(.kind, into: &kind)
        try values.read(.precision, into: &precision)
        try values.read(.reduction, into: &reduction)
        try values.read(.accuracyThreshold, into: &accuracyThreshold)
        let strangers: [CodingKeys] =
            switch kind {
            case .crossEntropy: [.reduction, .accuracyThreshold]
            case .meanSquaredError: [.precision]
            case .stableMax, .hinge, .logistic: [.precision, .reduction, .accuracyThreshold]
            }
        if let stranger = strangers.first(where: values.contains) {
            throw UserError.usage(
                subject: "loss setting \(stranger.rawValue)",
                cause: "the loss \(kind.rawValue) does not use it",
                advice: "leave it out or choose another loss")
        }
        if let threshold = accuracyThreshold, !(threshold > 0 && threshold.isFinite) {
            throw UserError.usage(
                subject: "accuracy_threshold \(threshold)", cause: "it must be a positive number",
                advice: "use 0.001, or leave it out")
        }
    }

    /// Writes the settings that the loss uses.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        switch kind {
        case .crossEntropy: try container.encode(precision, forKey: .precision)
        case .meanSquaredError:
            try container.encode(reduction, forKey: .reduction)
            try container.encodeIfPresent(accuracyThreshold, forKey: .accuracyThreshold)
        case .stableMax, .hinge, .logistic: break
        }
    }

    /// Whether the loss has one output for two classes.
    package var isBinary: Bool { kind == .hinge || kind == .logistic }
}

extension LossConfiguration {
    /// The keys of the section `loss`.
    package static var settingKeys: [String] { CodingKeys.allCases.map(\.rawValue) }
}
