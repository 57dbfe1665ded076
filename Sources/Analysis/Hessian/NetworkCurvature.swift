package import ArrayMath
package import Checkpoints
package import Networks

/// The curvature of a network's mean loss at fixed weights, as an operator on flat vectors.
///
/// The evaluator is linearised at `parameters`; the operator holds it and must not be used after the
/// evaluator did anything else. Products are exact up to rounding in the evaluator's scalar:
/// use `Double`, because at a loss of 1e-6 single precision is wrong in the third digit.
package func curvatureOperator<Scalar: NetworkScalar>(
    _ kind: CurvatureOperator, of evaluator: NetworkEvaluator<Scalar>, at parameters: [Scalar]
) -> LinearOperator {
    evaluator.linearize(at: parameters)
    let count = parameters.count
    let buffers = ProductBuffers<Scalar>(count: count)
    return LinearOperator(dimension: count) { vector, result in
        for index in 0..<count { buffers.vector[index] = Scalar(vector[index]) }
        switch kind {
        case .hessian: evaluator.hessianProduct(buffers.vector, into: &buffers.product)
        case .gaussNewton: evaluator.gaussNewtonProduct(buffers.vector, into: &buffers.product)
        }
        for index in 0..<count { result[index] = Double(buffers.product[index]) }
    }
}

/// Memory that all products of one operator share.
private final class ProductBuffers<Scalar: NetworkScalar> {
    var vector: [Scalar]
    var product: [Scalar]

    init(count: Int) {
        vector = [Scalar](repeating: 0, count: count)
        product = vector
    }
}

/// A curvature matrix of one checkpoint, with a draft in single precision for what only has to find
/// a subspace.
///
/// Every number that leaves here is made with products of the chosen precision.
package final class NetworkCurvature {
    package let exact: LinearOperator
    package let layout: ParameterLayout
    private let makeDraft: () throws -> LinearOperator
    private var madeDraft: LinearOperator?

    /// Linearises the network at the weights.
    ///
    /// `watch` is asked before every product, so that an interruption ends a long search soon.
    /// Errors: weights that do not fit the network; what `watch` throws.
    package init(
        _ kind: CurvatureOperator, of model: ModelConfiguration, task: Task, examples: Examples,
        at weights: [Tensor], precision: ElementType = .float64, threadCount: Int = 1,
        watch: @escaping () throws -> Void = {}
    ) throws {
        let layout = try model.layout(for: task)
        self.layout = layout
        func watched<Scalar: NetworkScalar>(_ type: Scalar.Type) throws -> LinearOperator {
            let evaluator = try model.evaluator(
                for: task, examples: examples, threadCount: threadCount, as: type)
            let matrix = curvatureOperator(kind, of: evaluator, at: try layout.pack(weights))
            return LinearOperator(dimension: matrix.dimension) { vector, result in
                try watch()
                try matrix.apply(vector, result)
            }
        }
        if precision == .float32 {
            let single = try watched(Float.self)
            exact = single
            makeDraft = { single }
        } else {
            exact = try watched(Double.self)
            makeDraft = { try watched(Float.self) }
        }
    }

    /// The same matrix in single precision, linearised when it is first asked for.
    package func draft() throws -> LinearOperator {
        if let madeDraft { return madeDraft }
        let draft = try makeDraft()
        madeDraft = draft
        return draft
    }

    /// The ends of the spectrum.
    package func spectrum(_ options: LanczosOptions) throws -> CurvatureSpectrum {
        try curvatureSpectrum(of: exact, draft: draft, options: options)
    }
}
