internal import ArrayMath

/// One step of a network: how its output follows from its inputs, and the three rules that follow
/// from that.
///
/// With y = f(x, θ), a direction (ẋ, θ̇) and the loss's derivatives written x̄, ȳ, θ̄:
/// - `forward` computes y;
/// - `reverse` adds (∂f/∂x)ᵀȳ to x̄ and (∂f/∂θ)ᵀȳ to θ̄;
/// - `tangent` computes ẏ = (∂f/∂x)ẋ + (∂f/∂θ)θ̇;
/// - `reverseTangent` adds to x̄ and θ̄'s changes along the direction: the tangent of `reverse`.
///
/// A Gauss–Newton product is `tangent`, the loss's second derivative, then `reverse` on the changes.
class Operation<Scalar: NetworkScalar> {
    /// The slots whose derivatives this operation's reverse rule adds to.
    var reads: [Slot] { [] }
    /// For each of `reads`, whether nothing was added before, so that the rule may overwrite.
    var isFirstToAdd: [Bool] = []

    func forward(_ frame: borrowing Frame<Scalar>) {}
    func reverse(_ frame: borrowing Frame<Scalar>) {}
    func tangent(_ frame: borrowing Frame<Scalar>) {}
    func reverseTangent(_ frame: borrowing Frame<Scalar>) {}

    /// The factor on what stands in `reads[index]`'s derivatives before this operation adds.
    final func kept(_ index: Int) -> Scalar { isFirstToAdd[index] ? 0 : 1 }
}

extension Operation {
    /// Decides, for operations in forward order, which of them meets each slot's derivatives first.
    ///
    /// Derivatives of input rows come from many tiles and are cleared once instead.
    static func assignFirstToAdd(_ operations: [Operation]) {
        var met: Set<Int> = []
        for operation in operations.reversed() {
            operation.isFirstToAdd = operation.reads.map { slot in
                switch slot.domain {
                case .inputs: false
                case .prefixes: met.insert(2 * slot.firstColumn).inserted
                case .readouts: met.insert(2 * slot.firstColumn + 1).inserted
                }
            }
        }
    }
}

/// Clears rows of a matrix before contributions are scattered into it.
func clear<Scalar: NetworkScalar>(
    _ matrix: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int
) {
    setToZero(matrix + rows.lowerBound * columns, count: rows.count * columns)
}
