import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// What is one run and what is several.
extension ImportPlanTests {
    private func lightning(_ name: String, step: Int, _ values: [Float]) throws {
        try save("checkpoints/\(name).safetensors", [tensor("w", values)], step: step)
    }

    /// What a trainer kept as the best and the last are states of the run, not runs.
    @Test func theBestAndTheLastAreStatesOfTheRun() throws {
        try lightning("epoch=2-step=300", step: 300, [3, 3])
        try lightning("best-epoch=1-val_loss=0.3", step: 200, [2, 2])
        try lightning("last", step: 300, [3, 3])
        let plan = try plan()
        try #require(plan.runs.count == 1, "\(plan.runs.map(\.description.name))")
        #expect(plan.runs[0].states.map(\.step) == [200, 300])
        #expect(plan.runs[0].notes.contains { $0.contains("repeats") }, "\(plan.runs[0].notes)")
        // Alone they are a run too.
        try FileManager.default.removeItem(
            atPath: folder.path("checkpoints/epoch=2-step=300.safetensors"))
        let rest = try self.plan()
        #expect(rest.runs.map { $0.states.map(\.step) } == [[200, 300]])
    }

    /// Another network named so is a run of its own.
    @Test func anotherNetworkNamedLastIsNotJoined() throws {
        try lightning("epoch=2-step=300", step: 300, [3, 3])
        try lightning("epoch=1-step=200", step: 200, [3, 3])
        try lightning("last_discriminator", step: 300, [1, 2, 3])
        #expect(try plan().runs.count == 2)
    }

    private func states(_ key: String, _ steps: String) -> Value {
        .object([
            (
                key,
                .list(
                    (0..<3).map { index in
                        .object([
                            ("w", .tensor(StoredTensor(tensor("w", [Float(index), 1]))))
                        ])
                    })
            ), (steps, .list([.integer(0), .integer(50), .integer(100)])),
            ("train_loss", .list([.real(3), .real(2), .real(1)])),
        ])
    }

