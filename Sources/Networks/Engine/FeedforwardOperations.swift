internal import ArrayMath
internal import VectorMath

/// y = the real inputs of the row's example; no derivative leaves the data.
final class FeatureOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let output: Slot

    init(into output: Slot) { self.output = output }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        guard let features = frame.features else { return }
        let columns = output.columns
        let answers = frame.plan.answerOfReadout + frame.tile.firstReadout
        for row in frame.readouts.rows {
            copyElements(
                features + Int(answers[row]) * columns, to: frame.value(output) + row * columns,
                count: columns)
        }
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        clear(frame.tangent(output), rows: frame.readouts.rows, columns: output.columns)
    }
}

/// y ← y + b, in place, for every row.
final class BiasOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let output: Slot
    let bias: Int

    init(_ output: Slot, bias: Int) {
        self.output = output
        self.bias = bias
    }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        addToRows(
            frame.value(output), rows: rows(frame), columns: output.columns,
            frame.parameters.value + bias)
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        addToRows(
            frame.tangent(output), rows: rows(frame), columns: output.columns,
            frame.parameters.tangent + bias)
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        addColumnSums(
            frame.gradient(output), rows: rows(frame), columns: output.columns,
            to: frame.parameters.gradient + bias)
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        addColumnSums(
            frame.gradientTangent(output), rows: rows(frame), columns: output.columns,
            to: frame.parameters.gradientTangent + bias)
    }

    private func rows(_ frame: borrowing Frame<Scalar>) -> Int { frame[output.domain].rows.count }
}

/// y = a + b, for a residual whose branch needs its own values on the way back.
final class SumOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let first: Slot
    let second: Slot
    let output: Slot

    init(_ first: Slot, _ second: Slot, into output: Slot) {
        self.first = first
        self.second = second
        self.output = output
    }

    override var reads: [Slot] { [first, second] }

    override func forward(_ frame: borrowing Frame<Scalar>) { sum(frame, .value) }
    override func tangent(_ frame: borrowing Frame<Scalar>) { sum(frame, .tangent) }
    override func reverse(_ frame: borrowing Frame<Scalar>) { pass(frame, .gradient) }
    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        pass(frame, .gradientTangent)
    }

    private func count(_ frame: borrowing Frame<Scalar>) -> Int {
        frame[output.domain].rows.count * output.columns
    }

    private func sum(_ frame: borrowing Frame<Scalar>, _ version: Version) {
        let target = frame.matrix(output, version)
        copyElements(frame.matrix(first, version), to: target, count: count(frame))
        add(frame.matrix(second, version), to: target, count: count(frame))
    }

    private func pass(_ frame: borrowing Frame<Scalar>, _ version: Version) {
        pass(frame, version, to: first, isFirst: isFirstToAdd[0])
        pass(frame, version, to: second, isFirst: isFirstToAdd[1])
    }

    private func pass(
        _ frame: borrowing Frame<Scalar>, _ version: Version, to slot: Slot, isFirst: Bool
    ) {
        let (source, target) = (frame.matrix(output, version), frame.matrix(slot, version))
        if isFirst {
            copyElements(source, to: target, count: count(frame))
        } else {
            add(source, to: target, count: count(frame))
        }
    }
}

/// y = s·x.
///
/// Not in place: the second derivative of the loss is computed from the outputs' first.
final class ScaleOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let input: Slot
    let output: Slot
    let factor: Scalar

    init(_ input: Slot, by factor: Scalar, into output: Slot) {
        self.input = input
        self.output = output
        self.factor = factor
    }

    override var reads: [Slot] { [input] }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        scale(frame, frame.value(input), into: frame.value(output), kept: 0)
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        scale(frame, frame.tangent(input), into: frame.tangent(output), kept: 0)
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        scale(frame, frame.gradient(output), into: frame.gradient(input), kept: kept(0))
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        scale(
            frame, frame.gradientTangent(output), into: frame.gradientTangent(input),
            kept: kept(0))
    }

    private func scale(
        _ frame: borrowing Frame<Scalar>, _ x: UnsafeMutablePointer<Scalar>,
        into y: UnsafeMutablePointer<Scalar>, kept: Scalar
    ) {
        scaleElements(
            x, frame[output.domain].rows.count * output.columns, by: factor, into: y, kept: kept)
    }
}

/// y = Σ c_j·h_j with coefficients that are never trained; one column.
final class FixedReadoutOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let input: Slot
    let output: Slot
    private let coefficients: AlignedMemory<Scalar>

    init(_ input: Slot, coefficients: [Scalar], into output: Slot) {
        self.input = input
        self.output = output
        self.coefficients = AlignedMemory(count: coefficients.count)
        for (index, value) in coefficients.enumerated() { self.coefficients.base[index] = value }
    }

    override var reads: [Slot] { [input] }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        multiply(frame, frame.value(input), into: frame.value(output))
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        multiply(frame, frame.tangent(input), into: frame.tangent(output))
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        spread(frame, frame.gradient(output), into: frame.gradient(input))
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        spread(frame, frame.gradientTangent(output), into: frame.gradientTangent(input))
    }

    private var column: MatrixView<Scalar> {
        MatrixView(coefficients.base, rows: input.columns, columns: 1)
    }

    private func multiply(
        _ frame: borrowing Frame<Scalar>, _ x: UnsafeMutablePointer<Scalar>,
        into y: UnsafeMutablePointer<Scalar>
    ) {
        let rows = frame[input.domain].rows.count
        gemm(
            MatrixView(x, rows: rows, columns: input.columns), column,
            into: MatrixView(y, rows: rows, columns: 1), beta: 0)
    }

    private func spread(
        _ frame: borrowing Frame<Scalar>, _ y: UnsafeMutablePointer<Scalar>,
        into x: UnsafeMutablePointer<Scalar>
    ) {
        let rows = frame[input.domain].rows.count
        gemm(
            MatrixView(y, rows: rows, columns: 1), column,
            into: MatrixView(x, rows: rows, columns: input.columns), transposeB: true,
            beta: kept(0))
    }
}

/// y ← kept·y + factor·x, where kept is 0 or 1 and 0 forgets the old y.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func scaleElements<Scalar: NetworkScalar>(
    _ x: UnsafeMutablePointer<Scalar>, _ count: Int, by factor: Scalar,
    into y: UnsafeMutablePointer<Scalar>, kept: Scalar
) {
    if kept == 0 {
        for index in 0..<count { y[index] = factor * x[index] }
    } else {
        for index in 0..<count { y[index] += factor * x[index] }
    }
}
