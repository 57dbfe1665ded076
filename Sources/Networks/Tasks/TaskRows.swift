internal import Checkpoints

/// The rows of a task before they are split: what `Task` is built from.
struct TaskRows {
    var name: String
    var vocabulary: Int
    var classCount: Int
    var firstAnswerToken: Int
    var operandCount: Int
    var table: [Int32]
    var group: FiniteGroup?
    var examples: Examples
    /// The rows that only ever test; nil where the split decides.
    var testRows: Range<Int>?
    /// The largest value of the inputs' integer type; nil where they are no small integers.
    var largestInput: Double?
    /// What every update draws anew; nil where the examples stay.
    var fresh: FreshParities?

    /// More elements than this make a table that no experiment needs.
    static let largestOperandCount = 1024

    /// The rows of a configuration; `data` holds the arrays of the operation `data`.
    init(_ configuration: TaskConfiguration, data: [Tensor]) throws {
        try TaskRows.refuseStrangers(configuration)
        switch configuration.operation.domain {
        case .sequences: self = try TaskRows(sequences: configuration)
        case .arrays: self = try TaskRows(arrays: configuration, data: data)
        case .residues, .group, .anySet: self = try TaskRows(pairs: configuration)
        }
    }

    /// A task given by a table of two operands.
    private init(pairs configuration: TaskConfiguration) throws {
        let source = try Table(configuration)
        let count = source.count
        var pairs: [(x: Int, y: Int, answer: Int)] = []
        pairs.reserveCapacity(count * count)
        if configuration.operation == .divide {
            // The published order: quotient outside, divisor inside, "(q · y) / y = q".
            for quotient in 0..<count {
                for divisor in 1..<count {
                    pairs.append((quotient * divisor % count, divisor, quotient))
                }
            }
        } else {
            for x in 0..<count {
                for y in 0..<count {
                    let answer = source.answers[x * count + y]
                    if answer >= 0 { pairs.append((x, y, Int(answer))) }
                }
            }
        }
        guard !pairs.isEmpty else {
            throw UserError.usage(
                subject: "the table", cause: "it has no answers", advice: "give at least one")
        }
        let layout = try TokenLayout(configuration, operandCount: count)
        self.init(
            name: source.name, vocabulary: layout.vocabulary, classCount: source.classCount,
            firstAnswerToken: layout.firstElement, operandCount: count, table: source.answers,
            group: source.group, examples: layout.examples(pairs))
    }

    init(
        name: String, vocabulary: Int, classCount: Int, firstAnswerToken: Int, operandCount: Int,
        table: [Int32], group: FiniteGroup?, examples: Examples
    ) {
        self.name = name
        self.vocabulary = vocabulary
        self.classCount = classCount
        self.firstAnswerToken = firstAnswerToken
        self.operandCount = operandCount
        self.table = table
        self.group = group
        self.examples = examples
    }

    /// Refuses settings that belong to other operations, so that none is silently ignored.
    private static func refuseStrangers(_ configuration: TaskConfiguration) throws {
        let operation = configuration.operation
        let given: [(String, Bool)] = [
            ("modulus", configuration.modulus != nil), ("group", configuration.group != nil),
            ("elements", configuration.elements != nil), ("table", configuration.table != nil),
            ("operand_length", configuration.operandLength != nil),
            ("bits", configuration.bits != nil),
            ("subset_size", configuration.subsetSize != nil),
            ("digits", configuration.digits != nil),
            ("example_count", configuration.exampleCount != nil),
            ("data", configuration.data != nil),
            ("answer_kind", configuration.answerKind != nil),
            ("class_count", configuration.classCount != nil),
            ("input_scaling", configuration.inputScaling != nil),
            ("input_mean", configuration.inputMean != nil),
            ("input_deviation", configuration.inputDeviation != nil),
            ("dimension", configuration.dimension != nil),
            ("outputs", configuration.outputs != nil), ("degree", configuration.degree != nil),
            ("answer_noise", configuration.answerNoise != nil),
            ("test_count", configuration.testCount != nil),
            ("teacher_widths", configuration.teacherWidths != nil),
            ("teacher_activation", configuration.teacherActivation != nil),
            ("teacher_scale", configuration.teacherScale != nil),
            ("task_stream", configuration.taskStream != nil),
            ("signal", configuration.signal != nil),
            ("flip_chance", configuration.flipChance != nil),
            ("online", configuration.online != nil),
        ]
        if let (name, _) = given.first(where: { $0.1 && !operation.settings.contains($0.0) }) {
            throw UserError.usage(
                subject: "setting \(name)",
                cause: "the operation \(operation.rawValue) does not take it",
                advice: "leave it out or choose another operation")
        }
    }
}

