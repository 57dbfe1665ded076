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
    }

    /// Updates over which the factor rises linearly from 0.
    ///
    /// Update s + 1 has min(s / warmup, 1), so the first update has the learning rate 0. With 0
    /// every update has the full rate.
    package var warmup = 10
    package var shape: Shape = .constant
    /// Updates from the end of the warm-up to the end of the cosine.
    package var cosineSteps: Int?
    /// The factor at the end of the cosine and after it.
    package var finalFactor = 0.1

    package init(warmup: Int = 10, shape: Shape = .constant, cosineSteps: Int? = nil) {
        self.warmup = warmup
        self.shape = shape
        self.cosineSteps = cosineSteps
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case warmup, shape
        case cosineSteps = "cosine_steps"
        case finalFactor = "final_factor"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "schedule")
        try values.read(.warmup, into: &warmup)
        try values.read(.shape, into: &shape)
        try values.read(.cosineSteps, into: &cosineSteps)
        try values.read(.finalFactor, into: &finalFactor)
        if shape == .constant, cosineSteps != nil || values.contains(.finalFactor) {
            throw UserError.usage(
                subject: "schedule setting "
                    + (cosineSteps != nil ? "cosine_steps" : "final_factor"),
                cause: "the shape constant does not use it", advice: "choose the shape cosine")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(warmup, forKey: .warmup)
        try container.encode(shape, forKey: .shape)
        if shape == .cosine {
            try container.encode(cosineSteps, forKey: .cosineSteps)
            try container.encode(finalFactor, forKey: .finalFactor)
        }
    }

    /// The share of the full learning rate that the update after `step` updates has.
    package func factor(at step: Int) -> Double {
        if warmup > 0, step < warmup { return Double(step) / Double(warmup) }
        guard shape == .cosine, let cosineSteps else { return 1 }
        let time = min(Double(step - warmup) / Double(cosineSteps), 1)
        return finalFactor + (1 - finalFactor) * (1 + cos(Double.pi * time)) / 2
    }

    /// Throws one sentence about the first setting that cannot work.
    func validate() throws {
        try Range.atLeast(0, warmup, "warmup")
        guard shape == .cosine else { return }
        guard let cosineSteps else {
            throw UserError.usage(
                subject: "schedule cosine", cause: "it has no last step",
                advice: "give cosine_steps, the updates until the end of the wave")
        }
        try Range.atLeast(1, cosineSteps, "cosine_steps")
        guard (0...1).contains(finalFactor) else {
            throw UserError.usage(
                subject: "final_factor \(finalFactor)", cause: "it is out of range",
                advice: "choose a number of 0...1")
        }
    }
}
