import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// MessagePack and Weights & Biases files that lie: each is refused in one sentence.
@Suite struct HostileTrackerTests {
    private func messagePack(_ bytes: [UInt8]) throws -> Value {
        try MessagePackFile.read(SourceFile(memory: bytes, path: "x.msgpack"))
    }

    private func array(
        shape: [UInt8], name: String = "float32", bytes: [UInt8], said: UInt8? = nil
    ) -> [UInt8] {
        var content: [UInt8] = [0x93, 0x90 | UInt8(shape.count)] + shape
        content += [0xa0 | UInt8(name.utf8.count)] + Array(name.utf8)
        content += [0xc4, said ?? UInt8(bytes.count)] + bytes
        let head: [UInt8] = [0x81, 0xa1, UInt8(ascii: "w"), 0xc7, UInt8(content.count), 1]
        return head + content
    }

    @Test func arraysAreRead() throws {
        let value = try messagePack(array(shape: [2], bytes: [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]))
        #expect(try value["w"]?.tensor?.load(named: "w").doubles() == [1, 2])
    }

    @Test func messagePackThatLiesIsRefused() {
        let deep = [UInt8](repeating: 0x91, count: 100) + [0xc0]
        let cases: [[UInt8]] = [
            [], [0xc1], [0x81], deep, [0xdf, 0xff, 0xff, 0xff, 0xff],
            [0xdd, 0xff, 0xff, 0xff, 0xff], [0xdb, 0xff, 0xff, 0xff, 0xff],
            [0xc6, 0xff, 0xff, 0xff, 0xff], [0xc9, 0xff, 0xff, 0xff, 0xff, 1], [0xc0, 0xc0],
            array(shape: [3], bytes: [0, 0, 0, 0]),
            array(shape: [1], bytes: [0, 0, 0, 0], said: 9),
            array(shape: [1], name: "object", bytes: [0, 0, 0, 0]),
            array(shape: [0x7f, 0x7f, 0x7f], bytes: [0]),
        ]
        for bytes in cases {
            #expect(throws: UserError.self, "\(bytes.prefix(16))") { try messagePack(bytes) }
        }
    }

