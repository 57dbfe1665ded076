import ArchiveQueries
import ArchiveSchema
import Checkpoints
import Figures
import Foundation
import Page
import TestSupport
import Testing

/// The heads of questions that say how they are drawn, and what comes of them on the fixture.
///
/// `CAIRN_RECORD=1 swift test --filter PictureTests` writes the drawings anew; look at each of them.
@Suite struct PictureTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Pictures")

    @Test(arguments: Picture.all.map(\.name))
    func everyHeadCanBeReadAndDescribesItsAxes(name: String) throws {
        let query = try SavedQuery.find(name)
        let picture = try Picture(query)
        #expect(picture.recipe.written == query.picture?.recipe, "write it in the usual order")
        #expect(!picture.recipe.title.isEmpty)
        #expect(picture.recipe.xLabel?.isEmpty == false && picture.recipe.yLabel?.isEmpty == false)
        let parameters = Set(query.parameters.map(\.name))
        let words = [
            picture.recipe.title, picture.recipe.xLabel ?? "", picture.recipe.yLabel ?? "",
            picture.recipe.colorLabel ?? "",
        ].joined(separator: " ")
        for match in words.matches(of: /:([a-z_]+)/) {
            #expect(parameters.contains(String(match.output.1)), "\(match.output.0)")
        }
    }

    @Test(arguments: Picture.all.map(\.name))
    func drawingsAreThoseThatWereLookedAt(name: String) throws {
        let picture = try Picture.find(name)
        let session = try SavedQueryAnswerTests.analysed.get().session()
        let values = SavedQueryAnswerTests.given[name] ?? [:]
        let columns = try picture.query.cursor(in: session, parameters: values).columns
        for (role, column) in picture.recipe.columns {
            #expect(columns.contains(column), "\(role) is \(column)")
        }
        let text = SVGDrawing(try picture.figure(in: session, values: values)).text
        let file = Self.folder.appendingPathComponent(name + ".svg")
        if ProcessInfo.processInfo.environment["CAIRN_RECORD"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
    }

    @Test func runsAreChosenByIdOrBySweep() throws {
        let session = try SavedQueryAnswerTests.analysed.get().session()
        let picture = try Picture.find("loss_curves")
        let values = try picture.values(
            runs: [FixtureArchive.fast], given: [:], in: session)
        #expect(values["runs"] == .text("[\"\(FixtureArchive.fast)\"]"))
        #expect(try picture.figure(in: session, values: values).panels.map(\.title) == ["fast"])
        #expect(throws: UserError.self) {
            try picture.values(runs: [], given: ["sweep": .text("none")], in: session)
        }
        let one = try Picture.find("tensor_spectrum")
        #expect(throws: UserError.self) { try one.values(runs: [], given: [:], in: session) }
        #expect(throws: UserError.self) {
            try one.values(runs: ["a", "b"], given: [:], in: session)
        }
    }

    @Test func anEmptyAnswerSaysWhatComputesIt() throws {
        let session = try SavedQueryAnswerTests.analysed.get().session()
        let picture = try Picture.find("hessian_density")
        let error = #expect(throws: UserError.self) {
            try picture.figure(
                in: session, values: ["run": .text(FixtureArchive.fast)])
        }
        #expect(error?.description.contains("cairn analyze hessian --density computes it") == true)
    }
}
