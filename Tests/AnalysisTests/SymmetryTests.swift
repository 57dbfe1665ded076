import Analysis
import ArrayMath
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

/// Maps of the weights that leave the function as it is leave what is measured of it.
///
/// All maps here are orthogonal, so that the Hessian's spectrum and all norms stay as well.
struct SymmetryTests {
    private let model = ModelConfiguration(
        task: TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.5),
        network: NetworkConfiguration(
            layers: 2, width: 8, heads: 2, mlpWidth: 12, activation: .gelu))

    private func weights(_ model: ModelConfiguration, seed: Int) throws -> [Tensor] {
        var generator = SeededGenerator(seed: seed)
        let layout = try model.layout(for: model.makeTask())
        let parameters: [Double] = layout.initialParameters(using: &generator)
        return layout.unpack(parameters)
    }

    /// The axis of a transformer's tensor that runs along the residual stream.
    private func residualAxis(_ name: String) -> Int? {
        switch name.split(separator: ".").last {
        case "embedding", "positions", "query", "key", "value": 1
        case "output": name.contains("attention") ? 2 : 1
        case "input", "unembedding", "output_bias": 0
        default: nil
        }
    }

    /// Turns coordinates `i` and `j` of an axis by an angle.
    private func turn(_ tensor: Tensor, axis: Int, _ i: Int, _ j: Int, by angle: Double) -> Tensor {
        var values = tensor.doubles() ?? []
        let inner = tensor.shape[(axis + 1)...].reduce(1, *)
        let extent = tensor.shape[axis]
        for start in stride(from: 0, to: values.count, by: extent * inner) {
            for offset in 0..<inner {
                let (first, second) = (start + i * inner + offset, start + j * inner + offset)
                let (a, b) = (values[first], values[second])
                values[first] = cos(angle) * a - sin(angle) * b
                values[second] = sin(angle) * a + cos(angle) * b
            }
        }
        return Tensor(name: tensor.name, shape: tensor.shape, values: values)
    }

    private func requireEqual(
        _ one: [MeasuredValue], _ other: [MeasuredValue], within tolerance: Double
    ) {
        #expect(!one.isEmpty && one.map(\.measure) == other.map(\.measure))
        for (first, second) in zip(one, other) {
            let (a, b) = (first.value ?? 0, second.value ?? 0)
            #expect(
                abs(a - b) <= tolerance * max(1, abs(a)),
                "\(first.measure) \(first.variant): \(a) and \(b)")
        }
    }

    private func requireSameFunction(
        _ model: ModelConfiguration, _ one: [Tensor], _ other: [Tensor]
    ) throws {
        #expect(one != other)
        let task = try model.makeTask()
        let progress = try ProgressAnalysis(model, task: task)
        let keys = try progress.keys(of: one)
        #expect(try progress.keys(of: other) == keys)
        // Sums over 49 pairs and 12 neurons: rounding stays far below 1e-9.
        requireEqual(
            try progress.measures(of: one, keys: keys),
            try progress.measures(of: other, keys: keys), within: 1e-9)
        let spectra = try [one, other].map {
            try NetworkCurvature(
                .hessian, of: model, task: task, examples: task.trainExamples, at: $0
            ).spectrum(LanczosOptions(top: 4, bottom: 2, tolerance: 1e-10)).eigenvalues
        }
        let scale = abs(spectra[0].first?.eigenvalue ?? 0)
        #expect(spectra[0].count == 6 && scale > 0)
        for (first, second) in zip(spectra[0], spectra[1]) {
            #expect(abs(first.eigenvalue - second.eigenvalue) <= 1e-8 * scale)
        }
    }

    @Test(
        "rotating the residual stream leaves losses, curvature, spectra and ranks", arguments: 0..<3
    )
    func rotation(seed: Int) throws {
        let original = try weights(model, seed: seed)
        var generator = SeededGenerator(seed: 100 + seed)
        var rotated = original
        for i in 0..<8 {
            for j in 0..<i {
                let angle = Double.random(in: 0...6, using: &generator)
                rotated = rotated.map { tensor in
                    residualAxis(tensor.name).map { turn(tensor, axis: $0, i, j, by: angle) }
                        ?? tensor
                }
            }
        }
        try requireSameFunction(model, original, rotated)
        for (one, other) in zip(weightNorms(of: original), weightNorms(of: rotated)) {
            #expect(one.tensor == other.tensor)
            for (a, b) in [
                (one.l2, other.l2), (one.spectral, other.spectral),
                (one.stableRank, other.stableRank), (one.effectiveRank, other.effectiveRank),
            ] {
                #expect((a == nil) == (b == nil))
                #expect(abs((a ?? 0) - (b ?? 0)) <= 1e-10 * max(1, abs(a ?? 0)), "\(one.tensor)")
            }
        }
        let geometry = try GeometryAnalysis(model, task: model.makeTask())
        let keys = try geometry.keys(of: original)
        requireEqual(
            try geometry.measures(of: original, keys: keys),
            try geometry.measures(of: rotated, keys: keys), within: 1e-7)
    }

    @Test("signs that cancel inside a head leave the function", arguments: ["value", "query"])
    func headSigns(part: String) throws {
        let original = try weights(model, seed: 5)
        let partner = part == "value" ? "output" : "key"
        let flipped = original.map { tensor -> Tensor in
            guard tensor.name.hasPrefix("blocks.1.attention.") else { return tensor }
            let last = tensor.name.split(separator: ".").last.map(String.init)
            guard last == part || last == partner else { return tensor }
            // The second head alone.
            let values = tensor.doubles() ?? []
            let half = values.count / 2
            return Tensor(
                name: tensor.name, shape: tensor.shape,
                values: values[..<half] + values[half...].map { -$0 })
        }
        try requireSameFunction(model, original, flipped)
    }

    @Test("a quadratic neuron does not know the sign of its input")
    func quadraticSigns() throws {
        let model = ModelConfiguration(
            task: TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.5),
            network: NetworkConfiguration(
                kind: .oneHot, hiddenWidth: 12, activation: .quadratic, mlpBiases: false))
        let original = try weights(model, seed: 6)
        let flipped = original.map { tensor -> Tensor in
            guard tensor.name == "hidden" else { return tensor }
            let values = (tensor.doubles() ?? []).enumerated().map {
                $0.offset % 12 < 5 ? -$0.element : $0.element
            }
            return Tensor(name: tensor.name, shape: tensor.shape, values: values)
        }
        try requireSameFunction(model, original, flipped)
    }
}
