internal import ArrayMath
internal import Networks

/// The updates of Muon (Jordan and others 2024) for the matrices of a network, side by side.
///
/// M ← μM + (1 − μ)g; U = (1 − μ)g + μM, or M without Nesterov; O = five Newton–Schulz steps of U,
/// which bring its singular values near 1; θ ← (1 − ηλ)θ − η·s·O with s = √max(1, outputs/inputs) of
/// the matrix. The steps are taken in the run's own type, where the published code takes them in
/// `bfloat16`.
final class MuonPass<Scalar: NetworkScalar> {
    /// A matrix of the layout: where its rows and columns lie, and room to work in.
    private struct Matrix {
        let offset: Int
        /// 1, or the heads whose matrices stand side by side as one.
        let heads: Int
        let rows: Int
        let columns: Int
        let update: UnsafeMutablePointer<Scalar>
        let next: UnsafeMutablePointer<Scalar>
        let gram: UnsafeMutablePointer<Scalar>
        let square: UnsafeMutablePointer<Scalar>
        var count: Int { rows * columns }
        var smaller: Int { min(rows, columns) }
    }

    /// What one update is made with.
    struct Step {
        let parameters: UnsafeMutablePointer<Scalar>
        let momentum: UnsafeMutablePointer<Scalar>
        let gradient: UnsafePointer<Scalar>
        let rate: Double
    }

    private let tables = OwnedTables()
    private let matrices: [Matrix]
    private let configuration: OptimizerConfiguration

    init(_ configuration: OptimizerConfiguration, layout: ParameterLayout) {
        self.configuration = configuration
        let tables = tables
        matrices = layout.entries.filter(\.isHiddenMatrix).map { entry in
            // All heads' queries are one linear map, `[width, heads · headWidth]`; the map back from
            // the heads lies in memory as it is.
            let isSplit = entry.shape.count == 3 && !entry.name.hasSuffix("output")
            let columns =
                isSplit ? entry.shape[0] * entry.shape[2] : entry.shape[entry.shape.count - 1]
            let rows = entry.count / columns
            let smaller = min(rows, columns)
            func room(_ count: Int) -> UnsafeMutablePointer<Scalar> { tables.make(count: count) }
            return Matrix(
                offset: entry.offset, heads: isSplit ? entry.shape[0] : 1, rows: rows,
                columns: columns, update: room(entry.count), next: room(entry.count),
                gram: room(smaller * smaller), square: room(smaller * smaller))
        }
    }

    /// Updates all matrices, on the threads of the pool where there is one.
    func run(_ step: Step, _ pool: LanePool?) {
        guard !matrices.isEmpty else { return }
        let work = Work(pass: self, step: step)
        if let pool {
            pool.run(matrices.count, work)
        } else {
            for lane in matrices.indices { work.perform(lane: lane) }
        }
    }

    /// One update, one matrix in each lane.
    private struct Work: LaneWork {
        let pass: MuonPass
        let step: Step

        func perform(lane: Int) { pass.update(pass.matrices[lane], step) }
    }

    private func update(_ matrix: Matrix, _ step: Step) {
        let (momentum, rate) = (Scalar(configuration.momentum), step.rate)
        takeMomentum(
            matrix.update, count: matrix.count, heads: matrix.heads, rows: matrix.rows,
            columns: matrix.columns, momentum: step.momentum + matrix.offset,
            gradient: step.gradient + matrix.offset, factor: momentum,
            isNesterov: configuration.nesterov)
        orthogonalise(matrix)
        let growth = max(1, Double(matrix.columns) / Double(matrix.rows)).squareRoot()
        let factor =
            configuration.muonScale == .original
            ? growth : 0.2 * Double(max(matrix.rows, matrix.columns)).squareRoot()
        subtract(
            matrix.update, heads: matrix.heads, rows: matrix.rows, columns: matrix.columns,
            from: step.parameters + matrix.offset,
            keep: Scalar(1 - rate * configuration.weightDecay), factor: Scalar(rate * factor))
    }

