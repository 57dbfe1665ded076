internal import Analysis
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import GRDB
internal import Networks

/// One row of `hessian(run, step, k)`.
struct EigenvalueLine: Equatable {
    let rank: Int
    let eigenvalue: Double
    let residual: Double
    let converged: Bool
}

/// Results that functions look up in the ledger before they compute, and remember there afterwards.
///
/// What was computed is stored when the statement has ended: no write ever waits for the statement
/// that caused it.
final class ResultMemory {
    private let reader: WeightReader
    private let watch: StatementWatch?
    private var fresh: [(run: String, question: Question, answer: NewAnswer)] = []
    private let remembers: Bool

    init(reader: WeightReader, watch: StatementWatch?, remembers: Bool) {
        self.reader = reader
        self.watch = watch
        self.remembers = remembers
    }

    /// The largest eigenvalues of the training loss's Hessian; empty where they have no meaning.
    func eigenvalues(of run: String, step: Int, count: Int) throws -> [EigenvalueLine] {
        let description = try reader.description(of: run)
        let stored = try reader.archive.read {
            try Ledger(database: $0).topEigenvalues(of: description.id, step: step)
        }
        if stored.count >= count { return Array(stored.prefix(count)) }
        guard let weights = try reader.weights(run, step), let model = try reader.model(of: run)
        else { return [] }
        try reader.archive.networkCheck(of: description.id)?
            .requireReproduced(run: description.id)
        var analysis = EigenvalueAnalysis()
        analysis.top = min(count, model.layout.count)
        let clock = ContinuousClock()
        let start = clock.now
        let result = try analysis.eigenvalues(
            weights, model: model, warmStart: nil,
            threadCount: ProcessInfo.processInfo.activeProcessorCount,
            watch: { [watch] in try watch?.check() })
        let answer = NewAnswer(
            step: step, digest: Digest(weights: weights).description, contextDigest: nil,
            rows: result.rows + result.products, costSeconds: (clock.now - start).seconds)
        if remembers { fresh.append((description.id, analysis.question, answer)) }
        return result.rows.map {
            EigenvalueLine(
                rank: $0.value.rank, eigenvalue: $0.value.eigenvalue, residual: $0.value.residual,
                converged: $0.value.converged)
        }
    }

    /// The grokking times of a run; empty without the curves they need.
    func grokkingRows(of run: String) throws -> [GrokkingRow] {
        let description = try reader.description(of: run)
        let points = try reader.archive.read {
            try Ledger(database: $0).curves(of: description.id)
        }
        do {
            let rows = try CurveReading.grokking(
                points, run: description, settings: GrokkingTimesAnalysis(),
                model: try reader.model(of: run))
            return rows.compactMap { $0 as? GrokkingRow }
        } catch let error as any UserErrorConvertible where error.kind == .failure {
            return []
        }
    }

    /// One curve for each run whose setting has a value, in the order of the runs' ids.
    func curves(named metric: String, setting: String, value: ScalarValue) throws -> [Curve] {
        let rows = try reader.archive.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT m.run, m.step, m.value
                    FROM hyperparameters AS h
                    JOIN metrics AS m ON m.run = h.run AND m.name = ?1
                    WHERE h.name = ?2 AND h.value = ?3
                    ORDER BY m.run, m.step
                    """, arguments: [metric, setting, value.bound])
        }
        var curves: [(run: String, steps: [Int], values: [Double])] = []
        for row in rows {
            let (run, value): (String, Double?) = (row[0], row[2])
            if curves.last?.run != run { curves.append((run, [], [])) }
            curves[curves.count - 1].steps.append(row[1])
            curves[curves.count - 1].values.append(value ?? .nan)
        }
        return curves.map { Curve(steps: $0.steps, values: $0.values) }
    }

    /// Stores what was computed since the last time.
    ///
    /// Remembering is a courtesy: an archive that cannot be written is no error.
    func flush() {
        guard !fresh.isEmpty else { return }
        let results = fresh
        fresh = []
        try? reader.archive.remember { database in
            for result in results {
                try Ledger(database: database).store(
                    [result.answer], to: result.question, of: result.run)
            }
        }
    }
}

extension ScalarValue {
    /// The value as GRDB binds it.
    fileprivate var bound: DatabaseValue {
        switch self {
        case .null: .null
        case .boolean(let value): value.databaseValue
        case .integer(let value): value.databaseValue
        case .real(let value): value.databaseValue
        case .text(let value): value.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }
}

extension Ledger {
    /// The largest stored eigenvalues of the training loss's Hessian that are right by today's
    /// code; empty when there are none.
    func topEigenvalues(of run: String, step: Int) throws -> [EigenvalueLine] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT e.rank, e.eigenvalue, e.residual, e.converged
                FROM hessian_eigenvalues AS e
                WHERE e.operator = 'hessian' AND e.side = 'top' AND e.split = 'train'
                    AND e.analysis = (
                        SELECT a.analysis FROM analyses AS a
                        WHERE a.run = ?1 AND a.step = ?2 AND a.kind = 'hessian'
                            AND a.source = 'computed' AND a.stale = 0
                            AND a.superseded_by IS NULL AND a.code_version = ?3
                            AND a.dtype = 'float64' AND a.split = 'train'
                            AND json_extract(a.parameters, '$.operator') = 'hessian'
                        AND json_extract(a.parameters, '$.measure') IS NULL
                        ORDER BY json_extract(a.parameters, '$.top') DESC, a.analysis DESC LIMIT 1)
                ORDER BY e.rank
                """, arguments: [run, step, AnalysisKind.hessian.codeVersion])
        return rows.map {
            EigenvalueLine(
                rank: $0[0], eigenvalue: $0[1], residual: $0[2], converged: $0[3])
        }
    }
}
