package import Checkpoints

/// Where a run stands, told before every update.
package struct TrainingProgress: Sendable {
    /// Updates done.
    package let step: Int
    /// The updates the run is to do.
    package let lastStep: Int
    /// Updates a second since this process began the run, evaluation and storing included.
    package let stepsPerSecond: Double
    /// The latest measured values; nil before the first measurement.
    package let trainLoss: Double?
    package let trainAccuracy: Double?
    package let testLoss: Double?
    package let testAccuracy: Double?

    /// The seconds that the remaining updates will take at this rate; nil at the beginning.
    package var secondsLeft: Double? {
        stepsPerSecond > 0 ? Double(lastStep - step) / stepsPerSecond : nil
    }
}

/// How a run ended.
package struct TrainingOutcome: Sendable {
    package let status: RunStatus
    /// The step of the last stored checkpoint.
    package let lastStep: Int
    /// Updates done by this process.
    package let updateCount: Int
    package let elapsedSeconds: Double
    /// The last measured values by metric name.
    package let metrics: [String: Double]

    package var stepsPerSecond: Double {
        elapsedSeconds > 0 ? Double(updateCount) / elapsedSeconds : 0
    }
}

/// Told before every update; false stops the run after a last checkpoint.
package typealias ProgressReport = (TrainingProgress) -> Bool
