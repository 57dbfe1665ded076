package import Checkpoints
internal import Foundation
internal import Networks

/// How a run's last weights compare with the curves that came with them: the evidence that its task,
/// network and rows are described as they were.
///
/// The loss of a step is the one its weights have, as trainers measure it before the next update. A
/// loss agrees within 1 % or 1e-4 nats, an accuracy within 0.01: single precision stays within, another
/// function does not. Curves of training may be of batches: a value that differs by no more than four
/// times the scatter of its own curve agrees too, and one that differs by more does not decide where
/// the curves of the test rows, which are measured whole, all agree.
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
        /// The standard deviation of single values of the curve; nil for curves of whole splits, and
        /// where the curve is too short to tell.
        package let scatter: Double?

        package var difference: Double { abs(stored - computed) }

        /// What single precision and rounding in a log explain.
        private var precision: Double {
            metric.hasSuffix("accuracy") ? 0.01 : max(1e-4, 0.01 * abs(stored))
        }

        /// Whether it agrees as a value of the whole split.
        package var agreesExactly: Bool { difference <= precision }

        package var agrees: Bool {
            agreesExactly || difference <= precision + NetworkCheck.deviations * (scatter ?? 0)
        }

        var isOfTraining: Bool { metric.hasPrefix("train") }
    }

    /// A value of a normal distribution lies further off in 6 cases of 100,000.
    static let deviations = 4.0

    /// The values before a step that tell how a curve scatters there.
    private static let window = 64
    private static let fewestDifferences = 8

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
        for (split, names) in [
            (ExampleSplit.train, [MetricName.trainLoss, MetricName.trainAccuracy]),
            (.test, [MetricName.testLoss, MetricName.testAccuracy]),
        ] {
            let examples = try model.examples(split)
            let curves = try names.map { try source.metric($0).filter { $0.step <= step } }
            guard examples.count > 0, curves.contains(where: { $0.last?.step == step }) else {
                continue
            }
            let evaluator = try model.configuration.evaluator(
                for: model.task, examples: examples, threadCount: threadCount, as: Double.self)
            let found = evaluator.lossAndAccuracy(parameters)
            for ((name, curve), computed) in zip(
                zip(names, curves), [found.loss, found.accuracy])
            {
                guard let last = curve.last, last.step == step, last.value.isFinite,
                    computed.isFinite
                else { continue }
                comparisons.append(
                    Comparison(
                        metric: name, stored: last.value, computed: computed,
                        scatter: split == .train ? scatter(of: curve.map(\.value)) : nil))
            }
        }
        guard !comparisons.isEmpty else { return unchecked("no curve has a value at step \(step)") }
        return NetworkCheck(
            step: step, verdict: verdict(of: comparisons), comparisons: comparisons, reason: "")
    }

    /// The curves of the test rows decide where there are some and all agree.
    static func verdict(of comparisons: [Comparison]) -> Verdict {
        let test = comparisons.filter { !$0.isOfTraining }
        let deciding = test.isEmpty ? comparisons : test
        return deciding.allSatisfy(\.agrees) ? .reproduced : .different
    }

    /// How far single values at the end of a curve scatter about its slow course; nil where there are
    /// too few.
    ///
    /// Second differences of independent values about a straight course have √6 times their standard
    /// deviation; the median of their amounts, divided by 0.6745, is that deviation whatever a few
    /// leaps do.
    static func scatter(of values: [Double]) -> Double? {
        let last = values.suffix(window).filter(\.isFinite)
        let amounts = zip(last, zip(last.dropFirst(), last.dropFirst(2))).map { first, rest in
            abs(first - 2 * rest.0 + rest.1)
        }.sorted()
        guard amounts.count >= fewestDifferences else { return nil }
        return amounts[amounts.count / 2] / (0.6745 * 6.0.squareRoot())
    }

    // MARK: - As text

    /// One sentence for each comparison, for people.
    package var sentences: [String] {
        if comparisons.isEmpty { return ["unverified: \(reason)"] }
        return comparisons.map { comparison in
            let name = "\(comparison.metric) at step \(step)"
            let numbers =
                "the curve says \(Self.short(comparison.stored)), the weights give "
                + Self.short(comparison.computed)
            if !comparison.agrees, verdict == .reproduced {
                return "\(name) does not decide: \(numbers), and a curve of training may be of "
                    + "batches, with dropout or a penalty; those of the test rows agree"
            }
            let words =
                !comparison.agrees
                ? "no (\(numbers))"
                : comparison.agreesExactly
                    ? "yes"
                    : "yes, within the scatter of its curve (\(numbers), single values scatter by "
                        + "\(Self.short(comparison.scatter ?? 0)))"
            return "reproduces \(name) to \(Self.short(comparison.difference)): \(words)"
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
