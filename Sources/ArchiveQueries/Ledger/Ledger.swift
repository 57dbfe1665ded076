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
        guard
            let runKey = try Int64.fetchOne(
                database, sql: "SELECT run_key FROM run WHERE id = ?", arguments: [run])
        else { return }
        let first =
            try Int64.fetchOne(
                database, sql: "SELECT ifnull(max(analysis_key), 0) + 1 FROM analysis") ?? 1
        for (place, answer) in answers.enumerated() {
            try store(answer, as: first + Int64(place), to: question, of: runKey)
        }
    }

    private func store(
        _ answer: NewAnswer, as key: Int64, to question: Question, of runKey: Int64
    ) throws {
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
        try database.cachedStatement(
            sql: """
                INSERT INTO analysis (analysis_key, run_key, step, digest, kind, parameters,
                    code_version, split, dtype, seed, cost_seconds, computed_at, context_digest,
                    about)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
                    json_array(?6 ->> 'measure', ?6 ->> 'operator', ?6 ->> 'network',
                        ?6 ->> 'tensor', ?6 ->> 'axis'))
                """
        ).execute(arguments: [
            key, runKey, answer.step, answer.digest, question.kind.rawValue, question.parameters,
            question.kind.codeVersion, question.split, question.dtype, question.seed,
            answer.costSeconds, Date().timeIntervalSince1970, answer.contextDigest,
        ])
        for row in answer.rows {
            try database.cachedStatement(sql: type(of: row).insertion)
                .execute(arguments: StatementArguments([key] + row.arguments))
        }
    }
}
