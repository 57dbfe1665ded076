/// The Mersenne Twister MT19937 (Matsumoto, Nishimura 1998), for the random streams of published
/// experiments: NumPy's legacy `RandomState`, Python's `random` and PyTorch's CPU generator.
package struct MersenneTwister: Sendable, Equatable {
    private static let size = 624
    private static let middle = 397

    private var state: [UInt32]
    private var place: Int

    /// The state after `numpy.random.RandomState(seed)` or `torch.manual_seed(seed)`.
    ///
    /// It is made by `init_genrand`; only the low 32 bits of the seed count.
    package init(seed: Int) {
        var state = [UInt32(truncatingIfNeeded: seed)]
        state.reserveCapacity(MersenneTwister.size)
        for index in 1..<MersenneTwister.size {
            let last = state[index - 1]
            state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(index))
        }
        self.state = state
        place = MersenneTwister.size
    }

    /// The state after Python's `random.seed(seed)` for an integer.
    ///
    /// It is made by `init_by_array`; the sign is ignored there too.
    package init(pythonSeed seed: Int) {
        let magnitude = UInt64(seed.magnitude)
        var key = [UInt32(truncatingIfNeeded: magnitude)]
        if magnitude >> 32 != 0 { key.append(UInt32(magnitude >> 32)) }
        self.init(key: key)
    }

    private init(key: [UInt32]) {
        self.init(seed: 19_650_218)
        let size = MersenneTwister.size
        var row = 1
        var column = 0
        for _ in 0..<max(size, key.count) {
            let last = state[row - 1]
            state[row] =
                (state[row] ^ ((last ^ (last >> 30)) &* 1_664_525)) &+ key[column]
                &+ UInt32(column)
            row += 1
            column = (column + 1) % key.count
            if row == size {
                state[0] = state[size - 1]
                row = 1
            }
        }
        for _ in 0..<(size - 1) {
            let last = state[row - 1]
            state[row] = (state[row] ^ ((last ^ (last >> 30)) &* 1_566_083_941)) &- UInt32(row)
            row += 1
            if row == size {
                state[0] = state[size - 1]
                row = 1
            }
        }
        state[0] = 0x8000_0000
    }

    /// The next 32 random bits.
    package mutating func next32() -> UInt32 {
        if place == MersenneTwister.size { refill() }
        var word = state[place]
        place += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9d2c_5680
        word ^= (word << 15) & 0xefc6_0000
        return word ^ (word >> 18)
    }

    private mutating func refill() {
        let size = MersenneTwister.size
        for index in 0..<size {
            let mixed = (state[index] & 0x8000_0000) | (state[(index + 1) % size] & 0x7fff_ffff)
            let twisted = (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_b0df)
            state[index] = state[(index + MersenneTwister.middle) % size] ^ twisted
        }
        place = 0
    }

    // MARK: Orders of published experiments

    /// A number in 0...largest as NumPy's legacy generator draws it: masked bits, drawn again while
    /// they are too large.
    package mutating func numPyInteger(upTo largest: Int) -> Int {
        guard largest > 0 else { return 0 }
        let mask = UInt32.max >> UInt32(UInt32(largest).leadingZeroBitCount)
        while true {
            let value = next32() & mask
            if value <= UInt32(largest) { return Int(value) }
        }
    }

    /// Rearranges like `numpy.random.RandomState.shuffle` does a list.
    package mutating func numPyShuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, numPyInteger(upTo: last))
        }
    }

    /// Rearranges like Python's `random.shuffle`.
    package mutating func pythonShuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            let bound = UInt32(last + 1)
            let bits = UInt32(32 - bound.leadingZeroBitCount)
            var drawn = next32() >> (32 - bits)
            while drawn >= bound { drawn = next32() >> (32 - bits) }
            elements.swapAt(last, Int(drawn))
        }
    }

    /// The order that `torch.randperm(count)` gives on a CPU.
    package mutating func torchPermutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for place in 0..<(count - 1) {
            order.swapAt(place, place + Int(next32() % UInt32(count - place)))
        }
        return order
    }
}
