import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// Arrow streams, taken apart byte by byte after the published schemas of FlatBuffers and Arrow.
@Suite struct ArrowStreamTests {
    /// A table of a FlatBuffers message.
    private struct FlatTable {
        let bytes: [UInt8]
        let start: Int

        func number<Number: FixedWidthInteger>(_ type: Number.Type, at place: Int) -> Number {
            bytes[place..<place + MemoryLayout<Number>.size].reversed().reduce(0) {
                $0 << 8 | Number(truncatingIfNeeded: $1)
            }
        }

        init(root bytes: [UInt8]) {
            self.bytes = bytes
            start = Int(bytes[0]) + Int(bytes[1]) << 8
        }

        init(_ bytes: [UInt8], _ start: Int) {
            self.bytes = bytes
            self.start = start
        }

        /// The place of a field; nil where it has its default.
        func place(_ slot: Int) -> Int? {
            let list = start - Int(number(Int32.self, at: start))
            #expect(list % 2 == 0 && start % 4 == 0)
            guard 4 + 2 * slot < Int(number(UInt16.self, at: list)) else { return nil }
            let offset = Int(number(UInt16.self, at: list + 4 + 2 * slot))
            return offset == 0 ? nil : start + offset
        }

        func value<Number: FixedWidthInteger>(_ slot: Int, _ type: Number.Type) -> Number {
            guard let place = place(slot) else { return 0 }
            #expect(place % MemoryLayout<Number>.size == 0, "a number is aligned")
            return number(type, at: place)
        }

        private func target(_ place: Int) -> Int { place + Int(number(UInt32.self, at: place)) }

        func table(_ slot: Int) -> FlatTable? { place(slot).map { FlatTable(bytes, target($0)) } }

        func text(_ slot: Int) -> String {
            guard let place = place(slot).map(target) else { return "" }
            let count = Int(number(UInt32.self, at: place))
            #expect(bytes[place + 4 + count] == 0)
            return String(decoding: bytes[place + 4..<place + 4 + count], as: UTF8.self)
        }

        func tables(_ slot: Int) -> [FlatTable] {
            guard let place = place(slot).map(target) else { return [] }
            return (0..<Int(number(UInt32.self, at: place))).map {
                FlatTable(bytes, target(place + 4 + 4 * $0))
            }
        }

        func pairs(_ slot: Int) -> [(Int, Int)] {
            guard let place = place(slot).map(target) else { return [] }
            #expect((place + 4) % 8 == 0)
            return (0..<Int(number(UInt32.self, at: place))).map {
                (
                    Int(number(Int64.self, at: place + 4 + 16 * $0)),
                    Int(number(Int64.self, at: place + 12 + 16 * $0))
                )
            }
        }
    }

    /// The messages of a stream: header number, header, body.
    private static func messages(_ bytes: [UInt8]) -> [(UInt8, FlatTable, [UInt8])] {
        var found: [(UInt8, FlatTable, [UInt8])] = []
        var place = 0
        let whole = FlatTable(bytes, 0)
        while true {
            #expect(place % 8 == 0 && whole.number(UInt32.self, at: place) == .max)
            let count = Int(whole.number(Int32.self, at: place + 4))
            if count == 0 {
                #expect(place + 8 == bytes.count, "the mark of the end ends the stream")
                return found
            }
            let message = FlatTable(root: Array(bytes[place + 8..<place + 8 + count]))
            #expect(message.value(0, Int16.self) == 4, "version 5")
            let bodyCount = Int(message.value(3, Int64.self))
            let body = place + 8 + count
            if let header = message.table(2) {
                found.append(
                    (message.value(1, UInt8.self), header, Array(bytes[body..<body + bodyCount])))
            }
            place = body + bodyCount
        }
    }

    private static func stream(_ fields: [ArrowField], _ rows: [[ScalarValue]]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var stream = try ArrowStream(fields) { bytes += $0 }
        for row in rows { try stream.append(row) }
        try stream.end()
        return bytes
    }

    private static let fields = [
        ArrowField(name: "flag", type: .boolean), ArrowField(name: "count", type: .integer),
        ArrowField(name: "größe", type: .real), ArrowField(name: "text", type: .text),
        ArrowField(name: "run", type: .codedText), ArrowField(name: "raw", type: .bytes),
        ArrowField(name: "shape", type: .integers), ArrowField(name: "nothing", type: .null),
    ]

