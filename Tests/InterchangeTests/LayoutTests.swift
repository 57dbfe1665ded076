import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

@testable import Interchange

/// The published layouts compute in Cairn what they computed in PyTorch.
@Suite struct LayoutTests {
    private let expected: [String: Any]

    init() throws {
        let data = try Data(
            contentsOf: Fixtures.folder.appendingPathComponent("layouts_expected.json"))
        expected = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func number(_ key: String) throws -> Double { try #require(expected[key] as? Double) }

    private func run(_ name: String, options: ImportOptions = ImportOptions()) throws -> ImportedRun
    {
        let runs = try Importer.runs(at: Fixtures.path(name), options: options)
        try #require(runs.count == 1)
        return runs[0]
    }

    /// The mean loss of a state on the training rows, or on all.
    private func loss(_ run: ImportedRun, _ state: Int, onAll: Bool = false) throws -> Double {
        let model = try ModelConfiguration(configurationOf: run.description)
        let task = try model.makeTask(of: run.description)
        let evaluator: NetworkEvaluator<Double> = try model.evaluator(
            for: task, examples: onAll ? task.allExamples : task.trainExamples)
        let parameters: [Double] = try evaluator.layout.pack(try run.states[state].weights())
        return evaluator.lossAndAccuracy(parameters).loss
    }

    /// float64 sums of a few dozen terms.
    private let tolerance = 1e-12

    @Test func aFolderOfTheProgressMeasuresCode() throws {
        let run = try run("progress_measures")
        #expect(run.states.map(\.step) == [0, 1, 3, 4])
        #expect(run.description.task == "add mod 7")
        #expect(run.description.trainIndices == expected["progress_measures/train"] as? [Int])
        #expect(run.description.testIndices?.count == 29)
        for (state, name) in ["init", "0", "2", "final"].enumerated() {
            let reference = try number("progress_measures/\(name)")
            #expect(abs(try loss(run, state) - reference) <= tolerance * reference, "\(name)")
        }
        let train = run.metrics.filter { $0.name == MetricName.trainLoss }
        #expect(Set(train.map(\.value)) == [4, 3.5, 3, 2.5])
        let state = try #require(try run.states[3].optimizerState())
        let moment = state.tensors.first { $0.name == "first_moment/blocks.0.attention.value" }
        let kept = try #require(expected["progress_measures/moment"] as? [Double])
        #expect(moment?.values(as: Float.self) == kept.map { Float($0) })
        #expect(run.notes.contains { $0.contains("addition modulo 7 is assumed") })
    }

    @Test func aFileOfTransformerLens() throws {
        let run = try run("transformer_lens.pth")
        #expect(run.description.origin?.layout == "transformer_lens")
        #expect(run.states.map(\.step) == [0, 10, 20])
        #expect(run.description.seed == 999)
        #expect(run.description.trainIndices == expected["transformer_lens/train"] as? [Int])
        let reference = try #require(expected["transformer_lens/losses"] as? [Double])
        for state in 0..<3 {
            let loss = try loss(run, state, onAll: true)
            #expect(abs(loss - reference[state]) <= tolerance * reference[state])
        }
        #expect(run.notes.contains { $0.contains("unembedding biases are all zero") })
    }

    @Test func aFolderOfTheGrokkingCode() throws {
        let run = try run("grok")
        #expect(run.description.origin?.layout == "grok")
        #expect(run.states.map(\.step) == [80])
        #expect(run.description.task == "subtract mod 97")
        #expect(run.description.seed == 17)
        #expect(
            run.description.trainIndices.map { Array($0.prefix(5)) }
                == [6449, 9394, 4069, 5477, 9378])
        let reference = try number("grok/train_loss")
        #expect(abs(try loss(run, 0) - reference) <= tolerance * reference)
        #expect(
            run.metrics.filter { $0.name != "epoch" } == [
                MetricPoint(name: "train_loss", step: 10, value: 2.5),
                MetricPoint(name: "train_accuracy", step: 10, value: 0.5),
                MetricPoint(name: "test_loss", step: 10, value: 3.5),
                MetricPoint(name: "test_accuracy", step: 10, value: 0.25),
                MetricPoint(name: "train_loss", step: 20, value: 1.5),
                MetricPoint(name: "train_accuracy", step: 20, value: 1),
            ])
        #expect(run.account.totals.refused == 0)
        let state = try #require(try run.states[0].optimizerState())
        #expect(state.tensors.contains { $0.name == "second_moment/blocks.1.mlp.output" })
    }

