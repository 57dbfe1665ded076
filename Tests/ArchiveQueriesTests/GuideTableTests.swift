import ArchiveQueries
import Checkpoints
import Foundation
import Testing

@Suite struct GuideTableTests {
    private static func url(_ guide: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources/Documentation/\(guide).md")
    }

    /// The cells of each row of the table between two marks, without its head.
    private func table(_ mark: String, in guide: String) throws -> [[String]] {
        let text = try String(contentsOf: Self.url(guide), encoding: .utf8)
        let start = try #require(text.range(of: "<!-- \(mark) -->\n")).upperBound
        let end = try #require(text.range(of: "<!-- end of \(mark) -->")).lowerBound
        return text[start..<end].split(separator: "\n").dropFirst(2).map { line in
            line.split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "")
            }.filter { !$0.isEmpty }
        }
    }

    @Test func listsEveryViewOfAnArchive() throws {
        let session = try FixtureArchive.shared.get().session()
        let views = try session.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
        let listed = try table("views", in: "SQL")
        #expect(listed.map { .text($0[0]) }.sorted { "\($0)" < "\($1)" } == views.map { $0[0] })
        #expect(listed.allSatisfy { $0.count == 2 })
    }

    @Test func listsEveryKindOfAnalysisWithItsView() throws {
        let listed = try table("kinds", in: "Analyses")
        #expect(listed.map { $0[0] } == AnalysisKind.allCases.map(\.rawValue))
        #expect(listed.map { $0[2] } == AnalysisKind.allCases.map(\.view))
    }

    /// The guide's table of SQL functions is the one that the program registers.
    ///
    /// `RECORD_GUIDE=1` writes it anew between its two marks.
    @Test func describesEveryFunctionAsItIsRegistered() throws {
        let url = Self.url("SQL")
        let (opening, closing) = ("<!-- functions -->\n", "<!-- end of functions -->")
        let text = try String(contentsOf: url, encoding: .utf8)
        let start = try #require(text.range(of: opening)).upperBound
        let end = try #require(text.range(of: closing)).lowerBound
        if ProcessInfo.processInfo.environment["RECORD_GUIDE"] != nil {
            let written = text.replacingCharacters(
                in: start..<end, with: FunctionCatalogue.markdown)
            try written.write(to: url, atomically: true, encoding: .utf8)
        } else {
            #expect(String(text[start..<end]) == FunctionCatalogue.markdown)
        }
    }
}
