import Analysis
import ArchiveQueries
import Foundation
import Testing

/// The tables of "What each number assumes" that the program knows too.
struct AssumptionsDocumentTests {
    private static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/Documentation/WhatEachNumberAssumes.md")

    /// The first two cells of each row of the table between two marks, without its head.
    private func table(_ mark: String) throws -> [[String]] {
        let text = try String(contentsOf: Self.url, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- \(mark) -->\n")).upperBound
        let end = try #require(text.range(of: "<!-- end of \(mark) -->")).lowerBound
        return text[start..<end].split(separator: "\n").dropFirst(2).map { line in
            line.split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "")
            }
        }
    }

    @Test func namesTheVersionOfEveryKind() throws {
        let listed = try table("kinds")
        #expect(listed.map { $0[0] } == AnalysisKind.allCases.map(\.rawValue))
        for row in listed {
            #expect(AnalysisKind(rawValue: row[0])?.codeVersion == row[1], "\(row)")
        }
    }

    @Test func listsEveryLabelInTheOrderOfItsRule() throws {
        #expect(try table("labels").map { $0[0] } == GrokkingLabel.allCases.map(\.rawValue))
    }
}
