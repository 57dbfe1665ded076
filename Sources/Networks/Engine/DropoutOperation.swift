internal import ArrayMath

/// In a training step, zeroes each element with a fixed chance and scales the others to keep the mean.
///
/// Does nothing outside training. Works in place.
///
/// Whether an element is kept follows from the step's key, the layer, the row's identity and the
/// column alone: the way back draws the same numbers again instead of storing them, and they do not
/// depend on tiles or threads.
final class DropoutOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let slot: Slot
    let layer: Int
    let chance: Double

    init(_ slot: Slot, layer: Int, chance: Double) {
        self.slot = slot
        self.layer = layer
        self.chance = chance
    }

    override func forward(_ frame: borrowing Frame<Scalar>) { mask(frame, .value) }
    override func reverse(_ frame: borrowing Frame<Scalar>) { mask(frame, .gradient) }
    override func tangent(_ frame: borrowing Frame<Scalar>) { mask(frame, .tangent) }
    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        mask(frame, .gradientTangent)
    }

    private func mask(_ frame: borrowing Frame<Scalar>, _ version: Version) {
        guard let key = frame.dropoutKey else { return }
        let identities =
            slot.domain == .readouts
            ? frame.plan.answerOfReadout + frame.tile.firstReadout
            : frame.plan.prefixIdentities + frame.tile.firstPrefix
        dropElements(
            frame.matrix(slot, version), rows: frame[slot.domain].rows, columns: slot.columns,
            identities: identities, key: mixed(key &+ UInt64(layer) &* 0x9e37_79b9_7f4a_7c15),
            chance: chance)
    }
}

/// The output function of SplitMix64: neighbouring inputs give unrelated words.
@inline(__always)
private func mixed(_ word: UInt64) -> UInt64 {
    var word = word
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func dropElements<Scalar: NetworkScalar>(
    _ matrix: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int,
    identities: UnsafePointer<Int32>, key: UInt64, chance: Double
) {
    let scale = Scalar(1 / (1 - chance))
    let threshold = UInt64(chance * 0x1p53)
    for row in rows {
        let start = mixed(key ^ UInt64(UInt32(bitPattern: identities[row])))
        let matrix = matrix + row * columns
        for column in 0..<columns {
            let word = mixed(start &+ UInt64(column) &* 0x9e37_79b9_7f4a_7c15) >> 11
            matrix[column] *= word < threshold ? 0 : scale
        }
    }
}

/// y ← y + x, in place: the residual of a branch that has more to it than a product.
final class ResidualOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let input: Slot
    let output: Slot

    init(_ input: Slot, addedTo output: Slot) {
        self.input = input
        self.output = output
    }

    override var reads: [Slot] { [input] }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        add(frame.value(input), to: frame.value(output), count: count(frame))
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        add(frame.tangent(input), to: frame.tangent(output), count: count(frame))
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) { pass(frame, .gradient) }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        pass(frame, .gradientTangent)
    }

    private func count(_ frame: borrowing Frame<Scalar>) -> Int {
        frame[output.domain].rows.count * output.columns
    }

    private func pass(_ frame: borrowing Frame<Scalar>, _ version: Version) {
        let (source, target) = (frame.matrix(output, version), frame.matrix(input, version))
        if isFirstToAdd[0] {
            copyElements(source, to: target, count: count(frame))
        } else {
            add(source, to: target, count: count(frame))
        }
    }
}
