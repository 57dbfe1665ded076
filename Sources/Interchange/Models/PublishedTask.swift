internal import Checkpoints
internal import Foundation
internal import Networks

/// The tasks that published settings describe, in Cairn's words.
enum PublishedTask {
    /// The settings of the progress-measures code: `fn_name`, `p`, `frac_train`, `seed`.
    ///
    /// Its split is Python's shuffle of all pairs in row order.
    static func progressMeasures(_ settings: Value?, modulus: Int) -> TaskConfiguration? {
        let operation: TaskOperation? =
            switch settings?["fn_name"]?.textual {
            case nil, "add": .add
            case "subtract": .subtract
            case "x2xyy2": .quadratic
            default: nil
            }
        guard let operation else { return nil }
        // Without both numbers the published default would be invented.
        let isSplitKnown = settings?["frac_train"] != nil && settings?["seed"] != nil
        return TaskConfiguration(
            operation: operation, modulus: settings?["p"]?.whole ?? modulus,
            trainFraction: settings?["frac_train"]?.number ?? 0.3,
            split: isSplitKnown ? .python : .unknown,
            splitSeed: settings?["seed"]?.whole ?? 0)
    }

    /// The `cfg.json` of a group-composition run.
    static func group(_ settings: Value) -> TaskConfiguration? {
        guard let family = settings["group"]?.textual,
            let size = settings["group_parameter"]?.whole,
            let letter = [
                "CyclicGroup": "C", "DihedralGroup": "D", "SymmetricGroup": "S",
                "AlternatingGroup": "A",
            ][family]
        else { return nil }
        let isSplitKnown = settings["frac_train"] != nil && settings["seed"] != nil
        let seed = settings["seed"]?.whole ?? 0
        return TaskConfiguration(
            operation: .compose, group: "\(letter)\(size)",
            elementOrder: letter == "S" || letter == "A" ? .published : .lexicographic,
            trainFraction: settings["frac_train"]?.number ?? 0.3,
            // The published code shuffles only where the seed is not 0.
            split: !isSplitKnown ? .unknown : seed == 0 ? .inOrder : .torch, splitSeed: seed)
    }

    /// The hyper-parameters of the grokking paper's code.
    static func grok(_ settings: Value?) -> TaskConfiguration? {
        let parts = (settings?["math_operator"]?.textual ?? "").components(
            separatedBy: noiseMark)
        guard let name = parts.first, let operation = operators[name],
            let percent = settings?["train_data_pct"]?.number
        else { return nil }
        var task =
            operation.domain == .group
            ? TaskConfiguration(operation: operation, group: "S5")
            : TaskConfiguration(operation: operation, modulus: 97)
        task.trainFraction = percent / 100
        task.split = .numpy
        task.splitSeed = 0
        task.layout = .publishedEquation
        task.lossPositions = .answerAndEnd
        // `OPERATOR_noisy_N` gives the first N training rows answers drawn from all rows.
        if parts.count > 1 {
            guard parts.count == 2, let noise = Int(parts[1]) else { return nil }
            task.labelNoise = noise
            task.labelNoiseRule = .code
        }
        return task
    }

    /// A point of that code's curves: Lightning counts steps from 0 and logs at their end, and
    /// accuracies are in percent.
    static func grokPoint(_ point: MetricPoint) -> MetricPoint {
        let isAccuracy =
            [MetricName.trainAccuracy, MetricName.testAccuracy].contains(point.name)
            || point.name.hasSuffix("_acc")
        return MetricPoint(
            name: point.name, step: point.step.saturatingSum(1),
            value: isAccuracy ? point.value / 100 : point.value)
    }

    private static let noiseMark = "_noisy_"

    private static let operators: [String: TaskOperation] = [
        "+": .add, "-": .subtract, "*": .multiply, "/": .divide, "**2+": .squarePlus,
        "**3+": .cubePlus, "x**2+y**2_mod_97": .squares, "x**2+y**2+x*y_mod_97": .quadratic,
        "x**2+y**2+x*y+x_mod_97": .quadraticPlusLeft, "x**3+x*y_mod_97": .cubic,
        "x**3+x*y**2+y_mod_97": .cubicPlusRight,
        "(x._value//y)if(y._value%2==1)else(x-y)_mod_97": .divideOrSubtract,
        "+*": .addOrMultiply, "+-": .addOrSubtract, "s5": .compose, "s5conj": .conjugate,
        "s5aba": .aba,
    ]
}
