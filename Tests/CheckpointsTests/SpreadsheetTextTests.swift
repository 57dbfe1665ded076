import Checkpoints
import TestSupport
import Testing

@Suite struct SpreadsheetTextTests {
    @Test(arguments: 0..<20) func everyTextComesBack(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let letters = ["'", "=", "+", "-", "@", "\t", "\r", "1", ".", "x", "é", "e\u{301}", " "]
        for _ in 0..<200 {
            let count = Int.random(in: 0...6, using: &generator)
            let text = (0..<count).map { _ in
                letters[Int.random(in: 0..<letters.count, using: &generator)]
            }.joined()
            let written = SpreadsheetText.harmless(text)
            #expect(
                SpreadsheetText.original(written).unicodeScalars.elementsEqual(text.unicodeScalars))
            let first = written.utf8.first
            #expect(
                first.map { !"=+-@\t\r".utf8.contains($0) } ?? true || Double(written) != nil,
                "seed \(seed): \(written)")
        }
    }
}
