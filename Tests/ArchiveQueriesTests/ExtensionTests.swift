import ArchiveQueries
import CheckpointArchive
import Foundation
import TestSupport
import Testing

/// Where the extension and the programs that load it are.
enum BuiltExtension {
    /// The built library, beside the test bundle.
    static let library: String? = {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<6 {
            let path = folder.appendingPathComponent("libCairnExtension.so").path
            if FileManager.default.fileExists(atPath: path) { return path }
            folder = folder.deletingLastPathComponent()
        }
        return nil
    }()

    /// Whether the library was built and a program to load it is installed.
    static func isUsable(in program: String) -> Bool {
        library != nil && FileManager.default.isExecutableFile(atPath: program)
    }
}

/// The extension in the programs that people have: Debian's `sqlite3` and `python3`.
struct ExtensionTests {
    private static let questions = """
        SELECT l2_norm('slow', 400, 'diagonal');
        SELECT group_concat(value, ' ') FROM singular_values('slow', 400, 'diagonal');
        SELECT count(*) FROM checkpoints AS c, fourier(c.run, c.step, 'embedding');
        SELECT grok_step(step, value) FROM metrics WHERE name = 'test_accuracy' AND run LIKE '1%';
        SELECT generalisation_step FROM grokking('fast') WHERE rule = 'sustained' AND threshold = 0.99;
        SELECT weight_decay FROM runs_wide WHERE name = 'fast';
        """
    private static let answers = ["5.0", "4.0 3.0", "100", "500", "300", "1.0"]

    /// A folder in which the extension is called as in `load_extension('cairn')`.
    private func installed() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("cairn.so"), withDestinationPath: BuiltExtension.library ?? "")
        return folder
    }

    @Test(
        .enabled(
            if: BuiltExtension.isUsable(in: "/usr/bin/sqlite3"),
            "the extension cannot be loaded by sqlite3"))
    func worksInTheSQLiteProgram() throws {
        let folder = try installed()
        let result = try run(
            "/usr/bin/sqlite3", ["-batch", try FixtureArchive.shared.get().index],
            input: "SELECT load_extension('cairn');\n" + Self.questions,
            environment: ["LD_LIBRARY_PATH": folder.path])
        #expect(result.error == "")
        #expect(result.exitCode == 0)
        #expect(result.output.split(separator: "\n").map(String.init) == Self.answers)
    }

    @Test(
        .enabled(
            if: BuiltExtension.isUsable(in: "/usr/bin/python3"),
            "the extension cannot be loaded by python3"))
    func worksInPython() throws {
        let folder = try installed()
        let script = """
            import sqlite3, sys
            connection = sqlite3.connect(sys.argv[1])
            connection.enable_load_extension(True)
            connection.load_extension(sys.argv[2])
            for question in sys.stdin.read().split(";"):
                if question.strip():
                    print(connection.execute(question).fetchone()[0])
            try:
                connection.execute("DELETE FROM run")
                print("written")
            except sqlite3.OperationalError as error:
                print(error)
            connection.close()
            """
        let result = try run(
            "/usr/bin/python3",
            ["-c", script, try FixtureArchive.shared.get().index, folder.path("cairn")],
            input: Self.questions)
        #expect(result.error == "")
        #expect(
            result.output.split(separator: "\n").map(String.init)
                == Self.answers + ["attempt to write a readonly database"])
    }

    @Test(
        .enabled(
            if: BuiltExtension.isUsable(in: "/usr/bin/sqlite3"),
            "the extension cannot be loaded by sqlite3"))
    func saysWhichArchiveItNeeds() throws {
        let folder = try installed()
        let result = try run(
            "/usr/bin/sqlite3", ["-batch", ":memory:"], input: "SELECT load_extension('cairn');",
            environment: ["LD_LIBRARY_PATH": folder.path, "CAIRN_ARCHIVE": folder.path("none")])
        #expect(result.exitCode != 0)
        #expect(result.error.contains("cairn"), "\(result.error)")
        let named = try run(
            "/usr/bin/sqlite3", ["-batch", ":memory:"],
            input: "SELECT load_extension('cairn'); SELECT l2_norm('slow', 400, 'diagonal');",
            environment: [
                "LD_LIBRARY_PATH": folder.path,
                "CAIRN_ARCHIVE": try FixtureArchive.shared.get().archive.paths.root,
            ])
        #expect(named.output.contains("5.0"), "\(named.error)")
    }

    /// The host unloads a library whose loading failed, and the runtime in it cannot be begun twice.
    @Test(
        .enabled(
            if: BuiltExtension.isUsable(in: "/usr/bin/python3"),
            "the extension cannot be loaded by python3"))
    func isLoadedAgainAfterAFailure() throws {
        let folder = try installed()
        let script = """
            import os, sqlite3, sys
            for path in [":memory:", ":memory:", sys.argv[1]]:
                connection = sqlite3.connect(path)
                connection.enable_load_extension(True)
                try:
                    connection.load_extension(sys.argv[2])
                    print(connection.execute("SELECT l2_norm('slow', 400, 'diagonal')").fetchone()[0])
                except sqlite3.OperationalError as error:
                    print("refused" if "archive" in str(error) else error)
                connection.close()
            """
        let result = try run(
            "/usr/bin/python3",
            ["-c", script, try FixtureArchive.shared.get().index, folder.path("cairn")],
            environment: ["CAIRN_ARCHIVE": folder.path("none")])
        #expect(result.exitCode == 0, "\(result.error)")
        #expect(result.output == "refused\nrefused\n5.0\n", "\(result)")
    }
}
