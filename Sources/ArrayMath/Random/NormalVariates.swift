internal import Foundation

extension RandomNumberGenerator {
    /// Two independent normal variates of mean 0 and variance 1 (Box–Muller).
    package mutating func normalPair() -> (Double, Double) {
        // 1 - u lies in (0, 1]: the logarithm is finite.
        let radius = (-2 * log(1 - uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        return (radius * cos(angle), radius * sin(angle))
    }

    /// Fills a buffer with independent normal variates of mean 0 and the given standard deviation.
    package mutating func fillNormal<Scalar: BinaryFloatingPoint>(
        _ buffer: UnsafeMutableBufferPointer<Scalar>, standardDeviation: Double = 1
    ) {
        var index = 0
        while index < buffer.count {
            let pair = normalPair()
            buffer[index] = Scalar(pair.0 * standardDeviation)
            if index + 1 < buffer.count {
                buffer[index + 1] = Scalar(pair.1 * standardDeviation)
            }
            index += 2
        }
    }

    /// Independent normal variates of mean 0 and the given standard deviation.
    package mutating func normals<Scalar: BinaryFloatingPoint>(
        _ count: Int, standardDeviation: Double = 1, as type: Scalar.Type = Scalar.self
    ) -> [Scalar] {
        var values = [Scalar](repeating: 0, count: count)
        values.withUnsafeMutableBufferPointer {
            fillNormal($0, standardDeviation: standardDeviation)
        }
        return values
    }

    /// Independent numbers in [low, high).
    package mutating func uniforms<Scalar: BinaryFloatingPoint>(
        _ count: Int, from low: Double, to high: Double, as type: Scalar.Type = Scalar.self
    ) -> [Scalar] {
        (0..<count).map { _ in Scalar(low + (high - low) * uniform()) }
    }
}
