import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// A writer that is killed in the middle of a transaction leaves its rollback journal behind.
@Suite struct HotJournalTests {
    /// Begins a transaction, changes more pages than its cache holds, tells so, and waits for
    /// death.
    private static let program = """
        import sqlite3, sys, time
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 4")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE run SET name = 'half done'")
        connection.execute("DELETE FROM checkpoint")
        connection.execute("DELETE FROM metric")
        connection.execute("CREATE TABLE filler (value BLOB)")
        connection.executemany(
            "INSERT INTO filler VALUES (?)", [(b"x" * 3000,) for _ in range(200)])
        print("dirty", flush=True)
        time.sleep(600)
        """

    /// Leaves a half-done transaction in the index of an archive.
    private func killInTransaction(_ path: String, _ python: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", Self.program, path + "/index.sqlite"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        #expect(said.hasPrefix("dirty"))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let journal = try Data(contentsOf: URL(fileURLWithPath: path + "/index.sqlite-journal"))
        #expect(journal.count > 1_000 && journal[0] == 0xd9, "no hot journal")
    }

    /// An archive whose index uses a rollback journal, as on a network file system.
    private func archive(_ folder: TemporaryFolder) throws -> String {
        let path = try TestRuns.archive(in: folder, steps: Array(0..<30)).paths.root
        let queue = try DatabaseQueue(path: path + "/index.sqlite")
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        try queue.close()
        return path
    }

    private func requireEverything(_ archive: Archive) throws {
        let run = try archive.run(matching: "a")
        #expect(run.name == "test" && run.steps == Array(0..<30))
        for step in run.steps {
            let expected = TestRuns.sorted(TestRuns.checkpoint(step, run: "a").weights)
            #expect(try run.weights(at: step) == expected)
        }
        #expect(try run.metric("train_loss").count == 31)
        let rows = try archive.read { db in
            try Row.fetchAll(db, sql: "SELECT name, checkpoint_count, last_step FROM runs")
        }
        #expect(rows == [["name": "test", "checkpoint_count": 30, "last_step": 29]])
        #expect(try archive.verify().problems.isEmpty)
    }

    @Test(
        .enabled(
            if: ReferencePython.interpreter(with: "sqlite3") != nil,
            "Python with sqlite3 is not installed"),
        arguments: [Archive.Access.readOnly, .readWrite])
    func openingUndoesWhatAKilledWriterLeft(access: Archive.Access) throws {
        let python = try #require(ReferencePython.interpreter(with: "sqlite3"))
        let folder = try TemporaryFolder()
        let path = try archive(folder)
        try killInTransaction(path, python)
        try requireEverything(try Archive(opening: path, access: access))
        #expect(!FileManager.default.fileExists(atPath: path + "/index.sqlite-journal"))
    }

    @Test(
        .enabled(
            if: ReferencePython.interpreter(with: "sqlite3") != nil,
            "Python with sqlite3 is not installed"))
    func anOpenArchiveGoesOnWhenAWriterIsKilled() throws {
        let python = try #require(ReferencePython.interpreter(with: "sqlite3"))
        let folder = try TemporaryFolder()
        let path = try archive(folder)
        let reader = try Archive(opening: path, access: .readOnly)
        try requireEverything(reader)
        try killInTransaction(path, python)
        let count = try reader.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM runs") }
        #expect(count == 1)
        try killInTransaction(path, python)
        try requireEverything(reader)
    }
}
