package import Analysis
internal import Checkpoints
package import Networks

/// The sharpness that Adam sees, beside its threshold.
///
/// Sharpnesses are the loss's own: they have no choice of matrix.
package struct PreconditionedSharpnessAnalysis: CurvatureAnalysis {
    package static let view = "sharpness_measures"
    package static let measure: String? = "preconditioned"

    package var settings = CurvatureSettings()
    package var tolerance = 1e-6

    package init() {}

    package var ownParameters: [String: String] { ["tolerance": "\(tolerance)"] }

    package func memory(_ layout: ParameterLayout) -> VectorMemory {
        .eigenvalues(1, dimension: layout.count)
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let rule = try AdamRule(of: try run.description)
        return try plan(run, of: .hessian, needsOptimizerState: true) { matrix, input in
            guard let stored = input.optimizerState else {
                throw UserError.missing(
                    subject: "step \(input.step)",
                    cause: "its optimiser state was not kept, and Adam's sharpness needs it",
                    advice: "SELECT step FROM checkpoints WHERE has_optimizer_state lists "
                        + "those that have it")
            }
            let adam = try rule.state(stored, layout: matrix.layout, step: input.step)
            let found = try preconditionedSharpness(
                of: matrix.exact, draft: matrix.draft, adam: adam, tolerance: tolerance,
                seed: seedBits)
            return [SharpnessRow(found, split: settings.split)]
        }
    }
}

/// The rise of the loss in a small box (Keskar's sharpness), in several random subspaces.
package struct KeskarSharpnessAnalysis: CurvatureAnalysis {
    package static let view = "sharpness_measures"
    package static let measure: String? = "keskar"

    package var settings = CurvatureSettings()

    package init() {}

    package var ownParameters: [String: String] {
        ["epsilon": "\(KeskarSharpness.usualEpsilon)"]
    }

    package func memory(_ layout: ParameterLayout) -> VectorMemory {
        .directions(KeskarSharpness.usualDimension, dimension: layout.count)
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let model = try run.model
        return CheckpointPlan(order: .following) { surroundings in
            { input in
                let found =
                    settings.precision == .float32
                    ? try sharpness(input, model, surroundings, as: Float.self)
                    : try sharpness(input, model, surroundings, as: Double.self)
                guard let found else {
                    throw UserError.missing(
                        subject: "Keskar's sharpness",
                        cause: "the loss at these weights is not finite",
                        advice: "choose a checkpoint with finite weights")
                }
                return [SharpnessRow(found, split: settings.split)]
            }
        }
    }

    private func sharpness<Scalar: NetworkScalar>(
        _ input: CheckpointPlan.Input, _ model: RunModel,
        _ surroundings: CheckpointPlan.Surroundings, as type: Scalar.Type
    ) throws -> KeskarSharpnesses? {
        let evaluator = try model.configuration.evaluator(
            for: model.task, examples: try model.examples(settings.split),
            threadCount: surroundings.threadCount, as: type)
        return try keskarSharpness(
            of: evaluator, at: try model.layout.pack(input.weights), seed: seedBits,
            watch: surroundings.watch)
    }
}