    /// X ← 3.4445·X + (−4.7750·A + 2.0315·A²)·X with A = X·Xᵀ, five times from U/(‖U‖ + 1e-7).
    private func orthogonalise(_ matrix: Matrix) {
        normalise(matrix.update, count: matrix.count)
        let isTall = matrix.rows > matrix.columns
        let gram = MatrixView(matrix.gram, rows: matrix.smaller, columns: matrix.smaller)
        let square = MatrixView(matrix.square, rows: matrix.smaller, columns: matrix.smaller)
        var (now, next) = (matrix.update, matrix.next)
        for _ in 0..<5 {
            let x = MatrixView(now, rows: matrix.rows, columns: matrix.columns)
            let y = MatrixView(next, rows: matrix.rows, columns: matrix.columns)
            gemm(x, x, into: gram, transposeA: isTall, transposeB: !isTall)
            gemm(gram, gram, into: square, alpha: 2.0315)
            combine(matrix.square, matrix.gram, -4.7750, count: matrix.smaller * matrix.smaller)
            copyElements(now, to: next, count: matrix.count)
            if isTall {
                gemm(x, square, into: y, beta: 3.4445)
            } else {
                gemm(square, x, into: y, beta: 3.4445)
            }
            swap(&now, &next)
        }
        if now != matrix.update { copyElements(now, to: matrix.update, count: matrix.count) }
    }
}

extension ParameterLayout.Entry {
    /// Whether Muon updates it: a matrix between two hidden layers or from the inputs to the first,
    /// no embedding, no output and no vector.
    var isHiddenMatrix: Bool {
        guard shape.count >= 2, !name.contains("bias") else { return false }
        return ![
            "embedding", "left_embedding", "right_embedding", "positions", "unembedding",
            "output.weight",
        ].contains(name)
    }
}

/// M ← μM + (1 − μ)g, and U into consecutive rows of all heads side by side.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func takeMomentum<Scalar: NetworkScalar>(
    _ update: UnsafeMutablePointer<Scalar>, count: Int, heads: Int, rows: Int, columns: Int,
    momentum: UnsafeMutablePointer<Scalar>, gradient: UnsafePointer<Scalar>, factor: Scalar,
    isNesterov: Bool
) {
    let width = columns / heads
    for head in 0..<heads {
        for row in 0..<rows {
            for column in 0..<width {
                let place = (head * rows + row) * width + column
                let next = factor * momentum[place] + (1 - factor) * gradient[place]
                momentum[place] = next
                update[row * columns + head * width + column] =
                    isNesterov ? (1 - factor) * gradient[place] + factor * next : next
            }
        }
    }
}

/// θ ← keep·θ − factor·O.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func subtract<Scalar: NetworkScalar>(
    _ update: UnsafeMutablePointer<Scalar>, heads: Int, rows: Int, columns: Int,
    from parameters: UnsafeMutablePointer<Scalar>, keep: Scalar, factor: Scalar
) {
    let width = columns / heads
    for head in 0..<heads {
        for row in 0..<rows {
            for column in 0..<width {
                let place = (head * rows + row) * width + column
                parameters[place] =
                    keep * parameters[place]
                    - factor * update[row * columns + head * width + column]
            }
        }
    }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func normalise<Scalar: NetworkScalar>(_ values: UnsafeMutablePointer<Scalar>, count: Int) {
    var squares = 0.0
    for index in 0..<count { squares += Double(values[index]) * Double(values[index]) }
    let factor = Scalar(1 / (squares.squareRoot() + 1e-7))
    for index in 0..<count { values[index] *= factor }
}

/// y ← y + factor·x.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func combine<Scalar: NetworkScalar>(
    _ y: UnsafeMutablePointer<Scalar>, _ x: UnsafeMutablePointer<Scalar>, _ factor: Scalar,
    count: Int
) {
    for index in 0..<count { y[index] += factor * x[index] }
}
