package import VectorMath

extension Kernels {
    /// m = β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², θ = κθ − rate·m/(√v·scale + ε), element by element.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func adamUpdate<Scalar: LaneScalar>(
        _ constants: AdamConstants<Scalar>, _ vectors: AdamVectors<Scalar>,
        _ range: Swift.Range<Int>
    ) {
        let (parameters, first) = (vectors.parameters, vectors.first)
        let (second, gradient) = (vectors.second, vectors.gradient)
        for index in range {
            let slope = gradient[index]
            let mean = constants.beta1 * first[index] + constants.rest1 * slope
            let square = constants.beta2 * second[index] + constants.rest2 * (slope * slope)
            first[index] = mean
            second[index] = square
            let step =
                mean / (square.squareRoot() * constants.secondScale + constants.epsilon)
            parameters[index] = constants.keep * parameters[index] - constants.rate * step
        }
    }
}