    /// A million values in little room are a bomb.
    @Test func messagePackBombsAreRefused() {
        let count = 2_100_000
        let head: [UInt8] = [0xdd] + (0..<4).map { UInt8(count >> (24 - 8 * $0) & 0xff) }
        #expect(throws: UserError.self) {
            try messagePack(head + [UInt8](repeating: 0xc0, count: count))
        }
    }

    private func wandb(_ records: [(kind: UInt8, bytes: [UInt8])]) throws -> RowTable.Part {
        try WandbFile.part(
            SourceFile(memory: HostileTrackerTests.wandb(records), path: "x.wandb"))
    }

    /// A file of these records, with right checksums.
    static func wandb(_ records: [(kind: UInt8, bytes: [UInt8])]) -> [UInt8] {
        records.reduce([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]) { file, record in
            let sum = ([record.kind] + record.bytes).withUnsafeBytes { Inflater.checksum(of: $0) }
            let length = UInt16(record.bytes.count)
            let head = (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt32($0))) }
            let tail: [UInt8] = [UInt8(length & 0xff), UInt8(length >> 8), record.kind]
            return file + head + tail + record.bytes
        }
    }

    /// history { item { key: "a", value_json: "1" } step { num: 7 } }, and
    /// run { config { update { key: "lr", value_json: "0.1" } } display_name: "me" }.
    static let records: [[UInt8]] = [
        [0x12, 0x0d, 0x0a, 0x07, 0x0a, 0x01, 0x61, 0x82, 0x01, 0x01, 0x31, 0x12, 0x02, 0x08, 7],
        [
            0x8a, 0x01, 0x12, 0x22, 0x0c, 0x0a, 0x0a, 0x0a, 0x02, 0x6c, 0x72, 0x82, 0x01, 0x03,
            0x30, 0x2e, 0x31, 0x42, 0x02, 0x6d, 0x65,
        ],
    ]

    @Test func wandbRecordsThatLieAreRefused() throws {
        let row = Self.records[0]
        let found = try curves([(1, row)])
        #expect(found.map(\.steps) == [[7]] && found.map(\.values) == [[1]])
        // In pieces it is the same.
        let pieces: [(kind: UInt8, bytes: [UInt8])] = [
            (2, Array(row[..<5])), (3, Array(row[5..<9])), (4, Array(row[9...])),
        ]
        #expect(try curves(pieces).map(\.values) == [[1]])
        let cases: [[(kind: UInt8, bytes: [UInt8])]] = [
            [(5, row)], [(3, row)], [(4, row)], [(2, row), (1, row)], [(2, row), (2, row)],
            [(1, [0x12, 0x7f, 0])], [(1, [0x0b])],
        ]
        for records in cases {
            #expect(throws: UserError.self, "\(records.map(\.kind))") { try wandb(records) }
        }
        var damaged = Self.wandb([(1, row)])
        damaged[20] ^= 1
        #expect(throws: UserError.self) {
            try WandbFile.part(SourceFile(memory: damaged, path: "x.wandb"))
        }
        // A record that the writer had not finished is left out.
        let cut = Array(Self.wandb([(1, row), (1, row)]).dropLast(3))
        let rest = try WandbFile.part(SourceFile(memory: cut, path: "x.wandb"))
        #expect(Self.curves(rest).map(\.values) == [[1]])
    }

    private func curves(_ records: [(kind: UInt8, bytes: [UInt8])]) throws -> [FoundCurve] {
        Self.curves(try wandb(records))
    }

    private static func curves(_ part: RowTable.Part) -> [FoundCurve] {
        part.items.compactMap { if case .curve(let curve) = $0.content { curve } else { nil } }
    }

    // MARK: - Folders

    /// A folder that makes a tracker's reader meet what no tracker writes: links out, cycles, pipes,
    /// long numbers, deep names, files of holes.
    private enum Trap: String, CaseIterable {
        case linkedFile
        case linkedFolder
        case cycle
        case pipe
        case holes
        case noise
        case deepFolders
        case aliases
    }

    private enum Tracker: String, CaseIterable {
        case mlflow
        case sacred
        case hydra
    }

    private func put(_ text: String, _ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// A good run of a tracker; answers the file that the trap takes the place of.
    private func make(_ tracker: Tracker, in root: String) throws -> String {
        switch tracker {
        case .mlflow:
            let run = "\(root)/mlruns/1/abc"
            try put("run_id: abc\nlifecycle_stage: active\n", "\(run)/meta.yaml")
            try put("0.1", "\(run)/params/lr")
            try put("1 3.5 0\n2 2.5 10\n", "\(run)/metrics/train/loss")
            return "\(run)/metrics/other"
        case .sacred:
            try put(
                "{\"status\": \"COMPLETED\", \"experiment\": {\"name\": \"e\"}}",
                "\(root)/1/run.json")
            try put("{\"lr\": 0.1}", "\(root)/1/config.json")
            try put(
                "{\"train_loss\": {\"steps\": [0, 10], \"values\": [3.5, 2.5]}}",
                "\(root)/1/metrics.json")
            return "\(root)/1/info.json"
        case .hydra:
            try put("lr: 0.1\n", "\(root)/0/.hydra/config.yaml")
            try put("step,train_loss\n0,3.5\n10,2.5\n", "\(root)/0/log.csv")
            return "\(root)/0/.hydra/overrides.yaml"
        }
    }

    private func set(_ trap: Trap, at place: String, outside: String) throws {
        let files = FileManager.default
        switch trap {
        case .linkedFile:
            try put("secret 1 1\n", outside + "/secret")
            try files.createSymbolicLink(atPath: place, withDestinationPath: outside + "/secret")
        case .linkedFolder:
            try put("step,secret\n0,1\n", outside + "/log.csv")
            try files.createSymbolicLink(atPath: place, withDestinationPath: outside)
        case .cycle:
            try files.createSymbolicLink(
                atPath: place, withDestinationPath: (place as NSString).deletingLastPathComponent)
        case .pipe: try #require(mkfifo(place, 0o600) == 0)
        case .holes:
            try put("", place)
            try #require(truncate(place, 1 << 40) == 0)
        case .noise: try put(String(repeating: "9", count: 5_000) + " x\n\u{0}\u{1f}", place)
        case .deepFolders:
            var path = place
            for _ in 0..<40 { path += "/d" }
            try put("1 2 3\n", path + "/x")
        case .aliases:
            // Each anchor is nine times the one before it.
            var text = "a0: &a0 [1]\n"
            for level in 1...12 {
                let many = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
                text += "a\(level): &a\(level) [\(many)]\n"
            }
            try put(text, place)
        }
    }

    /// The good run comes in, nothing outside is read, and it takes no time worth naming.
    @Test(arguments: Trap.allCases.map(\.rawValue), Tracker.allCases.map(\.rawValue))
    func trapsInFoldersOfTrackersSpringOnNothing(trap: String, tracker: String) throws {
        let folder = try TemporaryFolder()
        let place = try make(try #require(Tracker(rawValue: tracker)), in: folder.path("in"))
        try set(
            try #require(Trap(rawValue: trap)), at: place, outside: folder.path("outside"))
        let plan = try Importer.plan(at: folder.path("in"), options: ImportOptions())
        let run = try #require(plan.runs.first { $0.metrics.contains { $0.name == "train_loss" } })
        #expect(run.metrics.filter { $0.name == "train_loss" }.map(\.value) == [3.5, 2.5])
        #expect(run.description.hyperparameters.contains { $0.name == "lr" })
        let text = "\(plan.account.items)"
        #expect(!text.contains("secret"), "\(text)")
    }
}
