import TestSupport
import Testing

@testable import cairn

@Suite struct PlotTests {
    private static let points = (0...40).map { index in
        let step = index * 100
        return (step: step, value: step < 2000 ? 0.0 : 1.0)
    }

    private static func plot() -> Plot {
        Plot(
            title: "accuracy",
            curves: [
                Curve(name: "train", points: points.map { ($0.step, $0.step < 200 ? 0 : 1) }),
                Curve(name: "test", points: points),
            ], range: 0...1)
    }

    @Test(arguments: [20, 40, 80, 200]) func noLineIsWiderThanTheTerminal(columns: Int) {
        var terminal = Terminal.plain
        terminal.columnCount = columns
        let lines = PlotTests.plot().lines(terminal: terminal)
        #expect(lines.count == 13)
        #expect(lines.allSatisfy { DisplayWidth.of($0) <= max(columns, 30) })
    }

    @Test func asciiTerminalsGetASCII() {
        var terminal = Terminal.plain
        terminal.isUnicode = false
        let lines = PlotTests.plot().lines(terminal: terminal)
        #expect(lines.joined().utf8.allSatisfy { $0 < 0x80 })
        #expect(lines[0].contains("o train, x test"))
    }

    @Test func colorsAppearOnlyWhereWelcome() {
        #expect(!PlotTests.plot().lines(terminal: .plain).joined().contains("\u{1b}"))
        var terminal = Terminal.plain
        terminal.hasColor = true
        #expect(PlotTests.plot().lines(terminal: terminal).joined().contains("\u{1b}["))
    }

    @Test func curvesWithoutNumbersAndSinglePointsAreDrawn() {
        let none = Plot(title: "loss", curves: [Curve(name: "a", points: [(0, .nan)])])
        #expect(none.lines(terminal: .plain) == ["loss: no points"])
        let one = Plot(title: "loss", curves: [Curve(name: "a", points: [(5, 2)])])
        #expect(one.lines(terminal: .plain).joined().contains("step 5"))
    }
}

@Suite struct ProgressBarTests {
    private static func bar(columns: Int, unicode: Bool = true) -> ProgressBar {
        var terminal = Terminal.plain
        terminal.columnCount = columns
        terminal.isUnicode = unicode
        return ProgressBar("train", unit: "steps", total: 4000, isQuiet: false, terminal: terminal)
    }

    @Test(arguments: [10, 20, 40, 60, 80, 120]) func theBarFits(columns: Int) {
        let line = ProgressBarTests.bar(columns: columns)
            .barLine(done: 1000, rate: 71.2, detail: "train 1.000  test 0.031")
        #expect(DisplayWidth.of(line) < columns || columns <= 11)
    }

    @Test func theBarTellsRateAndTimeLeft() {
        let line = ProgressBarTests.bar(columns: 120, unicode: false)
            .barLine(done: 1000, rate: 100, detail: "test 0.031")
        #expect(
            line
                == "train ######..................  25 %  1,000/4,000 steps  100 steps/s  0:30 left"
                + "  test 0.031")
    }
}

@Suite struct GlobalArgumentsTests {
    @Test func leadingOptionsMoveBehindTheCommand() {
        #expect(
            GlobalArguments.movedBehindCommand(["--archive", "x", "--json", "ls", "--all"])
                == ["ls", "--all", "--archive", "x", "--json"])
        #expect(
            GlobalArguments.movedBehindCommand(["-q", "sql", "--", "--odd"])
                == ["sql", "-q", "--", "--odd"])
        #expect(GlobalArguments.movedBehindCommand(["--help"]) == ["--help"])
        #expect(GlobalArguments.movedBehindCommand(["--archive"]) == ["--archive"])
    }
}
