internal import Analysis
package import Checkpoints
internal import GRDB
internal import Networks

/// From the stored points of a run to its curves and what else the grokking analysis needs.
package enum CurveReading {
    /// The curves that the grokking analysis reads.
    package static let names = [
        MetricName.trainAccuracy, MetricName.testAccuracy, MetricName.trainLoss,
        MetricName.testLoss,
    ]

    /// The grokking analysis of a run; `model` is nil where its task is unknown.
    package static func grokking(
        _ points: [MetricPoint], run: RunDescription, settings: GrokkingTimesAnalysis,
        model: RunModel?
    ) throws -> [any ResultRow] {
        func curve(_ name: String) -> Curve { Curve(points.filter { $0.name == name }) }
        var curves = RunCurves()
        curves.trainAccuracy = curve(MetricName.trainAccuracy)
        curves.testAccuracy = curve(MetricName.testAccuracy)
        curves.trainLoss = curve(MetricName.trainLoss)
        curves.testLoss = curve(MetricName.testLoss)
        return try RunAnalyses.grokking(
            curves, guess: guess(run, model), settings: settings, run: run.id)
    }

    /// What guessing reaches, by the run's task, else by a hyperparameter `modulus`.
    private static func guess(
        _ run: RunDescription, _ model: RunModel?
    ) -> RunAnalyses.Guess {
        var guess = RunAnalyses.Guess()
        if let model {
            guess.accuracy = (model.task.chance, "task")
            guess.loss = model.task.guessingLoss(of: model.configuration.loss)
        } else if let modulus = modulus(of: run), modulus > 1 {
            guess.accuracy = (1 / Double(modulus), "1 / the hyperparameter modulus")
            guess.loss = GuessingLoss(
                classCount: modulus, source: "ln of the hyperparameter modulus")
        }
        return guess
    }

    /// The number of answers that a hyperparameter `modulus` states.
    private static func modulus(of run: RunDescription) -> Int? {
        for parameter in run.hyperparameters where parameter.name == "modulus" {
            if case .integer(let modulus) = parameter.value { return modulus }
        }
        return nil
    }
}

extension Ledger {
    /// The ids of all runs, oldest first.
    func runs() throws -> [String] {
        try String.fetchAll(database, sql: "SELECT run FROM runs ORDER BY created_at, run")
    }

    /// The points of the four standard curves of a run, by name and step; NULL is NaN.
    func curves(of run: String) throws -> [MetricPoint] {
        try CurveReading.names.flatMap { name in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT step, value FROM metrics WHERE run = ? AND name = ? ORDER BY step",
                arguments: [run, name])
            var points: [MetricPoint] = []
            while let row = try rows.next() {
                let value: Double? = row[1]
                points.append(MetricPoint(name: name, step: row[0], value: value ?? .nan))
            }
            return points
        }
    }
}
