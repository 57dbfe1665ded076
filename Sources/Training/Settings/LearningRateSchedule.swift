internal import Checkpoints
internal import Foundation
internal import Networks

/// How the learning rate changes with the step, stored under `schedule`.
package struct LearningRateSchedule: Codable, Sendable, Equatable {
    package enum Shape: String, Codable, CaseIterable, Sendable {
        /// The full rate after the warm-up.
        case constant
        /// Half a cosine wave from the full rate down to `final_factor` of it.
        case cosine
        /// A straight line from the full rate down to `final_factor` of it.
        case linear
        /// The full rate for `stable_steps`, then down to `final_factor` in `decay_steps`.
        case warmupStableDecay = "warmup_stable_decay"
    }

    /// The way down of `warmup_stable_decay`, with p the share of it that is done.
    package enum DecayShape: String, Codable, CaseIterable, Sendable {
        /// 1 − p
        case linear
        /// (1 + cos πp) / 2
        case cosine
        /// 1 − √p
        case squareRoot = "square_root"
    }

    /// Updates over which the factor rises linearly from 0.
    ///
    /// Update s + 1 has min(s / warmup, 1), so the first update has the learning rate 0. With 0
    /// every update has the full rate.
    package var warmup = 10
    package var shape: Shape = .constant
    /// Updates from the end of the warm-up to the end of the cosine.
    package var cosineSteps: Int?
    /// Updates of the way down of `linear`, from the end of the warm-up, and of
    /// `warmup_stable_decay`, from the end of the full rate.
    package var decaySteps: Int?
    package var stableSteps: Int?
    package var decayShape: DecayShape = .cosine
    /// The factor at the end of the way down and after it.
    package var finalFactor = 0.1

    package init(warmup: Int = 10, shape: Shape = .constant, cosineSteps: Int? = nil) {
        self.warmup = warmup
        self.shape = shape
        self.cosineSteps = cosineSteps
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case warmup, shape
        case cosineSteps = "cosine_steps"
        case decaySteps = "decay_steps"
        case stableSteps = "stable_steps"
        case decayShape = "decay_shape"
        case finalFactor = "final_factor"
    }

    /// The keys that a shape uses beside warm-up and shape.
    private static func keys(of shape: Shape) -> [CodingKeys] {
        switch shape {
        case .constant: []
        case .cosine: [.cosineSteps, .finalFactor]
        case .linear: [.decaySteps, .finalFactor]
        case .warmupStableDecay: [.stableSteps, .decaySteps, .decayShape, .finalFactor]
        }
    }

    /// The keys that only some shapes use.
    static let shapeKeys: [String] =
        Set(Shape.allCases.flatMap(keys(of:))).map(\.rawValue).sorted()

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "schedule")
        try values.read(.warmup, into: &warmup)
        try values.read(.shape, into: &shape)
        // Straight lines are published down to 0, cosines often to a tenth.
        if shape == .linear || shape == .warmupStableDecay { finalFactor = 0 }
        try values.read(.cosineSteps, into: &cosineSteps)
        try values.read(.decaySteps, into: &decaySteps)
        try values.read(.stableSteps, into: &stableSteps)
        try values.read(.decayShape, into: &decayShape)
        try values.read(.finalFactor, into: &finalFactor)
        let used = LearningRateSchedule.keys(of: shape) + [.warmup, .shape]
        if let stranger = CodingKeys.allCases.first(where: {
            !used.contains($0) && values.contains($0)
        }) {
            let shapes = Shape.allCases.filter {
                LearningRateSchedule.keys(of: $0).contains(stranger)
            }
            throw UserError.usage(
                subject: "schedule setting \(stranger.rawValue)",
                cause: "the shape \(shape.rawValue) does not use it",
                advice: "choose the shape \(shapes.map(\.rawValue).joined(separator: " or "))")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(warmup, forKey: .warmup)
        try container.encode(shape, forKey: .shape)
        for key in LearningRateSchedule.keys(of: shape) {
            switch key {
            case .warmup, .shape: break
            case .cosineSteps: try container.encode(cosineSteps, forKey: key)
            case .decaySteps: try container.encode(decaySteps, forKey: key)
            case .stableSteps: try container.encode(stableSteps, forKey: key)
            case .decayShape: try container.encode(decayShape, forKey: key)
            case .finalFactor: try container.encode(finalFactor, forKey: key)
            }
        }
    }

    /// The share of the full learning rate that the update after `step` updates has.
    package func factor(at step: Int) -> Double {
        if warmup > 0, step < warmup { return Double(step) / Double(warmup) }
        let (begin, length) =
            switch shape {
            case .constant: (warmup, nil as Int?)
            case .cosine: (warmup, cosineSteps)
            case .linear: (warmup, decaySteps)
            case .warmupStableDecay: (warmup + (stableSteps ?? 0), decaySteps)
            }
        guard let length, step >= begin else { return 1 }
        let time = min(Double(step - begin) / Double(length), 1)
        let wave: DecayShape =
            switch shape {
            case .linear: .linear
            case .warmupStableDecay: decayShape
            default: .cosine
            }
        return switch wave {
        case .linear: finalFactor + (1 - finalFactor) * (1 - time)
        case .cosine: finalFactor + (1 - finalFactor) * (1 + cos(Double.pi * time)) / 2
        case .squareRoot: finalFactor + (1 - finalFactor) * (1 - time.squareRoot())
        }
    }

    /// Throws one sentence about the first setting that cannot work.
    func validate() throws {
        try Range.atLeast(0, warmup, "warmup")
        guard shape != .constant else { return }
        let needed: [(CodingKeys, Int?, least: Int)] =
            switch shape {
            case .constant: []
            case .cosine: [(.cosineSteps, cosineSteps, 1)]
            case .linear: [(.decaySteps, decaySteps, 1)]
            case .warmupStableDecay:
                [(.stableSteps, stableSteps, 0), (.decaySteps, decaySteps, 1)]
            }
        for (key, value, least) in needed {
            guard let value else {
                throw UserError.usage(
                    subject: "schedule \(shape.rawValue)", cause: "it has no last step",
                    advice: "give \(key.rawValue), a number of updates")
            }
            try Range.atLeast(least, value, key.rawValue)
        }
        guard (0...1).contains(finalFactor) else {
            throw UserError.usage(
                subject: "final_factor \(finalFactor)", cause: "it is out of range",
                advice: "choose a number of 0...1")
        }
    }
}
