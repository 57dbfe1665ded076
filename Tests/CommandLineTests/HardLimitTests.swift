import Foundation
import TestSupport
import Testing

/// Where memory, space, time, locks or names run out, there is one sentence and nothing hangs.
@Suite struct HardLimitTests {
    private static let unshare: [String]? = {
        let flags = geteuid() == 0 ? "-m" : "-rm"
        let probe = try? run(
            "/usr/bin/unshare", [flags, "mount", "-t", "tmpfs", "none", "/mnt"])
        return probe?.exitCode == 0 ? [flags] : nil
    }()

    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    /// Runs a script in which `$0` is `cairn`, with the archive of the fixture.
    private func shell(_ script: String, isolated: Bool = false) throws -> ProcessResult {
        let arguments = ["sh", "-c", script, cairnExecutable()]
        let program = isolated ? ["/usr/bin/unshare"] + (try #require(Self.unshare)) : []
        let line = program + ["/usr/bin/env"] + arguments
        return try run(
            line[0], Array(line.dropFirst()),
            environment: ["CAIRN_ARCHIVE": fixture.archive, "HOME": fixture.folder.path],
            folder: fixture.folder.path, secondsAllowed: 120)
    }

    /// One line of error with these words.
    private func expectSentence(
        _ result: ProcessResult, exitCode: Int, _ words: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(result.exitCode == exitCode, "\(result)", sourceLocation: location)
        let lines = result.error.split(separator: "\n")
        #expect(
            lines.count == 1 && result.error.contains(words), "\(result.error)",
            sourceLocation: location)
    }

    /// SQLite asks nobody whether to stop while it is inside one call of `instr` or `replace`.
    private static let endless =
        "SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')"

    private static let endlessToo =
        "SELECT length(replace(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1', 'x'))"

    @Test(arguments: [endless, endlessToo])
    func aFunctionThatCannotBeStoppedEndsAtTheTimeLimit(statement: String) throws {
        try fixture.cairn(["init", "--quiet"])
        let result = try shell("exec $0 sql --timeout 0.2 \"\(statement)\"")
        expectSentence(result, exitCode: 1, "limit of 0.2 s")
    }

    @Test func aFunctionThatCannotBeStoppedEndsAtCtrlC() throws {
        try fixture.cairn(["init", "--quiet"])
        let result = try shell(
            "exec timeout --preserve-status -k 60 -s INT 1 $0 sql \"\(Self.endless)\"")
        #expect(result.exitCode == 130 && result.output.isEmpty, "\(result)")
    }

    @Test func aTimeLimitMayBeAnyPositiveNumber() throws {
        try fixture.cairn(["init", "--quiet"])
        for limit in ["1e300", "1e-3"] {
            let result = try fixture.cairn(["sql", "--timeout", limit, "SELECT 1 AS one", "--csv"])
            #expect(result.exitCode == 0 && result.output == "one\n1\n", "\(result)")
        }
        for limit in ["nan", "inf", "0", "-1"] {
            let result = try fixture.cairn(["sql", "--timeout=\(limit)", "SELECT 1"])
            expectSentence(result, exitCode: 2, "not a positive number of seconds")
        }
    }

    @Test func trainingWithoutMemoryForProductsSaysSo() throws {
        let limit = "ulimit -v 500000 2>/dev/null && "
        // A program that is built to watch its memory takes far more for itself.
        guard try shell(limit + "exec $0 --version").exitCode == 0 else { return }
        let line = CommandLineFixture.tiny.joined(separator: " ")
        let result = try shell(limit + "exec $0 \(line) --threads 2")
        expectSentence(result, exitCode: 1, "address space")
    }

    @Test func namesThatAreNoTextAreRefused() throws {
        let before = try fixture.state()
        let argument = try shell("exec $0 init --archive \"$(printf 'a\\377')\"")
        expectSentence(argument, exitCode: 2, "it is not UTF-8 text")
        let variable = try shell("CAIRN_ARCHIVE=$(printf 'a\\377') exec $0 init")
        expectSentence(variable, exitCode: 2, "CAIRN_ARCHIVE: it is not UTF-8 text")
        #expect(try fixture.state() == before)
    }

