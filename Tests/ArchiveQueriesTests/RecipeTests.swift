import CheckpointArchive
import Foundation
import TestSupport
import Testing

/// The guide's recipes for other programs, run as they stand where the programs are installed.
///
/// `CAIRN_REFERENCE_PYTHON` names an interpreter that has pandas, DuckDB and Datasette.
struct RecipeTests {
    private static let pandas = ReferencePython.interpreter(with: "pandas")
    private static let duckdb = ReferencePython.interpreter(with: "pandas", "duckdb")
    private static let pyarrow = ReferencePython.interpreter(with: "pyarrow.parquet")
    private static let datasette = ReferencePython.interpreter(with: "datasette")

    /// An interpreter with Datasette whose SQLite loads extensions, which self-built ones may not.
    private static let loadingDatasette: String? = datasette.flatMap { python in
        let probe = try? run(
            python,
            [
                "-c",
                "import sqlite3; sqlite3.connect(':memory:').enable_load_extension(True)",
            ])
        return probe?.exitCode == 0 && BuiltExtension.isUsable(in: python) ? python : nil
    }

    /// A folder with the fixture under the name that the guide uses.
    private func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("archive"),
            withDestinationPath: try FixtureArchive.shared.get().archive.paths.root)
        return folder
    }

    /// The code of a language between two marks of the guide.
    private func recipe(_ name: String) throws -> String {
        let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources/Documentation/SQL.md")
        let text = try String(contentsOf: readme, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- recipe: \(name) -->\n")).upperBound
        let lines = text[start...].split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first?.hasPrefix("```") == true)
        return lines.dropFirst().prefix { $0 != "```" }.joined(separator: "\n") + "\n"
    }

    @Test(.enabled(if: pandas != nil, "pandas is not installed"))
    func pandasReadsOneColumnPerSetting() throws {
        let folder = try folder()
        // The folder goes away with its last use, which is after the program has ended.
        defer { withExtendedLifetime(folder) {} }
        let result = try run(
            try #require(Self.pandas),
            [
                "-c",
                try recipe("pandas") + """
                    print(runs.set_index("name").loc["fast", "weight_decay"])
                    print(runs["last_test_accuracy"].notna().sum(), len(runs))
                    print(curves.shape, curves.columns.tolist())
                    """,
            ], folder: folder.path)
        #expect(result.error == "")
        #expect(
            result.output == """
                1.0
                4 4
                (164, 3) ['run', 'step', 'value']

                """)
    }

    @Test(.enabled(if: duckdb != nil, "duckdb is not installed"))
    func duckDBReadsWhatCairnPrintsAndWritesParquet() throws {
        let folder = try folder()
        defer { withExtendedLifetime(folder) {} }
        let made = try run(
            cairnExecutable(), ["sql", "--csv", "SELECT * FROM runs_wide"], folder: folder.path)
        #expect(made.exitCode == 0, "\(made.error)")
        let result = try run(
            try #require(Self.duckdb),
            [
                "-c",
                try recipe("DuckDB") + """
                    print(duckdb.sql(
                        "SELECT count(*), max(weight_decay) FROM 'runs.parquet'").fetchall())
                    print(groups.fetchall()[0][:2])
                    """,
            ], input: made.output, folder: folder.path)
        #expect(result.error == "")
        #expect(result.output == "[(4, 1.0)]\n(0.0, 1)\n")
    }

    @Test(.enabled(if: pyarrow != nil, "pyarrow is not installed"))
    func pyarrowReadsTheStreamAndWritesParquet() throws {
        let folder = try folder()
        defer { withExtendedLifetime(folder) {} }
        let python = try #require(Self.pyarrow)
        try
            (recipe("Arrow") + """
                table = pyarrow.parquet.read_table("runs.parquet")
                print(table.num_rows, table.schema.field("weight_decay").type)
                """).write(toFile: folder.path("script.py"), atomically: true, encoding: .utf8)
        let result = try run(
            "/bin/sh",
            [
                "-c",
                "'\(cairnExecutable())' sql --arrow 'SELECT * FROM runs_wide' "
                    + "| '\(python)' script.py",
            ], folder: folder.path)
        #expect(result.error == "" && result.output == "4 double\n", "\(result.error)")
    }

    /// The rows that a page of Datasette shows.
    private func page(
        _ path: String, python: String, _ more: [String] = [],
        environment: [String: String] = [:]
    ) throws -> ProcessResult {
        let folder = try folder()
        defer { withExtendedLifetime(folder) {} }
        return try run(
            python, ["-m", "datasette", "archive/index.sqlite"] + more + ["--get", path],
            environment: environment, folder: folder.path)
    }

    @Test(.enabled(if: datasette != nil, "datasette is not installed"))
    func datasetteShowsTheViews() throws {
        let result = try page(
            "/index/runs_wide.json?_shape=array&name=fast", python: try #require(Self.datasette))
        #expect(result.output.contains("\"weight_decay\": 1.0"), "\(result.error)")
        #expect(result.output.contains("\"last_test_accuracy\": "))
    }

    @Test(.enabled(if: loadingDatasette != nil, "no datasette that loads extensions is installed"))
    func datasetteCallsTheFunctions() throws {
        let root = try FixtureArchive.shared.get().archive.paths.root
        let result = try page(
            "/index.json?sql=select+l2_norm('slow',400,'diagonal')+as+norm&_shape=array",
            python: try #require(Self.loadingDatasette),
            ["--load-extension", BuiltExtension.library ?? ""],
            environment: ["CAIRN_ARCHIVE": root])
        #expect(result.output == "[{\"norm\": 5.0}]\n", "\(result.output) \(result.error)")
    }
}
