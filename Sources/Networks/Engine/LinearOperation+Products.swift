internal import ArrayMath
internal import VectorMath

/// Weights as they are laid out, and packed for products with them.
struct WeightMemory<Scalar: NetworkScalar> {
    var parameters: UnsafeMutablePointer<Scalar>
    /// What `LinearOperation.packPanels` leaves; not set where products go through OpenBLAS.
    var panels: UnsafeMutablePointer<Scalar>
}

/// The three products of a linear operation, in Cairn's own kernels or, on processors without the
/// instructions for them, in OpenBLAS.
extension LinearOperation {
    private typealias Product = PanelProduct<Scalar>

    /// Elements of W, packed for Y = X·W.
    private var forwardPanelElements: Int {
        Product.elementCount(inner: input.columns, columns: output.columns)
    }

    /// Elements of Wᵀ, packed for X = Y·Wᵀ.
    private var reversePanelElements: Int {
        Product.elementCount(inner: output.columns, columns: input.columns)
    }

    /// Elements that the packed weights take.
    var panelElements: Int { forwardPanelElements + reversePanelElements }

    /// Elements that a packed operand of the weights' derivative takes for so many rows.
    func scratchElements(rows: Int) -> Int {
        Product.elementCount(inner: rows, columns: isTransposed ? input.columns : output.columns)
    }

    /// Packs one lane's share of the weights.
    func packPanels(_ weights: WeightMemory<Scalar>, lane: Int) {
        func share(_ columns: Int) -> Range<Int> {
            let count = Product.panelCount(columns)
            return lane * count / RowPlan.laneCount..<(lane + 1) * count / RowPlan.laneCount
        }
        let (matrix, panels) = (weights.parameters + weight, weights.panels + firstPanel)
        let (rowStride, columnStride) = isTransposed ? (1, input.columns) : (output.columns, 1)
        vectorKernels.packPanels(
            matrix, inner: input.columns, columns: output.columns, innerStride: rowStride,
            columnStride: columnStride, panels: share(output.columns), into: panels)
        vectorKernels.packPanels(
            matrix, inner: output.columns, columns: input.columns, innerStride: columnStride,
            columnStride: rowStride, panels: share(input.columns),
            into: panels + forwardPanelElements)
    }

    /// Y ← X·W, or Y ← Y + X·W.
    func multiply(
        _ x: UnsafeMutablePointer<Scalar>, _ weights: WeightMemory<Scalar>, _ rows: Range<Int>,
        into y: UnsafeMutablePointer<Scalar>, adds: Bool, inPanels: Bool = multipliesInPanels
    ) {
        guard inPanels else {
            gemm(
                view(x, rows, input.columns), matrix(weights.parameters),
                into: view(y, rows, output.columns), transposeB: isTransposed, beta: adds ? 1 : 0)
            return
        }
        vectorKernels.multiplyPanels(
            Product(
                rows: rows.count, columns: output.columns, inner: input.columns,
                a: x + rows.lowerBound * input.columns, rowStride: input.columns, innerStride: 1,
                panels: weights.panels + firstPanel, c: y + rows.lowerBound * output.columns,
                resultStride: output.columns, adds: adds))
    }

    /// X ← Y·Wᵀ, or X ← X + Y·Wᵀ.
    func multiplyBack(
        _ y: UnsafeMutablePointer<Scalar>, _ weights: WeightMemory<Scalar>, _ rows: Range<Int>,
        into x: UnsafeMutablePointer<Scalar>, adds: Bool, inPanels: Bool = multipliesInPanels
    ) {
        guard inPanels else {
            gemm(
                view(y, rows, output.columns), matrix(weights.parameters),
                into: view(x, rows, input.columns), transposeB: !isTransposed, beta: adds ? 1 : 0)
            return
        }
        vectorKernels.multiplyPanels(
            Product(
                rows: rows.count, columns: input.columns, inner: output.columns,
                a: y + rows.lowerBound * output.columns, rowStride: output.columns, innerStride: 1,
                panels: weights.panels + firstPanel + forwardPanelElements,
                c: x + rows.lowerBound * input.columns, resultStride: input.columns, adds: adds))
    }

    /// W ← W + Xᵀ·Y; `scratch` has room for the packed operand.
    func addOuter(
        _ x: UnsafeMutablePointer<Scalar>, _ y: UnsafeMutablePointer<Scalar>, _ rows: Range<Int>,
        to parameters: UnsafeMutablePointer<Scalar>, _ scratch: UnsafeMutablePointer<Scalar>,
        inPanels: Bool = multipliesInPanels
    ) {
        let left = isTransposed ? view(y, rows, output.columns) : view(x, rows, input.columns)
        let right = isTransposed ? view(x, rows, input.columns) : view(y, rows, output.columns)
        guard inPanels else {
            gemm(left, right, into: matrix(parameters), transposeA: true, beta: 1)
            return
        }
        vectorKernels.packPanels(
            right.base, inner: right.rows, columns: right.columns, innerStride: right.columns,
            columnStride: 1, panels: 0..<Product.panelCount(right.columns), into: scratch)
        vectorKernels.multiplyPanels(
            Product(
                rows: left.columns, columns: right.columns, inner: rows.count, a: left.base,
                rowStride: 1, innerStride: left.columns, panels: scratch, c: parameters + weight,
                resultStride: right.columns, adds: true))
    }

    /// The products of a forward and a reverse pass and nothing else, for measurements; returns the
    /// number of floating-point operations.
    func multiplyOnly(_ frame: borrowing Frame<Scalar>, inPanels: Bool) -> Int {
        let rows = rows(frame)
        guard !rows.isEmpty else { return 0 }
        multiply(
            frame.value(input), frame.parameters.values, rows, into: frame.value(output),
            adds: false, inPanels: inPanels)
        multiplyBack(
            frame.gradient(output), frame.parameters.values, rows, into: frame.gradient(input),
            adds: false, inPanels: inPanels)
        addOuter(
            frame.value(input), frame.gradient(output), rows, to: frame.parameters.gradient,
            frame.panels, inPanels: inPanels)
        return 6 * rows.count * input.columns * output.columns
    }

    private func view(
        _ matrix: UnsafeMutablePointer<Scalar>, _ rows: Range<Int>, _ columns: Int
    ) -> MatrixView<Scalar> {
        MatrixView(matrix + rows.lowerBound * columns, rows: rows.count, columns: columns)
    }

    private func matrix(_ parameters: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        isTransposed
            ? MatrixView(parameters + weight, rows: output.columns, columns: input.columns)
            : MatrixView(parameters + weight, rows: input.columns, columns: output.columns)
    }
}
