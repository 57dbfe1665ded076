import ArchiveQueries
import Foundation
import Testing

@Suite struct ReadmeTests {
    /// The README's table of SQL functions is the one that the program registers.
    ///
    /// `RECORD_README=1` writes it anew between its two marks.
    @Test func describesEveryFunctionAsItIsRegistered() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("README.md")
        let (opening, closing) = ("<!-- functions -->\n", "<!-- end of functions -->")
        let text = try String(contentsOf: url, encoding: .utf8)
        let start = try #require(text.range(of: opening)).upperBound
        let end = try #require(text.range(of: closing)).lowerBound
        if ProcessInfo.processInfo.environment["RECORD_README"] != nil {
            let written = text.replacingCharacters(
                in: start..<end, with: FunctionCatalogue.markdown)
            try written.write(to: url, atomically: true, encoding: .utf8)
        } else {
            #expect(String(text[start..<end]) == FunctionCatalogue.markdown)
        }
    }
}
