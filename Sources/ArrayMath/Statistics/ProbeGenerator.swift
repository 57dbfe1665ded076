internal import Foundation

/// The random numbers of estimators: equal seeds give equal probes on every machine.
///
/// SplitMix64 (Steele, Lea, Flood 2014). Probes, bootstrap samples and permutations use it, so that
/// an estimate can be repeated from its stored seed.
package struct ProbeGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A uniform number in [0, 1) with 53 random bits.
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A whole number in `0 ..< count` without bias (Lemire's multiplication, with rejection).
    package mutating func index(below count: Int) -> Int {
        precondition(count > 0, "there is no index below zero")
        let bound = UInt64(count)
        let threshold = (0 &- bound) % bound
        while true {
            let product = next().multipliedFullWidth(by: bound)
            if product.low >= threshold { return Int(product.high) }
        }
    }

    /// `count` independent standard normal numbers (Box and Muller).
    package mutating func normals(_ count: Int) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(count + 1)
        while values.count < count {
            let radius = (-2 * log(1 - uniform())).squareRoot()
            let angle = 2 * Double.pi * uniform()
            values.append(radius * cos(angle))
            values.append(radius * sin(angle))
        }
        return Array(values.prefix(count))
    }

    /// `count` independent signs, −1 or +1 with equal chance (a Rademacher vector).
    package mutating func signs(_ count: Int) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(count + 63)
        while values.count < count {
            var bits = next()
            for _ in 0..<64 {
                values.append(bits & 1 == 0 ? -1 : 1)
                bits >>= 1
            }
        }
        return Array(values.prefix(count))
    }

    /// A random order of `values` (Fisher and Yates).
    @_specialize(where Element == Double)
    package mutating func shuffle<Element>(_ values: inout [Element]) {
        guard values.count > 1 else { return }
        for last in stride(from: values.count - 1, to: 0, by: -1) {
            values.swapAt(last, index(below: last + 1))
        }
    }
}
