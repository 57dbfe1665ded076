internal import Checkpoints
package import Networks

/// All n² pairs of a task whose answer is a product in a finite group, in the group's own order.
///
/// Addition and subtraction modulo p are the cyclic group with p elements; multiplication and
/// division modulo a prime are, on the non-zero residues, the cyclic group with p − 1 elements by
/// the discrete logarithm to the smallest primitive root; composition is the group itself.
package struct GroupGrid: Sendable {
    package let characters: GroupCharacters
    /// n, the number of group elements.
    package let order: Int
    /// The row of the task's examples for the pair (x, y), at place x · n + y.
    package let rows: [Int]
    /// The element that is the answer to (x, y), at place x · n + y; each occurs n times.
    package let answers: [Int]
    /// Whether the pair (x, y) is trained on.
    package let isTrain: [Bool]
    /// The element that a train pair is trained to answer where label noise made it another than the
    /// right one, by pair.
    package let trainedAnswers: [Int: Int]
    /// The operand that element g stands for: row of an embedding table.
    package let operands: [Int]
    /// The column of the logits that belongs to element z.
    package let columns: [Int]

    /// The orthonormal Fourier basis of a cyclic group, [n, n]; empty for other groups.
    let fourierBasis: [Double]

    package var group: FiniteGroup { characters.group }

    /// Whether the elements are residues in their own order, so that the transform over the group is
    /// the discrete Fourier transform of the operands.
    package var isInPlainOrder: Bool { isCyclic && operands == Array(0..<order) }

    /// A grid without a task: answers are x·y, columns and operands are the elements.
    package init(_ group: FiniteGroup, trainRows: some Sequence<Int>) {
        let count = group.order
        var train = [Bool](repeating: false, count: count * count)
        for row in trainRows { train[row] = true }
        characters = GroupCharacters(group)
        fourierBasis = GroupGrid.fourierBasis(of: group)
        order = count
        rows = Array(0..<count * count)
        answers = group.products.map(Int.init)
        isTrain = train
        trainedAnswers = [:]
        operands = Array(0..<count)
        columns = operands
    }

    /// The grid of a task.
    ///
    /// Throws `UserError` where the answers are not products in a known group: other polynomials,
    /// conjugation, tables, sequences.
    package init(_ task: Task) throws {
        let modulus = task.configuration.modulus ?? 0
        let elements: [Int]
        let group: FiniteGroup
        switch task.configuration.operation {
        case .add, .subtract:
            group = try FiniteGroup(.cyclic(modulus))
            elements = Array(0..<modulus)
        case .multiply, .divide:
            guard let powers = powersOfPrimitiveRoot(modulo: modulus) else {
                throw GroupGrid.refusal(task, "\(modulus) is not an odd prime")
            }
            group = try FiniteGroup(.cyclic(modulus - 1))
            elements = powers
        case .compose:
            guard let own = task.group else { throw GroupGrid.refusal(task, "it has no group") }
            group = own
            elements = Array(0..<own.order)
        default: throw GroupGrid.refusal(task, "its answers are not products in a group")
        }
        let count = elements.count
        let places = Dictionary(uniqueKeysWithValues: elements.enumerated().map { ($1, $0) })
        let positions = GroupGrid.operandPositions(of: task)
        var rows = [Int](repeating: -1, count: count * count)
        var answers = rows
        let examples = task.allExamples
        for row in 0..<examples.count {
            let tokens = examples.tokens(of: row)
            let x = Int(tokens[tokens.startIndex + positions.0]) - task.firstAnswerToken
            let y = Int(tokens[tokens.startIndex + positions.1]) - task.firstAnswerToken
            let answer = task.operationTable[x * task.operandCount + y]
            guard let left = places[x], let right = places[y], let product = places[Int(answer)]
            else { continue }
            rows[left * count + right] = row
            answers[left * count + right] = product
        }
        guard !rows.contains(-1) else {
            throw GroupGrid.refusal(task, "it does not list all pairs")
        }
        var train = [Bool](repeating: false, count: examples.count)
        for row in task.trainIndices { train[row] = true }
        trainedAnswers = try GroupGrid.trainedAnswers(of: task, rows: rows, answers: answers) {
            places[$0]
        }
        characters = GroupCharacters(group)
        fourierBasis = GroupGrid.fourierBasis(of: group)
        order = count
        isTrain = rows.map { train[$0] }
        operands = elements
        columns = elements.map {
            $0
                + (task.tokenSpace.classCount > task.classCount
                    ? task.firstAnswerToken : 0)
        }
        self.rows = rows
        self.answers = answers
    }

    /// The answers that label noise put in the place of right ones, by pair.
    private static func trainedAnswers(
        of task: Task, rows: [Int], answers: [Int], element: (Int) -> Int?
    ) throws -> [Int: Int] {
        guard task.configuration.labelNoise > 0 else { return [:] }
        let pairs = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
        let targets = task.trainExamples.targets
        let first = task.tokenSpace.classCount > task.classCount ? task.firstAnswerToken : 0
        var result: [Int: Int] = [:]
        for (place, row) in task.trainIndices.enumerated() {
            guard let pair = pairs[row] else { continue }
            let target = Int(targets[place * task.trainExamples.targetsPerExample]) - first
            guard let trained = element(target) else {
                throw refusal(task, "its label noise has answers that are no elements of the group")
            }
            if trained != answers[pair] { result[pair] = trained }
        }
        return result
    }

    private static func refusal(_ task: Task, _ cause: String) -> UserError {
        .missing(
            subject: task.name, cause: "group measures are not defined for it: \(cause)",
            advice: "they need addition, subtraction, multiplication, division or composition")
    }

    private static func fourierBasis(of group: FiniteGroup) -> [Double] {
        guard case .cyclic(let order) = group.family else { return [] }
        return orthonormalFourierBasis(order)
    }

    static func operandPositions(of task: Task) -> (Int, Int) {
        switch task.configuration.layout {
        case .equation, .publishedEquation: (1, 3)
        case .pairs, .operands, nil: (0, 1)
        }
    }

    /// Values at the task's rows, row-major [rows, width], as [n², kept columns] in group order.
    package func gather(
        _ values: [Double], width: Int, columns kept: [Int]
    ) -> [Double] {
        let isWhole = kept.count == width && kept.elementsEqual(0..<width)
        // Tables in the group's own order, such as those of addition, are taken as they are.
        if isWhole, values.count == rows.count * width, rows.elementsEqual(0..<rows.count) {
            return values
        }
        var result = [Double](repeating: 0, count: rows.count * kept.count)
        values.withUnsafeBufferPointer { source in
            result.withUnsafeMutableBufferPointer { target in
                for (pair, row) in rows.enumerated() {
                    let (from, to) = (row * width, pair * kept.count)
                    if isWhole {
                        for column in 0..<width { target[to + column] = source[from + column] }
                    } else {
                        for (place, column) in kept.enumerated() {
                            target[to + place] = source[from + column]
                        }
                    }
                }
            }
        }
        return result
    }

    /// Logits of all the task's rows, row-major [rows, classes], as [n², n] in group order.
    package func gatherLogits(_ logits: [Double], classCount: Int) -> [Double] {
        gather(logits, width: classCount, columns: columns)
    }
}

/// The powers 1, g, g², … of the smallest primitive root modulo an odd prime: element i of the
/// cyclic group is the residue gⁱ.
///
/// Nil when the modulus is not an odd prime.
package func powersOfPrimitiveRoot(modulo prime: Int) -> [Int]? {
    guard prime > 2, (2..<prime).allSatisfy({ $0 * $0 > prime || prime % $0 != 0 }) else {
        return nil
    }
    for root in 2..<max(prime, 3) {
        var powers = [1]
        while let last = powers.last, last * root % prime != 1, powers.count < prime {
            powers.append(last * root % prime)
        }
        if powers.count == prime - 1 { return powers }
    }
    return nil
}
