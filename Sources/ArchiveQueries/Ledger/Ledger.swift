package import CheckpointArchive
package import Checkpoints
internal import Foundation
internal import GRDB

/// The current answer to a question about a run or one of its checkpoints.
struct StoredAnswer: Sendable {
    let digest: String
    let codeVersion: String
    let contextDigest: String?
    let isMarkedStale: Bool
    /// Whether views show it, rather than one that was asked for later.
    let isShown: Bool
}

/// An answer to be stored.
struct NewAnswer: Sendable {
    /// nil for an answer about the whole run.
    let step: Int?
    /// Hexadecimal SHA-256 of what went in.
    let digest: String
    /// The same of what else went in; nil for nothing.
    let contextDigest: String?
    let rows: [any ResultRow]
    let costSeconds: Double
}

/// The rows of `analysis` and its result tables.
///
/// Nothing is overwritten: a new answer to an old question marks the old one as superseded.
struct Ledger {
    let database: Database

    /// The current computed answers to a question about a run, by step (-1 for the whole run).
    func answers(to question: Question, of run: String) throws -> [Int: StoredAnswer] {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT ifnull(a.step, -1), a.digest, a.code_version, a.context_digest, a.stale,
                    a.shown
                FROM analysis AS a JOIN run AS r USING (run_key)
                WHERE r.id = ? AND a.kind = ? AND a.parameters = ? AND a.split IS ?
                    AND a.dtype IS ? AND a.seed IS ? AND a.source = 'computed'
                    AND a.superseded_by IS NULL
                """,
            arguments: [
                run, question.kind.rawValue, question.parameters, question.split, question.dtype,
                question.seed,
            ])
        var answers: [Int: StoredAnswer] = [:]
        while let row = try rows.next() {
            answers[row[0]] = StoredAnswer(
                digest: row[1], codeVersion: row[2], contextDigest: row[3],
                isMarkedStale: row[4], isShown: row[5])
        }
        return answers
    }

    /// The digests of a run's checkpoints, by step.
    func checkpointDigests(of run: String) throws -> [Int: String] {
        let rows = try Row.fetchCursor(
            database, sql: "SELECT step, digest FROM checkpoints WHERE run = ?", arguments: [run])
        var digests: [Int: String] = [:]
        while let row = try rows.next() { digests[row[0]] = row[1] }
        return digests
    }

    /// Marks answers of other code versions as stale and gives how many there are.
    func markOutdated(_ kind: AnalysisKind) throws {
        try database.execute(
            sql: """
                UPDATE analysis SET stale = 1
                WHERE kind = ? AND source = 'computed' AND code_version <> ? AND stale = 0
                """, arguments: [kind.rawValue, kind.codeVersion])
    }

    /// Notes that the stored answers to a question were asked for again, where views show others.
    func askAgain(_ question: Question, of run: String, steps: [Int]) throws {
        try database.execute(
            sql: """
                UPDATE analysis SET asked_at = ?
                WHERE run_key = (SELECT run_key FROM run WHERE id = ?) AND kind = ?
                    AND parameters = ? AND split IS ? AND dtype IS ? AND seed IS ?
                    AND source = 'computed' AND superseded_by IS NULL AND NOT shown
                    AND (step IS NULL OR step IN (SELECT value FROM json_each(?)))
                """,
            arguments: [
                Date().timeIntervalSince1970, run, question.kind.rawValue, question.parameters,
                question.split, question.dtype, question.seed, "\(steps)",
            ])
    }

    /// Stores answers beside older ones, which they supersede.
    ///
    /// A run that has left the index in the meantime gets no rows.
    func store(_ answers: [NewAnswer], to question: Question, of run: String) throws {
        guard let runKey = try key(of: run) else { return }
        for answer in answers { try store(answer, to: question, of: runKey) }
    }

    private func store(_ answer: NewAnswer, to question: Question, of runKey: Int64) throws {
        let key = try nextKey()
        try database.cachedStatement(
            sql: """
                UPDATE analysis SET superseded_by = ?
                WHERE run_key = ? AND kind = ? AND step IS ? AND parameters = ? AND split IS ?
                    AND dtype IS ? AND seed IS ? AND source = 'computed'
                    AND superseded_by IS NULL
                """
        ).execute(arguments: [
            key, runKey, question.kind.rawValue, answer.step, question.parameters, question.split,
            question.dtype, question.seed,
        ])
        try insert(
            key,
            [
                "run_key": runKey, "step": answer.step, "digest": answer.digest,
                "kind": question.kind.rawValue, "parameters": question.parameters,
                "code_version": question.kind.codeVersion, "split": question.split,
                "dtype": question.dtype, "seed": question.seed,
                "cost_seconds": answer.costSeconds, "context_digest": answer.contextDigest,
                "source": "computed",
            ], answer.rows)
    }

    /// Keeps published numbers beside what is computed here: kind `published`, source `imported`.
    ///
    /// Numbers that are there already stay as they are; `digest` is that of their source.
    func storePublished(_ values: [MetricPoint], of run: String, digest: String) throws {
        guard let runKey = try key(of: run) else { return }
        for (step, values) in Dictionary(grouping: values, by: \.step) {
            let isThere = try Bool.fetchOne(
                database,
                sql: """
                    SELECT count(*) > 0 FROM analysis WHERE run_key = ? AND step = ?
                        AND kind = 'published' AND source = 'imported'
                    """, arguments: [runKey, step])
            guard isThere != true else { continue }
            let firsts = Dictionary(values.map { ($0.name, $0.value) }) { first, _ in first }
            try insert(
                try nextKey(),
                [
                    "run_key": runKey, "step": step, "digest": digest, "kind": "published",
                    "parameters": "{}", "code_version": "", "split": nil, "dtype": nil,
                    "seed": nil, "cost_seconds": nil, "context_digest": nil, "source": "imported",
                ],
                firsts.map { MeasurementRow($0.key, value: $0.value.isFinite ? $0.value : nil) })
        }
    }

    private func key(of run: String) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT run_key FROM run WHERE id = ?", arguments: [run])
    }

    /// The key that the next row of `analysis` gets.
    private func nextKey() throws -> Int64 {
        try Int64.fetchOne(
            database.cachedStatement(
                sql: "SELECT ifnull(max(analysis_key), 0) + 1 FROM analysis")) ?? 1
    }

    /// Adds a row of `analysis`, computed now, with its results.
    private func insert(
        _ key: Int64, _ values: [String: (any DatabaseValueConvertible)?],
        _ rows: [any ResultRow]
    ) throws {
        var arguments = StatementArguments(values)
        arguments += ["key": key, "now": Date().timeIntervalSince1970]
        try database.cachedStatement(
            sql: """
                INSERT INTO analysis (analysis_key, run_key, step, digest, kind, parameters,
                    code_version, split, dtype, seed, cost_seconds, computed_at, context_digest,
                    source, about)
                VALUES (:key, :run_key, :step, :digest, :kind, :parameters, :code_version, :split,
                    :dtype, :seed, :cost_seconds, :now, :context_digest, :source,
                    json_array(:parameters ->> 'measure', :parameters ->> 'operator',
                        :parameters ->> 'network', :parameters ->> 'tensor',
                        :parameters ->> 'axis'))
                """
        ).execute(arguments: arguments)
        for row in rows {
            try database.cachedStatement(sql: type(of: row).insertion)
                .execute(arguments: StatementArguments([key] + row.arguments))
        }
    }
}

extension Archive {
    /// Keeps published numbers of a run beside what is computed here.
    package func keepPublished(_ values: [MetricPoint], of run: String, digest: String) throws {
        try write { try Ledger(database: $0).storePublished(values, of: run, digest: digest) }
    }
}
