import TestSupport
import Testing

@testable import cairn

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
