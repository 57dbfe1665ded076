import Foundation
import TestSupport
import Testing

/// Names from an archive never drive the terminal, in whichever stream they come.
@Suite struct TerminalEscapeTests {
    @Test func namesAreSpelledOutInEveryStream() throws {
        let fixture = try CommandLineFixture()
        let name = "a\u{1b}[31m\u{9b}2J\u{202e}b\u{2066}c"
        let recorded = try fixture.cairn(
            ["record", "--name", name], input: #"{"step": 1, "loss": 0.5}"# + "\n")
        #expect(recorded.exitCode == 0, "\(recorded.error)")
        let results = [
            recorded, try fixture.cairn(["ls"]), try fixture.cairn(["show", name]),
            try fixture.cairn(["show", name + "x"]),
            try fixture.cairn(["export", name, "--to", "x"]),
            try fixture.cairn(["tag", name + "@7", "t"]), try fixture.cairn(["sql", "x" + name]),
        ]
        for result in results {
            for text in [result.output, result.error] {
                let found = text.unicodeScalars.filter {
                    ["\u{1b}", "\u{9b}", "\u{202e}", "\u{2066}"].contains($0)
                }
                #expect(found.isEmpty, "\(text.debugDescription)")
            }
        }
        #expect(results[3].error.contains(#"a\x1b[31m\x9b2J\u{202e}b\u{2066}c"#))
    }
}
