import ArrayMath
import Testing

@Suite struct RandomTests {
    /// Random123's known answers for philox4x32, 10 rounds.
    @Test func blocksMatchThePublishedAnswers() {
        let zero = RandomStream.block(counter: (0, 0, 0, 0), key: (0, 0))
        #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = UInt32.max
        let full = RandomStream.block(counter: (ones, ones, ones, ones), key: (ones, ones))
        #expect(full == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    }

    @Test(arguments: [0, 1, 2, 7, 1000]) func positionsAreReachedAtOnce(count: Int) {
        var stream = RandomStream(seed: -5, purpose: .batches, lane: 3)
        for _ in 0..<count { _ = stream.next() }
        #expect(stream.position == UInt64(count))
        var jumped = RandomStream(
            seed: -5, purpose: .batches, lane: 3, position: stream.position)
        #expect((0..<5).map { _ in jumped.next() } == (0..<5).map { _ in stream.next() })
    }

    @Test func purposesLanesAndSeedsDiffer() {
        var words = Set<UInt64>()
        for seed in [0, 1, -1, 1 << 40] {
            for purpose in RandomStream.Purpose.allCases {
                for lane in 0..<3 {
                    var stream = RandomStream(seed: seed, purpose: purpose, lane: lane)
                    words.insert(stream.next())
                }
            }
        }
        #expect(words.count == 4 * RandomStream.Purpose.allCases.count * 3)
    }

    /// Mean and variance of 10^5 normal variates lie within five standard errors.
    @Test func normalVariatesHaveTheirMoments() {
        var stream = RandomStream(seed: 1, purpose: .initialisation)
        let values: [Double] = stream.normals(100_000, standardDeviation: 2)
        let mean = values.reduce(0, +) / 1e5
        let variance = values.reduce(0) { $0 + $1 * $1 } / 1e5
        #expect(abs(mean) < 5 * 2 / 1e5.squareRoot())
        #expect(abs(variance - 4) < 5 * 4 * (2 / 1e5).squareRoot())
    }

    @Test func indicesAreUniform() {
        var stream = RandomStream(seed: 3, purpose: .split)
        var counts = [Int](repeating: 0, count: 6)
        for _ in 0..<60_000 { counts[stream.index(below: 6)] += 1 }
        // Standard deviation of each count: sqrt(60000 · 1/6 · 5/6) ≈ 91.
        #expect(counts.allSatisfy { abs($0 - 10_000) < 5 * 92 })
    }

    @Test func shufflesAreThoseOfNumPy() {
        var order = Array(0..<9409)
        var twister = MersenneTwister(seed: 0)
        twister.numPyShuffle(&order)
        #expect(order.prefix(5) == [6449, 9394, 4069, 5477, 9378])
        #expect(order.sorted() == Array(0..<9409))
    }

    @Test(arguments: [(0, [2068, 1213, 6243, 2876, 7184]), (1, [6612, 8645, 6803, 11389, 3304])])
    func shufflesAreThoseOfPython(seed: Int, first: [Int]) {
        var order = Array(0..<12769)
        var twister = MersenneTwister(pythonSeed: seed)
        twister.pythonShuffle(&order)
        #expect(Array(order.prefix(5)) == first)
    }

    /// `random.seed(s)`, then three times `random.getrandbits(32)` (CPython 3.11).
    @Test(arguments: [
        (1_099_511_627_781, [2_166_296_868, 2_220_160_828, 1_153_647_273]),
        (-7, [1_390_851_128, 4_071_050_724, 647_892_279]),
    ]) func longAndNegativeSeedsAreThoseOfPython(seed: Int, words: [UInt32]) {
        var twister = MersenneTwister(pythonSeed: seed)
        #expect(words == (0..<3).map { _ in twister.next32() })
    }

    @Test func permutationsAreThoseOfTorch() {
        var twister = MersenneTwister(seed: 2)
        #expect(twister.torchPermutation(14400).prefix(5) == [7848, 10294, 12569, 11247, 11114])
    }
}
