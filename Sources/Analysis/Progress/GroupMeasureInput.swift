internal import Networks

/// The pairs of some left operands as a network sees them, in the group's order.
package struct PairBlock: Sendable {
    /// Logits [pairs, n].
    let logits: [Double]
    /// H, the hidden layer after its non-linearity at the read-out, [pairs, m].
    let hidden: [Double]
    /// The network from its hidden layer on; nil where logits are H U.
    let readout: NetworkReadout?

    package init(logits: [Double], hidden: [Double], readout: NetworkReadout? = nil) {
        self.logits = logits
        self.hidden = hidden
        self.readout = readout
    }
}

/// What the group-composition measures look at, in the group's order.
///
/// For the two-embedding network: E_x = left_embedding · hidden[:e], E_y = right_embedding ·
/// hidden[e:], U = unembedding. For a transformer: E_x = E_y = the embedding without the row of `=`,
/// U = mlp.output · unembedding. The pairs come all at once, or in blocks of left operands that are
/// evaluated as often as they are looked at: the n³ logits of a group of 720 elements are 3 GB.
package struct GroupMeasureInput {
    private enum Pairs {
        case whole(PairBlock)
        case blocks(size: Int, (Range<Int>) throws -> PairBlock)
    }

    /// E_x and E_y, [n, columns].
    let leftEmbedding: [Double]
    let rightEmbedding: [Double]
    /// U [m, n].
    let unembedding: [Double]
    /// m, the columns of H.
    let neuronCount: Int
    let form: ReadoutForm
    private let pairs: Pairs

    /// The most logits of a block: 64 MiB of them.
    package static let mostLogits = 1 << 23

    /// Takes all pairs: logits [n², n] and H [n², m].
    package init(
        logits: [Double], leftEmbedding: [Double], rightEmbedding: [Double], hidden: [Double],
        unembedding: [Double], neuronCount: Int, readout: NetworkReadout? = nil
    ) {
        self.leftEmbedding = leftEmbedding
        self.rightEmbedding = rightEmbedding
        self.unembedding = unembedding
        self.neuronCount = neuronCount
        form = readout?.form ?? .plain
        pairs = .whole(PairBlock(logits: logits, hidden: hidden, readout: readout))
    }

    /// Takes the pairs of some left operands at a time, as many as have `mostLogits` logits, but at
    /// least one; `block` evaluates them, once where all pairs fit.
    package init(
        order: Int, leftEmbedding: [Double], rightEmbedding: [Double], unembedding: [Double],
        neuronCount: Int, form: ReadoutForm = .plain,
        mostLogits: Int = GroupMeasureInput.mostLogits,
        block: @escaping (Range<Int>) throws -> PairBlock
    ) throws {
        self.leftEmbedding = leftEmbedding
        self.rightEmbedding = rightEmbedding
        self.unembedding = unembedding
        self.neuronCount = neuronCount
        self.form = form
        let size = max(1, mostLogits / max(order * order, 1))
        pairs = size < order ? .blocks(size: size, block) : .whole(try block(0..<order))
    }

    /// Looks at the pairs of all n left operands, rising.
    func forEachBlock(
        order: Int, _ body: (_ lefts: Range<Int>, _ block: PairBlock) throws -> Void
    ) throws {
        switch pairs {
        case .whole(let block): try body(0..<order, block)
        case .blocks(let size, let block):
            for start in stride(from: 0, to: order, by: size) {
                let lefts = start..<min(start + size, order)
                try body(lefts, try block(lefts))
            }
        }
    }
}

/// Sums over all pairs that the measures rest on.
struct GroupPairSums {
    /// Class-centred logits by answer, [n, n], and the sum of their squares.
    private(set) var logits: [Double]
    private(set) var logitSquares = 0.0
    /// H by left operand, by right operand and by answer, [n, m].
    private(set) var left: [Double]
    private(set) var right: [Double]
    private(set) var answer: [Double]
    /// H over all pairs, [m].
    private(set) var hidden: [Double]

    init(_ input: GroupMeasureInput, on grid: GroupGrid) throws {
        let (order, width) = (grid.order, input.neuronCount)
        logits = [Double](repeating: 0, count: order * order)
        left = [Double](repeating: 0, count: order * width)
        (right, answer) = (left, left)
        hidden = [Double](repeating: 0, count: width)
        try input.forEachBlock(order: order) { lefts, block in
            precondition(
                block.logits.count == lefts.count * order * order
                    && block.hidden.count == lefts.count * order * width, "a row for each pair")
            for (row, pair) in (lefts.lowerBound * order..<lefts.upperBound * order).enumerated() {
                addLogits(block.logits[row * order..<(row + 1) * order], grid.answers[pair])
                addHidden(
                    block.hidden[row * width..<(row + 1) * width], left: pair / order,
                    right: pair % order, answer: grid.answers[pair])
            }
        }
    }

    private mutating func addLogits(_ row: ArraySlice<Double>, _ answer: Int) {
        row.withUnsafeBufferPointer { row in
            let mean = row.reduce(0, +) / Double(row.count)
            var squares = logitSquares
            logits.withUnsafeMutableBufferPointer { sums in
                for column in row.indices {
                    let centred = row[column] - mean
                    squares += centred * centred
                    sums[answer * row.count + column] += centred
                }
            }
            logitSquares = squares
        }
    }

    private mutating func addHidden(
        _ row: ArraySlice<Double>, left x: Int, right y: Int, answer z: Int
    ) {
        let width = row.count
        func add(_ row: UnsafeBufferPointer<Double>, to sums: inout [Double], _ place: Int) {
            sums.withUnsafeMutableBufferPointer { sums in
                for column in 0..<width { sums[place * width + column] += row[column] }
            }
        }
        row.withUnsafeBufferPointer { row in
            add(row, to: &left, x)
            add(row, to: &right, y)
            add(row, to: &answer, z)
            add(row, to: &hidden, 0)
        }
    }
}
