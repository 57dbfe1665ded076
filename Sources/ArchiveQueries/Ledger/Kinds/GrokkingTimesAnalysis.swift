internal import Analysis

/// Times of memorisation and generalisation, from a run's curves.
struct GrokkingTimesAnalysis: AnalysisDefinition {
    let codeVersion = "4"
    let view = "grokking_times"
    let answersCheckpoints = false
    let answersRuns = true

    func question(_ settings: AnalysisSettings) -> Question {
        Question(
            kind: .grokking,
            parameters: canonicalJSON([
                "loss_threshold": "\(settings.lossThreshold)",
                "threshold": "\(settings.threshold)",
            ]), split: nil, dtype: "float64", seed: nil)
    }

    func runDigest(of run: AnalysedRun, settings: AnalysisSettings) throws -> String {
        RunAnalyses.digest(of: try run.points)
    }

    func runRows(of run: AnalysedRun, settings: AnalysisSettings) throws -> [any ResultRow] {
        try CurveReading.grokking(
            try run.points, run: try run.description, settings: settings)
    }
}