    @Test func pathsThatSQLiteCannotOpenAreRefusedBeforeAnythingIsMade() throws {
        let part = String(repeating: "d", count: 100)
        let path = Array(repeating: part, count: 6).joined(separator: "/")
        let before = try fixture.state()
        for command in ["init", "ls"] {
            let result = try fixture.cairn([command, "--archive", path])
            expectSentence(result, exitCode: 1, "of which SQLite can open")
        }
        #expect(try fixture.state() == before)
    }

    @Test(.enabled(if: unshare != nil, "namespaces of its own are not permitted here"))
    func aFullDiskCanBeReadAndFreed() throws {
        try fixture.trainTiny()
        let script = """
            mount -t tmpfs -o size=6m none /mnt && source=$CAIRN_ARCHIVE || exit 9
            export CAIRN_ARCHIVE=/mnt/a && cd / || exit 9
            fill() {
                rm -rf /mnt/* && cp -r --sparse=never "$source" /mnt/a || exit 8
                cat /dev/zero > /mnt/fill 2>/dev/null
            }
            fill
            $0 gc --every 20 --yes --quiet || exit 15
            $0 gc --every 20 --purge --yes --quiet || exit 16
            $0 show tiny --json | tr -d '\\n ' | grep -q '"checkpoint_count":3' || exit 17
            fill
            $0 ls --csv >/dev/null || exit 10
            $0 rm tiny --yes --quiet || exit 11
            $0 rm --purge --yes --quiet || exit 12
            test -z "$(ls /mnt/a/runs)$(ls /mnt/a/trash)" || exit 13
            $0 verify --quiet || exit 14
            """
        let result = try shell(script, isolated: true)
        #expect(result.exitCode == 0, "\(result)")
    }

    @Test(.enabled(if: unshare != nil, "namespaces of its own are not permitted here"))
    func runsOnAnotherFileSystemAreRefused() throws {
        try fixture.cairn(["init", "--quiet"])
        let line = CommandLineFixture.tiny.joined(separator: " ")
        let result = try shell(
            "mount -t tmpfs none \"$CAIRN_ARCHIVE/runs\" && exec $0 \(line)", isolated: true)
        expectSentence(result, exitCode: 1, "a folder of the archive is on another file system")
    }

    /// What begins like a formula is computed by a spreadsheet; numbers stay numbers.
    @Test func tablesForSpreadsheetsHoldNoFormulas() throws {
        try fixture.cairn(["init", "--quiet"])
        let result = try fixture.cairn([
            "sql", "SELECT '=1+1' AS a, '@x' AS b, '+1 2' AS c, '-x,y' AS d, '-1.5' AS e, -2 AS f",
            "--csv",
        ])
        #expect(
            result.output == "a,b,c,d,e,f\n'=1+1,'@x,'+1 2,\"'-x,y\",-1.5,-2\n", "\(result)")
    }

    /// What the apostrophe protected comes back without it.
    @Test func curvesNamedLikeFormulasComeBackUnderTheirNames() throws {
        let names = ["=x", "'=x", "''+y", "'-1.5", "@z", "plain", "it's"]
        let lines = (1...3).map { step in
            let values = names.enumerated().map { "\"\($1)\": \(step * 10 + $0)" }
            return "{\"step\": \(step), \(values.joined(separator: ", "))}\n"
        }
        let recorded = try fixture.cairn(
            ["record", "--name", "first", "--quiet"], input: lines.joined())
        try #require(recorded.exitCode == 0, "\(recorded.error)")
        let file = fixture.folder.path("curves.csv")
        for command in [
            ["export", "first", "--to", file], ["import", file, "--name", "second"],
        ] {
            let result = try fixture.cairn(command)
            try #require(result.exitCode == 0, "\(result.error)")
        }
        func curves(_ run: String) throws -> String {
            try fixture.cairn([
                "sql",
                "SELECT m.name, step, value FROM metrics AS m JOIN runs AS r USING (run) "
                    + "WHERE r.name = '\(run)' ORDER BY 1, 2", "--json",
            ]).output
        }
        #expect(try curves("second") == curves("first"))
        #expect(try curves("first").contains("'-1.5"))
    }
}
