internal import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import cairn

/// Prints rows into a file and gives its text.
private func rendered(
    _ format: RowFormat, columns: [String], rows: [[ScalarValue]], terminal: Terminal = .plain
) throws -> String {
    let folder = try TemporaryFolder()
    let path = folder.path("rows")
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let file = try #require(FileHandle(forWritingAtPath: path))
    let output = Output(descriptor: file.fileDescriptor)
    try format.writer(to: output, terminal: terminal).write(columns: columns, rows: rows)
    try output.flush()
    return try String(contentsOfFile: path, encoding: .utf8)
}

private let columns = ["run", "value", "note"]
private let rows: [[ScalarValue]] = [
    [.text("a"), .real(0.1), .text("plain")],
    [.text("größe"), .real(-12345.5), .null],
    [.text("重み"), .integer(7), .text("a, \"b\"\nc|d")],
]

@Suite struct RowWriterTests {
    @Test func tableAlignsNumbersRightAndWideCharacters() throws {
        let text = try rendered(.table, columns: columns, rows: rows)
        #expect(
            text == """
                run       value  note
                -----  --------  -----------
                a           0.1  plain
                größe  -12345.5
                重み          7  a, "b"\\nc|d

                """)
    }

    @Test func jsonKeepsUnicodeAndEscapesControls() throws {
        let text = try rendered(.json, columns: columns, rows: rows)
        #expect(
            text == """
                [{"run": "a", "value": 0.1, "note": "plain"},
                 {"run": "größe", "value": -12345.5, "note": null},
                 {"run": "重み", "value": 7, "note": "a, \\"b\\"\\nc|d"}]

                """)
        let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
        #expect(parsed?.count == 3)
    }

    @Test func emptyResultsAreStillWellFormed() throws {
        #expect(try rendered(.json, columns: columns, rows: []) == "[]\n")
        #expect(try rendered(.nl, columns: columns, rows: []) == "")
        #expect(try rendered(.csv, columns: columns, rows: []) == "run,value,note\n")
        #expect(
            try rendered(.table, columns: columns, rows: [])
                == "run  value  note\n---  -----  ----\n")
    }

    @Test func numbersThatAreNoneHaveAFormEverywhere() throws {
        let odd: [[ScalarValue]] = [[.real(.nan), .real(.infinity), .real(-.infinity)]]
        let names = ["a", "b", "c"]
        #expect(
            try rendered(.nl, columns: names, rows: odd)
                == "{\"a\": \"NaN\", \"b\": \"Infinity\", \"c\": \"-Infinity\"}\n")
        #expect(try rendered(.csv, columns: names, rows: odd) == "a,b,c\nnan,inf,-inf\n")
    }

    @Test func csvQuotesWhatNeedsQuotesAndTellsNullFromEmpty() throws {
        let text = try rendered(
            .csv, columns: ["a", "b,c"],
            rows: [[.text("x,\"y\""), .null], [.text(""), .blob([1, 2, 255])]])
        #expect(text == "a,\"b,c\"\n\"x,\"\"y\"\"\",\n\"\",AQL/\n")
    }

    @Test func markdownEscapesBarsAndAlignsNumbers() throws {
        let text = try rendered(
            .markdown, columns: ["a|b", "n"], rows: [[.text("x"), .integer(1)]])
        #expect(text == "| a\\|b |   n |\n| ---- | --: |\n| x    |   1 |\n")
    }

    @Test func blobsAndRepeatedNamesSurviveInJSON() throws {
        let text = try rendered(
            .nl, columns: ["x", "x"], rows: [[.blob([0, 1]), .integer(2)]])
        #expect(text == "{\"x\": {\"$base64\": true, \"encoded\": \"AAE=\"}, \"x_2\": 2}\n")
    }

    @Test(arguments: 0..<200) func everyDoubleReadsBack(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let value = Double(bitPattern: generator.next())
        guard value.isFinite else { return }
        let text = try rendered(.csv, columns: ["x"], rows: [[.real(value)]])
        let digits = text.split(separator: "\n").last.map(String.init) ?? ""
        #expect(Double(digits)?.bitPattern == value.bitPattern, "seed \(seed): \(digits)")
    }

    @Test func aNarrowTerminalGetsOneLinePerColumn() throws {
        var terminal = Terminal.plain
        terminal.isInteractive = true
        terminal.columnCount = 12
        let text = try rendered(
            .table, columns: ["name", "n"], rows: [[.text("a long name"), .integer(3)]],
            terminal: terminal)
        #expect(text == "name  a long name\nn     3\n")
    }

    /// On a terminal of so many columns.
    private func narrow(_ columnCount: Int) -> Terminal {
        var terminal = Terminal.plain
        terminal.isInteractive = true
        terminal.columnCount = columnCount
        return terminal
    }

    @Test func whatDoesNotFitIsLeftOutFromTheRight() throws {
        let text = try rendered(
            .table, columns: ["run", "a", "b", "c", "d"],
            rows: [[.text("x"), .integer(1), .integer(22), .text("long text"), .integer(4)]],
            terminal: narrow(14))
        #expect(text == "run  a   b\n---  -  --\nx    1  22\n")
    }

    @Test func aTableThatIsTurnedHasOneColumnOfNames() throws {
        let text = try rendered(
            .table, columns: ["first name", "second name", "third name"],
            rows: [
                [.text("x"), .integer(1), .null], [.text("yy"), .real(0.5), .text("z")],
            ], terminal: narrow(20))
        #expect(
            text == """
                first name   x  yy
                second name  1  0.5
                third name      z

                """)
    }

    @Test(arguments: 0..<100) func noLineIsLongerThanTheTerminal(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 3...12, using: &generator)
        let width = Int.random(in: 40...200, using: &generator)
        let names = (0..<count).map { "c\($0)" }
        let rows = (0..<Int.random(in: 1...9, using: &generator)).map { _ in
            names.map { _ in
                ScalarValue.text(
                    String(repeating: "x", count: Int.random(in: 0...12, using: &generator)))
            }
        }
        let text = try rendered(.table, columns: names, rows: rows, terminal: narrow(width))
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width }, "seed \(seed)")
        #expect(lines.count == rows.count + 2, "seed \(seed)")
    }

    @Test func numbersInTablesHaveSixDigitsAndAllOfThemElsewhere() throws {
        let third = [[ScalarValue.real(1.0 / 3)]]
        #expect(try rendered(.table, columns: ["x"], rows: third).contains("0.333333\n"))
        #expect(try rendered(.csv, columns: ["x"], rows: third) == "x\n0.3333333333333333\n")
    }

    @Test func columnsAreChosenByName() throws {
        let output = Output(descriptor: -1)
        let writer = ChosenColumns(
            ["nmae"], of: RowFormat.csv.writer(to: output, terminal: .plain))
        let error = #expect(throws: UserError.self) { try writer.begin(columns: ["run", "name"]) }
        #expect(error?.advice == "did you mean name?")
    }

    @Test func controlCharactersNeverReachTheTerminal() throws {
        let text = try rendered(.table, columns: ["a"], rows: [[.text("\u{1b}[31mred\u{7}")]])
        let rule = String(repeating: "-", count: 15)
        #expect(text == "a\n\(rule)\n\\x1b[31mred\\x07\n")
    }

    @Test func laterWiderRowsAreNotCut() throws {
        let many = (0..<500).map {
            [ScalarValue.text(String(repeating: "x", count: $0 < 400 ? 3 : 30))]
        }
        let text = try rendered(.table, columns: ["a"], rows: many)
        #expect(text.split(separator: "\n").last?.count == 30)
    }
}

@Suite struct NumberTextTests {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"),
        (5_000_000_000, "5.0 GB"),
    ]) func sizesHaveUnits(count: Int, text: String) {
        #expect(NumberText.bytes(count) == text)
    }

    @Test(arguments: [(0.2, "0:01"), (61, "1:01"), (3661, "1:01:01"), (.infinity, "?")])
    func spansReadLikeAClock(seconds: Double, text: String) {
        #expect(NumberText.clock(seconds: seconds) == text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-12769, "-12,769")])
    func thousandsAreSeparated(value: Int, text: String) {
        #expect(NumberText.grouped(value) == text)
    }
}
