import TestSupport
import Testing

@testable import cairn

/// What a shell offers: the completion scripts ask the program itself for these.
@Suite struct NameCompletionTests {
    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "first run")
        try fixture.trainTiny(name: "other", ["--seed", "1"])
    }

    /// The offers for the argument at a place, as bash asks for them.
    private func offers(
        _ command: [String], _ argument: String, word: String = ""
    ) throws -> [String] {
        let result = try run(
            cairnExecutable(),
            ["---completion"] + command + ["--", argument, "2", "\(word.count)", "cairn"] + command
                + [word],
            environment: [
                "CAIRN_ARCHIVE": fixture.archive, "SAP_SHELL": "bash", "SAP_SHELL_VERSION": "5",
            ])
        #expect(result.exitCode == 0 && result.error.isEmpty, "\(result.error)")
        return result.output.split(separator: "\n").map(String.init)
    }

    @Test func namesOfTheArchiveAndOfTheProgramAreOffered() throws {
        #expect(try offers(["show"], "positional@0") == ["other", "first run"])
        #expect(try offers(["compare"], "positional@0") == ["other", "first run"])
        let steps = try offers(["show"], "positional@0", word: "other@")
        #expect(steps.prefix(4) == ["other@first", "other@last", "other@0", "other@10"])
        #expect(try offers(["train"], "--preset").contains("power-divide"))
        #expect(try offers(["train"], "--operation").contains("divide"))
        #expect(try offers(["query"], "positional@0").contains("grokking_table"))
        #expect(try offers(["analyze", "fourier"], "--tensor").contains("hidden"))
        #expect(try offers(["export"], "--view").contains("runs_wide"))
    }

    @Test func withoutAnArchiveNothingIsOfferedAndNothingSaid() throws {
        let result = try run(
            cairnExecutable(),
            ["---completion", "show", "--", "positional@0", "2", "0", "cairn", "show", ""],
            environment: ["CAIRN_ARCHIVE": fixture.folder.path("none"), "SAP_SHELL": "bash"])
        #expect(result.output.trimmingPrefix("\n").isEmpty && result.error.isEmpty)
    }
}