    /// A list of states beside a list of steps is the states at those steps.
    @Test(arguments: [("state_dicts", "steps"), ("checkpoints", "checkpoint_epochs")])
    func aListOfStatesHasTheStepsBesideIt(key: String, steps: String) throws {
        let file = try ForeignFile(path: "x", content: states(key, steps))
        #expect(file.weights == nil && file.series.map(\.step) == [0, 50, 100])
        #expect(
            try file.series.map { try $0.weights.tensor("w").doubles()?.first } == [0, 1, 2])
        let ofSecond = file.items.filter { $0.series == 1 }.map(\.name)
        #expect(ofSecond.contains("\(key).1.w"), "\(ofSecond)")
        let loss = try #require(
            file.items.lazy.compactMap { item -> FoundCurve? in
                if case .curve(let curve) = item.content { curve } else { nil }
            }.first)
        // The list counts for the curves beside the states too.
        #expect(steps == "checkpoint_epochs" || loss.steps == [0, 50, 100])
    }

    /// A list of steps counts for the curves in the dictionaries beside it.
    @Test func stepsBesideDictionariesOfCurvesAreTheirs() throws {
        try write(
            "results.json",
            """
            {"train": {"loss": [3, 2, 1], "acc": [0.1, 0.2, 0.3]}, "test": {"loss": [3, 2.5, 2]},
            "steps": [0, 100, 200], "args": {"lr": 0.1}}
            """)
        let plan = try plan("results.json")
        try #require(plan.runs.count == 1)
        #expect(Set(plan.runs[0].metrics.map(\.step)) == [0, 100, 200])
        #expect(plan.runs[0].metrics.count == 9, "\(plan.runs[0].metrics)")
        #expect(
            Set(plan.runs[0].metrics.map(\.name)) == ["train_loss", "train_accuracy", "test_loss"])
        #expect(plan.account.totals.found == 13)
        try expectBalance(plan)
    }

    /// Equal content under other settings is another run, and equal names get those of their folders.
    @Test func equalFilesOfOtherSettingsAreOtherRuns() throws {
        for (seed, decay) in [(0, "0.1"), (0, "1.0"), (1, "0.1")] {
            try save("seed\(seed)/wd_\(decay)/step_0.safetensors", [tensor("w", [1])])
        }
        let runs = try plan().runs.map(\.description)
        #expect(Set(runs.map(\.id)).count == 3)
        #expect(
            Set(runs.map(\.name)) == ["seed0/wd_0.1", "seed1/wd_0.1", "wd_1.0"],
            "\(runs.map(\.name))")
        #expect(try plan().runs.map(\.description.id) == runs.map(\.id))
    }

    @Test func exportsOfWeightsAndBiasesHaveTheNamesOfTheirRuns() throws {
        try write(
            "chart.csv",
            """
            "Step","run-a - train/loss","run-a - train/loss__MIN","run-a - train/loss__MAX","run-b - \
            train/loss","run-b - train/loss__MIN","run-b - train/loss__MAX"
            "0","3","3","3","4","4","4"
            "10","2","2","2","","",""

            """)
        #expect(
            Set(try plan("chart.csv").runs.map(\.description.name)) == ["run-a", "run-b"])
        try write(
            "runs.csv",
            """
            "Name","State","Created","lr","seed","train.loss","_step"
            "run-c","finished","2024-01-01","0.1","1","0.5","100"
            "run-d","crashed","2024-01-02","0.01","2","0.7","90"

            """)
        let table = try plan("runs.csv").runs
        #expect(Set(table.map(\.description.name)) == ["run-c", "run-d"])
        #expect(table.allSatisfy { run in run.metrics.count == 1 })
        #expect(
            table.allSatisfy { run in
                run.description.hyperparameters.contains { $0.name == "lr" }
            })
    }

    /// Lines of settings among those of curves are settings.
    @Test func linesOfSettingsAreSettings() throws {
        try write(
            "log.jsonl",
            "{\"config\": {\"lr\": 0.1, \"width\": 8}}\n{\"step\": 0, \"loss\": 2}\n"
                + "{\"step\": 5, \"loss\": 1}\n")
        let plan = try plan("log.jsonl")
        try #require(plan.runs.count == 1)
        #expect(
            plan.runs[0].description.hyperparameters.contains(Hyperparameter("lr", .real(0.1))))
        #expect(plan.account.totals.found == 6 && plan.account.totals.stored == 6)
        try expectBalance(plan)
    }

    /// A store that is not read is one sentence, and the rest comes in.
    @Test func checkpointsOfOrbaxAreRefusedInASentence() throws {
        try write("100/default/manifest.ocdbt", "\u{1}")
        try write("100/default/ocdbt.process_0/d/0123", "\u{1}")
        try write("100/_CHECKPOINT_METADATA", "{}")
        try write("log.csv", "step,train_loss\n0,1\n10,2\n")
        let plan = try plan()
        #expect(plan.runs.count == 1)
        #expect(plan.others.refusedFiles.map(\.file) == ["100/default"])
        #expect(plan.others.refusedFiles[0].cause.contains("Orbax"))
    }

    /// A curve of a dictionary of test rows is no training curve, alone or not.
    @Test func aDictionarySaysOfWhichRowsItsCurvesAre() throws {
        try write(
            "a.json", "{\"steps\": [0, 5], \"validation\": {\"loss\": [2, 1], \"f1\": [0, 1]}}")
        #expect(
            try Set(plan("a.json").runs[0].metrics.map(\.name)) == ["test_loss", "validation.f1"])
    }

    /// A list of steps beside curves and a state counts once.
    @Test func aListOfStepsCountsOnce() throws {
        try save(
            "run.npz",
            [
                tensor("steps", [0, 10, 20]), tensor("train_loss", [3, 2, 1]),
                tensor("W", [1, 2, 3, 4], shape: [2, 2]),
            ])
        let plan = try plan("run.npz")
        #expect(plan.account.totals.found == 7, "\(plan.account.items)")
        #expect(plan.runs.first?.states.map(\.step) == [20])
        try expectBalance(plan)
    }
}
