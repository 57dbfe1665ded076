package import VectorMath

extension Kernels {
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func normalise<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafeMutablePointer<Scalar>, scale: UnsafePointer<Scalar>,
        shift: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>
    ) {
        let share = 1 / Scalar(columns)
        for row in rows {
            let (x, y) = (x + row * columns, y + row * columns)
            let mean = inlineSum(x, columns) * share
            // The centred row stands in y while its variance is summed: Σ(x − mean)², never the
            // difference of two large sums.
            for column in 0..<columns { y[column] = x[column] - mean }
            let variance = inlineDot(y, y, columns) * share
            let reciprocal = 1 / (variance + 1e-5).squareRoot()
            statistics[2 * row] = mean
            statistics[2 * row + 1] = reciprocal
            for column in 0..<columns {
                y[column] = y[column] * reciprocal * scale[column] + shift[column]
            }
        }
    }

    /// With g = ȳ·scale: x̄ += (g − mean(g) − x̂·mean(g·x̂)) / deviation.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func normaliseReverse<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafePointer<Scalar>, scale: UnsafePointer<Scalar>,
        outputGradient: UnsafePointer<Scalar>, kept: Scalar,
        inputGradient: UnsafeMutablePointer<Scalar>, scaleGradient: UnsafeMutablePointer<Scalar>,
        shiftGradient: UnsafeMutablePointer<Scalar>, scratch: UnsafeMutablePointer<Scalar>
    ) {
        let share = 1 / Scalar(columns)
        let (normalised, slopes) = (scratch, scratch + columns)
        for row in rows {
            let (mean, reciprocal) = (statistics[2 * row], statistics[2 * row + 1])
            let (x, outputGradient) = (x + row * columns, outputGradient + row * columns)
            let inputGradient = inputGradient + row * columns
            for column in 0..<columns { normalised[column] = (x[column] - mean) * reciprocal }
            for column in 0..<columns { slopes[column] = outputGradient[column] * scale[column] }
            let sum = inlineSum(slopes, columns) * share
            let projection = inlineDot(slopes, normalised, columns) * share
            for column in 0..<columns {
                slopes[column] =
                    (slopes[column] - sum - normalised[column] * projection) * reciprocal
            }
            if kept == 0 {
                for column in 0..<columns { inputGradient[column] = slopes[column] }
            } else {
                for column in 0..<columns { inputGradient[column] += slopes[column] }
            }
            for column in 0..<columns {
                scaleGradient[column] += outputGradient[column] * normalised[column]
            }
            for column in 0..<columns { shiftGradient[column] += outputGradient[column] }
        }
    }

    /// dx̂/dt = (ẋ − mean(ẋ) − x̂·mean(x̂·ẋ)) / deviation.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func normaliseTangent<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafePointer<Scalar>, scale: UnsafePointer<Scalar>,
        inputTangent: UnsafePointer<Scalar>, scaleTangent: UnsafePointer<Scalar>,
        shiftTangent: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>
    ) {
        let share = 1 / Scalar(columns)
        for row in rows {
            let (mean, reciprocal) = (statistics[2 * row], statistics[2 * row + 1])
            let (x, inputTangent) = (x + row * columns, inputTangent + row * columns)
            let y = y + row * columns
            let sum = inlineSum(inputTangent, columns) * share
            var projection: Scalar = 0
            for column in 0..<columns { projection += inputTangent[column] * (x[column] - mean) }
            projection *= share * reciprocal
            for column in 0..<columns {
                let normalised = (x[column] - mean) * reciprocal
                let change = (inputTangent[column] - sum - normalised * projection) * reciprocal
                y[column] =
                    change * scale[column] + normalised * scaleTangent[column]
                    + shiftTangent[column]
            }
        }
    }

    /// The tangent of `normaliseReverse`; the reciprocal deviation r changes by −r²·mean(x̂·ẋ).
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func normaliseReverseTangent<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafePointer<Scalar>, scale: UnsafePointer<Scalar>,
        inputTangent: UnsafePointer<Scalar>, scaleTangent: UnsafePointer<Scalar>,
        outputGradient: UnsafePointer<Scalar>, outputChange: UnsafePointer<Scalar>, kept: Scalar,
        inputChange: UnsafeMutablePointer<Scalar>, scaleChange: UnsafeMutablePointer<Scalar>,
        shiftChange: UnsafeMutablePointer<Scalar>, scratch: UnsafeMutablePointer<Scalar>
    ) {
        let share = 1 / Scalar(columns)
        let normalisedChange = scratch
        for row in rows {
            let (mean, reciprocal) = (statistics[2 * row], statistics[2 * row + 1])
            let (x, inputTangent) = (x + row * columns, inputTangent + row * columns)
            let outputGradient = outputGradient + row * columns
            let outputChange = outputChange + row * columns
            let inputChange = inputChange + row * columns
            let tangentSum = inlineSum(inputTangent, columns) * share
            var tangentProjection: Scalar = 0
            for column in 0..<columns {
                tangentProjection += inputTangent[column] * (x[column] - mean)
            }
            tangentProjection *= share * reciprocal
            let reciprocalChange = -reciprocal * reciprocal * tangentProjection
            var (sum, projection, sumChange, projectionChange): (Scalar, Scalar, Scalar, Scalar) =
                (0, 0, 0, 0)
            for column in 0..<columns {
                let normalised = (x[column] - mean) * reciprocal
                let moved =
                    (inputTangent[column] - tangentSum - normalised * tangentProjection)
                    * reciprocal
                normalisedChange[column] = moved
                let slope = outputGradient[column] * scale[column]
                let slopeChange =
                    outputChange[column] * scale[column] + outputGradient[column]
                    * scaleTangent[column]
                sum += slope
                projection += slope * normalised
                sumChange += slopeChange
                projectionChange += slopeChange * normalised + slope * moved
            }
            sum *= share
            projection *= share
            sumChange *= share
            projectionChange *= share
            for column in 0..<columns {
                let normalised = (x[column] - mean) * reciprocal
                let moved = normalisedChange[column]
                let slope = outputGradient[column] * scale[column]
                let slopeChange =
                    outputChange[column] * scale[column] + outputGradient[column]
                    * scaleTangent[column]
                let change =
                    reciprocalChange * (slope - sum - normalised * projection)
                    + reciprocal
                    * (slopeChange - sumChange - moved * projection - normalised * projectionChange)
                inputChange[column] = kept == 0 ? change : inputChange[column] + change
                scaleChange[column] +=
                    outputChange[column] * normalised + outputGradient[column] * moved
                shiftChange[column] += outputChange[column]
            }
        }
    }
}
