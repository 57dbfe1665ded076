package import Analysis
internal import ArrayMath
internal import Checkpoints
package import GRDB
internal import Networks

/// Extreme eigenvalues of the loss's curvature, each checkpoint starting from the one before.
struct HessianAnalysis: AnalysisDefinition {
    let codeVersion = "1"
    let view = "hessian_eigenvalues"
    let defaultSteps = StepSelection.spaced(10)

    func question(_ settings: AnalysisSettings) -> Question {
        Question(
            kind: .hessian,
            parameters: canonicalJSON([
                "bottom": "\(settings.bottom)", "operator": "\"\(settings.curvature.rawValue)\"",
                "tolerance": "\(settings.tolerance)", "top": "\(settings.top)",
            ]), split: settings.split.rawValue, dtype: settings.precision.rawValue,
            seed: settings.seed)
    }

    func prepare(_ run: AnalysedRun, settings: AnalysisSettings) throws -> CheckpointPlan {
        let model = try run.model
        return CheckpointPlan(order: .following) { surroundings in
            var warmStart: [Double]?
            return { input in
                let result = try Self.curvature(
                    input.weights, model: model, settings: settings, warmStart: warmStart,
                    threadCount: surroundings.threadCount, watch: surroundings.watch)
                warmStart = result.warmStart
                return result.rows
            }
        }
    }

    /// The extreme eigenvalues of the loss's curvature, and a start for the next checkpoint.
    ///
    /// Errors: weights that do not fit the network or are not finite.
    static func curvature(
        _ weights: [Tensor], model: RunModel, settings: AnalysisSettings, warmStart: [Double]?,
        threadCount: Int, watch: @escaping () throws -> Void
    ) throws -> (rows: [EigenvalueRow], warmStart: [Double]?) {
        let spectrum =
            settings.precision == .float32
            ? try spectrum(Float.self, weights, model, settings, warmStart, threadCount, watch)
            : try spectrum(Double.self, weights, model, settings, warmStart, threadCount, watch)
        return (
            spectrum.eigenvalues.map {
                EigenvalueRow($0, curvature: settings.curvature, split: settings.split)
            }, spectrum.warmStart
        )
    }

    private static func spectrum<Scalar: NetworkScalar>(
        _ type: Scalar.Type, _ weights: [Tensor], _ model: RunModel, _ settings: AnalysisSettings,
        _ warmStart: [Double]?, _ threadCount: Int, _ watch: @escaping () throws -> Void
    ) throws -> CurvatureSpectrum {
        let parameters: [Scalar] = try model.layout.pack(weights)
        let evaluator = try model.configuration.evaluator(
            for: model.task, examples: model.examples(settings.split), threadCount: threadCount,
            as: type)
        let matrix = curvatureOperator(settings.curvature, of: evaluator, at: parameters)
        // Asked between products, so that an interruption ends a long search soon.
        let watched = LinearOperator(dimension: matrix.dimension) { vector, result in
            try watch()
            try matrix.apply(vector, result)
        }
        return try curvatureSpectrum(
            of: watched,
            options: LanczosOptions(
                top: settings.top, bottom: settings.bottom, tolerance: settings.tolerance,
                seed: UInt64(settings.seed), start: warmStart))
    }
}

/// One eigenvalue of a matrix of curvature.
package struct EigenvalueRow: ResultRow, Equatable {
    package let value: CurvatureEigenvalue
    package let curvature: CurvatureOperator
    package let split: ExampleSplit

    init(_ value: CurvatureEigenvalue, curvature: CurvatureOperator, split: ExampleSplit) {
        self.value = value
        self.curvature = curvature
        self.split = split
    }

    package static let insertion =
        "INSERT INTO hessian_eigenvalue VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    package var arguments: [(any DatabaseValueConvertible)?] {
        [
            curvature.rawValue, split.rawValue, value.side.rawValue, value.rank, value.eigenvalue,
            value.residual, value.converged,
        ]
    }
}
