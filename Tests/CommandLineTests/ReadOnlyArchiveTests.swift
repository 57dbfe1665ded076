import Foundation
import TestSupport
import Testing

/// An archive that nobody may write here, on a file system mounted for reading.
///
/// As the superuser's permissions know no bounds, the tests mount the archive in a namespace of
/// their own; they are left out where that is not allowed.
@Suite struct ReadOnlyArchiveTests {
    private static let unshare: [String]? = {
        let flags = geteuid() == 0 ? "-m" : "-rm"
        let probe = try? run("/usr/bin/unshare", [flags, "mount", "--bind", "/tmp", "/tmp"])
        return probe?.exitCode == 0 ? [flags] : nil
    }()

    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    /// Who cannot write the archive, and why.
    enum Reader: String, CaseIterable {
        case superuserOnReadOnlyMount, ordinaryUserOnReadOnlyMount, ordinaryUserOfOthersArchive
    }

    /// A way to run a program as a user who owns nothing; nil where there is none, or where that user
    /// cannot run the program.
    private static let ordinaryUser: [String]? = {
        let words = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        let probe = try? run(words[0], Array(words.dropFirst()) + [cairnExecutable(), "--version"])
        return probe?.exitCode == 0 ? words : nil
    }()

    private static var readers: [Reader] {
        guard unshare != nil else { return [] }
        return ordinaryUser == nil ? [.superuserOnReadOnlyMount] : Reader.allCases
    }

    /// Runs `cairn` as this reader.
    private func cairn(_ arguments: [String], as reader: Reader) throws -> ProcessResult {
        guard reader != .superuserOnReadOnlyMount else { return try cairn(arguments) }
        let words = try #require(Self.ordinaryUser)
        guard reader != .ordinaryUserOfOthersArchive else {
            return try run(
                words[0], Array(words.dropFirst()) + [cairnExecutable()] + arguments,
                environment: ["CAIRN_ARCHIVE": fixture.archive, "HOME": "/nonexistent"],
                folder: "/", secondsAllowed: 60)
        }
        return try cairn(arguments, through: words)
    }

    /// Runs `cairn` where the archive cannot be written.
    private func cairn(
        _ arguments: [String], through words: [String] = []
    ) throws -> ProcessResult {
        let script = """
            mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"
            """
        return try run(
            "/usr/bin/unshare",
            try #require(Self.unshare) + ["sh", "-c", script, fixture.archive] + words
                + [cairnExecutable()] + arguments,
            environment: ["CAIRN_ARCHIVE": fixture.archive, "HOME": fixture.folder.path],
            secondsAllowed: 60)
    }

    /// One sentence that says what to do, and the same answer again once that was done.
    private func requireRefusal() throws {
        for arguments in [["ls"], ["sql", "SELECT * FROM runs"], ["show", "a@0"]] {
            let result = try cairn(arguments)
            #expect(result.exitCode == 1 && result.output.isEmpty, "\(result)")
            #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
            #expect(
                result.error.contains("index.sqlite: a program died while it changed the index"),
                "\(result.error)")
        }
        let undone = try fixture.cairn(["ls"])
        #expect(undone.exitCode == 0, "\(undone.error)")
        let result = try cairn(["ls"])
        #expect(result.exitCode == 0 && result.output == undone.output, "\(result)")
    }

    /// Nobody has read it since it was written, so that no file of a log stands beside the index.
    @Test(
        .enabled(if: !readers.isEmpty, "no place that is read-only can be made here"),
        arguments: readers)
    func anArchiveAtRestIsReadWithoutWriting(reader: Reader) throws {
        try fixture.trainTiny()
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: fixture.folder.path)
        let names = try FileManager.default.subpathsOfDirectory(atPath: fixture.archive).sorted()
        #expect(!names.contains("index.sqlite-wal"))
        let norm = "SELECT round(l2_norm(run, last_step, 'token_embedding'), 6) FROM runs"
        let commands = [
            ["ls"], ["show", "tiny"], ["show", "tiny@last"], ["query", "runs"],
            ["sql", norm, "--csv"], ["verify"],
        ]
        let results = try commands.map { try cairn($0, as: reader) }
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: fixture.archive).sorted() == names)
        for (command, result) in zip(commands, results) {
            let expected = try fixture.cairn(command)
            #expect(result.exitCode == 0 && result.output == expected.output, "\(result)")
        }
        let refused = try cairn(["analyze", "norms", "tiny", "--quiet"], as: reader)
        #expect(refused.exitCode == 1, "\(refused)")
        #expect(refused.error.split(separator: "\n").count == 1, "\(refused.error)")
    }

    @Test(.enabled(if: unshare != nil, "namespaces of its own are not permitted here"))
    func theLogOfAKilledWriterIsRefusedInOneSentence() throws {
        let killed = try run(
            builtExecutable("ArchiveHarness"), ["write", fixture.archive, "a", "2", "9"],
            environment: ["HARNESS_DIE_AFTER": "saved 2"])
        try #require(killed.exitCode != 0 && killed.output.hasSuffix("saved 2\n"))
        // A copy of an archive often lacks the shared memory of the log.
        try FileManager.default.removeItem(atPath: fixture.archive + "/index.sqlite-shm")
        try requireRefusal()
    }

    @Test(
        .enabled(
            if: unshare != nil && ReferencePython.interpreter(with: "sqlite3") != nil,
            "namespaces of its own are not permitted here, or Python has no sqlite3"))
    func theJournalOfAKilledWriterIsRefusedInOneSentence() throws {
        let written = try run(
            builtExecutable("ArchiveHarness"), ["write", fixture.archive, "a", "20", "99"])
        try #require(written.exitCode == 0, "\(written.error)")
        let program = """
            import os, signal, sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA cache_size = 4")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE run SET name = 'half done'")
            connection.execute("CREATE TABLE filler (value BLOB)")
            connection.executemany(
                "INSERT INTO filler VALUES (?)", [(b"x" * 3000,) for _ in range(200)])
            os.kill(os.getpid(), signal.SIGKILL)
            """
        let python = try #require(ReferencePython.interpreter(with: "sqlite3"))
        let killed = try run(python, ["-c", program, fixture.archive + "/index.sqlite"])
        try #require(killed.exitCode == 128 + 9, "\(killed.error)")
        try requireRefusal()
    }
}
