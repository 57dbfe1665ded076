internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

/// A mark that people put on a run or on one of its checkpoints; garbage collection spares both.
package struct RunTag: Sendable, Hashable, Comparable {
    package let name: String
    /// The tagged checkpoint; nil for the whole run.
    package let step: Int?

    package init(name: String, step: Int?) {
        self.name = name
        self.step = step
    }

    package static func < (left: RunTag, right: RunTag) -> Bool {
        (left.name, left.step ?? -1) < (right.name, right.step ?? -1)
    }
}

/// The file `tags.json` of a run, from which the index's rows follow.
enum TagFile {
    static let path = "tags.json"

    private struct Stored: Codable {
        struct Tag: Codable {
            var tag: String
            var step: Int?
        }
        var run: String
        /// Of one line per tag, in order: `name TAB step LF`, without the step for a whole run.
        var sha256: String
        var tags: [Tag]
    }

    /// The tags in a run's folder; nil when there is no file.
    static func read(_ paths: ArchivePaths, _ run: String) throws -> Set<RunTag>? {
        let file = "runs/\(run)/\(path)"
        let bytes = try ArchiveError.reading(paths.file(run, path)) {
            try paths.file(run, path).readIfPresent()
        }
        guard let bytes else { return nil }
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(bytes)),
            stored.run == run
        else {
            throw ArchiveError(.damaged, file: file, cause: "it is not the JSON that Cairn writes")
        }
        let tags = Set(stored.tags.map { RunTag(name: $0.tag, step: $0.step) })
        guard stored.sha256 == digest(tags) else {
            throw ArchiveError(
                .damaged, file: file, cause: "its tags do not have the recorded SHA-256")
        }
        return tags
    }

    static func write(
        _ tags: Set<RunTag>, _ paths: ArchivePaths, _ run: String, _ files: DurableFiles
    ) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let stored = Stored(
            run: run, sha256: digest(tags),
            tags: tags.sorted().map { Stored.Tag(tag: $0.name, step: $0.step) })
        try files.write(Array(try encoder.encode(stored)), to: paths.file(run, path))
    }

    private static func digest(_ tags: Set<RunTag>) -> String {
        let lines = tags.sorted().map { "\($0.name)\t\($0.step.map(String.init) ?? "")\n" }
        return Digest(of: Array(lines.joined().utf8)).description
    }
}

extension IndexRows {
    static func tags(of key: Int64, _ db: Database) throws -> Set<RunTag> {
        Set(
            try Row.fetchAll(
                db, sql: "SELECT tag, nullif(step, -1) FROM tag WHERE run_key = ?",
                arguments: [key]
            ).map { RunTag(name: try $0.decode(atIndex: 0), step: try $0.decode(atIndex: 1)) })
    }

    /// Whether one of these steps or the whole run is tagged.
    static func hasTags(on steps: Set<Int>, of run: String, _ db: Database) throws -> Bool {
        try Int.fetchAll(
            db, sql: "SELECT step FROM tag JOIN run USING (run_key) WHERE id = ?", arguments: [run]
        ).contains { $0 == -1 || steps.contains($0) }
    }

    /// Makes these the tags of a run.
    static func putTags(_ tags: Set<RunTag>, of key: Int64, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM tag WHERE run_key = ?", arguments: [key])
        for tag in tags {
            try db.execute(
                sql: "INSERT INTO tag (run_key, tag, step) VALUES (?, ?, ?)",
                arguments: [key, tag.name, tag.step ?? -1])
        }
    }
}

extension Archive {
    /// The tags of a run and of its checkpoints, by name.
    package func tags(of run: StoredRun) throws -> [RunTag] {
        try lookUp { db in
            guard let key = try IndexRows.runKey(run.id, db) else { return [] }
            return try IndexRows.tags(of: key, db).sorted()
        }
    }

    /// Puts tags on a run or its checkpoints; returns how many it did not have.
    @discardableResult
    package func addTags(_ tags: [RunTag], to run: StoredRun) throws -> Int {
        for tag in tags {
            guard !tag.name.isEmpty, tag.name.utf8.count <= StorageLimits.longestTagName,
                tag.name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
            else {
                throw ArchiveError(
                    .wrongRequest, part: "tag \"\(tag.name)\"",
                    cause: "a tag has 1 to \(StorageLimits.longestTagName) bytes and no control "
                        + "characters")
            }
            if let step = tag.step { _ = try run.digest(at: step) }
        }
        return try changeTags(of: run.id) { $0.formUnion(tags) }
    }

    /// Takes tags off; those that are not there are an error, and then none is taken off.
    package func removeTags(_ tags: [RunTag], from run: StoredRun) throws {
        try changeTags(of: run.id) { present in
            if let missing = tags.first(where: { !present.contains($0) }) {
                let others = present.filter { $0.step == missing.step }.sorted().map(\.name)
                throw ArchiveError(
                    .notFound, run: "run \(run.name) (\(run.id))", step: missing.step,
                    cause: "it does not have the tag \(missing.name)",
                    advice: others.isEmpty ? "" : "it has \(others.joined(separator: ", "))")
            }
            present.subtract(tags)
        }
    }

    /// Changes the file of tags first and the rows after; returns by how many there are more.
    ///
    /// The lock on the index keeps two processes from losing each other's tags. Where the rows cannot
    /// follow, opening the archive later makes them.
    @discardableResult
    func changeTags(of run: String, _ change: (inout Set<RunTag>) throws -> Void) throws -> Int {
        let outcome: Result<Int, any Error> = try maintaining(run) {
            var hasBegun = false
            do {
                return .success(
                    try write { db in
                        try self.changeTags(of: run, db) { tags in
                            try change(&tags)
                            hasBegun = true
                        }
                    })
            } catch  where !hasBegun {
                // Nothing was changed that would have to be finished.
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private func changeTags(
        of run: String, _ db: Database, _ change: (inout Set<RunTag>) throws -> Void
    ) throws -> Int {
        guard let key = try IndexRows.runKey(run, db) else {
            throw ArchiveError(.notFound, run: "run \(run)", cause: "the archive has no such run")
        }
        let before = try TagFile.read(paths, run) ?? IndexRows.tags(of: key, db)
        var tags = before
        try change(&tags)
        if tags != before {
            try TagFile.write(tags, paths, run, files)
            try IndexRows.putTags(tags, of: key, db)
        }
        return tags.count - before.count
    }
}
