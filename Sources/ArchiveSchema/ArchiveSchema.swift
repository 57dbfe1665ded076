/// The text of `schema/`, compiled into the program.
package enum ArchiveSchema {
    /// One numbered file of `schema/`: statements that lead from the version before to this one.
    package struct Migration: Sendable {
        /// The version of the index after these statements, from 1 without gaps.
        package let version: Int
        /// The name of the file.
        package let file: String
        package let sql: String
    }

    /// All migrations, in order; an index of version *n* has the first *n* of them behind it.
    package static let migrations: [Migration] = [
        ("0001-runs.sql", PackageResources._001_runs_sql),
        ("0002-checkpoints.sql", PackageResources._002_checkpoints_sql),
        ("0003-results.sql", PackageResources._003_results_sql),
        ("0004-views.sql", PackageResources._004_views_sql),
        ("0005-measures.sql", PackageResources._005_measures_sql),
        ("0006-curvature.sql", PackageResources._006_curvature_sql),
        ("0007-runs-wide.sql", PackageResources._007_runs_wide_sql),
        ("0008-time-scale.sql", PackageResources._008_time_scale_sql),
        ("0009-assumptions.sql", PackageResources._009_assumptions_sql),
        ("0010-tensor-roles.sql", PackageResources._010_tensor_roles_sql),
        ("0011-newest-answers.sql", PackageResources._011_newest_answers_sql),
        ("0014-origin-of-runs.sql", PackageResources._014_origin_of_runs_sql),
    ].enumerated().map { index, entry in
        Migration(version: index + 1, file: entry.0, sql: text(entry.1))
    }

    /// The statement that gives the text of the view `runs_wide` for the names of an archive.
    package static let runsWide = text(PackageResources.runs_wide_sql)

    /// The version of an index that has every migration.
    package static var currentVersion: Int { migrations.count }

    static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
