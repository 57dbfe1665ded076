package import Checkpoints
internal import Foundation
internal import Networks

/// How a run's last weights compare with the curves that came with them: the evidence that its task,
/// network and rows are described as they were.
///
/// The loss of a step is the one its weights have, as trainers measure it before the next update. A
/// loss agrees within 1 % or 1e-4 nats, an accuracy within 0.01: single precision and other batches
/// stay within, another function does not.
package struct NetworkCheck: Codable, Sendable, Equatable {
    package enum Verdict: String, Codable, Sendable {
        case reproduced
        case different
        /// There is nothing to compare with.
        case unchecked
    }

    /// One curve at the step of the weights.
    package struct Comparison: Codable, Sendable, Equatable {
        package let metric: String
        /// The curve's value, as text where it is no finite number.
        package let stored: Double
        package let computed: Double

        package var agrees: Bool {
            let difference = abs(stored - computed)
            return metric.hasSuffix("accuracy")
                ? difference <= 0.01 : difference <= max(1e-4, 0.01 * abs(stored))
        }
    }

    package let step: Int
    package let verdict: Verdict
    package let comparisons: [Comparison]
    /// Why nothing was compared, or why the weights are not those of the network.
    package let reason: String

    /// Evaluates the last checkpoint of a run; nil where its task or network is not known.
    package static func make(
        of source: some CheckpointSource, threadCount: Int
    ) throws -> NetworkCheck? {
        guard let model = try? RunModel(source.run, data: source.data),
            let step = try source.steps.last
        else {
            return nil
        }
        func unchecked(_ reason: String) -> NetworkCheck {
            NetworkCheck(step: step, verdict: .unchecked, comparisons: [], reason: reason)
        }
        guard model.knowsSplit else { return unchecked("the rows trained on are not known") }
        let parameters: [Double]
        do {
            parameters = try model.layout.pack(source.weights(at: step))
        } catch let error as any UserErrorConvertible where error.kind == .failure {
            return NetworkCheck(
                step: step, verdict: .different, comparisons: [], reason: error.description)
        }
        var comparisons: [Comparison] = []
        for (split, lossName, accuracyName) in [
            (ExampleSplit.train, MetricName.trainLoss, MetricName.trainAccuracy),
            (.test, MetricName.testLoss, MetricName.testAccuracy),
        ] {
            let examples = try model.examples(split)
            let curves = try [lossName, accuracyName].map { name in
                try source.metric(name).last { $0.step == step }?.value
            }
            guard examples.count > 0, curves.contains(where: { $0 != nil }) else { continue }
            let evaluator = try model.configuration.evaluator(
                for: model.task, examples: examples, threadCount: threadCount, as: Double.self)
            let found = evaluator.lossAndAccuracy(parameters)
            for (name, stored, computed) in [
                (lossName, curves[0], found.loss), (accuracyName, curves[1], found.accuracy),
            ] {
                guard let stored, stored.isFinite, computed.isFinite else { continue }
                comparisons.append(Comparison(metric: name, stored: stored, computed: computed))
            }
        }
        guard !comparisons.isEmpty else { return unchecked("no curve has a value at step \(step)") }
        return NetworkCheck(
            step: step,
            verdict: comparisons.allSatisfy(\.agrees) ? .reproduced : .different,
            comparisons: comparisons, reason: "")
    }

    // MARK: - As text

    /// One sentence for each comparison, for people.
    package var sentences: [String] {
        if comparisons.isEmpty { return ["unverified: \(reason)"] }
        return comparisons.map { comparison in
            let difference = abs(comparison.stored - comparison.computed)
            let numbers =
                "the curve says \(Self.short(comparison.stored)), the weights give "
                + Self.short(comparison.computed)
            return "reproduces \(comparison.metric) at step \(step) to \(Self.short(difference)): "
                + (comparison.agrees ? "yes" : "no (\(numbers))")
        }
    }

    private static func short(_ number: Double) -> String { String(format: "%.4g", number) }

    /// Refuses a run whose weights are not those of its network.
    package func requireReproduced(run: String) throws {
        guard verdict == .different else { return }
        let cause = comparisons.filter { !$0.agrees }.map { comparison in
            "\(comparison.metric) at step \(step) is \(Self.short(comparison.stored)) in its curve "
                + "and \(Self.short(comparison.computed)) by its weights"
        }.joined(separator: ", ")
        throw UserError(
            .failure, subject: "run \(run)",
            cause: "it is unverified: \(cause.isEmpty ? reason : cause)",
            advice: "put task, network or rows right with cairn describe, or give --trust-network")
    }

    /// The check as a JSON object of one line.
    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// Reads what `json` writes.
    package init(json: String) throws {
        self = try JSONDecoder().decode(NetworkCheck.self, from: Data(json.utf8))
    }

    init(step: Int, verdict: Verdict, comparisons: [Comparison], reason: String) {
        self.step = step
        self.verdict = verdict
        self.comparisons = comparisons
        self.reason = reason
    }
}
