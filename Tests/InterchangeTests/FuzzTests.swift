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

        var seeds: [[UInt8]] {
            get throws {
                switch self {
                case .torch:
                    try ["torch_tree.pt", "torch_dtypes.pt", "torch_views.pt", "torch_deflated.pt"]
                        .map(Self.fixture) + HostileTorchTests.tensors.map(\.bytes)
                case .pickle: try ["torch_tree.pt", "torch_protocol4.pt"].map(Self.pickle)
                case .safetensors:
                    try [Self.fixture("safetensors_plain.safetensors")]
                        + HostileArrayTests.safetensors.map(\.bytes)
                case .npz: try ["numpy_stored.npz", "numpy_deflated.npz"].map(Self.fixture)
                case .npy:
                    try [Self.fixture("numpy_array.npy")] + HostileArrayTests.arrays.map(\.bytes)
                case .events: try [Self.fixture("events.out.tfevents.fixture")]
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
            case .safetensors:
                for (name, tensor) in try Safetensors.read(file).tensors {
                    _ = try tensor.load(named: name)
                }
            case .npz: _ = try NumPyArchive.read(file).tensors(source: "x")
            case .npy: _ = try NumPyArray.read(file).load(named: "x")
            case .events: _ = try EventFile.read(file)
            case .commaSeparated:
                _ = try CurveFile.read(SourceFile(memory: bytes, path: "x.csv"))
            case .jsonLines: _ = try CurveFile.read(SourceFile(memory: bytes, path: "x.jsonl"))
            }
        }
    }

    @Test(arguments: Reader.allCases) func damageIsReported(reader: Reader) throws {
        let seeds = try reader.seeds
        var refused = 0
        for number in 0..<Self.count {
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
        #expect(refused > Self.count / 20)
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
