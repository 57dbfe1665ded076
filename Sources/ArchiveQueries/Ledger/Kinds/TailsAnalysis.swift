internal import Analysis
internal import Checkpoints
internal import GRDB

/// Power laws and correlation traps in the singular values of each tensor.
package struct TailsAnalysis: CheckpointAnalysis {
    package static let kind = AnalysisKind.tails
    package static let codeVersion = "2"
    package static let view = "weight_tails"

    /// The seed of the shuffled matrices.
    package var seed = 0

    package init() {}

    package var question: Question { Question(.tails, seed: seed) }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let seed = UInt64(bitPattern: Int64(seed))
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
