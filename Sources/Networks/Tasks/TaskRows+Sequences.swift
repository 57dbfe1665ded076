internal import ArrayMath
internal import Checkpoints

extension TaskRows {
    /// More examples than this are refused: they would not fit the experiments of a workstation.
    static let largestExampleCount = 1 << 20

    /// A task whose examples are sequences rather than two operands.
    init(sequences configuration: TaskConfiguration) throws {
        guard configuration.lossPositions == .answer else {
            throw UserError.usage(
                subject: "loss_positions answer_eos",
                cause: "\(configuration.operation.rawValue) has no end token",
                advice: "choose answer")
        }
        switch configuration.layout ?? .operands {
        case .operands: break
        case .pairs where configuration.operation == .sparseParity: break
        case .pairs, .equation, .publishedEquation:
            throw UserError.usage(
                subject: "layout \(configuration.layout?.rawValue ?? "")",
                cause: "\(configuration.operation.rawValue) is not about two operands",
                advice: "choose the layout operands")
        }
        switch configuration.operation {
        case .sparseParity: self = try TaskRows.parity(configuration)
        case .digitAddition: self = try TaskRows.digitAddition(configuration)
        default: self = try TaskRows.lists(configuration)
        }
    }

    /// Uniformly drawn answers, [count, count].
    static func randomTable(_ count: Int, seed: Int) -> [Int32] {
        var stream = RandomStream(seed: seed, purpose: .table)
        return (0..<(count * count)).map { _ in Int32(stream.index(below: count)) }
    }

    /// Bits, `=`, and the parity of a hidden subset; tokens 0, 1 and 2 for `=`.
    private static func parity(_ configuration: TaskConfiguration) throws -> TaskRows {
        let bits = try value("bits", configuration.bits, in: 1...60)
        let subset = try value("subset_size", configuration.subsetSize, in: 1...bits)
        var stream = RandomStream(seed: configuration.taskSeed, purpose: .table)
        var places = Array(0..<bits)
        stream.shuffle(&places)
        let mask = places.prefix(subset).reduce(0) { $0 | 1 << $1 }
        let rows = try drawn(
            1 << bits, configuration, what: "\(bits) bits have 2^\(bits) examples")
        let isPair = configuration.layout == .pairs
        var tokens: [Int32] = []
        var targets: [Int32] = []
        for row in rows {
            for bit in 0..<bits { tokens.append(Int32(row >> bit & 1)) }
            if !isPair { tokens.append(2) }
            targets.append(Int32((row & mask).nonzeroBitCount & 1))
        }
        return TaskRows(
            name: "parity of \(subset) of \(bits) bits", vocabulary: isPair ? 2 : 3,
            classCount: 2, firstAnswerToken: 0, operandCount: 0, table: [], group: nil,
            examples: Examples(
                tokens: tokens, targets: targets, length: isPair ? bits : bits + 1))
    }

    /// `x…x + y…y = s…s`, most significant digit first.
    ///
    /// The k + 1 digits of the sum are read at the positions from `=` on. Tokens: 0...9, then `+`,
    /// then `=`.
    private static func digitAddition(_ configuration: TaskConfiguration) throws -> TaskRows {
        let digits = try value("digits", configuration.digits, in: 1...8)
        let limit = (0..<digits).reduce(1) { product, _ in product * 10 }
        let rows = try drawn(
            limit * limit, configuration,
            what: "pairs of \(digits) digits have 10^\(2 * digits) examples")
        func written(_ number: Int, _ count: Int) -> [Int32] {
            var rest = number
            var result = [Int32](repeating: 0, count: count)
            for place in stride(from: count - 1, through: 0, by: -1) {
                result[place] = Int32(rest % 10)
                rest /= 10
            }
            return result
        }
        var tokens: [Int32] = []
        var targets: [Int32] = []
        for row in rows {
            let sum = written(row / limit + row % limit, digits + 1)
            tokens += written(row / limit, digits) + [10] + written(row % limit, digits) + [11]
            tokens += sum.dropLast()
            targets += sum
        }
        return TaskRows(
            name: "addition of \(digits) digits", vocabulary: 12, classCount: 10,
            firstAnswerToken: 0, operandCount: 0, table: [], group: nil,
            examples: Examples(
                tokens: tokens, targets: targets, length: 3 * digits + 2,
                targetsPerExample: digits + 1))
    }

    /// All orders of k different elements, `=`, and the answer list; tokens 0..<k, then `=`.
    private static func lists(_ configuration: TaskConfiguration) throws -> TaskRows {
        let length = try value("operand_length", configuration.operandLength, in: 2...8)
        var tokens: [Int32] = []
        var targets: [Int32] = []
        for operands in FiniteGroup.lexicographic(length) {
            let answer =
                switch configuration.operation {
                case .sort: operands.sorted()
                case .reverse: Array(operands.reversed())
                default: operands
                }
            tokens += (operands + [length] + answer.dropLast()).map(Int32.init)
            targets += answer.map(Int32.init)
        }
        return TaskRows(
            name: "\(configuration.operation.rawValue) \(length) elements",
            vocabulary: length + 1, classCount: length, firstAnswerToken: 0, operandCount: 0,
            table: [], group: nil,
            examples: Examples(
                tokens: tokens, targets: targets, length: 2 * length, targetsPerExample: length))
    }

    /// All numbers below a count, or as many different ones as the configuration asks for.
    private static func drawn(
        _ count: Int, _ configuration: TaskConfiguration, what: String
    ) throws -> [Int] {
        guard let wanted = configuration.exampleCount else {
            guard count <= largestExampleCount else {
                throw UserError.usage(
                    subject: "example_count", cause: "\(what), too many to list",
                    advice: "say how many to draw with example_count")
            }
            return Array(0..<count)
        }
        guard wanted >= 2, wanted <= min(count, largestExampleCount) else {
            throw UserError.usage(
                subject: "example_count \(wanted)", cause: "it is out of range",
                advice: "choose 2...\(min(count, largestExampleCount))")
        }
        var stream = RandomStream(seed: configuration.taskSeed, purpose: .examples)
        var seen = Set<Int>()
        var rows: [Int] = []
        // Floyd's sampling: exactly `wanted` draws whatever the share of the whole.
        for bound in (count - wanted)..<count {
            let candidate = stream.index(below: bound + 1)
            let chosen = seen.contains(candidate) ? bound : candidate
            seen.insert(chosen)
            rows.append(chosen)
        }
        return rows
    }

    private static func value(
        _ setting: String, _ value: Int?, in range: ClosedRange<Int>
    ) throws
        -> Int
    {
        guard let value, range.contains(value) else {
            throw UserError.usage(
                subject: value.map { "\(setting) \($0)" } ?? "setting \(setting)",
                cause: value == nil ? "the operation needs it" : "it is out of range",
                advice: "choose \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }
}
