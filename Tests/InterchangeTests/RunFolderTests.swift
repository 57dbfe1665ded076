import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

@Suite struct RunFolderTests {
    /// A run with everything that a description can hold.
    static func makeRun(seed: Int) throws -> (run: RunDescription, sink: MemorySink) {
        var generator = SeededGenerator(seed: seed)
        let sink = MemorySink()
        let run = RunDescription(
            id: RunDescription.randomID(using: &generator), name: "näme \"\(seed)\"\n",
            createdAt: 1_700_000_000.125, task: "add mod 7", network: "mlp", seed: -3,
            configuration: #"{"task":{"modulus":7}}"#,
            hyperparameters: [
                Hyperparameter("whole", .integer(1)), Hyperparameter("real", .real(1)),
                Hyperparameter("small", .real(.leastNonzeroMagnitude)),
                Hyperparameter("nan", .real(.infinity)),
                Hyperparameter("text", .text("1")), Hyperparameter("flag", .boolean(true)),
                Hyperparameter("none", .null),
            ],
            parent: .init(run: "abc", step: 4), trainIndices: [3, 1, 2], testIndices: [],
            versions: ["cairn": "0.1", "a": "b"],
            origin: .init(path: "/x y", digest: "00", layout: "rep_theory"))
        sink.begin(run)
        let names = RandomTensors.make(count: 5, using: &generator)
        for step in [0, 7, 1_000_000_000] {
            let weights = names.map { tensor in
                Tensor(
                    name: tensor.name, shape: tensor.shape, elementType: tensor.elementType,
                    bytes: tensor.bytes.map { _ in
                        tensor.elementType == .bool
                            ? UInt8.random(in: 0...1, using: &generator)
                            : UInt8.random(in: 0...255, using: &generator)
                    })
            }
            sink.save(
                Checkpoint(
                    step: step, weights: weights,
                    optimizerState: step == 7
                        ? OptimizerState(
                            tensors: weights.map { $0.named("first_moment/\($0.name)") },
                            attributes: #"{"step":7}"#) : nil,
                    metrics: [
                        MetricPoint(name: "train_loss", step: step, value: 0.1 + Double(step)),
                        MetricPoint(name: "x", step: step, value: -.infinity),
                    ]))
        }
        sink.finish(.finished, metrics: [MetricPoint(name: "late", step: 9, value: -0.0)])
        return (run, sink)
    }

    @Test(arguments: 0..<5) func aRunComesBackUnchanged(seed: Int) throws {
        let (run, sink) = try Self.makeRun(seed: seed)
        let folder = try TemporaryFolder()
        let path = folder.path("run")
        let metrics = sink.checkpoints.flatMap(\.metrics) + sink.trailingMetrics
        try RunFolder.write(run, status: .finished, source: sink, metrics: metrics, to: path)
        let runs = try Importer.runs(at: path, options: ImportOptions())
        try #require(runs.count == 1)
        #expect(runs[0].description == run)
        #expect(runs[0].metrics == metrics)
        let copy = MemorySink()
        try runs[0].write(to: copy)
        #expect(copy.status == .finished)
        #expect(copy.steps == sink.steps)
        for step in sink.steps {
            #expect(try copy.weights(at: step) == sink.weights(at: step))
            #expect(try copy.optimizerState(at: step) == sink.optimizerState(at: step))
        }
        #expect(throws: UserError.self) {
            try RunFolder.write(run, status: .finished, source: sink, metrics: [], to: path)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["run"])
    }

