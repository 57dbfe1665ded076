package import Analysis
internal import ArrayMath
internal import Checkpoints
internal import Networks

/// The local learning coefficient at each checkpoint, with what tells whether to believe it.
package struct LearningCoefficientAnalysis: CheckpointAnalysis {
    package static let kind = AnalysisKind.learningCoefficient
    package static let codeVersion = "1"
    package static let view = "measurements"

    package var settings = SamplerSettings()
    /// The examples of the loss.
    package var split = ExampleSplit.train

    package init() {}

    package let defaultSteps = StepSelection.spaced(10)

    package var question: Question {
        Question(
            .learningCoefficient,
            [
                "batch": settings.batch.map { "\($0)" } ?? "null",
                "burn_in": "\(settings.burnIn)", "chains": "\(settings.chains)",
                "draws": "\(settings.draws)", "localization": "\(settings.localization)",
                "preconditioner": Question.json(settings.preconditioner.rawValue),
                "step_size": "\(settings.stepSize)",
                "temperature": settings.inverseTemperature.map { "\($0)" } ?? "null",
            ], split: split, seed: settings.seed)
    }

    package func check(_ run: AnalysedRun) throws {
        let count = try run.model.examples(split).count
        guard count > 1 else {
            throw UserError.missing(
                subject: "run \(run.id)",
                cause: "a single example has no temperature N / ln N",
                advice: "choose another split")
        }
        if let batch = settings.batch, batch > count {
            throw UserError.missing(
                subject: "a batch of \(batch)", cause: "the split has \(count) examples",
                advice: "choose at most so many")
        }
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let model = try run.model
        let examples = try model.examples(split)
        return CheckpointPlan(order: .following) { surroundings in
            let evaluator: NetworkEvaluator<Double> = try model.configuration.evaluator(
                for: model.task, examples: examples, threadCount: surroundings.threadCount)
            return { input in
                let centre: [Double] = try model.layout.pack(input.weights)
                let found = try learningCoefficient(
                    at: centre, exampleCount: examples.count, settings: settings,
                    centreLoss: evaluator.lossAndAccuracy(centre).loss, watch: surroundings.watch
                ) { point, generator, gradient in
                    let rows = settings.batch.map { size in
                        (0..<size).map { _ in generator.index(below: examples.count) }
                    }
                    return evaluator.gradient(point, rows: rows, into: &gradient).loss
                }
                return rows(of: found)
            }
        }
    }

    private func rows(of found: LearningCoefficient) -> [any ResultRow] {
        func row(_ measure: String, _ value: Double?, position: Int = 0) -> MeasurementRow {
            let kept = value.flatMap { $0.isFinite ? $0 : nil }
            return MeasurementRow(
                measure, variant: settings.preconditioner.rawValue, split: split.rawValue,
                position: position, value: kept,
                text: kept == nil ? "the chains do not have it" : nil)
        }
        let numbers: [(String, Double?)] = [
            ("learning_coefficient", found.value), ("chain_deviation", found.deviation),
            ("chain_drift", found.drift), ("chain_agreement", found.chainAgreement),
            ("chain_acceptance", found.acceptance),
            ("chain_squared_distance", found.squaredDistance),
            ("chains_lost", Double(found.lostChains)),
            ("inverse_temperature", found.inverseTemperature),
            ("centre_loss", found.centreLoss),
        ]
        var rows = numbers.map { row($0.0, $0.1) }
        rows += found.chainValues.enumerated().map {
            row("chain_learning_coefficient", $0.element, position: $0.offset)
        }
        rows += found.trace().enumerated().map {
            row("chain_loss", $0.element.loss, position: $0.offset)
        }
        rows += found.trace().enumerated().map {
            row("chain_loss_step", Double($0.element.step), position: $0.offset)
        }
        return rows
            + found.warnings.enumerated().map {
                MeasurementRow(
                    "learning_coefficient_warning", split: split.rawValue, position: $0.offset,
                    text: $0.element)
            }
    }
}
