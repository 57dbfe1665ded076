/// A stream of random words whose every position can be reached at once.
///
/// The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): a block of four 32-bit words is
/// a function of a key (the seed) and a counter (position, stream and lane), so that a stream needs
/// no stored state: a run that resumes names the seed, the purpose and the step again and gets the
/// same numbers. Streams of different purposes or lanes never overlap.
package struct RandomStream: RandomNumberGenerator, Sendable, Equatable {
    /// What a stream is for; the raw value is part of every run's bits and never changes.
    package enum Purpose: UInt32, Sendable, CaseIterable {
        case initialisation = 1
        case split = 2
        case batches = 3
        case labelNoise = 4
        case table = 5
        case updateNoise = 6
        case weightNoise = 7
        case dropout = 8
        case gradientNoise = 9
        case decayJiggle = 10
        case sweep = 11
        case probes = 12
        case resampling = 13
        case examples = 14
        case freshExamples = 15
    }

    private let seed: UInt64
    private let purpose: UInt32
    private let lane: UInt32
    /// The 64-bit words drawn so far.
    package private(set) var position: UInt64
    /// The second half of the block at an odd position.
    private var waiting: UInt64

    /// The stream of a seed for one purpose; `lane` tells apart what needs streams of its own, for
    /// example the step of a run.
    package init(seed: Int, purpose: Purpose, lane: Int = 0, position: UInt64 = 0) {
        self.seed = UInt64(bitPattern: Int64(seed))
        self.purpose = purpose.rawValue
        self.lane = UInt32(truncatingIfNeeded: lane)
        self.position = position & ~1
        waiting = 0
        if position & 1 == 1 { _ = next() }
    }

    package mutating func next() -> UInt64 {
        defer { position &+= 1 }
        if position & 1 == 1 { return waiting }
        let block = RandomStream.block(
            counter: (
                UInt32(truncatingIfNeeded: position >> 1),
                UInt32(truncatingIfNeeded: position >> 33), purpose, lane
            ),
            key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        waiting = UInt64(block.3) << 32 | UInt64(block.2)
        return UInt64(block.1) << 32 | UInt64(block.0)
    }

    /// Four words of Philox4x32-10.
    package static func block(
        counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var (c0, c1, c2, c3) = counter
        var (k0, k1) = key
        for _ in 0..<10 {
            let first = (0xD251_1F53 as UInt32).multipliedFullWidth(by: c0)
            let second = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: c2)
            (c0, c1, c2, c3) = (second.high ^ c1 ^ k0, second.low, first.high ^ c3 ^ k1, first.low)
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return (c0, c1, c2, c3)
    }
}

extension RandomNumberGenerator {
    /// A number in [0, 1): one of 2^53 equally likely, equally spaced values.
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// An index in 0..<count, each equally likely (rejection, no bias).
    package mutating func index(below count: Int) -> Int {
        precondition(count > 0, "an index needs at least one place")
        let bound = UInt64(count)
        let limit = UInt64.max - (UInt64.max % bound + 1) % bound
        while true {
            let word = next()
            if word <= limit { return Int(word % bound) }
        }
    }

    /// Rearranges the elements, every order equally likely (Fisher–Yates from the end).
    @_specialize(where Self == RandomStream, Element == Int)
    package mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, index(below: last + 1))
        }
    }
}
