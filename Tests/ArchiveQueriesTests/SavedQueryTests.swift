import ArchiveQueries
import ArchiveSchema
import Checkpoints
import Foundation
import TestSupport
import Testing

struct SavedQueryTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("queries")

    @Test func everyFileIsCompiledIn() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
        #expect(files == SavedQuery.all.map { $0.name + ".sql" })
        for query in SavedQuery.all {
            let file = Self.folder.appendingPathComponent(query.name + ".sql")
            #expect(try String(contentsOf: file, encoding: .utf8) == query.sql)
        }
    }

    @Test(arguments: SavedQuery.all)
    func asksAQuestionAndDescribesItsParameters(query: SavedQuery) {
        #expect(query.question.hasSuffix("?"), "\(query.question)")
        let used = Set(
            query.sql.split(separator: "\n").filter { !$0.hasPrefix("--") }.joined(separator: "\n")
                .matches(of: /:([a-z_]+)/).map { String($0.output.1) })
        #expect(used == Set(query.parameters.map(\.name)))
        for parameter in query.parameters { #expect(parameter.description.count > 5) }
    }

    @Test func theHeadOfAQueryIsRead() {
        let query = SavedQuery(
            name: "q",
            sql: """
                --  What is it?
                -- :run  the run
                -- :tensor = embedding  the tensor
                --
                -- A note
                -- of two lines.
                SELECT 1; -- :no
                """)
        #expect(query.question == "What is it?")
        #expect(query.notes == "A note of two lines.")
        #expect(
            query.parameters.map { [$0.name, $0.defaultText ?? "-", $0.description] } == [
                ["run", "-", "the run"], ["tensor", "embedding", "the tensor"],
            ])
    }

    @Test func anUnknownNameSuggestsANearOne() throws {
        let error = try #require(throws: UserError.self) { try SavedQuery.find("time_by_fracton") }
        #expect(
            error.description
                == "query time_by_fracton: there is none of this name; did you mean time_by_fraction?"
        )
    }
}
