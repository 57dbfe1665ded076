import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

@Suite struct CurveFileTests {
    /// The points of a file of one run, in its order, and what was left out of it.
    private struct Content {
        var points: [MetricPoint] = []
        var leftOut: [String] = []
    }

    private func read(_ text: String, _ name: String) throws -> Content {
        let file = SourceFile(memory: Array(text.utf8), path: name)
        let parts = try #require(try CurveFile.read(file))
        try #require(parts.count == 1)
        var content = Content()
        for item in parts[0].items {
            switch item.content {
            case .curve(let curve):
                #expect(item.count == curve.values.count)
                for (step, value) in zip(curve.steps, curve.values) {
                    content.points.append(MetricPoint(name: curve.name, step: step, value: value))
                }
            case .leftOut(let reason):
                content.leftOut.append("\(item.count) \(item.name): \(reason)")
            default: break
            }
        }
        return content
    }

    @Test func columnsBecomeCurves() throws {
        let content = try read(
            "\u{feff},Epoch,train_acc,\"a,b\",word,empty\r\n0,1.0,0.5,nan,x,\r\n1,2,-inf,2e3,y,\r\n",
            "a.csv")
        #expect(
            content.points.map(\.name) == [
                "column 1", "column 1", "train_accuracy", "train_accuracy", "a,b", "a,b",
            ])
        #expect(content.points.map(\.step) == [1, 2, 1, 2, 1, 2])
        #expect(content.points[2].value == 0.5 && content.points[4].value.isNaN)
        #expect(content.points[3].value == -.infinity && content.points[5].value == 2000)
        #expect(content.leftOut == ["2 word: it is not a number"])
    }

    @Test func linesBecomeCurves() throws {
        let content = try read(
            """
            {"step": 3, "loss": 1.5, "val_loss": NaN, "text": "x"}

            {"note": "no step"}
            {"_step": 4, "test_acc": 1, "inf": "-Infinity"}
            """, "a.jsonl")
        #expect(content.points.map(\.name) == ["train_loss", "test_loss"])
        #expect(content.points.map(\.step) == [3, 3])
        #expect(content.points[1].value.isNaN)
        // A line without the step that the others have is counted, not passed over.
        #expect(content.leftOut.contains("1 test_acc: its step is no whole number"))
        #expect(content.leftOut.contains("1 note: it is not a number"))
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

    @Test func linesMayEndAsOnOldMacs() throws {
        #expect(try read("step,loss\r1,2\r2,3\r", "a.csv").points.map(\.value) == [2, 3])
    }

    /// Two names of one curve do not mix: Cairn's own name is the curve's.
    @Test func aSecondNameOfACurveStaysItsOwn() throws {
        #expect(
            try read("step,loss,train_loss\n1,2,3\n", "a.csv").points == [
                MetricPoint(name: "loss", step: 1, value: 2),
                MetricPoint(name: "train_loss", step: 1, value: 3),
            ])
    }

    @Test func aStepMayBeWrittenAsAReal() throws {
        let content = try read(
            "{\"step\": 2.0, \"a\": 1}\n{\"step\": 2.5, \"a\": 1}\n", "a.jsonl")
        #expect(content.points.map(\.step) == [2])
        #expect(content.leftOut.contains("1 a: its step is no whole number"))
    }

    /// Columns that say of which run a row speaks make runs.
    @Test func aTidyTableIsOneRunForEachSeed() throws {
        let text =
            "p,seed,step,split,loss\n"
            + (0..<2).flatMap { seed in
                (0..<3).flatMap { step in
                    ["train", "test"].map { "97,\(seed),\(step),\($0),\(seed).\(step)\n" }
                }
            }.joined()
        let file = SourceFile(memory: Array(text.utf8), path: "a.csv")
        let parts = try #require(try CurveFile.read(file))
        try #require(parts.count == 2)
        for (seed, part) in parts.enumerated() {
            let identity = Value.dictionary(part.identity)
            #expect(identity["seed"]?.whole == seed && identity["p"]?.whole == 97)
            let names = part.items.compactMap { item -> String? in
                guard case .curve(let curve) = item.content else { return nil }
                #expect(curve.steps == [0, 1, 2])
                return curve.name
            }
            #expect(names == ["train_loss", "test_loss"])
        }
    }

    @Test func aTableOfSomethingElseHoldsNoCurves() throws {
        let file = SourceFile(memory: Array("name,score\nbob,3\n".utf8), path: "a.csv")
        let parts = try CurveFile.read(file)
        #expect(parts == nil)
    }
}
