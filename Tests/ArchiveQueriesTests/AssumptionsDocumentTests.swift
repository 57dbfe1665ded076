import Analysis
import ArchiveQueries
import Foundation
import Testing

/// The tables of "What each number assumes" that the program knows too.
struct AssumptionsDocumentTests {
    static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/Documentation/WhatEachNumberAssumes.md")

    /// The first two cells of each row of the table between two marks, without its head.
    static func table(_ mark: String) throws -> [[String]] {
        let text = try String(contentsOf: url, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- \(mark) -->\n")).upperBound
        let end = try #require(text.range(of: "<!-- end of \(mark) -->")).lowerBound
        return text[start..<end].split(separator: "\n").dropFirst(2).map { line in
            line.split(separator: "|").map {
                $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "")
            }
        }
    }

    @Test func namesTheVersionOfEveryKind() throws {
        let listed = try Self.table("kinds")
        #expect(listed.map { $0[0] } == AnalysisKind.allCases.map(\.rawValue))
        for row in listed {
            #expect(AnalysisKind(rawValue: row[0])?.codeVersion == row[1], "\(row)")
        }
    }

    @Test func namesEveryColumnOfResults() throws {
        let text = try String(contentsOf: Self.url, encoding: .utf8)
        let names = Set(
            text.split(separator: "`").flatMap {
                $0.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
            }
            .map(String.init))
        let fixture = try FixtureArchive()
        let session = try fixture.session()
        // What a row is about, and not what it says.
        let common: Set = [
            "run", "step", "analysis", "source", "kind", "split", "dtype", "seed", "tensor",
            "operator", "measure", "subject", "position", "variant", "value", "text",
        ]
        for view in Set(AnalysisKind.allCases.map(\.view)).union([
            "pair_spectra", "hessian_traces", "hessian_densities", "hessian_blocks",
            "sharpness_measures", "progress_measures",
        ]) {
            let columns = try session.cursor("SELECT * FROM \(view) LIMIT 0").columns
            #expect(Set(columns).subtracting(common).subtracting(names) == [], "\(view)")
        }
    }

    /// How each measure was checked names tests, `function` or `Suite.function`, that are there.
    @Test func everyMeasureNamesTestsThatExist() throws {
        let tests = Self.url.deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Tests")
        let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
        var functions: Set<String> = []
        for case let file as URL in files ?? .init() where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            let suites = text.matches(of: /struct (\w+Tests)\b/).map { String($0.output.1) }
            for match in text.matches(of: /func (\w+)\(/) {
                functions.insert(String(match.output.1))
                for suite in suites { functions.insert("\(suite).\(match.output.1)") }
            }
        }
        let text = try String(contentsOf: Self.url, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- measures -->\n")).upperBound
        let end = try #require(text.range(of: "<!-- end of measures -->")).lowerBound
        for line in text[start..<end].split(separator: "\n").dropFirst(2) {
            let cell = line.split(separator: "|").last { $0.contains("`") } ?? ""
            let names = cell.matches(of: /`([\w.]+)`/).map { String($0.output.1) }
                .filter { !$0.contains("_") }
            #expect(!names.isEmpty, "\(line)")
            #expect(names.filter { !functions.contains($0) } == [], "\(line)")
        }
    }

    @Test func listsEveryLabelInTheOrderOfItsRule() throws {
        #expect(try Self.table("labels").map { $0[0] } == GrokkingLabel.allCases.map(\.rawValue))
    }
}
