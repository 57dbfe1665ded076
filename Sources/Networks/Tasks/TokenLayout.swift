internal import Checkpoints

/// How the rows of a table become tokens and targets.
struct TokenLayout {
    let vocabulary: Int
    /// The token of element 0.
    let firstElement: Int
    private let layout: TaskConfiguration.Layout
    private let lossPositions: TaskConfiguration.LossPositions
    private let equals: Int
    private let end: Int
    private let operation: Int

    init(_ configuration: TaskConfiguration, operandCount: Int) throws {
        layout = configuration.layout ?? .operands
        lossPositions = configuration.lossPositions
        switch layout {
        case .operands, .pairs:
            guard configuration.lossPositions == .answer else {
                throw UserError.usage(
                    subject: "loss_positions answer_eos",
                    cause: "the layout \(layout.rawValue) has no end token",
                    advice: "choose the layout equation or published_equation")
            }
            vocabulary = layout == .pairs ? operandCount : operandCount + 1
            firstElement = 0
            (equals, end, operation) = (operandCount, -1, -1)
        case .equation:
            (end, equals, operation) = (0, 1, 2)
            (vocabulary, firstElement) = (operandCount + 3, 3)
        case .publishedEquation:
            (end, equals) = (0, 1)
            vocabulary = 239
            guard let name = TokenLayout.publishedNames[configuration.operation],
                let place = TokenLayout.sortedNames.firstIndex(of: name)
            else {
                throw UserError.usage(
                    subject: "layout published_equation",
                    cause: "the published code has no operation "
                        + configuration.operation.rawValue,
                    advice: "choose the layout equation")
            }
            operation = 2 + place
            if configuration.operation.domain == .group {
                guard configuration.group?.lowercased() == "s5",
                    configuration.elementOrder == .lexicographic
                else { throw TokenLayout.notPublished("S5 in lexicographic order") }
                firstElement = 22 + 97
            } else {
                guard operandCount == 97 else {
                    throw TokenLayout.notPublished("the modulus 97")
                }
                firstElement = 22
            }
        }
    }

    private static func notPublished(_ what: String) -> UserError {
        .usage(
            subject: "layout published_equation", cause: "its vocabulary is made for \(what)",
            advice: "choose the layout equation")
    }

    /// The examples of rows in their order.
    func examples(_ rows: [(x: Int, y: Int, answer: Int)]) -> Examples {
        let withEnd = lossPositions == .answerAndEnd
        var tokens: [Int32] = []
        var targets: [Int32] = []
        for row in rows {
            let x = Int32(row.x + firstElement)
            let y = Int32(row.y + firstElement)
            let answer = Int32(row.answer + firstElement)
            switch layout {
            case .pairs: tokens += [x, y]
            case .operands: tokens += [x, y, Int32(equals)]
            case .equation, .publishedEquation:
                tokens += [Int32(end), x, Int32(operation), y, Int32(equals)]
                // The answer is an input only where the end after it is predicted.
                if withEnd { tokens.append(answer) }
            }
            targets.append(answer)
            if withEnd { targets.append(Int32(end)) }
        }
        let last = tokens.count / max(rows.count, 1) - 1
        return Examples(
            tokens: tokens, targets: targets, length: last + 1,
            targetsPerExample: withEnd ? 2 : 1)
    }

    /// The names of the published code, whose sorted order gives the operation tokens 2...21.
    private static let publishedNames: [TaskOperation: String] = [
        .add: "+", .subtract: "-", .multiply: "*", .divide: "/", .squarePlus: "**2+",
        .cubePlus: "**3+", .squares: "x**2+y**2_mod_97", .quadratic: "x**2+y**2+x*y_mod_97",
        .quadraticPlusLeft: "x**2+y**2+x*y+x_mod_97", .cubic: "x**3+x*y_mod_97",
        .cubicPlusRight: "x**3+x*y**2+y_mod_97",
        .divideOrSubtract: "(x._value//y)if(y._value%2==1)else(x-y)_mod_97",
        .compose: "s5", .conjugate: "s5conj", .aba: "s5aba", .addOrMultiply: "+*",
        .addOrSubtract: "+-", .sort: "sort", .reverse: "reverse", .copy: "copy",
    ]

    private static let sortedNames = publishedNames.values.sorted {
        $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
}
