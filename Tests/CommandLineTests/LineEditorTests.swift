import Testing

@testable import cairn

@Suite struct LineEditorTests {
    /// Types bytes and gives the line.
    private func typed(_ keys: String, history: [String] = []) -> (String, Edit.Outcome) {
        var edit = Edit(prompt: "> ", history: history)
        var bytes = Array(keys.utf8)[...]
        var outcome = Edit.Outcome.more
        while let byte = bytes.popFirst(), outcome == .more {
            outcome = edit.take(byte) { bytes.popFirst() }
        }
        return (edit.text, outcome)
    }

    @Test func textAndUnicodeAreInsertedAtTheCursor() {
        #expect(typed("SELECT 'größe'\r") == ("SELECT 'größe'", .accepted))
        #expect(typed("ac\u{1b}[Db\r").0 == "abc")
        #expect(typed("bc\u{1}a\u{5}d\r").0 == "abcd")
    }

    @Test func deletionKeysWork() {
        #expect(typed("abc\u{7f}\r").0 == "ab")
        #expect(typed("one two\u{17}\r").0 == "one ")
        #expect(typed("one two\u{15}x\r").0 == "x")
        #expect(typed("abc\u{1b}[D\u{1b}[3~\r").0 == "ab")
        #expect(typed("\u{7f}\u{1b}[3~\u{17}\r").0 == "")
    }

    @Test func historyIsWalkedAndTheUnfinishedLineKept() {
        let history = ["first", "second"]
        #expect(typed("\u{1b}[A\r", history: history).0 == "second")
        #expect(typed("\u{1b}[A\u{1b}[A\u{1b}[A\r", history: history).0 == "first")
        #expect(typed("new\u{1b}[A\u{1b}[B\r", history: history).0 == "new")
    }

    @Test func endAndAbandonAreTold() {
        #expect(typed("\u{4}").1 == .ended)
        #expect(typed("abc\u{3}").1 == .abandoned)
        #expect(typed("abc\u{1}\u{4}\r").0 == "bc")
    }

    @Test func tabCompletesWordsAndNamesTheChoices() {
        let words = WordCompletion(["metrics", "metric_summaries", "l2_norm(", "runs"])
        func typed(_ keys: String) -> (String, Edit.Outcome) {
            var edit = Edit(prompt: "> ", history: [], completion: words)
            var outcome = Edit.Outcome.more
            for byte in keys.utf8 { outcome = edit.take(byte) { nil } }
            return (edit.text, outcome)
        }
        #expect(typed("FROM me\t") == ("FROM metric", .more))
        #expect(typed("FROM me\t\t").1 == .choices(["metric_summaries", "metrics"]))
        #expect(typed("SELECT l2\trun").0 == "SELECT l2_norm(run")
        #expect(typed("from R\t").0 == "from runs")
        #expect(typed("\t") == ("", .more))
        #expect(typed("x\t") == ("x", .more))
    }
}