/// The answers of a binary operation over a finite set.
private struct Table {
    let name: String
    let count: Int
    let classCount: Int
    /// Row-major [count, count]; −1 where there is no answer.
    let answers: [Int32]
    let group: FiniteGroup?

    init(_ configuration: TaskConfiguration) throws {
        let operation = configuration.operation
        switch operation.domain {
        case .residues:
            let modulus = try Table.count("modulus", configuration.modulus)
            guard !operation.needsPrime || TaskOperation.isPrime(modulus) else {
                throw UserError.usage(
                    subject: "modulus \(modulus)",
                    cause: "it is not prime, so \(operation.rawValue) is not defined for all rows",
                    advice: "choose a prime such as 97 or 113")
            }
            name = "\(operation.rawValue) mod \(modulus)"
            count = modulus
            classCount = modulus
            answers = (0..<(modulus * modulus)).map {
                Int32(operation.residue($0 / modulus, $0 % modulus, modulus: modulus) ?? -1)
            }
            group =
                operation == .add || operation == .subtract
                ? try FiniteGroup(.cyclic(modulus)) : nil
        case .group:
            guard let groupName = configuration.group else {
                throw UserError.usage(
                    subject: "operation \(operation.rawValue)", cause: "it needs a group",
                    advice: "give one such as S5, A5, C113 or D59")
            }
            let group = try FiniteGroup(
                named: groupName, elementOrder: configuration.elementOrder)
            name = "\(operation.rawValue) in \(group.name)"
            count = group.order
            classCount = count
            answers = (0..<(group.order * group.order)).map {
                Int32(operation.element($0 / group.order, $0 % group.order, in: group))
            }
            self.group = group
        case .anySet, .sequences, .arrays:
            group = nil
            if operation == .random {
                count = try Table.count("elements", configuration.elements)
                name = "random table of \(count)"
                answers = TaskRows.randomTable(count, seed: configuration.taskSeed)
                classCount = count
            } else {
                (count, answers) = try Table.given(configuration)
                classCount = count
                name = "table of \(count)"
            }
        }
    }

    /// A number of elements inside the supported range.
    private static func count(_ setting: String, _ value: Int?) throws -> Int {
        guard let value else {
            throw UserError.usage(
                subject: "setting \(setting)", cause: "the operation needs it",
                advice: "give a number of 2...\(TaskRows.largestOperandCount)")
        }
        guard (2...TaskRows.largestOperandCount).contains(value) else {
            throw UserError.usage(
                subject: "\(setting) \(value)", cause: "it is out of range",
                advice: "choose 2...\(TaskRows.largestOperandCount)")
        }
        return value
    }

    /// The table of the configuration, padded to the number of elements.
    private static func given(_ configuration: TaskConfiguration) throws -> (Int, [Int32]) {
        guard let rows = configuration.table, !rows.isEmpty else {
            throw UserError.usage(
                subject: "operation table", cause: "no table was given",
                advice: "name a file with one line of answers for each left operand")
        }
        let answered = rows.flatMap { $0 }
        let needed = max(rows.count, rows.map(\.count).max() ?? 0, (answered.max() ?? 0) + 1)
        let count = try count("elements", configuration.elements ?? max(needed, 2))
        guard needed <= count, answered.allSatisfy({ $0 >= -1 }) else {
            throw UserError.usage(
                subject: "the table",
                cause: needed > count
                    ? "it needs \(needed) elements but elements is \(count)"
                    : "it has an answer below -1",
                advice: "give answers of 0..<elements, and -1 where there is none")
        }
        var answers = [Int32](repeating: -1, count: count * count)
        for (x, row) in rows.enumerated() {
            for (y, answer) in row.enumerated() { answers[x * count + y] = Int32(answer) }
        }
        return (count, answers)
    }
}
