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
        try perform([cairnExecutable()] + arguments, as: reader)
    }

    /// Runs `cairn` where the archive cannot be written.
    private func cairn(_ arguments: [String]) throws -> ProcessResult {
        try perform([cairnExecutable()] + arguments, as: .superuserOnReadOnlyMount)
    }

    /// Runs a program as this reader.
    private func perform(_ line: [String], as reader: Reader) throws -> ProcessResult {
        let script = """
            mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"
            """
        let mounting =
            ["/usr/bin/unshare"] + (try #require(Self.unshare))
            + ["sh", "-c", script, fixture.archive]
        let line =
            switch reader {
            case .superuserOnReadOnlyMount: mounting + line
            case .ordinaryUserOnReadOnlyMount: mounting + (try #require(Self.ordinaryUser)) + line
            case .ordinaryUserOfOthersArchive: try #require(Self.ordinaryUser) + line
            }
        return try run(
            line[0], Array(line.dropFirst()),
            environment: [
                "CAIRN_ARCHIVE": fixture.archive, "HOME": "/nonexistent",
                "CAIRN": cairnExecutable(),
                "TMPDIR": fixture.folder.path, "PYTHONDONTWRITEBYTECODE": "1",
            ], folder: "/", secondsAllowed: 60)
    }

    /// Exports, the extension and the Python client answer as where the archive can be written.
    private func requireOtherWays(as reader: Reader) throws {
        let results = fixture.folder.path("results-\(reader)")
        try FileManager.default.createDirectory(
            atPath: results, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o777])
        // The attributes of a new folder are cut by the mask.
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: results)
        for (reference, name) in [
            ("tiny@last", "weights.safetensors"), ("tiny@0", "weights.npz"), ("tiny", "curves.csv"),
        ] {
            let expected = fixture.folder.path("expected-\(reader)-\(name)")
            try #require(
                try fixture.cairn(["export", reference, "--to", expected, "--quiet"]).exitCode == 0)
            let result = try cairn(
                ["export", reference, "--to", "\(results)/\(name)", "--quiet"], as: reader)
            #expect(result.exitCode == 0, "\(name): \(result)")
            #expect(
                FileManager.default.contentsEqual(atPath: expected, andPath: "\(results)/\(name)"))
        }
        let client = try fixture.cairn(["client", "python"]).output
        try Data(client.utf8).write(to: URL(fileURLWithPath: fixture.folder.path("cairn.py")))
        let script = """
            import sys
            sys.path.insert(0, sys.argv[1])
            from cairn import Archive
            print(*[row["name"] for row in Archive().runs()])
            """
        let python = try perform(
            ["/usr/bin/python3", "-c", script, fixture.folder.path], as: reader)
        #expect(python.exitCode == 0 && python.output == "tiny\n", "\(python)")
        let library = URL(fileURLWithPath: cairnExecutable()).deletingLastPathComponent()
            .appendingPathComponent("libCairnExtension.so").path
        guard FileManager.default.fileExists(atPath: library),
            FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")
        else { return }
        let statement = "SELECT round(l2_norm('tiny', 40, 'token_embedding'), 6)"
        let asked = try perform(
            [
                "/usr/bin/sqlite3", "-batch", ":memory:", "SELECT load_extension('\(library)')",
                statement,
            ], as: reader)
        let expected = try fixture.cairn(["sql", statement + " AS n", "--csv"])
        #expect(
            asked.exitCode == 0 && expected.output == "n\n" + asked.output.trimmingPrefix("\n"),
            "\(asked)")
    }

    /// The answers are those that are given where it was undone, and no byte of the archive changes.
    private func requireAnswers() throws {
        let commands = [
            ["ls"], ["sql", "SELECT run, last_step FROM runs", "--csv"], ["show", "a@0"],
            ["sql", "SELECT l2_norm(run, 0, 'embedding') FROM runs", "--csv"], ["verify"],
        ]
        let before = try fixture.state()
        let results = try commands.map { try cairn($0) }
        #expect(try fixture.state() == before)
        for (command, result) in zip(commands, results) {
            // Opening the archive for writing also says that the run has ended.
            let isOfStatus = command == ["ls"]
            let undone = try isOfStatus ? nil : fixture.cairn(command)
            #expect(result.exitCode == 0, "\(command): \(result)")
            if let undone { #expect(result.output == undone.output, "\(result)") }
        }
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
            ["sql", norm, "--csv"], ["verify"], ["analyze", "--list"],
        ]
        let results = try commands.map { try cairn($0, as: reader) }
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: fixture.archive).sorted() == names)
        for (command, result) in zip(commands, results) {
            let expected = try fixture.cairn(command)
            #expect(result.exitCode == 0 && result.output == expected.output, "\(result)")
        }
        try requireOtherWays(as: reader)
        let refused = try cairn(["analyze", "norms", "tiny", "--quiet"], as: reader)
        #expect(refused.exitCode == 1, "\(refused)")
        #expect(refused.error.split(separator: "\n").count == 1, "\(refused.error)")
    }

    @Test(.enabled(if: unshare != nil, "namespaces of its own are not permitted here"))
    func theLogOfAKilledWriterIsReadFromACopy() throws {
        let killed = try run(
            builtExecutable("ArchiveHarness"), ["write", fixture.archive, "a", "2", "9"],
            environment: ["HARNESS_DIE_AFTER": "saved 2"])
        try #require(killed.exitCode != 0 && killed.output.hasSuffix("saved 2\n"))
        // A copy of an archive often lacks the shared memory of the log.
        try FileManager.default.removeItem(atPath: fixture.archive + "/index.sqlite-shm")
        try requireAnswers()
    }

    @Test(
        .enabled(
            if: unshare != nil && ReferencePython.interpreter(with: "sqlite3") != nil,
            "namespaces of its own are not permitted here, or Python has no sqlite3"))
    func theJournalOfAKilledWriterIsReadFromACopy() throws {
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
        try requireAnswers()
    }
}
