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
        "eval/loss": MetricName.testLoss, "validation_loss": MetricName.testLoss,
        "validation/loss": MetricName.testLoss, "valid/loss": MetricName.testLoss,
        "dev_loss": MetricName.testLoss, "dev/loss": MetricName.testLoss,
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
        "eval_acc": MetricName.testAccuracy, "eval/acc": MetricName.testAccuracy,
        "valid_acc": MetricName.testAccuracy, "valid_accuracy": MetricName.testAccuracy,
        "validation_accuracy": MetricName.testAccuracy, "valid/acc": MetricName.testAccuracy,
        "validation/accuracy": MetricName.testAccuracy, "dev/accuracy": MetricName.testAccuracy,
    ]

    /// Cairn's name of a standard curve; nil for any other.
    static func standard(_ name: String) -> String? { names[name.lowercased()] }

    /// Cairn's name of a curve in a dictionary that says of which rows it is, as `loss` in `test`; nil
    /// where the dictionary does not say that.
    static func any(_ label: String, in path: String) -> String? {
        let splits: Set<String> = [
            "train", "training", "test", "val", "valid", "validation", "eval", "dev",
        ]
        guard let split = path.lowercased().split(whereSeparator: { !$0.isLetter }).last,
            splits.contains(String(split))
        else { return nil }
        let name = split == "training" ? "train" : String(split)
        return standard("\(name)/\(label)") ?? "\(path)\(label)"
    }

    /// Cairn's name where the curve is a standard one, else the name as it is.
    static func any(_ name: String) -> String { standard(name) ?? name }
}
