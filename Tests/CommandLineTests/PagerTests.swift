import Foundation
import TestSupport
import Testing

@testable import cairn

/// Long answers on a terminal go through a pager, and nothing else does.
@Suite struct PagerTests {
    private static let long =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n"
    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        try fixture.cairn(["init"])
    }

    /// Runs `cairn sql` on a terminal of 24 lines; what the pager got, and what the terminal showed.
    private func paged(
        _ arguments: [String], pager: String
    ) throws -> (pages: String?, shown: String, exitCode: Int) {
        let file = fixture.folder.path("pages")
        let terminal = try PseudoTerminal(
            "/bin/sh", ["-c", "'\(cairnExecutable())' \"$@\"; echo ended $?", "sh"] + arguments,
            environment: [
                "CAIRN_ARCHIVE": fixture.archive, "PAGER": pager.replacing("FILE", with: file),
            ])
        let shown = try terminal.read(upTo: "ended ").text
        let code = try terminal.read(upTo: "\n").text
        return (
            try? String(contentsOfFile: file, encoding: .utf8), shown,
            Int(code.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
        )
    }

    @Test func whatDoesNotFitTheScreenIsPaged() throws {
        let result = try paged(["sql", Self.long], pager: "cat > FILE")
        #expect(result.exitCode == 0 && result.shown == "ended ")
        #expect(
            result.pages?.split(separator: "\n").map { $0.filter { $0 != " " } } == ["i", "---"]
                + (1...100).map(String.init))
    }

    @Test(arguments: [
        ["sql", "SELECT 1 AS one"], ["sql", PagerTests.long, "--no-pager"],
    ]) func whatFitsAndWhatIsAskedForIsNot(arguments: [String]) throws {
        let result = try paged(arguments, pager: "cat > FILE")
        #expect(result.exitCode == 0 && result.pages == nil)
        #expect(result.shown.contains("1"))
    }

    @Test func aPipeIsNeverPaged() throws {
        let result = try fixture.cairn(
            ["sql", Self.long], environment: ["PAGER": "false", "TERM": "xterm"])
        #expect(result.exitCode == 0 && result.output.contains("100"))
    }

    @Test func aPagerThatEndsEarlyEndsTheCommandQuietly() throws {
        let endless = Self.long.replacing("i < 100", with: "i < 100000000")
        let result = try paged(["sql", endless], pager: "head -n 1 > FILE")
        #expect(result.exitCode == 0 && result.shown == "ended ")
        #expect(result.pages?.filter { $0 != " " } == "i\n")
    }

    @Test func guidesArePaged() throws {
        let result = try paged(["help", "views"], pager: "cat > FILE")
        #expect(result.pages?.hasPrefix("# SQL\n") == true && result.shown == "ended ")
    }

    @Test func thePagerIsTheOneThatIsThere() {
        #expect(Pager.command(["PAGER": "cat", "PATH": "/bin"]) == nil)
        #expect(Pager.command(["PAGER": "", "PATH": "/bin"]) == nil)
        #expect(Pager.command(["PAGER": "no-such-pager -x", "PATH": "/bin"]) == nil)
        #expect(Pager.command(["PATH": "/nowhere"]) == nil)
        #expect(Pager.command(["PAGER": "sh -c true", "PATH": "/bin"]) == "sh -c true")
        #expect(Pager.command(["PAGER": "/bin/sh"]) == "/bin/sh")
    }

    @Test func linesThatTheTerminalBreaksCountAsSeveral() {
        let screen = Paging.Screen(rowCount: 3, columnCount: 10, command: "less")
        #expect(!screen.isTooSmall(for: Array("a\nb\n".utf8)))
        #expect(screen.isTooSmall(for: Array("a\nb\nc\n".utf8)))
        #expect(!screen.isTooSmall(for: Array("ééééééééé\nb\n".utf8)))
        #expect(screen.isTooSmall(for: Array("0123456789abc\nb\n".utf8)))
    }
}
