internal import Foundation

/// The numbers of PyTorch's generator on a CPU.
extension MersenneTwister {
    /// A number in [0, 1) as `torch.rand` draws it: 24 bits of one word for `Float`, 53 of two for
    /// wider types.
    package mutating func torchUniform<Scalar: BinaryFloatingPoint>(
        as type: Scalar.Type = Scalar.self
    ) -> Scalar {
        if Scalar.significandBitCount < 24 {
            return Scalar(next32() & 0xff_ffff) * Scalar(0x1p-24)
        }
        let word = UInt64(next32()) << 32 | UInt64(next32())
        return Scalar(word & (1 << 53 - 1)) * Scalar(0x1p-53)
    }

    /// `torch.randn` of 16 or more elements.
    ///
    /// Uniform numbers are drawn in order; in every block of 16, the first eight give radii and the
    /// last eight angles. Where the count is not a multiple of 16, the last 16 places are drawn
    /// anew. The bits may differ from PyTorch's in the last place of logarithm and cosine.
    package mutating func torchNormals<Scalar: BinaryFloatingPoint>(
        _ count: Int, as type: Scalar.Type = Scalar.self
    ) -> [Scalar] {
        precondition(count >= 16, "PyTorch draws fewer than 16 numbers in another way")
        var values = (0..<count).map { _ in torchUniform(as: Scalar.self) }
        let whole = count / 16 * 16
        for block in stride(from: 0, to: whole, by: 16) {
            MersenneTwister.makeNormal(&values[block..<block + 16])
        }
        if whole < count {
            for place in count - 16..<count { values[place] = torchUniform() }
            MersenneTwister.makeNormal(&values[count - 16..<count])
        }
        return values
    }

    private static func makeNormal<Scalar: BinaryFloatingPoint>(_ block: inout ArraySlice<Scalar>) {
        let start = block.startIndex
        for place in 0..<8 {
            let radius = (-2 * log(1 - Double(block[start + place]))).squareRoot()
            let angle = 2 * Double.pi * Double(block[start + place + 8])
            block[start + place] = Scalar(radius * cos(angle))
            block[start + place + 8] = Scalar(radius * sin(angle))
        }
    }
}
