import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

@testable import Interchange

/// The published runs come in complete: weights, curves, task, split and settings.
@Suite(.enabled(if: ReferenceData.isAvailable, "CAIRN_REFERENCE_DATA names no folder"))
struct PublishedRunTests {
    private func path(_ name: String) throws -> String {
        try #require(ReferenceData.folder).appendingPathComponent(name).path
    }

    private func run(_ name: String) throws -> ImportedRun {
        let runs = try Importer.runs(at: try path(name), options: ImportOptions())
        try #require(runs.count == 1)
        return runs[0]
    }

    @Test(arguments: [
        ("rep/S5_MLP_seed2", "compose in S5", 5760, 14400, [7848, 10294, 12569, 11247, 11114]),
        ("rep/A5_MLP_seed2", "compose in A5", 1800, 3600, []),
        ("rep/D59_MLP_seed1", "compose in D59", 4177, 13924, []),
        ("rep/C113_MLP_seed1", "compose in C113", 3830, 12769, []),
    ])
    func groupRuns(name: String, task: String, train: Int, all: Int, first: [Int]) throws {
        let run = try run(name)
        #expect(run.description.task == task)
        #expect(run.description.network == "mlp")
        #expect(run.description.origin?.layout == "rep_theory")
        #expect(
            run.description.hyperparameters.contains(
                Hyperparameter("step_convention", .text("epoch"))))
        #expect(run.description.trainIndices?.count == train)
        #expect(run.description.testIndices?.count == all - train)
        if !first.isEmpty {
            #expect(run.description.trainIndices.map { Array($0.prefix(5)) } == first)
        }
        #expect(run.states.map(\.step) == [250_000])
        let model = try ModelConfiguration(configurationOf: run.description)
        let built = try model.makeTask(of: run.description)
        let layout = try model.layout(for: built)
        let parameters: [Double] = try layout.pack(try run.states[0].weights())
        #expect(parameters.count == layout.count)
        let test = run.publishedValues.first { $0.name == "test_loss" }
        #expect(test?.step == 250_000)
        if !name.contains("C113") {
            let curve = run.metrics.filter { $0.name == MetricName.testAccuracy }
            #expect(curve.count == 727)
            let expected = ["S5": 93_556, "D59": 25_973][name.dropFirst(4).prefix { $0 != "_" }]
            if let expected { #expect(curve.first { $0.value >= 0.99 }?.step == expected) }
        }
        // The file names no step: that it is the end of the curves is an assumption, and said.
        let end = "model.pt is taken for the state at the end of the curves beside it, step 250000"
        #expect(run.notes == [end])
    }

    @Test func theModularAdditionRun() throws {
        let run = try run("nn/wd_10-1_mod_addition_loss_curve.pth")
        #expect(run.description.task == "add mod 113")
        #expect(run.description.network == "transformer")
        #expect(run.description.seed == 1)
        #expect(run.description.origin?.layout == "progress_measures")
        #expect(run.description.trainIndices?.count == 3830)
        #expect(
            run.description.trainIndices.map { Array($0.prefix(5)) }
                == [6612, 8645, 6803, 11389, 3304])
        #expect(run.states.map(\.step) == [107_791])
        let train = run.metrics.filter { $0.name == MetricName.trainLoss }
        let test = run.metrics.filter { $0.name == MetricName.testLoss }
        #expect(train.count == 107_791 && train.last?.step == 107_790)
        #expect(test.count == 10_780 && test.last?.step == 107_790)
        #expect(train.first { $0.value < 1e-2 }?.step == 174)
        #expect(test.first { $0.value < 1e-2 }?.step == 98_730)
        #expect(test.max { $0.value < $1.value }?.step == 1550)
        let settings = Dictionary(
            uniqueKeysWithValues: run.description.hyperparameters.map { ($0.name, $0.value) })
        #expect(settings["weight_decay"] == .real(0.1))
        #expect(settings["configured_weight_decay"] == .integer(1))
        let weights = try run.states[0].weights()
        let shapes = Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0.shape) })
        #expect(shapes["embedding"] == [114, 128])
        #expect(shapes["blocks.0.attention.query"] == [4, 128, 32])
        #expect(shapes["blocks.0.attention.output"] == [4, 32, 128])
        #expect(shapes["blocks.0.mlp.output"] == [512, 128])
        let state = try #require(try run.states[0].optimizerState())
        #expect(state.tensors.count == 2 * weights.count)
        for tensor in weights {
            for moment in ["first_moment", "second_moment"] {
                let kept = state.tensors.first { $0.name == "\(moment)/\(tensor.name)" }
                #expect(kept?.shape == tensor.shape)
            }
        }
        #expect(state.attributes.contains("\"step\":107791"))
    }

    @Test func theSweepOverTrainingFractions() throws {
        let runs = try Importer.runs(
            at: try path("nn/mod_addition_frac_train_sweep.pth"), options: ImportOptions())
        #expect(runs.count == 10)
        #expect(Set(runs.map(\.description.id)).count == 10)
        let expected: [(Double, Int, Int)] = [
            (0.95, 244, 279), (0.9, 296, 387), (0.8, 323, 439), (0.7, 155, 343), (0.6, 202, 556),
            (0.5, 272, 1109), (0.4, 268, 3324), (0.3, 274, 8258), (0.28, 272, 15_612),
            (0.25, 265, 22_177),
        ]
        for (run, (fraction, train, test)) in zip(runs, expected) {
            #expect(
                run.description.hyperparameters == [Hyperparameter("frac_train", .real(fraction))])
            func first(_ name: String) -> Int? {
                run.metrics.first { $0.name == name && $0.value < 1e-2 }?.step
            }
            #expect(first(MetricName.trainLoss) == train)
            #expect(first(MetricName.testLoss) == test)
        }
    }

    @Test func aFolderOfRunsIsAllOfThem() throws {
        let runs = try Importer.runs(at: try path(""), options: ImportOptions())
        #expect(runs.count == 5 + 1 + 10)
        let again = try Importer.runs(at: try path(""), options: ImportOptions())
        #expect(runs.map(\.description.id) == again.map(\.description.id))
        let sink = MemorySink()
        try runs[0].write(to: sink)
        #expect(sink.status == .imported)
        #expect(sink.steps == runs[0].states.map(\.step))
    }
}
