internal import ArrayMath
internal import Foundation
package import Networks

/// How noisy the gradients of single examples are: the gradient noise scale of McCandlish and others
/// (2018).
package struct GradientNoise: Sendable, Equatable {
    /// |G|² of the mean gradient over all examples.
    package let squaredNorm: Double
    /// tr Σ, the trace of the covariance of the gradients of single examples: the mean of |g_i|² less
    /// |G|², times N/(N − 1).
    package let trace: Double
    /// The standard error of `trace` where it rests on a sample of the examples; 0 for all.
    package let traceError: Double
    package let exampleCount: Int
    /// Examples whose own gradient was computed.
    package let sampleCount: Int

    /// B = tr Σ / |G|²; nil where G is zero.
    package var scale: Double? { squaredNorm > 0 ? trace / squaredNorm : nil }
    /// |G|² − tr Σ / N: unbiased for the gradient of what the examples are a sample of.
    ///
    /// It may be below zero, near a minimum.
    package var unbiasedSquaredNorm: Double { squaredNorm - trace / Double(exampleCount) }
    /// tr Σ over that; nil where it is not above zero.
    package var unbiasedScale: Double? {
        unbiasedSquaredNorm > 0 ? trace / unbiasedSquaredNorm : nil
    }

    /// Takes |G|² over N examples and |g_i|² of all of them or of a random sample without repetition.
    ///
    /// Nil for fewer than two, and where one is not finite. An answer of several examples counts as one.
    package init?(squaredNorm: Double, exampleCount: Int, samples: [Double]) {
        guard samples.count > 1, exampleCount >= samples.count, squaredNorm.isFinite,
            samples.allSatisfy(\.isFinite)
        else { return nil }
        let (all, drawn) = (Double(exampleCount), Double(samples.count))
        let mean = samples.reduce(0, +) / drawn
        let spread = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (drawn - 1)
        self.squaredNorm = squaredNorm
        self.exampleCount = exampleCount
        sampleCount = samples.count
        trace = max(0, mean - squaredNorm) * all / (all - 1)
        // A sample without repetition: none of the spread is left when all are drawn.
        traceError = (spread / drawn * (1 - drawn / all)).squareRoot() * all / (all - 1)
    }
}

/// The mean gradient of a network's loss over all examples, and its noise from at most `sampleCount` of
/// them, drawn with a seed.
///
/// `watch` is asked before each gradient. Examples with several answers count as one each. Nil where
/// there is one example alone, or a gradient is not finite.
package func gradientNoise<Scalar: NetworkScalar>(
    of evaluator: NetworkEvaluator<Scalar>, at parameters: [Scalar], sampleCount: Int, seed: UInt64,
    watch: () throws -> Void = {}
) throws -> (gradient: [Double], noise: GradientNoise?) {
    var gradient = [Scalar](repeating: 0, count: parameters.count)
    _ = evaluator.gradient(parameters, into: &gradient)
    let mean = gradient.map { Double($0) }
    let count = evaluator.examples.count
    var rows = Array(0..<count)
    if sampleCount < count {
        var generator = ProbeGenerator(seed: seed)
        generator.shuffle(&rows)
        rows = rows.prefix(sampleCount).sorted()
    }
    let samples = try rows.map { row in
        try watch()
        _ = evaluator.gradient(parameters, rows: [row], into: &gradient)
        return gradient.reduce(0.0) { $0 + Double($1) * Double($1) }
    }
    let squares = mean.reduce(0) { $0 + $1 * $1 }
    return (mean, GradientNoise(squaredNorm: squares, exampleCount: count, samples: samples))
}
