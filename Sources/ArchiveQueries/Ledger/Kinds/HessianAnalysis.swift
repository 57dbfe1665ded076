internal import Analysis
internal import ArrayMath
internal import Checkpoints
internal import Networks

/// The curvature of the loss: its spectrum's ends, and what else is measured of it.
///
/// Eigenvalues start from those of the checkpoint before.
struct HessianAnalysis: AnalysisDefinition {
    let codeVersion = "3"
    let view = "hessian_eigenvalues"
    let defaultSteps = StepSelection.spaced(10)

    func question(_ settings: AnalysisSettings) -> Question {
        var parameters: [String: String] = [:]
        if settings.curvatureMeasure != .eigenvalues {
            parameters["measure"] = "\"\(settings.curvatureMeasure.rawValue)\""
        }
        // Sharpnesses are the loss's own, whichever matrix is asked for otherwise.
        if settings.curvatureMeasure != .preconditioned, settings.curvatureMeasure != .keskar {
            parameters["operator"] = "\"\(settings.curvature.rawValue)\""
        }
        switch settings.curvatureMeasure {
        case .eigenvalues:
            parameters["bottom"] = "\(settings.bottom)"
            parameters["tolerance"] = "\(settings.tolerance)"
            parameters["top"] = "\(settings.top)"
        case .trace: parameters["products"] = "\(settings.traceProducts)"
        case .density:
            parameters["probes"] = "\(settings.densityProbes)"
            parameters["steps"] = "\(settings.densitySteps)"
        case .blocks:
            parameters["probes"] = "\(settings.traceProducts)"
            parameters["tolerance"] = "\(settings.tolerance)"
            parameters["top"] = "\(max(settings.top, 1))"
        case .preconditioned: parameters["tolerance"] = "\(settings.tolerance)"
        case .keskar:
            parameters["epsilon"] = "\(KeskarSharpness.usualEpsilon)"
            parameters["subspaces"] = "\(KeskarSharpnesses.usualCount)"
        }
        return Question(
            kind: .hessian, parameters: canonicalJSON(parameters), split: settings.split.rawValue,
            dtype: settings.precision.rawValue, seed: settings.seed)
    }

    func check(_ run: AnalysedRun, settings: AnalysisSettings) throws {
        _ = try run.model.examples(settings.split)
    }

    func prepare(_ run: AnalysedRun, settings: AnalysisSettings) throws -> CheckpointPlan {
        let model = try run.model
        switch settings.curvatureMeasure {
        case .eigenvalues:
            return CheckpointPlan(order: .following) { surroundings in
                var warmStart: [Double]?
                return { input in
                    let result = try Self.eigenvalues(
                        input.weights, model: model, settings: settings, warmStart: warmStart,
                        threadCount: surroundings.threadCount, watch: surroundings.watch)
                    warmStart = result.warmStart
                    return result.rows + result.products
                }
            }
        case .preconditioned:
            let rule = try AdamRule(of: try run.description)
            return CheckpointPlan(order: .following, needsOptimizerState: true) { surroundings in
                { input in
                    try [
                        Self.preconditioned(
                            input, model: model, rule: rule, settings: settings, surroundings)
                    ]
                }
            }
        case .trace, .density, .blocks, .keskar:
            return CheckpointPlan(order: .following) { surroundings in
                { input in
                    try Self.measures(
                        input.weights, model: model, settings: settings, surroundings)
                }
            }
        }
    }

    /// The extreme eigenvalues of the loss's curvature, and a start for the next checkpoint.
    ///
    /// Errors: weights that do not fit the network or are not finite.
    static func eigenvalues(
        _ weights: [Tensor], model: RunModel, settings: AnalysisSettings, warmStart: [Double]?,
        threadCount: Int, watch: @escaping () throws -> Void
    ) throws -> (rows: [EigenvalueRow], products: [MeasurementRow], warmStart: [Double]?) {
        let matrix = try curvature(
            settings.curvature, weights, model, settings, threadCount: threadCount, watch: watch)
        let spectrum = try matrix.spectrum(
            LanczosOptions(
                top: settings.top, bottom: settings.bottom, tolerance: settings.tolerance,
                seed: seed(settings), start: warmStart))
        let rows = spectrum.eigenvalues.map {
            EigenvalueRow($0, curvature: settings.curvature, split: settings.split)
        }
        let products = [
            MeasurementRow("operator_products", value: Double(spectrum.productCount)),
            MeasurementRow("draft_products", value: Double(spectrum.draftProductCount)),
        ]
        return (rows, products, spectrum.warmStart)
    }

