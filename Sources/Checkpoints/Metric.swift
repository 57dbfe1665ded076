/// One measured value of a run's curve.
///
/// Accuracies lie in [0, 1]; losses are mean cross-entropy in nats. The value is any IEEE 754
/// number: NaN and infinities are data.
package struct MetricPoint: Sendable, Equatable {
    /// `train_loss`, `train_accuracy`, `test_loss`, `test_accuracy`, or a name of the user's.
    package let name: String
    /// The number of updates done when the value was measured.
    package let step: Int
    package let value: Double

    package init(name: String, step: Int, value: Double) {
        self.name = name
        self.step = step
        self.value = value
    }
}

/// The names every part of Cairn uses for the four standard curves.
package enum MetricName {
    package static let trainLoss = "train_loss"
    package static let trainAccuracy = "train_accuracy"
    package static let testLoss = "test_loss"
    package static let testAccuracy = "test_accuracy"
}
