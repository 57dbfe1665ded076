internal import Networks

/// What is done to a gradient, or to the weights, as a whole.
enum GradientShaping {
    /// Takes from the gradient of each tensor its part along the weights and keeps its length
    /// (Prieto and others 2025): g − (w·g)/(w·w + 1e-30)·w, times ‖g‖/(its norm + 1e-30).
    ///
    /// Where nothing but rounding is left, as in a tensor of one element, the gradient becomes 0;
    /// the published code makes rounding as long as the gradient.
    static func makePerpendicular<Scalar: NetworkScalar>(
        _ gradient: inout [Scalar], to parameters: [Scalar], _ layout: ParameterLayout
    ) {
        for entry in layout.entries { perpendicular(&gradient, parameters, entry.range) }
    }

    /// g ← g·min(1, largest/(‖g‖ + 1e-6)) with the norm over all parameters, as PyTorch's
    /// `clip_grad_norm_`.
    static func clip<Scalar: NetworkScalar>(_ gradient: inout [Scalar], norm largest: Double) {
        let factor = largest / (sumOfSquares(gradient).squareRoot() + 1e-6)
        if factor < 1 { scale(&gradient, by: Scalar(factor)) }
    }

    /// g ← g clamped to ±largest, element by element.
    static func clip<Scalar: NetworkScalar>(_ gradient: inout [Scalar], value largest: Double) {
        clamp(&gradient, Scalar(largest))
    }

    /// θ ← θ·(norm/‖θ‖), over all parameters together.
    static func setNorm<Scalar: NetworkScalar>(_ parameters: inout [Scalar], to norm: Double) {
        let present = sumOfSquares(parameters).squareRoot()
        if present > 0 { scale(&parameters, by: Scalar(norm / present)) }
    }

    /// The point of a sharpness-aware step (Foret and others 2021): θ + ρ·g/(‖g‖ + 1e-12), or, adaptive,
    /// θ + ρ·θ²g/(‖|θ|g‖ + 1e-12).
    static func ascend<Scalar: NetworkScalar>(
        from parameters: [Scalar], along gradient: [Scalar], radius: Double, isAdaptive: Bool,
        into point: inout [Scalar]
    ) { climb(parameters, gradient, radius, isAdaptive, &point) }

    /// ‖θ‖ over all parameters.
    static func norm<Scalar: NetworkScalar>(_ parameters: [Scalar]) -> Double {
        sumOfSquares(parameters).squareRoot()
    }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func perpendicular<Scalar: NetworkScalar>(
    _ gradient: inout [Scalar], _ parameters: [Scalar], _ range: Swift.Range<Int>
) {
    var (product, weights, squares) = (0.0, 0.0, 0.0)
    for index in range {
        let (weight, slope) = (Double(parameters[index]), Double(gradient[index]))
        product += weight * slope
        weights += weight * weight
        squares += slope * slope
    }
    let share = product / (weights + 1e-30)
    var left = 0.0
    for index in range {
        let value = Double(gradient[index]) - share * Double(parameters[index])
        left += value * value
    }
    let factor =
        left > 1e-20 * squares ? squares.squareRoot() / (left.squareRoot() + 1e-30) : 0
    for index in range {
        gradient[index] = Scalar(
            (Double(gradient[index]) - share * Double(parameters[index])) * factor)
    }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func sumOfSquares<Scalar: NetworkScalar>(_ values: [Scalar]) -> Double {
    // Four sums side by side, so that the additions need not wait for each other.
    values.withUnsafeBufferPointer { values in
        var sums = SIMD4<Double>.zero
        var index = 0
        while index + 4 <= values.count {
            let four = SIMD4(
                Double(values[index]), Double(values[index + 1]), Double(values[index + 2]),
                Double(values[index + 3]))
            sums += four * four
            index += 4
        }
        while index < values.count {
            sums[0] += Double(values[index]) * Double(values[index])
            index += 1
        }
        return sums.sum()
    }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func scale<Scalar: NetworkScalar>(_ values: inout [Scalar], by factor: Scalar) {
    for index in values.indices { values[index] *= factor }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func clamp<Scalar: NetworkScalar>(_ values: inout [Scalar], _ largest: Scalar) {
    // NaN fails both comparisons and stays, so that the run ends with the right sentence.
    for index in values.indices {
        if values[index] > largest { values[index] = largest }
        if values[index] < -largest { values[index] = -largest }
    }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func climb<Scalar: NetworkScalar>(
    _ parameters: [Scalar], _ gradient: [Scalar], _ radius: Double, _ isAdaptive: Bool,
    _ point: inout [Scalar]
) {
    var squares = 0.0
    for index in parameters.indices {
        let slope = Double(gradient[index]) * (isAdaptive ? Double(parameters[index]) : 1)
        squares += slope * slope
    }
    let factor = radius / (squares.squareRoot() + 1e-12)
    for index in parameters.indices {
        let weight = Double(parameters[index])
        let slope = Double(gradient[index]) * (isAdaptive ? weight * weight : 1)
        point[index] = Scalar(weight + factor * slope)
    }
}
