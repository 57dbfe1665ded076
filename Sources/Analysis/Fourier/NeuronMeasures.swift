internal import ArrayMath
internal import Networks

/// Which component each neuron and attention head answers to, from the activations on all pairs.
///
/// On cyclic grids: `neuron_cluster` (variant: frequency) counts the neurons whose fraction of
/// variance explained exceeds 0.85, `unexplained_neurons` the rest; `key_frequency` by the released
/// code's rule (variant `neurons`: frequencies that are the best of at least one neuron, commonest
/// first; the released code never tries n/2, variant `neurons without n/2`); for each attention head
/// (subject `block 0 head 2`) `head_frequency` and `head_variance_explained` of its attention to the
/// first operand. On others `irrep_cluster` counts the neurons of which more than 0.85 of the
/// variance lies in functions of the answer in one representation.
package func neuronMeasures(
    hidden: [Double], attention: [HeadAttention], on grid: GroupGrid
) -> [MeasuredValue] {
    guard grid.isCyclic else { return irrepClusters(hidden, grid) }
    let neurons = neuronFrequencies(hidden: hidden, on: grid)
    let clusters = neurons.clusters()
    var rows = clusters.sorted { $0.key < $1.key }.map { frequency, count in
        MeasuredValue("neuron_cluster", variant: "\(frequency)", value: Double(count))
    }
    let explained = clusters.values.reduce(0, +)
    rows.append(
        MeasuredValue(
            "unexplained_neurons", value: Double(neurons.frequency.count - explained)))
    var counts: [Int: Int] = [:]
    for frequency in neurons.frequency where frequency > 0 { counts[frequency, default: 0] += 1 }
    let ordered = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    let released = ordered.filter { 2 * $0 + 1 < grid.order }
    for (variant, keys) in [("neurons", ordered), ("neurons without n/2", released)] {
        rows += keys.enumerated().map { place, key in
            MeasuredValue(
                "key_frequency", variant: variant, subject: "hidden", position: place,
                value: Double(key), text: "\(key)")
        }
    }
    for head in attention {
        let best = neuronFrequencies(hidden: head.values, on: grid)
        guard let frequency = best.frequency.first, let share = best.explained.first else {
            continue
        }
        rows += [
            MeasuredValue(
                "head_frequency", subject: head.name,
                value: frequency > 0 ? Double(frequency) : nil,
                text: frequency > 0 ? nil : "its attention does not vary"),
            MeasuredValue(
                "head_variance_explained", subject: head.name, value: frequency > 0 ? share : nil,
                text: frequency > 0 ? nil : "its attention does not vary"),
        ]
    }
    return rows
}

/// The attention of one head to the first operand from the read-out position, on all pairs.
package struct HeadAttention: Sendable {
    package let name: String
    /// [n²], in the order of the grid.
    package let values: [Double]
}

extension HeadAttention {
    /// The heads of all blocks of a transformer; none for other networks.
    static func all(
        of evaluator: NetworkEvaluator<Double>, _ parameters: [Double], on grid: GroupGrid,
        operandPosition: Int
    ) throws -> [HeadAttention] {
        let network = evaluator.network
        guard network.kind == .transformer else { return [] }
        return try (0..<network.layers).flatMap { layer -> [HeadAttention] in
            let values = try evaluator.activations(parameters, .attention(layer: layer))
            let width = values.count / evaluator.examples.count
            let length = width / network.heads
            return (0..<network.heads).map { head in
                HeadAttention(
                    name: "block \(layer) head \(head)",
                    values: grid.gather(
                        values, width: width, columns: [head * length + operandPosition]))
            }
        }
    }
}

/// Neurons by the representation that holds most of what they vary with the answer.
private func irrepClusters(_ hidden: [Double], _ grid: GroupGrid) -> [MeasuredValue] {
    let order = grid.order
    let width = hidden.count / max(order * order, 1)
    let sums = grid.sums(hidden, columns: width, by: .answer)
    var squares = [Double](repeating: 0, count: width)
    for (index, value) in hidden.enumerated() { squares[index % max(width, 1)] += value * value }
    var counts: [String: Int] = [:]
    for neuron in 0..<width {
        let column = (0..<order).map { sums[$0 * width + neuron] }
        let power = grid.characters.power(column, columns: 1).map { $0 / Double(order) }
        let varying = squares[neuron] - (power.first ?? 0)
        // What rounding leaves of a constant neuron is no variation.
        guard varying > 1e-13 * Double(order) * squares[neuron] else { continue }
        let best = zip(grid.characters.components, power).dropFirst().max { $0.1 < $1.1 }
        if let best, best.1 / varying > NeuronFrequencies.clusterBound {
            counts[best.0.name, default: 0] += 1
        }
    }
    return counts.sorted { $0.key < $1.key }.map { name, count in
        MeasuredValue("irrep_cluster", variant: name, value: Double(count))
    } + [
        MeasuredValue(
            "unexplained_neurons", value: Double(width - counts.values.reduce(0, +)))
    ]
}
