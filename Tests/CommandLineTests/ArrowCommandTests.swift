import Foundation
import TestSupport
import Testing

/// `--arrow`: what other programs read, and what is refused.
@Suite struct ArrowCommandTests {
    private static let hasPyarrow = ReferencePython.interpreter(with: "pyarrow") != nil
    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "one", ["--weight-decay", "1"])
        try fixture.trainTiny(name: "two", ["--weight-decay", "0.5", "--seed", "1"])
    }

    /// What a Python program prints that reads the stream of a statement as `table`.
    private func read(
        _ command: [String], with library: String, _ program: String
    ) throws -> String {
        let python = try #require(ReferencePython.interpreter(with: library))
        let words = ([cairnExecutable()] + command + ["--arrow"]).map {
            "'" + $0.replacing("'", with: "'\\''") + "'"
        }
        let script = fixture.folder.path("read.py")
        try program.write(toFile: script, atomically: true, encoding: .utf8)
        let result = try run(
            "/bin/sh", ["-c", words.joined(separator: " ") + " | '\(python)' '\(script)'"],
            environment: ["CAIRN_ARCHIVE": fixture.archive])
        #expect(result.exitCode == 0, "\(result.error)")
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test(.enabled(if: hasPyarrow, "pyarrow is not installed"))
    func pyarrowReadsDeclaredTypesWhateverTheRowsAre() throws {
        let types = """
            import sys, pyarrow
            table = pyarrow.ipc.open_stream(sys.stdin.buffer).read_all()
            table.validate(full=True)
            print(" ".join(str(f.type).replace(" ", "") for f in table.schema), table.num_rows)
            """
        // No row at all has the same types as many rows.
        for (limit, count) in [("LIMIT 0", 0), ("", 2)] {
            let output = try read(
                [
                    "sql",
                    "SELECT run, last_step, weight_decay, last_test_loss, 1 + 1 FROM runs_wide "
                        + limit,
                ], with: "pyarrow", types)
            let run = "dictionary<values=string,indices=int32,ordered=0>"
            #expect(output.hasPrefix("\(run) int64 double double "))
            #expect(output.hasSuffix(" \(count)"))
        }
        #expect(
            try read(
                ["sql", "SELECT digest, has_optimizer_state FROM checkpoints LIMIT 0"],
                with: "pyarrow", types) == "string bool 0")
        let shapes = """
            import sys, pyarrow
            table = pyarrow.ipc.open_stream(sys.stdin.buffer).read_all()
            print(table.schema.field("shape").type, table.column("shape").to_pylist()[0])
            """
        #expect(
            try read(
                ["sql", "SELECT shape FROM tensors WHERE name = 'hidden' LIMIT 1"],
                with: "pyarrow", shapes
            ).hasPrefix("list<item: int64> ["))
    }

    @Test(.enabled(if: hasPyarrow, "pyarrow is not installed"))
    func computedColumnsHaveTheTypeOfAllTheirValues() throws {
        let program = """
            import sys, pyarrow
            table = pyarrow.ipc.open_stream(sys.stdin.buffer).read_all()
            print(*[f.type for f in table.schema], table.to_pydict())
            """
        let output = try read(
            ["sql", "VALUES (1, NULL, 'a'), (2.5, NULL, 3)"], with: "pyarrow", program)
        #expect(
            output == "double null string "
                + "{'column1': [1.0, 2.5], 'column2': [None, None], 'column3': ['a', '3']}")
    }

    /// The readers that are installed, each with a program that prints the sum of the column `value`.
    private static let readers = [
        (
            "polars",
            "import sys, polars\nprint(polars.read_ipc_stream(sys.stdin.buffer.read())['value'].sum())"
        ),
        (
            "nanoarrow",
            "import sys, nanoarrow\nrows = nanoarrow.ArrayStream.from_readable(sys.stdin.buffer).read_all()"
                + "\nprint(sum(row['value'] for row in rows.to_pylist()))"
        ),
        (
            "duckdb, pyarrow",
            "import sys, duckdb, pyarrow\nmetrics = pyarrow.ipc.open_stream(sys.stdin.buffer).read_all()"
                + "\nprint(duckdb.sql('SELECT sum(value) FROM metrics').fetchall()[0][0])"
        ),
    ].filter { ReferencePython.interpreter(with: $0.0) != nil }

    @Test(
        .enabled(if: !readers.isEmpty, "polars, nanoarrow and DuckDB are not installed"),
        arguments: readers)
    func otherReadersGetTheSameRows(library: String, program: String) throws {
        let statement = "SELECT run, name, step, value FROM metrics"
        let output = try read(["sql", statement], with: library, program)
        let sum = try objects(
            fixture.cairn(["sql", "SELECT sum(value) AS sum FROM metrics", "--json"]).output)
        let expected = try #require(sum.first?["sum"] as? Double)
        let found = try #require(Double(output))
        // Both add the same numbers, in another order.
        #expect(abs(found - expected) <= 1e-12 * abs(expected))
    }

    @Test(.enabled(if: hasPyarrow, "pyarrow is not installed"))
    func savedQuestionsAreStreamsToo() throws {
        let program = """
            import sys, pyarrow
            print(pyarrow.ipc.open_stream(sys.stdin.buffer).read_all().num_rows)
            """
        let output = try read(["query", "runs"], with: "pyarrow", program)
        #expect(output == "2")
    }

    @Test func aTerminalAndSeveralStatementsAreRefused() throws {
        let terminal = try PseudoTerminal(
            cairnExecutable(), ["sql", "SELECT 1", "--arrow"],
            environment: ["CAIRN_ARCHIVE": fixture.archive])
        _ = try terminal.read(upTo: "a terminal cannot show its bytes")
        #expect(terminal.exitCode() == 2)
        let two = try run(
            "/bin/sh",
            ["-c", "'\(cairnExecutable())' sql 'SELECT 1; SELECT 2' --arrow > /dev/null"],
            environment: ["CAIRN_ARCHIVE": fixture.archive])
        #expect(two.exitCode == 2 && two.error.contains("several statements"))
    }
}
