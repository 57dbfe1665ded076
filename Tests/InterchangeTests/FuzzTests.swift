import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// Seeded damage to good files: every reader answers with a value or a `UserError`.
///
/// `CAIRN_FUZZ_COUNT=1000000 swift test -c release --filter FuzzTests` is the long run.
@Suite struct FuzzTests {
    static let count =
        ProcessInfo.processInfo.environment["CAIRN_FUZZ_COUNT"].flatMap(Int.init) ?? 1500

    enum Reader: String, CaseIterable {
        case torch
        case safetensors
        case npz
        case npy
        case events
        case commaSeparated
        case jsonLines
        case pickle
        case messagePack
        /// Damage to what records say; their checksums are right.
        case wandb
        /// Damage to the frames around records, and to their checksums.
        case wandbFrames
        case oldTorch
        case yaml
        case sacredMetrics
        case kerasJSON
        /// Everything that an import makes of a file: task, network, split, optimiser, weights.
        case progressMeasuresRun = "progress_measures/final.pth"
        case lensRun = "transformer_lens.pth"
        case grokRun = "grok/checkpoints/epoch_8.ckpt"

        var seeds: [[UInt8]] {
            get throws {
                switch self {
                case .torch:
                    try ["torch_tree.pt", "torch_dtypes.pt", "torch_views.pt", "torch_deflated.pt"]
                        .map(Self.fixture) + HostileTorchTests.tensors.map(\.bytes)
                // Damage to the storages is that of `torch`.
                case .progressMeasuresRun, .lensRun, .grokRun: [try Self.pickle(rawValue)]
                case .pickle: try ["torch_tree.pt", "torch_protocol4.pt"].map(Self.pickle)
                case .safetensors:
                    try [Self.fixture("safetensors_plain.safetensors")]
                        + HostileArrayTests.safetensors.map(\.bytes)
                case .npz: try ["numpy_stored.npz", "numpy_deflated.npz"].map(Self.fixture)
                case .npy:
                    try [Self.fixture("numpy_array.npy")] + HostileArrayTests.arrays.map(\.bytes)
                case .events: try [Self.fixture("events.out.tfevents.fixture")]
                case .messagePack: try [Self.fixture("libraries/flax/checkpoint_40")]
                case .wandb: HostileTrackerTests.records
                case .wandbFrames:
                    [HostileTrackerTests.wandb(HostileTrackerTests.records.map { (1, $0) })]
                case .oldTorch:
                    try [Self.fixture("torch_legacy.pt")]
                case .yaml:
                    [Array("lr: 0.1\nnet: {width: [1, 2], act: relu}\na: &x [1, 2]\nb: *x\n".utf8)]
                case .sacredMetrics:
                    [
                        Array(
                            #"{"loss": {"steps": [0, 10], "values": [1.5, NaN], "timestamps": []}}"#
                                .utf8)
                    ]
                case .kerasJSON:
                    [
                        Array(
                            #"{"class_name": "Sequential", "config": {"layers": [{"units": 4}]}}"#
                                .utf8)
                    ]
                case .commaSeparated:
                    [Array("step,loss,\"a\"\"b\"\n1,2.5,nan\n2,1e-3,\"x\"\n".utf8)]
                case .jsonLines:
                    [
                        Array(
                            #"{"step": 1, "a": [1.5, {"b": "\u00e9\n"}], "l": NaN, "t": true}"#
                                .utf8)
                    ]
                }
            }
        }

        private static func fixture(_ name: String) throws -> [UInt8] {
            Array(try Data(contentsOf: Fixtures.folder.appendingPathComponent(name)))
        }

        private static let folder: TemporaryFolder = {
            guard let folder = try? TemporaryFolder() else {
                preconditionFailure("a temporary folder can be made")
            }
            return folder
        }()

        /// What lies beside the pickles of the runs.
        private static let storages: [Reader: [(String, [UInt8])]] = {
            var found: [Reader: [(String, [UInt8])]] = [:]
            for reader in [Reader.progressMeasuresRun, .lensRun, .grokRun] {
                guard let file = try? SourceFile(path: Fixtures.path(reader.rawValue)),
                    let archive = try? ZipArchive(file)
                else { continue }
                found[reader] = archive.entries.compactMap { entry in
                    guard let name = entry.name.split(separator: "/").last,
                        entry.name.contains("/data/"), let bytes = try? archive.read(entry)
                    else { return nil }
                    return (String(name), bytes)
                }
            }
            return found
        }()

        private static func pickle(_ name: String) throws -> [UInt8] {
            let archive = try ZipArchive(SourceFile(path: Fixtures.path(name)))
            let entry = try #require(archive.entries.first { $0.name.hasSuffix("data.pkl") })
            return try archive.read(entry)
        }

