import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

@Suite struct CurveFileTests {
    private func read(_ text: String, _ name: String) throws -> CurveFile.Content {
        try CurveFile.read(SourceFile(memory: Array(text.utf8), path: name))
    }

    @Test func columnsBecomeCurves() throws {
        let content = try read(
            "\u{feff},Epoch,train_acc,\"a,b\",word,empty\r\n0,1.0,0.5,nan,x,\r\n1,2,-inf,2e3,y,\r\n",
            "a.csv")
        #expect(content.points.map(\.name) == ["train_accuracy", "a,b", "train_accuracy", "a,b"])
        #expect(content.points.map(\.step) == [1, 1, 2, 2])
        #expect(content.points[0].value == 0.5 && content.points[1].value.isNaN)
        #expect(content.points[2].value == -.infinity && content.points[3].value == 2000)
        #expect(content.notes == ["column word is not a number and was left out"])
    }

    @Test func linesBecomeCurves() throws {
        let content = try read(
            """
            {"step": 3, "loss": 1.5, "val_loss": NaN, "text": "x"}

            {"note": "no step"}
            {"_step": 4, "test_acc": 1, "inf": "-Infinity"}
            """, "a.jsonl")
        #expect(content.points.map(\.name) == ["train_loss", "test_loss", "test_accuracy", "inf"])
        #expect(content.points.map(\.step) == [3, 3, 4, 4])
        #expect(content.points[1].value.isNaN && content.points[3].value == -.infinity)
    }

    @Test func eventsBecomeCurves() throws {
        let points = try EventFile.read(Fixtures.path("events.out.tfevents.fixture"))
        #expect(points.count == 9)
        #expect(points.map(\.step) == [0, 0, 0, 10, 10, 10, 100_000, 100_000, 100_000])
        #expect(points[0].name == "train_loss" && points[0].value == 2.5)
        #expect(points[1] == MetricPoint(name: "weird name", step: 0, value: 1.5))
        #expect(points[2] == MetricPoint(name: "packed", step: 0, value: 0.25))
        #expect(points[6].value == Double(Float(2.5 / 100_001)))
    }

    @Test func listsWithoutStepsAreSpreadOverTheLongest() {
        let points = CurveSteps.points([
            ("train_loss", [Double](repeating: 1, count: 101)), ("test_loss", [3, 2, 1]),
        ])
        #expect(points.filter { $0.name == "test_loss" }.map(\.step) == [0, 34, 68])
        #expect(points.filter { $0.name == "train_loss" }.last?.step == 100)
        let exact = CurveSteps.points([
            ("train_loss", [Double](repeating: 1, count: 101)),
            ("test_loss", [Double](repeating: 1, count: 11)),
        ])
        #expect(exact.filter { $0.name == "test_loss" }.last?.step == 90)
    }

    @Test func linesMayEndAsOnOldMacs() throws {
        let file = SourceFile(memory: Array("step,loss\r1,2\r2,3\r".utf8), path: "a.csv")
        #expect(try CurveFile.read(file).points.map(\.value) == [2, 3])
    }

    /// Two names of one curve do not mix: Cairn's own name is the curve's.
    @Test func aSecondNameOfACurveStaysItsOwn() throws {
        let file = SourceFile(
            memory: Array("step,loss,train_loss\n1,2,3\n".utf8), path: "a.csv")
        #expect(
            try CurveFile.read(file).points == [
                MetricPoint(name: "loss", step: 1, value: 2),
                MetricPoint(name: "train_loss", step: 1, value: 3),
            ])
    }

    @Test func aStepMayBeWrittenAsAReal() throws {
        let file = SourceFile(
            memory: Array("{\"step\": 2.0, \"a\": 1}\n{\"step\": 2.5, \"a\": 1}\n".utf8),
            path: "a.jsonl")
        #expect(try CurveFile.read(file).points.map(\.step) == [2])
    }
}
