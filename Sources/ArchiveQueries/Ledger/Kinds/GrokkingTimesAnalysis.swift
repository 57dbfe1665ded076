internal import Analysis

/// Times of memorisation and generalisation, from a run's curves.
package struct GrokkingTimesAnalysis: RunAnalysis {
    package static let kind = AnalysisKind.grokking
    package static let codeVersion = "6"
    package static let view = "grokking_times"

    /// The accuracy that counts as solved.
    package var threshold = 0.99
    /// The loss that counts as solved, for runs without accuracies: in nats, and for squared errors
    /// as a share of the loss of guessing.
    package var lossThreshold = 1e-2

    package init() {}

    package var question: Question {
        Question(
            .grokking, ["loss_threshold": "\(lossThreshold)", "threshold": "\(threshold)"])
    }

    package func runDigest(of run: AnalysedRun) throws -> String {
        RunAnalyses.digest(of: try run.points)
    }

    package func runRows(of run: AnalysedRun) throws -> [any ResultRow] {
        try CurveReading.grokking(
            try run.points, run: try run.description, settings: self, model: run.statedModel)
    }
}
