import Figures
import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

/// Drawings compared with those that were looked at, `Golden/`.
///
/// `CAIRN_RECORD=1 swift test --filter DrawingTests` writes them anew; look at each before it is
/// committed: `rsvg-convert -o picture.png Tests/FiguresTests/Golden/curves.svg`.
@Suite struct DrawingTests {
    private static let golden = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Golden")

    private static func compare(_ text: String, with name: String) throws {
        let file = golden.appendingPathComponent(name)
        if ProcessInfo.processInfo.environment["CAIRN_RECORD"] == "1" {
            try FileManager.default.createDirectory(
                at: golden, withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let stored = try String(contentsOf: file, encoding: .utf8)
        #expect(text == stored, "\(name) differs from the stored drawing")
    }

    @Test(arguments: FigureCases.all.indices) func drawingsAreThoseThatWereLookedAt(
        index: Int
    ) throws {
        let (name, figure, style) = FigureCases.all[index]
        let drawing = SVGDrawing(figure, style: style)
        #expect(drawing.text == SVGDrawing(figure, style: style).text, "\(name) is not settled")
        try DrawingTests.compare(drawing.text, with: "\(name).svg")
        guard !name.hasSuffix("dark") else { return }
        let terminal = TerminalDrawing(figure, style: TerminalStyle(columnCount: 80))
        try DrawingTests.compare(terminal.lines.joined(separator: "\n") + "\n", with: "\(name).txt")
    }

    @Test(arguments: FigureCases.all.indices) func drawingsAreWellFormed(index: Int) throws {
        let text = SVGDrawing(FigureCases.all[index].figure, style: FigureCases.all[index].style)
            .text
        #expect(XMLParser(data: Data(text.utf8)).parse())
        for match in text.matches(of: #/ (d|x|y|width|height)="([^"]*)"/#) {
            #expect(!match.output.2.contains("n") && !match.output.2.contains("e"))
        }
    }

    @Test func namesCannotBecomeMarkup() {
        let text = SVGDrawing(FigureCases.hostile).text
        #expect(!text.contains("<script") && !text.contains("\u{1b}") && !text.contains("\u{202e}"))
        #expect(text.contains("&lt;script&gt;"))
        let terminal = TerminalDrawing(
            FigureCases.hostile, style: TerminalStyle(columnCount: 80))
        #expect(!terminal.lines.joined().contains("\u{1b}"))
    }

    @Test(arguments: [40, 57, 80, 200]) func noLineIsWiderThanTheTerminal(columns: Int) {
        for (name, figure, _) in FigureCases.all {
            for isUnicode in [true, false] {
                let drawing = TerminalDrawing(
                    figure,
                    style: TerminalStyle(columnCount: columns, rowCount: 8, isUnicode: isUnicode))
                let widest = drawing.lines.max { $0.count < $1.count } ?? ""
                #expect(widest.count <= columns, "\(name): \(widest)")
                if !isUnicode {
                    #expect(drawing.lines.joined().utf8.allSatisfy { $0 < 0x80 }, "\(name)")
                }
            }
        }
    }

    @Test func colorsAppearOnlyWhereWelcome() {
        func text(_ hasColor: Bool) -> String {
            TerminalDrawing(
                FigureCases.curves, style: TerminalStyle(columnCount: 80, hasColor: hasColor)
            ).lines.joined()
        }
        #expect(!text(false).contains("\u{1b}"))
        #expect(text(true).contains("\u{1b}[36m"))
    }

    @Test func whatIsNotShownIsSaid() {
        let text = SVGDrawing(FigureCases.losses, style: SVGStyle(width: 183)).text
        #expect(text.contains("1 of 120 points are not above 0"))
        #expect(text.contains("1 of 120 points are infinite"))
        var zoomed = FigureCases.curves
        zoomed.x.lower = 100
        zoomed.x.upper = 1000
        let clipped = TerminalDrawing(zoomed, style: TerminalStyle(columnCount: 80))
        #expect(clipped.lines.joined(separator: " ").contains("lie outside of the axes"))
    }

    @Test func aLongTitleOfTheUprightAxisIsBrokenAndNotCut() {
        var figure = FigureCases.curves
        figure.title = ""
        figure.y.label = "eigenvalue of the training loss (nats per squared weight)"
        let text = SVGDrawing(figure, style: SVGStyle()).text
        #expect(!text.contains("…"))
        for word in figure.y.label.split(separator: " ") { #expect(text.contains(word)) }
    }

    @Test func aThousandCurvesStayUnderAMegabyte() {
        var generator = SeededGenerator(seed: 3)
        let marks = (0..<1000).map { _ in
            var mark = Mark(.line)
            mark.x = (0..<1000).map(Double.init)
            mark.y = mark.x.map { $0 / 1000 + Double.random(in: 0...0.1, using: &generator) }
            return mark
        }
        let figure = Figure(
            title: "", x: .init("step"), y: .init("loss"), panels: [.init(marks: marks)])
        #expect(SVGDrawing(figure, style: SVGStyle(width: 183)).text.utf8.count < 1_000_000)
    }
}
