internal import ArchiveQueries
internal import ArchiveSchema
internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Networks
internal import Training

/// What the shell offers for an argument: names in the archive that the command line so far means.
///
/// Whatever goes wrong, nothing is offered and nothing is said: a shell completes while a person types.
enum NameCompletion {
    /// Names of runs, and ids where there is none or several have it; the newest first.
    static var runs: CompletionKind {
        .custom { words, _, _ in runNames(words) }
    }

    /// The same, and once a run and `@` are written its stored steps.
    static var checkpoints: CompletionKind {
        .custom { words, _, prefix in
            guard let at = prefix.lastIndex(of: "@") else { return runNames(words) }
            let run = String(prefix[..<at])
            let steps = names(
                "SELECT CAST(step AS TEXT) FROM checkpoints WHERE run = :run OR run = ("
                    + "SELECT run FROM runs WHERE name = :run OR run GLOB :run || '*' LIMIT 1) ORDER BY step",
                words, ["run": .text(run)])
            return (["first", "last"] + steps).map { "\(run)@\($0)" }
        }
    }

    static var tensors: CompletionKind {
        .custom { words, _, _ in
            names("SELECT DISTINCT name FROM tensors ORDER BY name LIMIT 1000", words)
        }
    }

    static var views: CompletionKind {
        .custom { words, _, _ in
            names("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name", words)
        }
    }

    static var questions: CompletionKind {
        .custom { _, _, _ in SavedQuery.all.map(\.name) }
    }

    static var presets: CompletionKind {
        .custom { _, _, _ in Preset.all.map(\.name) }
    }

    static var operations: CompletionKind {
        .custom { _, _, _ in
            TaskOperation.allCases.map(\.rawValue)
        }
    }

    /// The parameters of the question or picture that is named before them.
    static var parameters: CompletionKind {
        .custom { words, _, _ in
            words.lazy.compactMap(SavedQuery.named).first?.parameters.map { "\($0.name)=" } ?? []
        }
    }

    private static func runNames(_ words: [String]) -> [String] {
        names(
            """
            SELECT iif(name = '' OR count(*) OVER (PARTITION BY name) > 1, run, name)
            FROM runs ORDER BY created_at DESC LIMIT 1000
            """, words)
    }

    /// The first column of a statement on the archive that the words name.
    private static func names(
        _ statement: String, _ words: [String], _ values: [String: ScalarValue] = [:]
    ) -> [String] {
        let path =
            words.firstIndex(of: "--archive").flatMap { position in
                words.indices.contains(position + 1) ? words[position + 1] : nil
            } ?? words.first { $0.hasPrefix("--archive=") }.map { String($0.dropFirst(10)) }
            ?? CommonOptions.usualArchivePath
        let index = path + "/index.sqlite"
        guard FileManager.default.fileExists(atPath: index),
            let session = try? SQLSession(index: index, options: .init(timeLimit: .seconds(2))),
            let rows = try? session.rows(statement, parameters: values)
        else { return [] }
        return rows.compactMap { $0[0].string }
    }
}
