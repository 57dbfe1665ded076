internal import ArrayMath
internal import VectorMath

/// Y = X·W + b + R: a matrix product, with an optional bias and an optional residual.
final class LinearOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    /// Which rows of the domain are computed.
    enum Rows {
        case all
        /// Only those that are read out.
        case queries
        /// Only the input rows of one position.
        case position(Int)
    }

    /// What is added to the product, row by row.
    enum Residual {
        case none
        /// The same row of a slot of the same domain.
        case sameRow(Slot)
        /// The row that stands for the same token in a slot of another domain.
        case sourceRow(Slot)
    }

    let input: Slot
    let output: Slot
    /// Offset of W, `[input columns, output columns]`, or its transpose.
    let weight: Int
    let isTransposed: Bool
    let bias: Int?
    let residual: Residual
    let selection: Rows
    /// True where X is the data: its derivatives and its change along a direction are nobody's.
    let isInputConstant: Bool

    init(
        _ input: Slot, weight: Int, isTransposed: Bool = false, bias: Int? = nil,
        residual: Residual = .none, rows: Rows = .all, isInputConstant: Bool = false,
        into output: Slot
    ) {
        self.isInputConstant = isInputConstant
        self.input = input
        self.output = output
        self.weight = weight
        self.isTransposed = isTransposed
        self.bias = bias
        self.residual = residual
        selection = rows
    }

    override var reads: [Slot] {
        switch residual {
        case .none: [input]
        case .sameRow(let slot), .sourceRow(let slot): [input, slot]
        }
    }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        let rows = rows(frame)
        guard !rows.isEmpty else { return }
        let started = begin(
            frame, rows, frame.value(output), bias: frame.parameters.value, version: .value)
        multiply(
            frame.value(input), frame.parameters.value, rows, into: frame.value(output),
            beta: started ? 1 : 0)
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        let rows = rows(frame)
        guard !rows.isEmpty else { return }
        let started = begin(
            frame, rows, frame.tangent(output), bias: frame.parameters.tangent, version: .tangent)
        if !isInputConstant {
            multiply(
                frame.tangent(input), frame.parameters.value, rows, into: frame.tangent(output),
                beta: started ? 1 : 0)
        }
        multiply(
            frame.value(input), frame.parameters.tangent, rows, into: frame.tangent(output),
            beta: started || !isInputConstant ? 1 : 0)
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        let rows = rows(frame)
        if isFirstToAdd[0] { clearSkipped(frame.gradient(input), frame, rows) }
        guard !rows.isEmpty else { return }
        if !isInputConstant {
            multiplyBack(
                frame.gradient(output), frame.parameters.value, rows, into: frame.gradient(input),
                beta: kept(0))
        }
        addOuter(
            frame.value(input), frame.gradient(output), rows, to: frame.parameters.gradient)
        end(
            frame, rows, frame.gradient(output), bias: frame.parameters.gradient,
            version: .gradient)
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        let rows = rows(frame)
        if isFirstToAdd[0] { clearSkipped(frame.gradientTangent(input), frame, rows) }
        guard !rows.isEmpty else { return }
        if !isInputConstant {
            multiplyBack(
                frame.gradientTangent(output), frame.parameters.value, rows,
                into: frame.gradientTangent(input), beta: kept(0))
            multiplyBack(
                frame.gradient(output), frame.parameters.tangent, rows,
                into: frame.gradientTangent(input), beta: 1)
        }
        addOuter(
            frame.value(input), frame.gradientTangent(output), rows,
            to: frame.parameters.gradientTangent)
        if !isInputConstant {
            addOuter(
                frame.tangent(input), frame.gradient(output), rows,
                to: frame.parameters.gradientTangent)
        }
        end(
            frame, rows, frame.gradientTangent(output), bias: frame.parameters.gradientTangent,
            version: .gradientTangent)
    }

    /// The products of a forward and a reverse pass and nothing else, for measurements; returns the
    /// number of floating-point operations.
    @discardableResult
    func multiplyOnly(_ frame: borrowing Frame<Scalar>) -> Int {
        let rows = rows(frame)
        guard !rows.isEmpty else { return 0 }
        multiply(
            frame.value(input), frame.parameters.value, rows, into: frame.value(output), beta: 0)
        if !isInputConstant {
            multiplyBack(
                frame.gradient(output), frame.parameters.value, rows, into: frame.gradient(input),
                beta: 0)
        }
        addOuter(
            frame.value(input), frame.gradient(output), rows, to: frame.parameters.gradient)
        return (isInputConstant ? 4 : 6) * rows.count * input.columns * output.columns
    }

    private func rows(_ frame: borrowing Frame<Scalar>) -> Range<Int> {
        let memory = frame[input.domain]
        switch selection {
        case .all: return memory.rows
        case .queries:
            let end = max(memory.firstQuery, memory.rows.upperBound)
            return memory.rows.clamped(to: memory.firstQuery..<end)
        case .position(let position):
            return memory.rows.clamped(to: frame.plan.inputRange[position])
        }
    }

    /// Clears the derivatives of rows that this operation leaves out, when it should set all.
    private func clearSkipped(
        _ matrix: UnsafeMutablePointer<Scalar>, _ frame: borrowing Frame<Scalar>, _ rows: Range<Int>
    ) {
        let all = frame[input.domain].rows
        if rows.isEmpty {
            clear(matrix, rows: all, columns: input.columns)
        } else if rows != all {
            clear(matrix, rows: all.lowerBound..<rows.lowerBound, columns: input.columns)
            clear(matrix, rows: rows.upperBound..<all.upperBound, columns: input.columns)
        }
    }

    /// Puts bias and residual into the output; false when there is neither.
    private func begin(
        _ frame: borrowing Frame<Scalar>, _ rows: Range<Int>,
        _ matrix: UnsafeMutablePointer<Scalar>, bias parameters: UnsafeMutablePointer<Scalar>,
        version: Version
    ) -> Bool {
        let columns = output.columns
        let first = matrix + rows.lowerBound * columns
        switch residual {
        case .none:
            guard let bias else { return false }
            fillRows(first, rows: rows.count, columns: columns, with: parameters + bias)
            return true
        case .sameRow(let slot):
            let source = frame.matrix(slot, version)
            copyElements(source + rows.lowerBound * columns, to: first, count: rows.count * columns)
        case .sourceRow(let slot):
            let source = frame.matrix(slot, version)
            let table = frame.table(of: output.domain, into: slot.domain)
            for row in rows {
                copyElements(
                    source + table.own(row) * columns, to: matrix + row * columns, count: columns)
            }
        }
        if let bias { addToRows(first, rows: rows.count, columns: columns, parameters + bias) }
        return true
    }

    /// Hands the output's derivatives on to bias and residual.
    private func end(
        _ frame: borrowing Frame<Scalar>, _ rows: Range<Int>,
        _ matrix: UnsafeMutablePointer<Scalar>, bias parameters: UnsafeMutablePointer<Scalar>,
        version: Version
    ) {
        let columns = output.columns
        let first = matrix + rows.lowerBound * columns
        if let bias {
            addColumnSums(first, rows: rows.count, columns: columns, to: parameters + bias)
        }
        switch residual {
        case .none: break
        case .sameRow(let slot):
            let target =
                frame.matrix(slot, version) + rows.lowerBound * columns
            if isFirstToAdd[1] {
                copyElements(first, to: target, count: rows.count * columns)
            } else {
                add(first, to: target, count: rows.count * columns)
            }
        case .sourceRow(let slot):
            let target = frame.matrix(slot, version)
            if isFirstToAdd[1] {
                clear(target, rows: frame[slot.domain].rows, columns: columns)
            }
            let table = frame.table(of: output.domain, into: slot.domain)
            for row in rows {
                add(matrix + row * columns, to: target + table.own(row) * columns, count: columns)
            }
        }
    }

    private func view(
        _ matrix: UnsafeMutablePointer<Scalar>, _ rows: Range<Int>, _ columns: Int
    ) -> MatrixView<Scalar> {
        MatrixView(matrix + rows.lowerBound * columns, rows: rows.count, columns: columns)
    }

    private func weights(_ parameters: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        isTransposed
            ? MatrixView(parameters + weight, rows: output.columns, columns: input.columns)
            : MatrixView(parameters + weight, rows: input.columns, columns: output.columns)
    }

    /// Y ← X·W + beta·Y.
    private func multiply(
        _ x: UnsafeMutablePointer<Scalar>, _ parameters: UnsafeMutablePointer<Scalar>,
        _ rows: Range<Int>, into y: UnsafeMutablePointer<Scalar>, beta: Scalar
    ) {
        gemm(
            view(x, rows, input.columns), weights(parameters),
            into: view(y, rows, output.columns), transposeB: isTransposed, beta: beta)
    }

    /// X ← Y·Wᵀ + beta·X.
    private func multiplyBack(
        _ y: UnsafeMutablePointer<Scalar>, _ parameters: UnsafeMutablePointer<Scalar>,
        _ rows: Range<Int>, into x: UnsafeMutablePointer<Scalar>, beta: Scalar
    ) {
        gemm(
            view(y, rows, output.columns), weights(parameters),
            into: view(x, rows, input.columns), transposeB: !isTransposed, beta: beta)
    }

    /// W ← W + Xᵀ·Y.
    private func addOuter(
        _ x: UnsafeMutablePointer<Scalar>, _ y: UnsafeMutablePointer<Scalar>, _ rows: Range<Int>,
        to parameters: UnsafeMutablePointer<Scalar>
    ) {
        let left = isTransposed ? view(y, rows, output.columns) : view(x, rows, input.columns)
        let right = isTransposed ? view(x, rows, input.columns) : view(y, rows, output.columns)
        gemm(left, right, into: weights(parameters), transposeA: true, beta: 1)
    }
}