        func read(_ bytes: [UInt8]) throws {
            let file = SourceFile(memory: bytes, path: "x")
            switch self {
            case .torch: _ = try TorchFile.read(file).tensors(source: "x")
            case .pickle:
                _ = try TorchFile.read(
                    SourceFile(memory: HostileZip.torch(bytes), path: "x")
                ).tensors(source: "x")
            case .progressMeasuresRun, .lensRun, .grokRun:
                let path = Self.folder.path("\(self).pth")
                let storages = Self.storages[self] ?? []
                try Data(HostileZip.torch(bytes, storages: storages)).write(
                    to: URL(fileURLWithPath: path))
                for run in try Importer.runs(at: path, options: ImportOptions()) {
                    for state in run.states {
                        _ = try state.weights()
                        _ = try state.optimizerState()
                    }
                }
            case .safetensors:
                for (name, tensor) in try Safetensors.read(file).tensors {
                    _ = try tensor.load(named: name)
                }
            case .npz: _ = try NumPyArchive.read(file).tensors(source: "x")
            case .npy: _ = try NumPyArray.read(file).load(named: "x")
            case .events: _ = try EventFile.read(file)
            case .messagePack:
                _ = try MessagePackFile.read(file).tensors(source: "x")
            case .wandb:
                let framed = HostileTrackerTests.wandb([(1, bytes)])
                _ = try WandbFile.part(SourceFile(memory: framed, path: "x.wandb"))
            case .wandbFrames:
                _ = try WandbFile.part(SourceFile(memory: bytes, path: "x.wandb"))
            case .oldTorch:
                let content = try TorchFile.read(file)
                _ = try content.tensors(source: "x")
                _ = try ForeignFile(path: "x", content: content)
            case .yaml:
                _ = try ContentSorter(
                    settings: YAMLText.value(ofFile: "x", bytes: bytes), source: "x")
            case .sacredMetrics, .kerasJSON:
                let value = try Value(jsonFile: "x", bytes: bytes)
                _ = try ContentSorter(value, source: "x", stem: "x")
                _ = try ContentSorter(settings: value, source: "x")
            case .commaSeparated:
                _ = try CurveFile.read(SourceFile(memory: bytes, path: "x.csv"))
            case .jsonLines: _ = try CurveFile.read(SourceFile(memory: bytes, path: "x.jsonl"))
            }
        }
    }

    @Test(arguments: Reader.allCases) func damageIsReported(reader: Reader) throws {
        let seeds = try reader.seeds
        var refused = 0
        // Whole runs take a millisecond each, so there are fewer of them.
        let isRun = [.progressMeasuresRun, .lensRun, .grokRun].contains(reader)
        let count = isRun ? Self.count / 20 : Self.count
        for number in 0..<count {
            var generator = SeededGenerator(seed: number)
            let bytes = Mutation.damaged(seeds, using: &generator)
            do {
                try reader.read(bytes)
            } catch is UserError {
                refused += 1
            } catch {
                Issue.record("seed \(number) of \(reader.rawValue): \(error)")
            }
        }
        // Damage that no reader minds would test nothing.
        #expect(refused > count / 20)
    }
}

/// Random damage to one of several files.
enum Mutation {
    private static let numbers: [UInt64] = [
        0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
        0x7fff_ffff_ffff_ffff, .max,
    ]

    static func damaged(
        _ seeds: [[UInt8]], using generator: inout SeededGenerator
    ) -> [UInt8] {
        var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            let length = min(Int.random(in: 1...16, using: &generator), bytes.count - place)
            switch Int.random(in: 0..<7, using: &generator) {
            case 0:
                if length > 0 { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator) }
            case 1: if length > 0 { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
            case 2: bytes.removeSubrange(place..<place + length)
            case 3:
                let other = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
                let start = Int.random(in: 0...other.count, using: &generator)
                bytes.insert(contentsOf: other[start...].prefix(32), at: place)
            case 4: bytes = Array(bytes.prefix(place))
            case 5:
                let number = numbers[Int.random(in: 0..<numbers.count, using: &generator)]
                let width = [1, 2, 4, 8][Int.random(in: 0..<4, using: &generator)]
                for index in 0..<min(width, bytes.count - place) {
                    bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
                }
            default:
                // A copy of a stretch elsewhere keeps the grammar more often than noise does.
                let from = Int.random(in: 0...(bytes.count - length), using: &generator)
                bytes.replaceSubrange(
                    place..<place + length, with: Array(bytes[from..<from + length]))
            }
        }
        return bytes
    }
}
