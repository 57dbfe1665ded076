package import Analysis
internal import ArrayMath
package import Checkpoints
package import Networks

/// What every measure of the loss's curvature can be told.
package struct CurvatureSettings: Sendable, Equatable {
    /// The examples of the loss.
    package var split = ExampleSplit.train
    /// The arithmetic, `float64` or `float32`.
    package var precision = ElementType.float64
    /// The seed of what is drawn.
    package var seed = 0

    package init() {}
}

/// A measure of the loss's curvature; each is a question of its own of the kind `hessian`.
package protocol CurvatureAnalysis: CheckpointAnalysis {
    /// What the measure is called in the ledger; nil for eigenvalues.
    static var measure: String? { get }
    var settings: CurvatureSettings { get set }
    /// The settings of this measure alone, as JSON texts by name.
    var ownParameters: [String: String] { get }
    /// What the vectors of the measure take.
    func memory(_ layout: ParameterLayout) -> VectorMemory
}

extension CurvatureAnalysis {
    package static var kind: AnalysisKind { .hessian }
    package static var codeVersion: String { "3" }
    package var defaultSteps: StepSelection { .spaced(10) }

    package var question: Question {
        var parameters = ownParameters
        parameters["measure"] = Self.measure.map { "\"\($0)\"" }
        return Question(
            .hessian, parameters, split: settings.split, dtype: settings.precision.rawValue,
            seed: settings.seed, view: Self.view)
    }

    package func check(_ run: AnalysedRun) throws {
        _ = try run.model.examples(settings.split)
        try memory(run.model.layout).check()
    }

    package func statement(of run: AnalysedRun) -> String? {
        guard let model = try? run.model, let examples = try? model.examples(settings.split)
        else { return nil }
        func need<Scalar: NetworkScalar>(_ type: Scalar.Type) -> Int {
            (try? model.configuration.evaluatorMemory(
                for: model.task, examples: examples, as: type
            ).total) ?? 0
        }
        // Drafts in single precision have an evaluator of their own.
        let bytes = need(Float.self) + (settings.precision == .float32 ? 0 : need(Double.self))
        return memory(model.layout).statement(
            evaluatorBytes: bytes, exampleCount: examples.count)
    }

    /// A plan that answers for each checkpoint from a matrix of curvature at its weights.
    func plan(
        _ run: AnalysedRun, of kind: CurvatureOperator, needsOptimizerState: Bool = false,
        rows: @escaping @Sendable (NetworkCurvature, CheckpointPlan.Input) throws -> [any ResultRow]
    ) throws -> CheckpointPlan {
        let model = try run.model
        return CheckpointPlan(order: .following, needsOptimizerState: needsOptimizerState) {
            surroundings in
            { input in
                try rows(
                    matrix(
                        kind, input.weights, model, threadCount: surroundings.threadCount,
                        watch: surroundings.watch), input)
            }
        }
    }

    var seedBits: UInt64 { UInt64(bitPattern: Int64(settings.seed)) }

    /// A matrix of curvature at some weights.
    ///
    /// Errors: weights that do not fit the network or are not finite.
    func matrix(
        _ kind: CurvatureOperator, _ weights: [Tensor], _ model: RunModel, threadCount: Int,
        watch: @escaping () throws -> Void
    ) throws -> NetworkCurvature {
        try NetworkCurvature(
            kind, of: model.configuration, task: model.task,
            examples: try model.examples(settings.split), at: weights,
            precision: settings.precision,
            threadCount: threadCount, watch: watch)
    }
}

/// The ends of the curvature's spectrum; each checkpoint starts from the one before.
package struct EigenvalueAnalysis: CurvatureAnalysis {
    package static let view = "hessian_eigenvalues"
    package static let measure: String? = nil

    package var settings = CurvatureSettings()
    package var matrix = CurvatureOperator.hessian
    /// How many of the largest eigenvalues.
    package var top = 5
    /// How many of the smallest.
    package var bottom = 0
    /// The error bound relative to the largest eigenvalue.
    package var tolerance = 1e-6

    package init() {}

    package var ownParameters: [String: String] {
        [
            "operator": "\"\(matrix.rawValue)\"", "bottom": "\(bottom)",
            "tolerance": "\(tolerance)", "top": "\(top)",
        ]
    }

    package func memory(_ layout: ParameterLayout) -> VectorMemory {
        .eigenvalues(max(top, bottom), dimension: layout.count)
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let model = try run.model
        return CheckpointPlan(order: .following) { surroundings in
            var warmStart: [Double]?
            return { input in
                let result = try eigenvalues(
                    input.weights, model: model, warmStart: warmStart,
                    threadCount: surroundings.threadCount, watch: surroundings.watch)
                warmStart = result.warmStart
                return result.rows + result.products
            }
        }
    }

    /// The extreme eigenvalues of the loss's curvature, and a start for the next checkpoint.
    ///
    /// Errors: weights that do not fit the network or are not finite.
    func eigenvalues(
        _ weights: [Tensor], model: RunModel, warmStart: [Double]?, threadCount: Int,
        watch: @escaping () throws -> Void
    ) throws -> (rows: [EigenvalueRow], products: [MeasurementRow], warmStart: [Double]?) {
        let spectrum = try matrix(
            matrix, weights, model, threadCount: threadCount, watch: watch
        ).spectrum(
            LanczosOptions(
                top: top, bottom: bottom, tolerance: tolerance, seed: seedBits, start: warmStart))
        let rows = spectrum.eigenvalues.map {
            EigenvalueRow($0, curvature: matrix, split: settings.split)
        }
        let products = [
            ("operator_products", spectrum.productCount),
            ("draft_products", spectrum.draftProductCount),
        ].map { MeasurementRow($0, variant: matrix.rawValue, value: Double($1)) }
        return (rows, products, spectrum.warmStart)
    }
}

