internal import Analysis
internal import ArrayMath
internal import Checkpoints
internal import Networks

/// How noisy gradients are, and the spectral edge of gradients at consecutive checkpoints.
package struct GradientsAnalysis: CheckpointAnalysis {
    package static let kind = AnalysisKind.gradients
    package static let codeVersion = "1"
    package static let view = "measurements"

    package var split = ExampleSplit.train
    /// Examples whose own gradient is computed, at most.
    package var samples = 512
    /// The seed of their choice.
    package var seed = 0

    package init() {}

    package let defaultSteps = StepSelection.spaced(20)

    package var question: Question {
        Question(.gradients, ["samples": "\(samples)"], split: split, seed: seed)
    }

    package func check(_ run: AnalysedRun) throws { _ = try run.model.examples(split) }

    /// The earlier checkpoints of the window: as many gradients as updates of the published measure.
    package func companions(of step: Int, among steps: [Int]) -> [Int] {
        window(endingAt: step, among: steps).map { Array($0.dropLast()) } ?? []
    }

    private func window(endingAt step: Int, among steps: [Int]) -> [Int]? {
        spectralEdgeSteps(endingAt: step, among: steps).map { Array($0.dropFirst()) }
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let (steps, model) = (run.steps, try run.model)
        let examples = try model.examples(split)
        return CheckpointPlan(order: .following) { surroundings in
            let evaluator: NetworkEvaluator<Double> = try model.configuration.evaluator(
                for: model.task, examples: examples, threadCount: surroundings.threadCount)
            return { input in
                let parameters: [Double] = try evaluator.layout.pack(input.weights)
                let found = try gradientNoise(
                    of: evaluator, at: parameters, sampleCount: samples,
                    seed: UInt64(bitPattern: Int64(seed)), watch: surroundings.watch)
                let earlier = try (window(endingAt: input.step, among: steps) ?? []).dropLast()
                    .map { step -> [Double] in
                        try surroundings.watch()
                        var gradient = [Double](repeating: 0, count: parameters.count)
                        let weights: [Double] = try evaluator.layout.pack(
                            input.companions[step] ?? [])
                        _ = evaluator.gradient(weights, into: &gradient)
                        return gradient
                    }
                return
                    (noiseRows(found.noise, split: split.rawValue)
                    + gradientEdge(
                        earlier.isEmpty ? [] : earlier + [found.gradient], split: split.rawValue))
                    .measurementRows
            }
        }
    }
}

private func noiseRows(_ noise: GradientNoise?, split: String) -> [MeasuredValue] {
    let cause = "there is one example, or a gradient is not finite"
    func row(_ measure: String, _ value: Double?, _ text: String) -> MeasuredValue {
        MeasuredValue(measure, split: split, value: value, text: value == nil ? text : nil)
    }
    return [
        row("gradient_squared_norm", noise?.squaredNorm, cause),
        row("gradient_variance_trace", noise?.trace, cause),
        row("gradient_variance_error", noise?.traceError, cause),
        row("gradient_samples", noise.map { Double($0.sampleCount) }, cause),
        row("gradient_noise_scale", noise?.scale, noise == nil ? cause : "the gradient is zero"),
        row(
            "unbiased_gradient_noise_scale", noise?.unbiasedScale,
            noise == nil
                ? cause : "the squared norm less its own noise is not above zero: near a minimum"),
    ]
}