    /// Tensors of no known name come in by a map, and then compute the same.
    @Test func aMapMakesForeignTensorsANetwork() throws {
        let folder = try TemporaryFolder()
        let known = try run("progress_measures")
        let weights = try known.states[3].weights()
        let renamed = weights.map { tensor in
            Tensor(
                name: "m." + tensor.name.replacingOccurrences(of: ".", with: "/"),
                shape: tensor.shape, elementType: tensor.elementType, bytes: tensor.bytes)
        }
        try NumPyArchive.write(renamed, to: folder.path("step_4.npz"))
        var tensors: [Value.Entry] = []
        for tensor in weights {
            let name = tensor.name.replacingOccurrences(of: "blocks.0", with: "blocks.{layer}")
            let from = "m." + name.replacingOccurrences(of: ".", with: "/")
            tensors.append(.init(key: .text(name), value: .text(from)))
        }
        let tree = Value.object([
            (
                "network",
                .object([
                    ("kind", .text("transformer")), ("width", .integer(8)), ("heads", .integer(2)),
                    ("mlp_width", .integer(12)),
                ])
            ), ("tensors", .dictionary(tensors)),
        ])
        let plain = try Importer.runs(at: folder.path, options: ImportOptions())[0]
        #expect(plain.description.network.isEmpty && plain.states.map(\.step) == [4])
        #expect(plain.notes.contains { $0.contains("--network") })
        #expect(throws: UserError.self) {
            try ModelConfiguration(configurationOf: plain.description)
        }
        let options = ImportOptions(
            task: TaskConfiguration(operation: .add, modulus: 7),
            trainIndices: known.description.trainIndices,
            network: try NetworkMapping(tree, path: "map.yaml"))
        let mapped = try Importer.runs(at: folder.path, options: options)[0]
        #expect(mapped.description.id != plain.description.id)
        let reference = try number("progress_measures/final")
        #expect(abs(try loss(mapped, 0) - reference) <= tolerance * reference)
        // Cairn's own names need no map.
        try Safetensors.write(
            weights, metadata: [("step", "4")], to: folder.path("own.safetensors"))
        let own = try Importer.runs(
            at: folder.path("own.safetensors"),
            options: ImportOptions(
                task: TaskConfiguration(operation: .add, modulus: 7),
                trainIndices: known.description.trainIndices))[0]
        #expect(own.description.origin?.layout == "cairn" && own.states[0].step == 4)
        #expect(abs(try loss(own, 0) - reference) <= tolerance * reference)
    }

    @Test func aTaskThatDoesNotFitIsLeftOutWithTheReason() throws {
        let run = try run(
            "progress_measures/final.pth",
            options: ImportOptions(task: TaskConfiguration(operation: .add, modulus: 11)))
        #expect(run.description.task.isEmpty && run.description.network == "transformer")
        #expect(run.notes.contains { $0.contains("12 tokens") }, "\(run.notes)")
    }
}

@Suite struct SeriesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func save(_ name: String, _ value: Float) throws {
        let path = folder.path(name)
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true)
        let tensor = Tensor(name: "w", shape: [1], values: [value])
        if name.hasSuffix("npz") {
            try NumPyArchive.write([tensor], to: path)
        } else {
            try Safetensors.write([tensor], to: path)
        }
    }

    private func run() throws -> ImportedRun {
        let runs = try Importer.runs(at: folder.path, options: ImportOptions(name: "series"))
        try #require(runs.count == 1)
        return runs[0]
    }

    @Test func numbersInNamesAreSteps() throws {
        for step in [10, 2, 100] { try save("step_\(step).npz", Float(step)) }
        try save("init.npz", 0)
        try save("notes.npz", 7)
        try Data("step,loss\n1,2\n".utf8).write(to: folder.url.appendingPathComponent("log.csv"))
        let run = try run()
        #expect(run.states.map(\.step) == [0, 2, 10, 100])
        #expect(try run.states[2].weights()[0].doubles() == [10])
        #expect(run.metrics == [MetricPoint(name: "train_loss", step: 1, value: 2)])
        #expect(run.notes.contains { $0.contains("notes.npz") && $0.contains("--step N") })
        #expect(run.description.name == "series")
    }

    @Test func foldersOfOneCheckpointEachAreASeries() throws {
        for step in [500, 1000] { try save("checkpoint-\(step)/model.safetensors", Float(step)) }
        let state = #"{"log_history": [{"step": 500, "loss": 2.5}, {"step": 500, "eval_loss": 3}]}"#
        try Data(state.utf8).write(
            to: folder.url.appendingPathComponent("checkpoint-1000/trainer_state.json"))
        let run = try run()
        #expect(run.states.map(\.step) == [500, 1000])
        #expect(run.metrics.map(\.name) == ["train_loss", "test_loss"])
        #expect(run.account.totals.found == run.account.totals.stored)
    }

    @Test func seedsAreRunsOfTheirOwn() throws {
        for seed in 1...3 { try save("model_seed_\(seed).safetensors", Float(seed)) }
        let runs = try Importer.runs(at: folder.path, options: ImportOptions(step: 9))
        #expect(runs.map(\.description.name) == ["model_seed_1", "model_seed_2", "model_seed_3"])
        #expect(Set(runs.map(\.description.id)).count == 3)
    }

    @Test func twoFilesOfOneStepAreAContradiction() throws {
        try save("step_5.npz", 1)
        try save("step_6.npz", 1)
        try save("step_05.npz", 2)
        let run = try run()
        #expect(run.states.map(\.step) == [5, 6])
        #expect(run.account.refusals.count == 1)
        #expect(run.notes.contains { $0.contains("both hold step 5") }, "\(run.notes)")
    }

    @Test func theSameContentHasTheSameIdWhereverItLies() throws {
        try save("a/step_1.npz", 1)
        try save("a/step_2.npz", 2)
        try FileManager.default.copyItem(atPath: folder.path("a"), toPath: folder.path("b"))
        let first = try Importer.runs(at: folder.path("a"), options: ImportOptions())
        let second = try Importer.runs(at: folder.path("b") + "/", options: ImportOptions())
        #expect(first[0].description.id == second[0].description.id)
        try save("b/step_3.npz", 3)
        let third = try Importer.runs(at: folder.path("b"), options: ImportOptions())
        #expect(first[0].description.id != third[0].description.id)
    }

    @Test func nothingToImportIsSaid() throws {
        for path in [folder.path, folder.path("missing")] {
            #expect(throws: UserError.self) {
                try Importer.runs(at: path, options: ImportOptions())
            }
        }
        try Data("word".utf8).write(to: folder.url.appendingPathComponent("step_1.npz"))
        try Data("word".utf8).write(to: folder.url.appendingPathComponent("step_2.npz"))
        let error = #expect(throws: UserError.self) { try run() }
        #expect(error?.cause.contains("not a PyTorch file") == true, "\(String(describing: error))")
    }
}
