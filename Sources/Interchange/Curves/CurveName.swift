internal import Checkpoints

/// The names that others give to the four standard curves.
enum CurveName {
    private static let names: [String: String] = [
        "train_losses": MetricName.trainLoss, "train_loss": MetricName.trainLoss,
        "training_loss": MetricName.trainLoss, "loss/train": MetricName.trainLoss,
        "train/loss": MetricName.trainLoss, "loss": MetricName.trainLoss,
        "test_losses": MetricName.testLoss, "test_loss": MetricName.testLoss,
        "val_loss": MetricName.testLoss, "val_losses": MetricName.testLoss,
        "valid_loss": MetricName.testLoss, "eval_loss": MetricName.testLoss,
        "loss/test": MetricName.testLoss, "test/loss": MetricName.testLoss,
        "loss/val": MetricName.testLoss, "val/loss": MetricName.testLoss,
        "eval/loss": MetricName.testLoss,
        "train_acc": MetricName.trainAccuracy, "train_accs": MetricName.trainAccuracy,
        "train_accuracy": MetricName.trainAccuracy, "train_accuracies": MetricName.trainAccuracy,
        "accuracy/train": MetricName.trainAccuracy, "train/accuracy": MetricName.trainAccuracy,
        "train/acc": MetricName.trainAccuracy, "accuracy": MetricName.trainAccuracy,
        "test_acc": MetricName.testAccuracy, "test_accs": MetricName.testAccuracy,
        "test_accuracy": MetricName.testAccuracy, "test_accuracies": MetricName.testAccuracy,
        "val_acc": MetricName.testAccuracy, "val_accuracy": MetricName.testAccuracy,
        "eval_accuracy": MetricName.testAccuracy, "accuracy/test": MetricName.testAccuracy,
        "test/accuracy": MetricName.testAccuracy, "val/accuracy": MetricName.testAccuracy,
        "val/acc": MetricName.testAccuracy, "test/acc": MetricName.testAccuracy,
        "accuracy/val": MetricName.testAccuracy, "eval/accuracy": MetricName.testAccuracy,
    ]

    /// Cairn's name of a standard curve; nil for any other.
    static func standard(_ name: String) -> String? { names[name.lowercased()] }

    /// Cairn's name where the curve is a standard one, else the name as it is.
    static func any(_ name: String) -> String { standard(name) ?? name }
}
