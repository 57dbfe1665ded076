package import Checkpoints
internal import Foundation
internal import GRDB

/// How a run stands, as far as a sweep needs to know.
package struct RunStanding: Sendable {
    package let id: String
    package let name: String
    package let status: RunStatus
    /// Nil without checkpoints.
    package let lastStep: Int?
    package let createdAt: Double
    package let finishedAt: Double?
    package let parameterCount: Int
    /// The complete configuration as JSON.
    package let configuration: String
}

/// A failure of a run, kept with it.
package struct RunFailure: Sendable, Codable, Equatable {
    /// Seconds since 1970, by the clock of the machine.
    package var at: Double
    package var host: String
    package var reason: String
}

/// Where a run went on with other libraries or kernels than at its beginning.
package struct RunPlace: Sendable, Codable, Equatable {
    /// The updates done before.
    package var step: Int
    package var host: String
    package var versions: [String: String]
}

extension Archive {
    /// How the runs of this name stand, oldest first.
    package func standings(named name: String) throws -> [RunStanding] {
        try standings("name = ?", [name])
    }

    /// How all runs stand, oldest first.
    package func standings() throws -> [RunStanding] { try standings("true", []) }

    /// How the runs of a sweep stand: those named after it, alone or with a slash, oldest first.
    package func standings(ofSweep name: String) throws -> [RunStanding] {
        // "0" comes after "/".
        try standings("name = ?1 OR (name > ?1 || '/' AND name < ?1 || '0')", [name])
    }

    private func standings(
        _ condition: String, _ arguments: StatementArguments
    ) throws -> [RunStanding] {
        try lookUp { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT id, name, status, last_step, created_at, finished_at, configuration,
                        parameter_count
                    FROM run JOIN run_document USING (run_key) WHERE \(condition)
                    ORDER BY created_at, id
                    """, arguments: arguments
            ).map { row in
                RunStanding(
                    id: try row.decode(atIndex: 0), name: try row.decode(atIndex: 1),
                    status: RunStatus(rawValue: try row.decode(atIndex: 2)) ?? .interrupted,
                    lastStep: try row.decode(atIndex: 3), createdAt: try row.decode(atIndex: 4),
                    finishedAt: try row.decode(atIndex: 5),
                    parameterCount: try row.decode(atIndex: 7),
                    configuration: try row.decode(atIndex: 6)
                )
            }
        }
    }

    /// The files of a run that the index or its status relies on.
    package func fileNames(of run: String) -> Set<String> {
        Set(RunFolderContents.files(paths, run))
    }

    /// The failures of a run, oldest first.
    package func failures(of run: String) throws -> [RunFailure] {
        try list(.failures, of: run)
    }

    /// Keeps with a run that training it failed here and now; answers how often it has.
    @discardableResult
    package func addFailure(_ reason: String, to run: String) throws -> Int {
        let failures =
            try failures(of: run) + [
                RunFailure(
                    at: Date().timeIntervalSince1970, host: ProcessInfo.processInfo.hostName,
                    reason: reason)
            ]
        try keep(failures, as: .failures, of: run)
        return failures.count
    }

    /// Where a run went on with other libraries or kernels than at its beginning.
    package func places(of run: String) throws -> [RunPlace] { try list(.places, of: run) }

    /// Keeps with a run that it goes on here, with these versions.
    package func addPlace(_ versions: [String: String], to run: StoredRun) throws {
        let place = RunPlace(
            step: run.steps.last ?? 0, host: ProcessInfo.processInfo.hostName, versions: versions)
        let places = try places(of: run.id)
        guard places.last?.versions != place.versions else { return }
        try keep(places + [place], as: .places, of: run.id)
    }

    private func list<Item: Codable>(_ note: RunNote, of run: String) throws -> [Item] {
        guard let json = try self.note(note, of: run) else { return [] }
        let content = try? JSONDecoder().decode([String: [Item]].self, from: Data(json.utf8))
        return content?[note.rawValue] ?? []
    }

    private func keep(_ items: some Codable, as note: RunNote, of run: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try keep(
            String(decoding: try encoder.encode([note.rawValue: items]), as: UTF8.self), as: note,
            of: run)
    }
}
