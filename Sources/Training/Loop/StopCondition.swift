internal import Checkpoints
internal import Foundation

/// What ends a run before its last step, written `test_accuracy=0.99`.
///
/// The run ends at the third evaluation in a row at which the metric has reached the value: an
/// accuracy from below, a loss from above. Three in a row is also what `grok_step` and the analysis
/// of grokking ask for, so a run that ends early gives them the step that the whole run would.
package struct StopCondition: Sendable, Equatable {
    /// Evaluations in a row that must hold.
    package static let evaluationCount = 3

    package let metric: String
    package let value: Double

    /// Reads the written form.
    package init(_ text: String) throws {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        guard parts.count == 2, let value = Double(parts[1]), value.isFinite,
            StopCondition.metrics.contains(parts[0])
        else {
            throw UserError.usage(
                subject: "stop_at '\(text)'", cause: "it is not a condition",
                advice: "write METRIC=VALUE, for example test_accuracy=0.99, with a metric of "
                    + StopCondition.metrics.joined(separator: ", "))
        }
        metric = parts[0]
        self.value = value
        guard isLoss ? value > 0 : value > 0 && value <= 1 else {
            throw UserError.usage(
                subject: "stop_at '\(text)'", cause: "the value is out of range",
                advice: isLoss
                    ? "choose a loss above 0" : "choose an accuracy above 0 and at most 1")
        }
    }

    private static let metrics = [
        MetricName.trainLoss, MetricName.trainAccuracy, MetricName.testLoss,
        MetricName.testAccuracy,
    ]

    var isLoss: Bool { metric == MetricName.trainLoss || metric == MetricName.testLoss }

    package var isAboutTest: Bool {
        metric == MetricName.testLoss || metric == MetricName.testAccuracy
    }

    private func holds(_ measured: Double) -> Bool {
        isLoss ? measured <= value : measured >= value
    }

    /// How many of the last points of a curve in step order hold without a break.
    func holdCount(of curve: [MetricPoint]) -> Int {
        curve.reversed().prefix { holds($0.value) }.count
    }

    /// Whether a run with this curve has ended by the condition.
    func isMet(by curve: [MetricPoint]) -> Bool {
        holdCount(of: curve) >= StopCondition.evaluationCount
    }

    /// The count after one more evaluation; the same where the metric was not measured.
    func count(_ count: Int, after measured: [MetricPoint]) -> Int {
        guard let point = measured.first(where: { $0.name == metric }) else { return count }
        return holds(point.value) ? count + 1 : 0
    }
}

extension StopCondition: CustomStringConvertible, Codable {
    package var description: String { "\(metric)=\(value.formattedBriefly)" }

    package init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