    private static func curvature(
        _ kind: CurvatureOperator, _ weights: [Tensor], _ model: RunModel,
        _ settings: AnalysisSettings, threadCount: Int, watch: @escaping () throws -> Void
    ) throws -> NetworkCurvature {
        try NetworkCurvature(
            kind, of: model.configuration, task: model.task,
            examples: try model.examples(settings.split), at: weights,
            precision: settings.precision,
            threadCount: threadCount, watch: watch)
    }

    private static func seed(_ settings: AnalysisSettings) -> UInt64 {
        UInt64(bitPattern: Int64(settings.seed))
    }

    private static func measures(
        _ weights: [Tensor], model: RunModel, settings: AnalysisSettings,
        _ surroundings: CheckpointPlan.Surroundings
    ) throws -> [any ResultRow] {
        let (kind, split) = (settings.curvature, settings.split)
        func matrix() throws -> NetworkCurvature {
            try curvature(
                kind, weights, model, settings, threadCount: surroundings.threadCount,
                watch: surroundings.watch)
        }
        switch settings.curvatureMeasure {
        case .trace:
            let estimate = try curvatureTrace(
                of: try matrix().exact, productCount: settings.traceProducts,
                seed: seed(settings))
            return [
                TraceRow(
                    estimate, tensor: "total", method: "hutch++", curvature: kind, split: split)
            ]
        case .density:
            let density = try curvatureDensity(
                of: try matrix().exact, stepCount: settings.densitySteps,
                probeCount: settings.densityProbes, seed: seed(settings))
            return density.probes.enumerated().flatMap { probe, nodes in
                nodes.enumerated().map { place, node in
                    DensityRow(
                        probe: probe, place: place, node: node, curvature: kind, split: split)
                }
            }
        case .blocks:
            let blocks = try matrix().blocks(
                top: max(settings.top, 1), tolerance: settings.tolerance,
                probeCount: settings.traceProducts, seed: seed(settings))
            return blocks.flatMap { block -> [any ResultRow] in
                block.eigenvalues.map {
                    BlockEigenvalueRow($0, tensor: block.tensor, curvature: kind, split: split)
                } + [
                    TraceRow(
                        block.trace, tensor: block.tensor, method: "hutchinson", curvature: kind,
                        split: split)
                ]
            }
        case .keskar: return [try keskar(weights, model, settings, surroundings)]
        case .eigenvalues, .preconditioned:
            preconditionFailure("these have workers of their own")
        }
    }

    private static func keskar(
        _ weights: [Tensor], _ model: RunModel, _ settings: AnalysisSettings,
        _ surroundings: CheckpointPlan.Surroundings
    ) throws -> SharpnessRow {
        func sharpness<Scalar: NetworkScalar>(_ type: Scalar.Type) throws -> KeskarSharpnesses? {
            let evaluator = try model.configuration.evaluator(
                for: model.task, examples: try model.examples(settings.split),
                threadCount: surroundings.threadCount, as: type)
            return try keskarSharpness(
                of: evaluator, at: try model.layout.pack(weights), seed: seed(settings),
                watch: surroundings.watch)
        }
        let found =
            settings.precision == .float32 ? try sharpness(Float.self) : try sharpness(Double.self)
        guard let found else {
            throw UserError.missing(
                subject: "Keskar's sharpness", cause: "the loss at these weights is not finite",
                advice: "choose a checkpoint with finite weights")
        }
        return SharpnessRow(found, split: settings.split)
    }

    private static func preconditioned(
        _ input: CheckpointPlan.Input, model: RunModel, rule: AdamRule,
        settings: AnalysisSettings, _ surroundings: CheckpointPlan.Surroundings
    ) throws -> SharpnessRow {
        guard let stored = input.optimizerState else {
            throw UserError.missing(
                subject: "step \(input.step)",
                cause: "its optimiser state was not kept, and Adam's sharpness needs it",
                advice: "SELECT step FROM checkpoints WHERE has_optimizer_state lists those that "
                    + "have it")
        }
        let adam = try rule.state(stored, layout: model.layout, step: input.step)
        let matrix = try curvature(
            .hessian, input.weights, model, settings, threadCount: surroundings.threadCount,
            watch: surroundings.watch)
        let found = try preconditionedSharpness(
            of: matrix.exact, draft: matrix.draft, adam: adam, tolerance: settings.tolerance,
            seed: seed(settings))
        return SharpnessRow(found, split: settings.split)
    }
}
