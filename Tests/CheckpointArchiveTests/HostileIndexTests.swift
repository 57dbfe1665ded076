import Checkpoints
import Foundation
import GRDB
import SystemFiles
import TestSupport
import Testing

@testable import CheckpointArchive

/// An index from a stranger: whatever its rows and definitions are, there is an answer or a sentence.
@Suite struct HostileIndexTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("archive")
        let archive = try Archive.create(at: path)
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in 0..<5 { try writer.save(TestRuns.checkpoint(step)) }
        try writer.finish(.finished, metrics: [])
        try archive.pack(archive.run(matching: "a"))
        _ = try archive.changeTags(of: "a") { $0.insert(RunTag(name: "t", step: 3)) }
    }

    private func change(_ index: String, _ body: (Database) throws -> Void) throws {
        let queue = try DatabaseQueue(path: index)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            try body(db)
        }
        try queue.close()
    }

    private static let tables = [
        "run", "run_document", "file", "checkpoint", "tensor", "hyperparameter", "metric",
        "metric_name", "metric_summary", "tag",
    ]

    /// A value that no writer of Cairn's would put there.
    private static func junk(using generator: inout SeededGenerator) -> DatabaseValue {
        let values: [DatabaseValue] = [
            "x".databaseValue, Data([0, 255, 1]).databaseValue, Int64.max.databaseValue,
            Int64.min.databaseValue, (-1).databaseValue, 1e300.databaseValue, .null,
            Double.infinity.databaseValue, "[8589934593, 8589934593]".databaseValue,
            "[-1]".databaseValue, "../../secret".databaseValue, "".databaseValue,
            "loose/000000001.h5".databaseValue, "optimizer/../../x".databaseValue,
            String(repeating: "y", count: 1 << 20).databaseValue, (1 << 40).databaseValue,
        ]
        return values[Int.random(in: 0..<values.count, using: &generator)]
    }

    /// Everything that reads, each with a value or a sentence.
    private func read(_ path: String) throws {
        func sentence(_ name: String, _ body: () throws -> Void) {
            do {
                try body()
            } catch is any UserErrorConvertible {
            } catch {
                Issue.record("\(name): \(type(of: error)) \(error)")
            }
        }
        let archive: Archive
        do {
            archive = try Archive(opening: path, access: .readOnly)
        } catch is any UserErrorConvertible {
            return
        }
        sentence("ids") { _ = try archive.runIDs() }
        sentence("usage") { _ = try archive.usage() }
        sentence("verify") { _ = try archive.verify() }
        sentence("run") {
            let run = try archive.run(matching: "a")
            sentence("description") { _ = try run.run }
            sentence("tags") { _ = try archive.tags(of: run) }
            sentence("weights") { for step in run.steps { _ = try run.weights(at: step) } }
            sentence("state") {
                for step in run.resumableSteps { _ = try run.optimizerState(at: step) }
            }
            sentence("curves") { for name in try run.metricNames() { _ = try run.metric(name) } }
            sentence("visit") { try run.visit { _, _, _ in } }
            sentence("plan") { _ = try archive.planCollection(KeepRules(perDecade: 2)) }
        }
    }

    @Test(arguments: 0..<24)
    func rowsThatAreNotOurs(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let source = try Data(contentsOf: URL(fileURLWithPath: path + "/index.sqlite"))
        for _ in 0..<6 {
            try source.write(to: URL(fileURLWithPath: path + "/index.sqlite"))
            try change(path + "/index.sqlite") { db in
                let table = Self.tables[Int.random(in: 0..<Self.tables.count, using: &generator)]
                let columns = try db.columns(in: table).map(\.name)
                let column = columns[Int.random(in: 0..<columns.count, using: &generator)]
                // Where a constraint forbids the value, the row stays as it is.
                try? db.execute(
                    sql: "UPDATE OR IGNORE \(table) SET \(column) = ?",
                    arguments: [Self.junk(using: &generator)])
            }
            try read(path)
        }
    }

    /// What runs along with the statements of whoever opens the index is damage, and `reindex` mends it.
    @Test(arguments: [
        "CREATE TRIGGER evil AFTER INSERT ON checkpoint BEGIN DELETE FROM checkpoint; END",
        "CREATE VIEW evil AS SELECT 1", "CREATE VIRTUAL TABLE evil USING fts5(x)",
    ])
    func definitionsThatAreNotOurs(sql: String) throws {
        try change(path + "/index.sqlite") { try $0.execute(sql: sql) }
        let report = try Archive(opening: path, access: .readOnly).verify()
        #expect(report.problems.contains { $0.explanation.contains("that Cairn does not make") })
        #expect(throws: ArchiveError.self) { _ = try Archive(opening: path) }
        let (archive, _) = try Archive.reindex(at: path)
        #expect(try archive.run(matching: "a").steps == Array(0..<5))
        #expect(try archive.verify().problems.isEmpty)
    }

    /// A file that no run can have is damage of the index, not a missing file, and is never touched.
    @Test(arguments: ["../../../secret", "optimizer/../../../../secret", "/etc/passwd", "lock"])
    func pathsThatAreNotOurs(listed: String) throws {
        let secret = folder.path("secret")
        try Data("secret".utf8).write(to: URL(fileURLWithPath: secret))
        try change(path + "/index.sqlite") {
            try $0.execute(
                sql: """
                    INSERT INTO file (run_key, path, kind, bytes, checksum)
                    SELECT run_key, ?, 'optimizer', 6, zeroblob(16) FROM run
                    """, arguments: [listed])
        }
        let archive = try Archive(opening: path)
        let report = try archive.verify()
        #expect(report.problems.map(\.kind) == [.indexDiffers], "\(report.problems)")
        #expect(report.problems.allSatisfy { $0.file == "index.sqlite" })
        _ = try archive.repair(report)
        #expect(try archive.verify().problems.isEmpty)
        #expect(try Data(contentsOf: URL(fileURLWithPath: secret)) == Data("secret".utf8))
    }

    /// A value that would take the machine's memory is damage for whoever meets it.
    @Test(arguments: [
        "UPDATE checkpoint SET tensor_digests = zeroblob(70000000) WHERE step = 2",
        "UPDATE run_document SET configuration = CAST(zeroblob(70000000) AS TEXT)",
        "UPDATE run SET name = replace(hex(zeroblob(35000000)), '00', 'xx')",
    ])
    func valuesThatAreTooLarge(sql: String) throws {
        try change(path + "/index.sqlite") { try $0.execute(sql: sql) }
        try read(path)
        do {
            let report = try Archive(opening: path, access: .readOnly).verify()
            #expect(!report.isSound)
        } catch let error as any UserErrorConvertible {
            #expect(error.userError.kind == .integrity, "\(error)")
        }
        let (archive, _) = try Archive.reindex(at: path)
        #expect(try archive.run(matching: "a").steps == Array(0..<5))
        #expect(try archive.verify().problems.isEmpty)
    }
}
