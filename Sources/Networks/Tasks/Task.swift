internal import ArrayMath
package import Checkpoints

/// What a network learns: all examples of a task, and which of them it may see.
package struct Task: Sendable {
    package let configuration: TaskConfiguration
    /// What is learned, for example `subtract mod 59` or `compose in S5`.
    package let name: String
    /// Every row of the task with its right answer, in table order.
    package let allExamples: Examples
    /// Rows to train on, in the order of use.
    package let trainIndices: [Int]
    /// All other rows, in the order of use.
    package let testIndices: [Int]
    /// The training rows; with label noise some answers are wrong.
    package let trainExamples: Examples
    package let testExamples: Examples
    /// The sizes a network for this task has; its logits have one column per token in all layouts
    /// but `pairs`, where only answers have one.
    package let tokenSpace: TokenSpace
    /// The number of possible answers, or of real ones an example; answer c is the column `firstAnswerToken + c`.
    package let classCount: Int
    package let firstAnswerToken: Int
    /// The number of elements an operand can be; 0 for sequences.
    package let operandCount: Int
    /// The answer for x and y at place x · operandCount + y, −1 where there is none; empty for
    /// sequences.
    package let operationTable: [Int32]
    /// The group, for operations in a group and for addition and subtraction (a cyclic group).
    package let group: FiniteGroup?
    /// The share of rows with the commonest answer: what guessing reaches; 0 for real answers.
    package let chance: Double
    /// What every update draws anew; nil where the examples stay.
    package let fresh: FreshParities?

    /// The number of real answers of an example; 0 where answers are classes.
    package var answerWidth: Int { allExamples.answerWidth }

    /// Builds a task, with the split of its configuration or with recorded rows.
    ///
    /// `data` holds the arrays that the operation `data` names by their digest.
    /// Errors: settings that are missing, contradict each other or are out of range.
    package init(
        _ configuration: TaskConfiguration, trainIndices: [Int]? = nil, testIndices: [Int]? = nil,
        data: [Tensor] = []
    ) throws {
        var rows = try TaskRows(configuration, data: data)
        let hasAnswerColumns =
            configuration.layout == .pairs
            || configuration.answersOnly && (configuration.layout ?? .operands) == .operands
        self.configuration = configuration
        name = rows.name
        tokenSpace = TokenSpace(
            vocabulary: rows.vocabulary, length: rows.examples.length,
            classCount: hasAnswerColumns || rows.examples.features != nil
                ? rows.classCount : rows.vocabulary,
            featureCount: rows.examples.features?.columnCount ?? 0)
        classCount = rows.classCount
        firstAnswerToken = rows.firstAnswerToken
        operandCount = rows.operandCount
        operationTable = rows.table
        group = rows.group
        fresh = rows.fresh
        let count = rows.examples.count
        let split =
            try trainIndices.map { try Task.listed($0, count: count) }
            ?? Task.split(count, testRows: rows.testRows, configuration)
        try rows.scaleInputs(configuration, trainIndices: split.0)
        allExamples = rows.examples
        self.trainIndices = split.0
        self.testIndices = try testIndices.map { try Task.listed($0, count: count).0 } ?? split.1
        testExamples = rows.examples.subset(self.testIndices)
        trainExamples = try Task.noisy(
            rows.examples.subset(self.trainIndices), all: rows.examples, configuration)
        chance = Task.commonestShare(rows.examples)
    }

    private static func split(
        _ count: Int, testRows: Range<Int>?, _ configuration: TaskConfiguration
    ) throws -> ([Int], [Int]) {
        if configuration.split == .unknown { return ([], []) }
        if configuration.operation.domain == .arrays, configuration.split != .indices {
            return try splitArrays(count, testRows: testRows, configuration)
        }
        if configuration.split == .indices {
            let split = try listed(configuration.trainIndices, count: count)
            guard !split.0.isEmpty else {
                throw UserError.usage(
                    subject: "train_indices", cause: "the list is empty",
                    advice: "list the rows to train on, counted from 0")
            }
            return split
        }
        guard configuration.trainIndices == nil else {
            throw UserError.usage(
                subject: "train_indices",
                cause: "the split \(configuration.split.rawValue) does not take a list",
                advice: "choose the split indices, or leave the list out")
        }
        let (order, trainCount) = try configuration.split.order(
            rows: count, fraction: configuration.trainFraction, seed: configuration.splitSeed)
        return (Array(order[..<trainCount]), Array(order[trainCount...]))
    }

    /// Rows of arrays: a share and a number of those that may train; those made to test, else the
    /// rest, test.
    private static func splitArrays(
        _ count: Int, testRows: Range<Int>?, _ configuration: TaskConfiguration
    ) throws -> ([Int], [Int]) {
        guard configuration.trainIndices == nil else {
            throw UserError.usage(
                subject: "train_indices",
                cause: "the split \(configuration.split.rawValue) does not take a list",
                advice: "choose the split indices, or leave the list out")
        }
        let (order, share) = try configuration.split.order(
            rows: testRows?.lowerBound ?? count, fraction: configuration.trainFraction,
            seed: configuration.splitSeed)
        let trainCount = configuration.exampleCount ?? share
        guard trainCount >= 1, trainCount <= share else {
            throw UserError.usage(
                subject: "example_count \(trainCount)", cause: "it is out of range",
                advice: "choose 1...\(share), the rows that may train")
        }
        let rest =
            testRows.map(Array.init) ?? Array(order[(share < count ? share : trainCount)...])
        let testCount = configuration.testCount ?? rest.count
        guard testCount >= 0, testCount <= rest.count else {
            throw UserError.usage(
                subject: "test_count \(testCount)", cause: "it is out of range",
                advice: "choose 0...\(rest.count), the rows that do not train")
        }
        return (Array(order[..<trainCount]), Array(rest[..<testCount]))
    }

    private static func listed(_ indices: [Int]?, count: Int) throws -> ([Int], [Int]) {
        guard let indices else {
            throw UserError.usage(
                subject: "split indices", cause: "train_indices lists no rows",
                advice: "list the rows to train on, counted from 0")
        }
        var isTrain = [Bool](repeating: false, count: count)
        for index in indices {
            guard (0..<count).contains(index), !isTrain[index] else {
                throw UserError.usage(
                    subject: "train_indices",
                    cause: (0..<count).contains(index)
                        ? "row \(index) is listed twice" : "there is no row \(index)",
                    advice: "list rows of 0...\(count - 1), each once")
            }
            isTrain[index] = true
        }
        return (indices, (0..<count).filter { !isTrain[$0] })
    }

    /// The training rows with as many drawn answers as the configuration asks for.
    private static func noisy(
        _ examples: Examples, all: Examples, _ configuration: TaskConfiguration
    ) throws -> Examples {
        let noise = configuration.labelNoise
        guard noise != 0, examples.count > 0 || configuration.split != .unknown else {
            return examples
        }
        guard noise > 0, noise <= examples.count, examples.count > 1 else {
            throw UserError.usage(
                subject: "label_noise \(noise)",
                cause: "it is not a number of the \(examples.count) training rows",
                advice: "choose 0...\(examples.count)")
        }
        guard examples.answerWidth == 0 else {
            throw UserError.usage(
                subject: "label_noise \(noise)", cause: "the answers are real numbers",
                advice: "leave it out; answer_noise is for made real answers")
        }
        var targets = examples.targets
        let answers = examples.targetsPerExample
        func replace(_ row: Int, by source: Examples, _ sourceRow: Int) {
            targets[row * answers] = source.targets[sourceRow * answers]
        }
        switch configuration.labelNoiseRule {
        case .paper:
            var stream = RandomStream(seed: configuration.labelNoiseSeed, purpose: .labelNoise)
            var rows = Array(0..<examples.count)
            stream.shuffle(&rows)
            for row in rows.prefix(noise) {
                // Another row: the places after it move one down.
                let drawn = stream.index(below: examples.count - 1)
                replace(row, by: examples, drawn < row ? drawn : drawn + 1)
            }
        case .code:
            guard configuration.split == .numpy else {
                throw UserError.usage(
                    subject: "label_noise_rule code",
                    cause: "it continues the random stream of the NumPy split",
                    advice: "choose the split numpy, or the rule paper")
            }
            var order = Array(0..<all.count)
            var twister = MersenneTwister(seed: configuration.splitSeed)
            twister.numPyShuffle(&order)
            for row in 0..<noise {
                replace(row, by: all, order[twister.numPyInteger(upTo: all.count - 1)])
            }
        }
        return examples.replacingTargets(targets)
    }

    private static func commonestShare(_ examples: Examples) -> Double {
        guard examples.answerWidth == 0 else { return 0 }
        var counts: [Int32: Int] = [:]
        for row in 0..<examples.count {
            counts[examples.targets[row * examples.targetsPerExample], default: 0] += 1
        }
        return Double(counts.values.max() ?? 0) / Double(max(examples.count, 1))
    }
}
