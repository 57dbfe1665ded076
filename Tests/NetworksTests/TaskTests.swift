import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

@Suite struct TaskTests {
    /// TaskOperation, modulus, rows, and the answers of (3, 5), (4, 6), (5, 3).
    ///
    /// The answers are from Python: `(x*x*x + x*y*y + y) % 97` and so on, inverses by
    /// `pow(y, -1, 97)`.
    @Test(arguments: [
        (TaskOperation.add, [8, 10, 8]), (.subtract, [95, 95, 2]), (.multiply, [15, 24, 15]),
        (.divide, [20, 33, 34]), (.divideOrSubtract, [20, 95, 34]), (.squares, [34, 52, 34]),
        (.quadratic, [49, 76, 49]), (.quadraticPlusLeft, [52, 80, 54]), (.cubic, [42, 88, 43]),
        (.cubicPlusRight, [10, 20, 76]), (.squarePlus, [14, 22, 28]), (.cubePlus, [32, 70, 31]),
        (.addOrMultiply, [15, 10, 15]), (.addOrSubtract, [95, 10, 2]),
    ])
    func operationsAreThoseOfThePaper(operation: TaskOperation, answers: [Int]) throws {
        let task = try Task(TaskConfiguration(operation: operation, modulus: 97))
        let pairs = [(3, 5), (4, 6), (5, 3)]
        #expect(pairs.map { Int(task.operationTable[$0 * 97 + $1]) } == answers)
        #expect(task.allExamples.count == (operation == .divide ? 97 * 96 : 97 * 97))
        for row in stride(from: 0, to: task.allExamples.count, by: 41) {
            let tokens = Array(task.allExamples.tokens(of: row))
            #expect(tokens[2] == 97)
            #expect(
                task.operationTable[Int(tokens[0]) * 97 + Int(tokens[1])]
                    == task.allExamples.targets[row])
        }
    }

    /// SCIENCE's published first equations of the NumPy split with seed 0.
    @Test(arguments: [
        (TaskOperation.add, [66, 47, 16, 96, 82, 81, 41, 92, 36], 4704),
        (.divide, [77, 47, 78, 11, 23, 30, 18, 3, 6], 4656),
    ])
    func publishedSplitStartsWithThePublishedEquations(
        operation: TaskOperation, equations: [Int], trainCount: Int
    ) throws {
        let task = try Task(
            TaskConfiguration(
                operation: operation, modulus: 97, trainFraction: 0.5, split: .numpy))
        #expect(task.trainIndices.count == trainCount)
        let first = (0..<3).flatMap { row in
            Array(task.trainExamples.tokens(of: row).prefix(2))
                + Array(task.trainExamples.targets(of: row))
        }
        #expect(first.map(Int.init) == equations)
    }

    @Test(arguments: SplitRule.trainable.filter { $0 != .indices })
    func splitsPartitionTheRows(rule: SplitRule) throws {
        let task = try Task(
            TaskConfiguration(modulus: 31, trainFraction: 0.3, split: rule, splitSeed: 2))
        #expect(task.trainIndices.count == 288)
        #expect((task.trainIndices + task.testIndices).sorted() == Array(0..<961))
        #expect(task.trainExamples == task.allExamples.subset(task.trainIndices))
        let again = try Task(task.configuration)
        #expect(again.trainIndices == task.trainIndices)
        if rule != .inOrder {
            var other = task.configuration
            other.splitSeed = 3
            #expect(try Task(other).trainIndices != task.trainIndices)
        }
    }

    @Test func aListedSplitKeepsItsOrder() throws {
        var configuration = TaskConfiguration(modulus: 5)
        configuration.split = .indices
        configuration.trainIndices = [7, 3, 20]
        let task = try Task(configuration)
        #expect(task.trainIndices == [7, 3, 20])
        #expect(task.testIndices.count == 22)
        for wrong in [[7, 7], [25], [-1], []] {
            configuration.trainIndices = wrong
            #expect(throws: UserError.self) { try Task(configuration) }
        }
    }

    @Test func groupTasksFollowTheGroup() throws {
        let group = try FiniteGroup(named: "S4")
        for (operation, product) in [
            (TaskOperation.compose, { group.product($0, $1) }),
            (.conjugate, { group.product(group.product($0, $1), group.inverses[$0]) }),
            (.aba, { group.product(group.product($0, $1), $0) }),
        ] as [(TaskOperation, (Int, Int) -> Int)] {
            let task = try Task(TaskConfiguration(operation: operation, group: "s4"))
            #expect(task.name == "\(operation.rawValue) in S4")
            #expect(task.classCount == 24)
            let expected = (0..<576).map { Int32(product($0 / 24, $0 % 24)) }
            #expect(task.operationTable == expected)
        }
    }

    /// The seven-token equation of the published code: 239 tokens, answers from 22 or 119 on.
    @Test func publishedEquationsHaveThePublishedTokens() throws {
        var configuration = TaskConfiguration(
            operation: .divide, modulus: 97, trainFraction: 0.5, split: .numpy)
        configuration.layout = .publishedEquation
        configuration.lossPositions = .answerAndEnd
        let task = try Task(configuration)
        #expect(task.tokenSpace == TokenSpace(vocabulary: 239, length: 6, classCount: 239))
        // "77 / 47 = 78": eos 77 / 47 = 78; the sign is the ninth of the sorted names.
        #expect(Array(task.trainExamples.tokens(of: 0)) == [0, 99, 10, 69, 1, 100])
        #expect(Array(task.trainExamples.targets(of: 0)) == [100, 0])
        #expect(Array(task.trainExamples.readoutPositions.prefix(2)) == [4, 5])
        var symmetric = TaskConfiguration(operation: .compose, group: "S5", split: .numpy)
        symmetric.layout = .publishedEquation
        #expect(try Task(symmetric).firstAnswerToken == 119)
        configuration.modulus = 59
        #expect(throws: UserError.self) { try Task(configuration) }
    }

    @Test func oneHotNetworksReadPairs() throws {
        var configuration = TaskConfiguration(modulus: 7)
        configuration.layout = .pairs
        let task = try Task(configuration)
        #expect(task.tokenSpace == TokenSpace(vocabulary: 7, length: 2, classCount: 7))
        #expect(task.firstAnswerToken == 0)
    }

    @Test func chanceIsTheShareOfTheCommonestAnswer() throws {
        #expect(try Task(TaskConfiguration(modulus: 59)).chance == 1.0 / 59)
        // x·y = 0 for 2p − 1 of the p² rows.
        let product = try Task(TaskConfiguration(operation: .multiply, modulus: 59))
        #expect(product.chance == 117.0 / (59 * 59))
    }

    @Test func wrongLabelsGoToThatManyTrainingRows() throws {
        var configuration = TaskConfiguration(modulus: 31, trainFraction: 0.5)
        configuration.labelNoise = 100
        let task = try Task(configuration)
        let clean = task.allExamples.subset(task.trainIndices)
        let changed = zip(task.trainExamples.targets, clean.targets).filter { $0 != $1 }.count
        // Each of 100 rows keeps its answer with chance about 1/31.
        #expect((85...100).contains(changed))
        #expect(task.testExamples == task.allExamples.subset(task.testIndices))
        for wrong in [-1, 481] {
            configuration.labelNoise = wrong
            #expect(throws: UserError.self) { try Task(configuration) }
        }
    }

    /// `r = numpy.random.RandomState(0); order = list(range(961)); r.shuffle(order)`, then
    /// `[order[i] for i in r.choice(961, 5)]`.
    @Test func noiseOfTheCodeContinuesTheShuffle() throws {
        var configuration = TaskConfiguration(
            operation: .add, modulus: 31, trainFraction: 0.5, split: .numpy)
        configuration.labelNoise = 5
        configuration.labelNoiseRule = .code
        let task = try Task(configuration)
        let sources = [648, 886, 649, 870, 524]
        #expect(
            Array(task.trainExamples.targets.prefix(5))
                == sources.map { Int32(($0 / 31 + $0 % 31) % 31) })
        #expect(task.trainExamples.targets[5] == task.allExamples.targets[task.trainIndices[5]])
        configuration.split = .cairn
        #expect(throws: UserError.self) { try Task(configuration) }
    }

    @Test func sparseParityCountsTheHiddenBits() throws {
        var configuration = try decoded(
            #"{"operation": "sparse_parity", "bits": 8, "subset_size": 3, "task_seed": 4}"#)
        let task = try Task(configuration)
        #expect(task.allExamples.count == 256)
        let isRelevant = (0..<8).map { bit in
            task.allExamples.targets[0] != task.allExamples.targets[1 << bit]
        }
        #expect(isRelevant.filter { $0 }.count == 3)
        for row in 0..<256 {
            let tokens = Array(task.allExamples.tokens(of: row))
            let parity = (0..<8).reduce(0) { $0 ^ (isRelevant[$1] ? tokens[$1] : 0) }
            #expect(parity == task.allExamples.targets[row])
        }
        configuration.bits = 40
        #expect(throws: UserError.self) { try Task(configuration) }
        configuration.exampleCount = 500
        let drawn = try Task(configuration)
        #expect(Set((0..<500).map { Array(drawn.allExamples.tokens(of: $0)) }).count == 500)
    }

    @Test func digitAdditionReadsEveryDigitOfTheSum() throws {
        let task = try Task(try decoded(#"{"operation": "digit_addition", "digits": 2}"#))
        #expect(task.allExamples.count == 10_000)
        let row = 57 * 100 + 68
        #expect(Array(task.allExamples.tokens(of: row)) == [5, 7, 10, 6, 8, 11, 1, 2])
        #expect(Array(task.allExamples.targets(of: row)) == [1, 2, 5])
        #expect(Array(task.allExamples.readoutPositions.prefix(3)) == [5, 6, 7])
    }

    @Test(arguments: [("sort", [0, 1, 2]), ("reverse", [1, 0, 2]), ("copy", [2, 0, 1])])
    func listTasksAnswerWithLists(operation: String, answer: [Int32]) throws {
        let task = try Task(
            try decoded("{\"operation\": \"\(operation)\", \"operand_length\": 3}"))
        #expect(task.allExamples.count == 6)
        // Row 4 is 2 0 1.
        #expect(Array(task.allExamples.tokens(of: 4)) == [2, 0, 1, 3] + answer.prefix(2))
        #expect(Array(task.allExamples.targets(of: 4)) == answer)
    }

    @Test func tablesMayHaveHoles() throws {
        let task = try Task(
            try decoded(#"{"operation": "table", "table": [[0, 1], [2, -1]], "train_fraction": 1}"#)
        )
        #expect(task.classCount == 3)
        #expect(task.allExamples.count == 3)
        let random = try Task(
            try decoded(#"{"operation": "random", "elements": 9, "task_seed": 5}"#))
        #expect(Set(random.operationTable).count > 4)
    }

    @Test(arguments: [
        #"{"operation": "power"}"#, #"{"modulus": 1}"#, #"{"modulus": 5000}"#,
        #"{"operation": "divide", "modulus": 98}"#, #"{"operation": "compose"}"#,
        #"{"operation": "compose", "group": "Q8"}"#, #"{"operation": "add", "group": "S5"}"#,
        #"{"train_fraction": 0}"#, #"{"train_fraction": 1.5}"#, #"{"train_fraction": 1e-9}"#,
        #"{"modulo": 5}"#, #"{"modulus": "x"}"#, #"{"split": "numpy", "split_seed": -1}"#,
        #"{"operation": "random"}"#, #"{"operation": "table"}"#,
        #"{"operation": "table", "table": [[-1]]}"#, #"{"operation": "table", "table": [[-2]]}"#,
        #"{"operation": "table", "table": [[5]], "elements": 3}"#,
        #"{"operation": "sparse_parity", "bits": 4, "subset_size": 5}"#,
        #"{"operation": "digit_addition"}"#, #"{"operation": "digit_addition", "digits": 5}"#,
        #"{"operation": "sort", "operand_length": 20}"#, #"{"loss_positions": "answer_eos"}"#,
        #"{"train_indices": [1]}"#, #"{"bits": 3}"#,
        #"{"operation": "sort", "operand_length": 3, "layout": "pairs"}"#,
    ])
    func wrongSettingsAreNamed(json: String) {
        #expect(throws: UserError.self) { try Task(try decoded(json)) }
    }

    @Test func configurationsRoundTrip() throws {
        var configuration = TaskConfiguration(operation: .compose, group: "S5")
        configuration.labelNoise = 3
        configuration.layout = .equation
        let text = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(TaskConfiguration.self, from: text) == configuration)
    }

    private func decoded(_ json: String) throws -> TaskConfiguration {
        try JSONDecoder().decode(TaskConfiguration.self, from: Data(json.utf8))
    }
}
