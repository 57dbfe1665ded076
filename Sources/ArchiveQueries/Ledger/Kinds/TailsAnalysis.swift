internal import Analysis
internal import Checkpoints
internal import GRDB

/// Power laws and correlation traps in the singular values of each tensor.
struct TailsAnalysis: AnalysisDefinition {
    let codeVersion = "2"
    let view = "weight_tails"

    func question(_ settings: AnalysisSettings) -> Question {
        Question(
            kind: .tails, parameters: "{}", split: nil, dtype: "float64", seed: settings.seed)
    }

    func prepare(_ run: AnalysedRun, settings: AnalysisSettings) throws -> CheckpointPlan {
        let seed = UInt64(bitPattern: Int64(settings.seed))
        let name = run.id
        return CheckpointPlan { _ in
            { input in
                let tails = weightTails(of: input.weights, seed: seed)
                guard !tails.isEmpty else {
                    throw UserError.missing(
                        subject: "run \(name)",
                        cause: "no tensor has \(PowerLawTail.fewestEigenvalues) finite singular "
                            + "values, fewer do not show a tail")
                }
                return tails.map(TailRow.init)
            }
        }
    }
}

private struct TailRow: ResultRow {
    let tails: WeightTails

    init(_ tails: WeightTails) { self.tails = tails }

    static let insertion = "INSERT INTO weight_tail VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    var arguments: [(any DatabaseValueConvertible)?] {
        let (law, traps) = (tails.powerLaw, tails.traps)
        return [
            tails.tensor, law?.exponent, law?.standardError, law?.distance, law?.smallest,
            law?.tailCount, traps.count, traps.edge, traps.bulkDeviation, traps.largest,
        ]
    }
}
