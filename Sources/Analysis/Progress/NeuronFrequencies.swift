internal import ArrayMath

/// The frequency each hidden neuron answers to on a cyclic grid.
package struct NeuronFrequencies: Sendable, Equatable {
    /// The frequency with the largest fraction of variance explained, for each neuron; 0 for a
    /// neuron that does not vary.
    package let frequency: [Int]
    /// That largest fraction, in [0, 1].
    package let explained: [Double]

    package init(frequency: [Int], explained: [Double]) {
        precondition(frequency.count == explained.count, "a fraction for each neuron")
        self.frequency = frequency
        self.explained = explained
    }

    /// The published bound above which a neuron belongs to its frequency.
    package static let clusterBound = 0.85

    /// How many neurons belong to each frequency, by the bound.
    package func clusters(above bound: Double = clusterBound) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for (frequency, share) in zip(frequency, explained) where share > bound {
            counts[frequency, default: 0] += 1
        }
        return counts
    }
}

/// For each neuron the frequency k with the largest fraction of variance explained (FVE).
///
/// FVE_k = Σ T² over {1, cos k, sin k} of x times {1, cos k, sin k} of y without (1, 1), over the
/// power of the activation centred on all n² pairs; `hidden` is [n², m]. All k from 1 to n/2 are
/// tried (the released code leaves out the last). A neuron that is constant explains 0; NaN gives
/// frequency 0 and NaN.
package func neuronFrequencies(
    hidden: [Double], on grid: GroupGrid
) -> NeuronFrequencies {
    let order = grid.order
    let width = hidden.count / max(order * order, 1)
    let basis = orthonormalFourierBasis(order)
    // A[i, y, j] = Σ_x f_i(x) H[x, y, j].
    let byLeft = matrixProduct(basis, hidden, rows: order, columns: order * width, inner: order)
    // T[0, i', j]: constant in x.
    let constant = matrixProduct(
        basis, Array(byLeft[..<(order * width)]), rows: order, columns: width, inner: order)
    var total = [Double](repeating: 0, count: width)
    for (index, value) in hidden.enumerated() { total[index % max(width, 1)] += value * value }
    var best = [Double](repeating: 0, count: width)
    var frequencies = [Int](repeating: 0, count: width)
    for neuron in 0..<width {
        let varying = total[neuron] - constant[neuron] * constant[neuron]
        // What rounding leaves of a constant neuron is no variation.
        total[neuron] = varying <= 1e-13 * Double(order) * total[neuron] ? 0 : varying
    }
    for frequency in (0...order / 2).dropFirst() {
        let rows = basisRows(ofFrequency: frequency, count: order)
        var power = [Double](repeating: 0, count: width)
        for row in rows {
            for neuron in 0..<width {
                power[neuron] += constant[row * width + neuron] * constant[row * width + neuron]
            }
            let slab = Array(byLeft[row * order * width..<(row + 1) * order * width])
            let chosen = ([0] + rows).flatMap { Array(basis[$0 * order..<($0 + 1) * order]) }
            let block = matrixProduct(
                chosen, slab, rows: rows.count + 1, columns: width, inner: order)
            for (index, value) in block.enumerated() { power[index % width] += value * value }
        }
        for neuron in 0..<width {
            let share = total[neuron] > 0 ? power[neuron] / total[neuron] : 0
            if total[neuron].isNaN {
                best[neuron] = .nan
            } else if share > best[neuron] {
                best[neuron] = share
                frequencies[neuron] = frequency
            }
        }
    }
    return NeuronFrequencies(frequency: frequencies, explained: best)
}
