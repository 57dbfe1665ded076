internal import ArrayMath
internal import Networks

/// Sums and projections of functions on a group and on its pairs.
///
/// A function with c columns is row-major: [n, c] on elements, [n², c] on pairs.
extension GroupCharacters {
    private var order: Int { group.order }

    /// Σ_h ⟨f(g h), f(h)⟩ … the correlation of a function with its translate, for each u = g h⁻¹:
    /// A(u) = Σ_h ⟨f(u h), f(h)⟩.
    private func autocorrelation(_ values: [Double], columns: Int) -> [Double] {
        let gram = matrixProduct(
            values, transposed: false, values, transposed: true, rows: order, columns: order,
            inner: columns)
        return quotientSums(gram)
    }

    /// B(u) = Σ over w v⁻¹ = u of matrix[w, v], for an n × n matrix.
    func quotientSums(_ matrix: [Double]) -> [Double] {
        var sums = [Double](repeating: 0, count: order)
        for right in 0..<order {
            let inverse = group.inverses[right]
            for left in 0..<order {
                sums[group.product(left, inverse)] += matrix[left * order + right]
            }
        }
        return sums
    }

    /// The power ‖Π_ρ f‖² of a function [n, columns] in each component ρ.
    ///
    /// The powers add up to Σ f² (Plancherel). They follow from the autocorrelation:
    /// ‖Π_ρ f‖² = scale · Σ_u χ_ρ(u) A(u). Rounding can leave a vanishing power slightly negative; it
    /// is then 0.
    package func power(_ values: [Double], columns: Int) -> [Double] {
        precondition(values.count == order * columns, "a row for each group element")
        let correlation = autocorrelation(values, columns: columns)
        return components.map { component in
            let sum = zip(component.character, correlation).reduce(0) { $0 + $1.0 * $1.1 }
            return sum.isNaN ? sum : max(0, component.projectorScale * sum)
        }
    }

    /// The spectrum of a function [n, columns] over the components of the group.
    package func spectrum(_ values: [Double], columns: Int) -> FourierSpectrum {
        FourierSpectrum(
            basis: basis, components: components.map(\.name),
            power: power(values, columns: columns))
    }

    /// Π f for the sum Π of the projectors on some components, [n, columns].
    package func project(
        _ values: [Double], columns: Int, on chosen: [GroupComponent]
    ) -> [Double] {
        var kernel = [Double](repeating: 0, count: order)
        for component in chosen {
            for element in 0..<order {
                kernel[element] += component.projectorScale * component.character[element]
            }
        }
        return convolve(kernel, values, columns: columns)
    }

    /// (κ ∗ f)[w] = Σ_v κ(w v⁻¹) f[v].
    func convolve(_ kernel: [Double], _ values: [Double], columns: Int) -> [Double] {
        matrixProduct(
            kernelMatrix(kernel), values, rows: order, columns: columns, inner: order)
    }

    /// The matrix κ(w v⁻¹), row-major [n, n].
    func kernelMatrix(_ kernel: [Double]) -> [Double] {
        var matrix = [Double](repeating: 0, count: order * order)
        for right in 0..<order {
            let inverse = group.inverses[right]
            for left in 0..<order {
                matrix[left * order + right] = kernel[group.product(left, inverse)]
            }
        }
        return matrix
    }
}

extension GroupGrid {
    /// Which coordinate of a pair a sum runs along.
    package enum PairCoordinate: Sendable {
        case left
        case right
        case answer
    }

    /// S[g] = Σ over the pairs whose coordinate is g of a function [n², columns]; [n, columns].
    package func sums(
        _ values: [Double], columns: Int, by coordinate: PairCoordinate
    ) -> [Double] {
        precondition(values.count == order * order * columns, "a row for each pair")
        var sums = [Double](repeating: 0, count: order * columns)
        values.withUnsafeBufferPointer { source in
            sums.withUnsafeMutableBufferPointer { target in
                for left in 0..<order {
                    for right in 0..<order {
                        let pair = left * order + right
                        let place =
                            switch coordinate {
                            case .left: left
                            case .right: right
                            case .answer: answers[pair]
                            }
                        let (from, to) = (pair * columns, place * columns)
                        for column in 0..<columns { target[to + column] += source[from + column] }
                    }
                }
            }
        }
        return sums
    }
}