    @Test(arguments: [
        ("\"version\":1", "\"version\":2", "newer version"),
        ("\"status\":\"finished\"", "\"status\":\"lost\"", "status is unknown"),
        ("\"steps\":[0,7,", "\"steps\":[7,0,", "not rising"),
        ("\"type\":\"integer\"", "\"type\":\"boolean\"", "not of the type"),
        ("\"name\":\"n", "\"naem\":\"n", "has no name"),
    ])
    func aChangedDescriptionIsRefused(old: String, new: String, reason: String) throws {
        let (run, sink) = try Self.makeRun(seed: 1)
        let folder = try TemporaryFolder()
        let path = folder.path("run")
        try RunFolder.write(run, status: .finished, source: sink, metrics: [], to: path)
        let file = URL(fileURLWithPath: path + "/run.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        try #require(text.contains(old))
        try text.replacingOccurrences(of: old, with: new).write(
            to: file, atomically: true, encoding: .utf8)
        let error = #expect(throws: UserError.self) {
            try Importer.runs(at: path, options: ImportOptions())
        }
        #expect(error?.cause.contains(reason) == true, "\(error?.cause ?? "")")
    }

    @Test(arguments: 0..<20) func hdf5RoundTrips(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let tensors = RandomTensors.make(count: 8, using: &generator)
        try TensorHDF5.write(tensors, metadata: [("step", "70")], to: folder.path("a.h5"))
        let value = try TensorHDF5.read(folder.path("a.h5")).value
        #expect(value["step"]?.whole == 70)
        let read = try value.tensors(source: "a.h5")
        #expect(read.sorted { $0.name < $1.name } == tensors.sorted { $0.name < $1.name })
    }

    @Test(.enabled(if: Peers.h5py != nil, "h5py is not installed")) func filesOfH5pyAreRead() throws
    {
        let folder = try TemporaryFolder()
        let script = """
            import h5py, numpy
            with h5py.File("a.h5", "w") as f:
                f["layer/dense/kernel"] = numpy.arange(6, dtype="float32").reshape(2, 3)
                f["layer/dense/bias"] = numpy.arange(3, dtype=">f8")
                f.create_dataset("packed", data=numpy.arange(100, dtype="int16"), chunks=(10,), compression="gzip")
                f["flag"] = numpy.array([True, False])
                f["z"] = numpy.array([1 + 2j])
                f["half"] = numpy.array([1.5], dtype="float16")
                f["words"] = "text"
            with h5py.File("link.h5", "w") as f:
                f["out"] = h5py.ExternalLink("a.h5", "/z")
            with h5py.File("soft.h5", "w") as f:
                f["out"] = h5py.SoftLink("/nowhere")
            with h5py.File("external.h5", "w") as f:
                f.create_dataset("e", (4,), "uint8", external=[("/etc/hostname", 0, 4)])
            with h5py.File("huge.h5", "w") as f:
                f.create_dataset("h", (1 << 40,), "float32", chunks=(1024,))
            """
        let result = try run(try #require(Peers.h5py), ["-c", script], folder: folder.path)
        try #require(result.exitCode == 0, "\(result.error)")
        let tensors = try TensorHDF5.read(folder.path("a.h5")).value.tensors(source: "a.h5")
        let byName = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
        #expect(byName["layer.dense.kernel"]?.doubles() == [0, 1, 2, 3, 4, 5])
        #expect(byName["layer.dense.kernel"]?.shape == [2, 3])
        #expect(byName["layer.dense.bias"]?.doubles() == [0, 1, 2])
        #expect(byName["packed"]?.doubles() == (0..<100).map(Double.init))
        #expect(
            byName["flag"] == Tensor(name: "flag", shape: [2], elementType: .bool, bytes: [1, 0]))
        #expect(byName["z"]?.elementType == .complex128)
        #expect(byName["half"]?.elementType == .float16 && byName["half"]?.doubles() == [1.5])
        #expect(byName.count == 6)
        for (file, reason) in [
            ("link.h5", "link elsewhere"), ("soft.h5", "link elsewhere"),
            ("external.h5", "in another file"), ("huge.h5", "would take more"),
        ] {
            let error = #expect(throws: UserError.self) {
                _ = try TensorHDF5.read(folder.path(file))
            }
            #expect(error?.description.contains(reason) == true, "\(file): \(error?.cause ?? "")")
        }
    }
}

extension Tensor {
    /// The same elements under another name.
    fileprivate func named(_ name: String) -> Tensor {
        Tensor(name: name, shape: shape, elementType: elementType, bytes: bytes)
    }
}