/// The trace, with its standard error.
package struct TraceAnalysis: CurvatureAnalysis {
    package static let view = "hessian_traces"
    package static let measure: String? = "trace"

    package var settings = CurvatureSettings()
    package var matrix = CurvatureOperator.hessian
    /// Products with the matrix.
    package var products = 30

    package init() {}

    package var ownParameters: [String: String] {
        ["operator": "\"\(matrix.rawValue)\"", "products": "\(products)"]
    }

    package func memory(_ layout: ParameterLayout) -> VectorMemory {
        .products(products, dimension: layout.count)
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        try plan(run, of: matrix) { curvature, _ in
            let estimate = try curvatureTrace(
                of: curvature.exact, productCount: products, seed: seedBits)
            return [
                TraceRow(
                    estimate, tensor: "total", method: "hutch++", curvature: matrix,
                    split: settings.split)
            ]
        }
    }
}

/// The spectral density: nodes and weights of stochastic Lanczos quadrature.
package struct DensityAnalysis: CurvatureAnalysis {
    package static let view = "hessian_densities"
    package static let measure: String? = "density"

    package var settings = CurvatureSettings()
    package var matrix = CurvatureOperator.hessian
    /// Random probes.
    package var probes = 5
    /// Lanczos steps of each probe.
    package var lanczosSteps = 64

    package init() {}

    package var ownParameters: [String: String] {
        [
            "operator": "\"\(matrix.rawValue)\"", "probes": "\(probes)",
            "steps": "\(lanczosSteps)",
        ]
    }

    package func memory(_ layout: ParameterLayout) -> VectorMemory {
        .lanczosSteps(lanczosSteps, dimension: layout.count)
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let rate = try run.description.hyperparameters.first { $0.name == "learning_rate" }
            .flatMap { parameter -> Double? in
                switch parameter.value {
                case .real(let rate): rate
                case .integer(let rate): Double(rate)
                default: nil
                }
            }
        return try plan(run, of: matrix) { curvature, _ in
            let density = try curvatureDensity(
                of: curvature.exact, stepCount: lanczosSteps, probeCount: probes, seed: seedBits)
            let nodes: [any ResultRow] = density.probes.enumerated().flatMap { probe, nodes in
                nodes.enumerated().map { place, node in
                    DensityRow(
                        probe: probe, place: place, node: node, curvature: matrix,
                        split: settings.split)
                }
            }
            return nodes + [dimensionRow(density, count: curvature.layout.count, rate: rate)]
        }
    }

    /// The sharpness dimension from the nodes of all probes.
    private func dimensionRow(
        _ density: SpectralDensity, count: Int, rate: Double?
    ) -> MeasurementRow {
        let nodes = density.probes.flatMap { $0 }
        let weight = Double(count) / Double(max(density.probes.count, 1))
        let value = rate.flatMap {
            sharpnessDimension(
                eigenvalues: nodes.map(\.eigenvalue), weights: nodes.map { weight * $0.weight },
                learningRate: $0)
        }
        return MeasurementRow(
            "sharpness_dimension", variant: matrix.rawValue, split: settings.split.rawValue,
            value: value,
            text: value == nil
                ? rate == nil ? "the run states no learning rate" : "an eigenvalue is not finite"
                : nil)
    }
}

/// The largest eigenvalues and the trace of each tensor's diagonal block.
package struct BlockAnalysis: CurvatureAnalysis {
    package static let view = "hessian_blocks"
    package static let measure: String? = "blocks"

    package var settings = CurvatureSettings()
    package var matrix = CurvatureOperator.hessian
    /// How many eigenvalues of each block, at least one.
    package var top = 5
    package var tolerance = 1e-6
    /// Probes of each block's trace.
    package var probes = 30

    package init() {}

    package var ownParameters: [String: String] {
        [
            "operator": "\"\(matrix.rawValue)\"", "probes": "\(probes)",
            "tolerance": "\(tolerance)", "top": "\(top)",
        ]
    }

    /// Of the largest block: blocks come one after another, and of smaller ones fewer are wanted.
    package func memory(_ layout: ParameterLayout) -> VectorMemory {
        let largest = layout.entries.map(\.count).max() ?? 0
        return .eigenvalues(min(top, largest), dimension: largest)
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        try plan(run, of: matrix) { curvature, _ in
            let blocks = try curvature.blocks(
                top: top, tolerance: tolerance, probeCount: probes, seed: seedBits)
            return blocks.flatMap { block -> [any ResultRow] in
                block.eigenvalues.map {
                    BlockEigenvalueRow(
                        $0, tensor: block.tensor, curvature: matrix, split: settings.split)
                } + [
                    TraceRow(
                        block.trace, tensor: block.tensor, method: "hutchinson",
                        curvature: matrix, split: settings.split)
                ]
            }
        }
    }
}
