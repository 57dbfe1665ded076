internal import ArrayMath
internal import Networks

/// The power of a function of two operands at each pair of components of the task's group.
///
/// Component numbers are those of `GroupGrid.spectrum`: frequencies 0 … n/2 of a cyclic group, else
/// places in the group's list of irreducible representations.
package struct PairSpectrum: Sendable, Equatable {
    package let basis: String
    package let componentCount: Int
    /// Power at (left, right), at place left · componentCount + right; sums to the sum of squares of
    /// the function (Parseval).
    package let power: [Double]

    /// Each pair's part of the power that varies: over the sum of all but (constant, constant).
    ///
    /// Nil for the constant pair, and everywhere when nothing varies.
    package var shares: [Double?] {
        let varying = power.dropFirst().reduce(0, +)
        return power.enumerated().map {
            $0.offset == 0 || varying == 0 ? nil : $0.element / varying
        }
    }
}

extension GroupGrid {
    /// The power of a function of pairs [n², columns] at each pair of components.
    ///
    /// ‖(Π_ρ ⊗ Π_σ) f‖² with the projectors of the left and the right operand. Rounding can leave a
    /// vanishing power slightly negative; it is then 0. A NaN gives NaN everywhere.
    package func pairSpectrum(_ values: [Double]) -> PairSpectrum {
        let columns = values.count / (order * order)
        let components = orderedComponents
        var power: [Double] = []
        for component in components {
            // f projected on the component along the left operand, [n, n · columns].
            let left = characters.project(values, columns: order * columns, on: [component])
            // Σ over the left operand and the columns of ⟨f(·, y), f(·, y')⟩.
            var gram = [Double](repeating: 0, count: order * order)
            for row in 0..<order {
                let slab = Array(left[row * order * columns..<(row + 1) * order * columns])
                let product = matrixProduct(
                    slab, transposed: false, slab, transposed: true, rows: order, columns: order,
                    inner: columns)
                for index in gram.indices { gram[index] += product[index] }
            }
            let sums = characters.quotientSums(gram)
            power += components.map { other in
                let sum = zip(other.character, sums).reduce(0) { $0 + $1.0 * $1.1 }
                return sum.isNaN ? sum : max(0, other.projectorScale * sum)
            }
        }
        let isNumber = power.allSatisfy { !$0.isNaN }
        return PairSpectrum(
            basis: basis, componentCount: components.count,
            power: isNumber ? power : power.map { _ in .nan })
    }

    /// The components in the order of `spectrum`.
    package var orderedComponents: [GroupComponent] {
        let all = characters.components
        guard case .cyclic(let count) = group.family else { return all }
        return all.sorted {
            GroupGrid.frequency(ofComponent: $0.name, order: count)
                < GroupGrid.frequency(ofComponent: $1.name, order: count)
        }
    }

    /// The frequency that a component of a cyclic group is named for.
    static func frequency(ofComponent name: String, order: Int) -> Int {
        switch name {
        case "trivial": 0
        case "sign": order / 2
        default: Int(name.dropFirst("freq_".count)) ?? 0
        }
    }

    /// The basis by name: `cyclic` along residues, `logarithms` along the discrete logarithms of a
    /// multiplicative group, `irreps of S5` for others.
    package var basis: String {
        guard isCyclic else { return characters.basis }
        return operands == Array(0..<order) ? "cyclic" : "discrete logarithms"
    }
}
