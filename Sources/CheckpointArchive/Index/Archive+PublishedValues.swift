package import Checkpoints
internal import Foundation
internal import GRDB

extension Archive {
    /// Keeps published numbers beside what is computed here: kind `published`, source `imported`.
    ///
    /// Numbers that are there already stay as they are; `digest` is that of their source.
    package func keepPublished(
        _ values: [MetricPoint], of run: String, digest: String
    ) throws {
        try write { db in
            guard
                let key = try Int64.fetchOne(
                    db, sql: "SELECT run_key FROM run WHERE id = ?", arguments: [run])
            else { return }
            for (step, group) in Dictionary(grouping: values, by: \.step) {
                let exists = try Bool.fetchOne(
                    db,
                    sql: """
                        SELECT count(*) > 0 FROM analysis WHERE run_key = ? AND step = ?
                            AND kind = 'published' AND source = 'imported'
                        """, arguments: [key, step])
                guard exists != true else { continue }
                try db.execute(
                    sql: """
                        INSERT INTO analysis (run_key, step, digest, kind, code_version, source,
                            computed_at)
                        VALUES (?, ?, ?, 'published', '', 'imported', ?)
                        """, arguments: [key, step, digest, Date().timeIntervalSince1970])
                let analysis = db.lastInsertedRowID
                for value in group {
                    try db.execute(
                        sql: """
                            INSERT OR IGNORE INTO measurement (analysis_key, measure, value)
                            VALUES (?, ?, ?)
                            """,
                        arguments: [
                            analysis, value.name, value.value.isFinite ? value.value : nil,
                        ])
                }
            }
        }
    }
}