    @Test func theSchemaNamesEveryType() throws {
        let messages = Self.messages(try Self.stream(Self.fields, []))
        try #require(messages.count == 1)
        let (kind, schema, body) = messages[0]
        #expect(kind == 1 && body.isEmpty && schema.value(0, Int16.self) == 0)
        let fields = schema.tables(1)
        #expect(fields.map { $0.text(0) } == Self.fields.map(\.name))
        #expect(fields.allSatisfy { $0.value(1, UInt8.self) == 1 }, "all may be NULL")
        #expect(fields.map { $0.value(2, UInt8.self) } == [6, 2, 3, 5, 5, 4, 12, 1])
        #expect(fields[1].table(3)?.value(0, Int32.self) == 64)
        #expect(fields[1].table(3)?.value(1, UInt8.self) == 1)
        #expect(fields[2].table(3)?.value(0, Int16.self) == 2, "double precision")
        let coding = try #require(fields[4].table(4))
        #expect(coding.value(0, Int64.self) == 4 && coding.table(1)?.value(0, Int32.self) == 32)
        #expect(fields[6].tables(5).map { $0.value(2, UInt8.self) } == [2])
        #expect([0, 1, 2, 3, 5, 6, 7].allSatisfy { fields[$0].place(4) == nil })
    }

    @Test func cellsAndNullsStandInTheirBuffers() throws {
        let rows: [[ScalarValue]] = [
            [
                .integer(1), .integer(-5), .real(0.5), .text("é"), .text("b"), .blob([7, 8]),
                .text("[3, 4]"), .null,
            ],
            [.null, .null, .null, .null, .null, .null, .null, .null],
            [
                .boolean(false), .integer(.max), .integer(2), .text(""), .text("b"), .blob([]),
                .text("[]"), .null,
            ],
        ]
        let messages = Self.messages(try Self.stream(Self.fields, rows))
        #expect(messages.map(\.0) == [1, 2, 3], "schema, dictionary, batch")
        let dictionary = messages[1].1
        #expect(dictionary.value(0, Int64.self) == 4 && dictionary.value(2, UInt8.self) == 0)
        let names = try #require(dictionary.table(1))
        #expect(names.value(0, Int64.self) == 1)
        #expect(Array(messages[1].2.prefix(9)) == [0, 0, 0, 0, 1, 0, 0, 0, 98])

        let (_, batch, body) = messages[2]
        #expect(batch.value(0, Int64.self) == 3)
        let nodes = batch.pairs(1)
        #expect(nodes.map(\.0) == [3, 3, 3, 3, 3, 3, 3, 2, 3])
        #expect(nodes.map(\.1) == [1, 1, 1, 1, 1, 1, 1, 0, 3])
        let buffers = batch.pairs(2).map { Array(body[$0.0..<$0.0 + $0.1]) }
        #expect(batch.pairs(2).allSatisfy { $0.0 % 8 == 0 })
        func words(_ values: [Int64]) -> [UInt8] {
            values.flatMap { withUnsafeBytes(of: $0.littleEndian) { [UInt8]($0) } }
        }
        func halves(_ values: [Int32]) -> [UInt8] {
            values.flatMap { withUnsafeBytes(of: $0.littleEndian) { [UInt8]($0) } }
        }
        let doubles = words([0.5, 0, 2].map { Int64(bitPattern: Double($0).bitPattern) })
        let valid: [UInt8] = [0b101]
        #expect(
            buffers == [
                valid, [0b001], valid, words([-5, 0, .max]), valid, doubles,
                valid, halves([0, 2, 2, 2]), Array("é".utf8), valid, halves([0, 0, 0]),
                valid, halves([0, 2, 2, 2]), [7, 8], valid, halves([0, 2, 2, 2]), [],
                words([3, 4]),
            ])
    }

    @Test func longResultsComeInBatchesWithDictionariesOfTheirOwn() throws {
        let fields = [ArrowField(name: "run", type: .codedText)]
        let rows = (0..<70_000).map { [ScalarValue.text($0 < 65_536 ? "a" : "b")] }
        let messages = Self.messages(try Self.stream(fields, rows))
        #expect(messages.map(\.0) == [1, 2, 3, 2, 3])
        #expect(messages[2].1.value(0, Int64.self) == 65_536)
        #expect(messages[4].1.value(0, Int64.self) == 70_000 - 65_536)
        #expect(messages[1].2[8] == 97 && messages[3].2[8] == 98)
    }

    @Test(arguments: [
        (ArrowType.integer, ScalarValue.real(0.5)), (.real, .text("x")), (.text, .integer(1)),
        (.real, .integer((1 << 53) + 1)), (.integers, .text("[1.5]")), (.integers, .text("{")),
        (.boolean, .integer(2)), (.null, .integer(0)), (.bytes, .text("a")),
    ]) func aCellOfAnotherTypeIsRefused(type: ArrowType, cell: ScalarValue) {
        #expect {
            try Self.stream([ArrowField(name: "x", type: type)], [[.null], [cell]])
        } throws: { error in
            (error as? UserError)?.subject == "column x, row 2"
        }
    }
}
