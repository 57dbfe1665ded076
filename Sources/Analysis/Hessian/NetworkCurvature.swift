package import ArrayMath
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
