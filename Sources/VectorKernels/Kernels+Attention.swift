package import VectorMath

extension Kernels {
    /// Softmax of the scaled scores, and the mean of the values under it.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func attend<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>,
        scratch: UnsafeMutablePointer<Scalar>
    ) {
        let (heads, span, table) = (shape.heads, shape.headWidth, shape.table)
        let columns = heads * span
        let length = table.length
        let scale = 1 / Scalar(span).squareRoot()
        let lanes = Scalar.Wide.scalarCount
        let padded = (heads * length + lanes - 1) / lanes * lanes
        for index in 0..<padded { scratch[index] = 0 }
        for row in shape.rows {
            let sources = table.sources + row * length
            let own = Int(table.positions[row])
            let query = at.query + Int(sources[own]) * columns
            for head in 0..<heads {
                let scores = scratch + head * length
                var largest = -Scalar.infinity
                for position in 0...own {
                    let key = at.key + Int(sources[position]) * columns + head * span
                    let score = inlineDot(query + head * span, key, span) * scale
                    scores[position] = score
                    // A NaN must reach the result, hence the negated comparison.
                    if !(score <= largest) { largest = score }
                }
                for position in 0...own { scores[position] -= largest }
            }
            Scalar.exponentiate(scratch, count: padded)
            let output = at.output + row * columns
            let probabilities = at.probabilities + row * heads * length
            for head in 0..<heads {
                let weights = scratch + head * length
                var sum: Scalar = 0
                for position in 0...own { sum += weights[position] }
                let factor = 1 / sum
                let target = output + head * span
                for position in 0...own {
                    let probability = weights[position] * factor
                    probabilities[head * length + position] = probability
                    let value = at.value + Int(sources[position]) * columns + head * span
                    if position == 0 {
                        inlineScale(probability, value, into: target, span)
                    } else {
                        inlineAddScaled(probability, value, to: target, span)
                    }
                }
                for position in 0...own { weights[position] = 0 }
                for position in own + 1..<length { probabilities[head * length + position] = 0 }
            }
        }
    }

    /// With āⱼ = z̄·vⱼ and s̄ⱼ = aⱼ(āⱼ − Σ a·ā): v̄ⱼ += aⱼz̄, q̄ += s̄ⱼkⱼ/√d, k̄ⱼ += s̄ⱼq/√d.
    ///
    /// The scores' derivatives s̄/√d stay in the derivatives of the probabilities.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func attendReverse<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>,
        gradient: AttentionVersions<Scalar>
    ) {
        let (heads, span, table) = (shape.heads, shape.headWidth, shape.table)
        let columns = heads * span
        let length = table.length
        let scale = 1 / Scalar(span).squareRoot()
        for row in shape.rows {
            let sources = table.sources + row * length
            let own = Int(table.positions[row])
            let queryStart = Int(sources[own]) * columns
            for head in 0..<heads {
                let outputGradient = gradient.output + row * columns + head * span
                let probabilities = at.probabilities + (row * heads + head) * length
                let scores = gradient.probabilities + (row * heads + head) * length
                var mean: Scalar = 0
                for position in 0...own {
                    let start = Int(sources[position]) * columns + head * span
                    let slope = inlineDot(outputGradient, at.value + start, span)
                    scores[position] = slope
                    mean += slope * probabilities[position]
                    inlineAddScaled(
                        probabilities[position], outputGradient, to: gradient.value + start, span)
                }
                let query = at.query + queryStart + head * span
                let queryGradient = gradient.query + queryStart + head * span
                for position in 0...own {
                    let start = Int(sources[position]) * columns + head * span
                    let slope = probabilities[position] * (scores[position] - mean) * scale
                    scores[position] = slope
                    inlineAddScaled(slope, at.key + start, to: queryGradient, span)
                    inlineAddScaled(slope, query, to: gradient.key + start, span)
                }
            }
        }
    }

    /// ṡⱼ = (q̇·kⱼ + q·k̇ⱼ)/√d, ȧⱼ = aⱼ(ṡⱼ − Σ a·ṡ), ż = Σ ȧⱼvⱼ + aⱼv̇ⱼ.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func attendTangent<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>, tangent: AttentionVersions<Scalar>
    ) {
        let (heads, span, table) = (shape.heads, shape.headWidth, shape.table)
        let columns = heads * span
        let length = table.length
        let scale = 1 / Scalar(span).squareRoot()
        for row in shape.rows {
            let sources = table.sources + row * length
            let own = Int(table.positions[row])
            for head in 0..<heads {
                let queryStart = Int(sources[own]) * columns + head * span
                let probabilities = at.probabilities + (row * heads + head) * length
                let changes = tangent.probabilities + (row * heads + head) * length
                let output = tangent.output + row * columns + head * span
                var mean: Scalar = 0
                for position in 0...own {
                    let start = Int(sources[position]) * columns + head * span
                    let change =
                        inlineDot(tangent.query + queryStart, at.key + start, span)
                        + inlineDot(at.query + queryStart, tangent.key + start, span)
                    changes[position] = change * scale
                    mean += change * scale * probabilities[position]
                }
                for position in 0...own {
                    let start = Int(sources[position]) * columns + head * span
                    let change = probabilities[position] * (changes[position] - mean)
                    changes[position] = change
                    if position == 0 {
                        inlineScale(change, at.value + start, into: output, span)
                    } else {
                        inlineAddScaled(change, at.value + start, to: output, span)
                    }
                    inlineAddScaled(
                        probabilities[position], tangent.value + start, to: output, span)
                }
            }
        }
    }

    /// The tangent of `attendReverse`, each product differentiated in both factors.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func attendReverseTangent<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>,
        gradient: AttentionVersions<Scalar>,
        tangent: AttentionVersions<Scalar>, gradientTangent: AttentionVersions<Scalar>
    ) {
        let (heads, span, table) = (shape.heads, shape.headWidth, shape.table)
        let columns = heads * span
        let length = table.length
        let scale = 1 / Scalar(span).squareRoot()
        for row in shape.rows {
            let sources = table.sources + row * length
            let own = Int(table.positions[row])
            for head in 0..<heads {
                let queryStart = Int(sources[own]) * columns + head * span
                let place = (row * heads + head) * length
                let probabilities = at.probabilities + place
                let changes = tangent.probabilities + place
                // s̄/√d as `attendReverse` left it.
                let scores = gradient.probabilities + place
                let scoreChanges = gradientTangent.probabilities + place
                let outputGradient = gradient.output + row * columns + head * span
                let outputChange = gradientTangent.output + row * columns + head * span
                var mean: Scalar = 0
                var meanChange: Scalar = 0
                for position in 0...own {
                    let start = Int(sources[position]) * columns + head * span
                    let slope = inlineDot(outputGradient, at.value + start, span)
                    let slopeChange =
                        inlineDot(outputChange, at.value + start, span)
                        + inlineDot(outputGradient, tangent.value + start, span)
                    mean += probabilities[position] * slope
                    meanChange += changes[position] * slope + probabilities[position] * slopeChange
                    // ȧⱼāⱼ + aⱼ(dā)ⱼ: what does not depend on the means.
                    scoreChanges[position] =
                        changes[position] * slope + probabilities[position] * slopeChange
                    inlineAddScaled(
                        changes[position], outputGradient, to: gradientTangent.value + start, span)
                    inlineAddScaled(
                        probabilities[position], outputChange, to: gradientTangent.value + start,
                        span)
                }
                let queryChange = gradientTangent.query + queryStart
                for position in 0...own {
                    let start = Int(sources[position]) * columns + head * span
                    let change =
                        (scoreChanges[position] - changes[position] * mean
                            - probabilities[position] * meanChange) * scale
                    inlineAddScaled(change, at.key + start, to: queryChange, span)
                    inlineAddScaled(scores[position], tangent.key + start, to: queryChange, span)
                    let keyChange = gradientTangent.key + start
                    inlineAddScaled(change, at.query + queryStart, to: keyChange, span)
                    inlineAddScaled(
                        scores[position], tangent.query + queryStart, to: keyChange, span)
                }
            }
        }
    }
}
