import Figures
import Testing

@Suite struct PictureRecipeTests {
    private static func table(_ rows: [[DataTable.Value]], _ columns: [String]) -> DataTable {
        var table = DataTable(columns: columns)
        for row in rows { table.append(row) }
        return table
    }

    private static let curves = table(
        (0..<20).flatMap { step -> [[DataTable.Value]] in
            [
                [.number(Double(step)), .number(0.5), .text("train"), .text("a")],
                [.number(Double(step)), .missing, .text("test"), .text("b")],
            ]
        }, ["step", "value", "name", "run"])

    @Test func aRecipeIsReadAsItIsWritten() throws {
        let text =
            "line x=step y=value low=l high=h color=name facet=run label=w mark=m x-scale=log-step "
            + "y-scale=log y-range=0.01.. free=y"
        let recipe = try PictureRecipe(written: text)
        #expect(try PictureRecipe(written: recipe.written) == recipe)
        #expect(recipe.columns[.facet] == "run" && recipe.isYFree && !recipe.isXFree)
    }

    @Test func rowsBecomePanelsAndCurves() throws {
        let recipe = try PictureRecipe(written: "line x=step y=value color=name facet=run")
        let figure = try Figure(PictureRecipeTests.curves, recipe: recipe)
        #expect(figure.panels.map(\.title) == ["a", "b"])
        #expect(figure.panels[0].marks.map(\.name) == ["train"])
        #expect(figure.panels[0].marks[0].x.count == 20)
        #expect(!figure.panels[1].marks[0].y.contains { !$0.isNaN })
        #expect(figure.x.label == "step" && figure.y.label == "value")
    }

    @Test func manyNumbersGetAScaleAndFewGetColours() throws {
        let recipe = try PictureRecipe(written: "line x=x y=y color=c")
        func figure(_ count: Int) throws -> Figure {
            try Figure(
                PictureRecipeTests.table(
                    (0..<count).map { [.number(1), .number(2), .number(Double($0))] },
                    ["x", "y", "c"]), recipe: recipe)
        }
        #expect(try figure(4).colors == nil)
        #expect(try figure(12).colors?.scale.upper == 11)
    }

    @Test func rowsMayNameTheirShape() throws {
        let table = PictureRecipeTests.table(
            [
                [.text("line"), .number(1), .number(2), .text("a"), .missing],
                [.text("dashed"), .number(1), .number(2), .text("a"), .missing],
                [.text("rule"), .number(1), .missing, .missing, .text("here")],
            ], ["mark", "x", "y", "c", "label"])
        let recipe = try PictureRecipe(written: "line x=x y=y color=c mark=mark label=label")
        let marks = try Figure(table, recipe: recipe).panels[0].marks
        #expect(marks.map(\.shape) == [.line, .line, .rule])
        #expect(marks.map(\.isDashed) == [false, true, true])
        #expect(marks[2].labels == ["here"] && marks[2].name == nil)
    }

    @Test(arguments: [
        ("line x=stepp y=value", "the answer has no column stepp"),
        ("line x=name y=value", "holds text ('train')"),
        ("line x=step y=value mark=name", "there is no such shape"),
    ]) func wrongColumnsAreNamed(written: String, cause: String) throws {
        let recipe = try PictureRecipe(written: written)
        let error = #expect(throws: FigureError.self) {
            try Figure(PictureRecipeTests.curves, recipe: recipe)
        }
        let sentence = (error?.subject ?? "") + " " + (error?.cause ?? "")
        #expect(sentence.contains(cause))
    }

    @Test(arguments: [
        "", "circle x=a y=b", "line x=a", "line x=a y=b x-scale=square", "line x=a y=b colour=c",
        "line x=a y=b y-range=3..1", "line x=a y=b y-range=low..high", "line x y",
        "line x=a y=b x-scale=symlog:-1",
    ]) func wrongRecipesAreRefused(written: String) {
        #expect(throws: FigureError.self) { try PictureRecipe(written: written) }
    }

    @Test func whatCannotBeSeenIsRefused() throws {
        let recipe = try PictureRecipe(written: "line x=x y=y y-scale=log")
        func failure(_ rows: [[DataTable.Value]]) -> String {
            do {
                _ = try Figure(PictureRecipeTests.table(rows, ["x", "y"]), recipe: recipe)
                return ""
            } catch {
                return (error as? FigureError)?.cause ?? "?"
            }
        }
        #expect(failure([]).contains("the answer is empty"))
        #expect(failure([[.number(1), .number(0)]]).contains("no value is above 0"))
        #expect(failure([[.number(1), .missing]]).contains("no row of the answer has numbers"))
        #expect(failure([[.number(1), .number(0)], [.number(2), .number(1)]]).isEmpty)
    }
}
