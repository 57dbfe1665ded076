import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

extension ImportPlanTests {
    // MARK: - Options

    /// What each option is given to, once where it applies and once where it does not.
    private func material() throws -> [String: String] {
        try save("alone/w.safetensors", [tensor("w", [1])])
        try save("series/step_1.safetensors", [tensor("w", [1])])
        try save("series/step_2.safetensors", [tensor("w", [2])])
        try save("epochs/epoch_1.safetensors", [tensor("w", [1])])
        try write("curves/log.csv", "step,train_loss\n0,1\n10,2\n")
        try write("passes/log.csv", "epoch,train_loss\n0,1\n10,2\n")
        let sizes = [
            ("left_embedding", [5, 2]), ("right_embedding", [5, 2]), ("hidden", [4, 3]),
            ("unembedding", [3, 5]),
        ]
        try save(
            "network/step_1.safetensors",
            sizes.map { tensor($0.0, [Float](repeating: 1, count: $0.1[0] * $0.1[1]), shape: $0.1) }
        )
        return Dictionary(
            uniqueKeysWithValues: [
                "alone/w.safetensors", "series", "epochs", "curves", "passes", "network",
            ].map { ($0, $0) })
    }

    private func options(_ choice: ImportOptions.Choice) throws -> ImportOptions {
        switch choice {
        case .task: ImportOptions(task: try TaskText.configuration("add mod 5"))
        case .network:
            ImportOptions(
                network: try NetworkMapping(
                    .object([
                        (
                            "network",
                            .object([
                                ("kind", .text("mlp")), ("embedding_width", .integer(2)),
                                ("hidden_width", .integer(3)),
                            ])
                        ),
                        (
                            "tensors",
                            .object(
                                ["left_embedding", "right_embedding", "hidden", "unembedding"].map {
                                    ($0, .text($0))
                                })
                        ),
                    ]), path: "map.yaml"))
        case .splitIndices: ImportOptions(trainIndices: [0, 1, 2])
        case .step: ImportOptions(step: 9)
        case .stepsFrom: ImportOptions(stepsFrom: .name)
        case .stepsPerEpoch: ImportOptions(stepsPerEpoch: 4)
        }
    }

    @Test(arguments: ImportOptions.Choice.allCases)
    func anOptionAppliesOrIsAnError(choice: ImportOptions.Choice) throws {
        let applies: [ImportOptions.Choice: Set<String>] = [
            .task: ["network"], .network: ["network"],
            .splitIndices: ["alone/w.safetensors", "series", "epochs", "network"],
            .step: ["alone/w.safetensors", "epochs", "network"],
            .stepsFrom: ["series", "epochs", "network"], .stepsPerEpoch: ["epochs", "passes"],
        ]
        let given = try options(choice)
        #expect(given.choices == [choice])
        for name in try material().keys.sorted() {
            // A checkpoint whose step nothing says needs one.
            var given = given
            if name.hasPrefix("alone"), choice != .step { given.step = 1 }
            let isRight = applies[choice]?.contains(name) == true
            do {
                var plans = [try plan(name, given)]
                guard !plans[0].runs.isEmpty else {
                    #expect(!isRight, "\(choice) and \(name)")
                    continue
                }
                try ImportPlan.apply(given, to: &plans)
                #expect(isRight, "\(choice) and \(name)")
            } catch let error as UserError {
                #expect(!isRight && error.kind == .usage, "\(choice) and \(name): \(error)")
            }
        }
    }

    /// Random sets of options: one that is given is used by a run, said not to be used by it, or refused.
    @Test(arguments: 0..<60) func noOptionIsIgnored(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let names = try material().keys.sorted()
        var given = ImportOptions()
        for choice in ImportOptions.Choice.allCases where Bool.random(using: &generator) {
            let one = try options(choice)
            given.task = one.task ?? given.task
            given.network = one.network ?? given.network
            given.trainIndices = one.trainIndices ?? given.trainIndices
            given.step = one.step ?? given.step
            given.stepsFrom = one.stepsFrom ?? given.stepsFrom
            given.stepsPerEpoch = one.stepsPerEpoch ?? given.stepsPerEpoch
        }
        do {
            var plans = try names.shuffled(using: &generator).prefix(2).map { try plan($0, given) }
            try ImportPlan.apply(given, to: &plans)
            for run in plans.flatMap(\.runs) {
                for choice in given.choices where !run.applied.contains(choice) {
                    #expect(
                        run.notes.contains { $0.hasPrefix("\(choice.rawValue) does not apply") },
                        "seed \(seed): \(choice)")
                }
            }
        } catch let error as UserError {
            #expect(error.kind == .usage, "seed \(seed): \(error)")
        }
    }

    /// Other answers make another run of the same files.
    @Test func otherStepsAreAnotherRun() throws {
        try save("w.safetensors", [tensor("w", [1])])
        let ids = try [1, 2, 1].map { step in
            try plan("w.safetensors", ImportOptions(step: step)).runs[0].description.id
        }
        #expect(ids[0] == ids[2] && ids[0] != ids[1])
    }
}
