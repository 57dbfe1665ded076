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
}
