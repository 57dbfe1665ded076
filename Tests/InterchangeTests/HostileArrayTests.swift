import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// One file for each way in which safetensors, NumPy, event and curve files can be wrong.
@Suite struct HostileArrayTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        let reason: String
        var testDescription: String { name }
    }

    /// A safetensors file around a header; `length` is what the first eight bytes say.
    private static func safe(
        _ name: String, _ header: String, data: Int = 0, length: UInt64? = nil, _ reason: String
    ) -> Case {
        safe(name, Array(header.utf8), data: data, length: length, reason)
    }

    private static func safe(
        _ name: String, _ header: [UInt8], data: Int = 0, length: UInt64? = nil, _ reason: String
    ) -> Case {
        var bytes: [UInt8] = []
        bytes.append(number: length ?? UInt64(header.count))
        return Case(
            name: name, bytes: bytes + header + [UInt8](repeating: 0, count: data), reason: reason)
    }

    private static func one(
        _ name: String, dtype: String = "F32", shape: String = "[2]", offsets: String = "[0,8]",
        data: Int = 8, _ reason: String
    ) -> Case {
        safe(
            name, #"{"w":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}}"#,
            data: data, reason)
    }

    private static func two(
        _ name: String, _ first: String, _ second: String, _ reason: String
    )
        -> Case
    {
        safe(
            name,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":\#(first)},"#
                + #""b":{"dtype":"U8","shape":[4],"data_offsets":\#(second)}}"#,
            data: 8, reason)
    }

    static let safetensors: [Case] = [
        Case(name: "too short", bytes: [1, 2, 3], reason: "too short"),
        safe("header too large", "{}", length: 100_000_001, "the format allows 100000000"),
        safe("header length of all bits", "{}", length: .max, "the format allows"),
        safe("header beyond the end", "{}", length: 3, "goes beyond its end"),
        safe("no header", "", "does not begin"),
        safe("header of spaces", "  {}", "does not begin"),
        safe("header is a list", "[]", "does not begin"),
        safe(
            "header not UTF-8", [UInt8](#"{"a"#.utf8) + [0xff, 0xfe] + Array(#"":1}"#.utf8),
            "not UTF-8"),
        safe("header not JSON", "{not json}", "not JSON"),
        safe("header goes on", "{}{}", "goes on after its end"),
        safe(
            "header nests deep",
            "{\"a\":" + String(repeating: "[", count: 100_000), "nests deeper than"),
        safe(
            "key twice",
            #"{"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"#
                + #""w":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#, data: 1, "repeats"),
        safe("metadata not texts", #"{"__metadata__":{"a":1}}"#, "not a text"),
        safe("metadata not an object", #"{"__metadata__":"a"}"#, "not an object"),
        safe(
            "empty name", #"{"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#, data: 1,
            "empty name"),
        safe("tensor is a number", #"{"w":1}"#, "not described"),
        safe("field missing", #"{"w":{"dtype":"F32","shape":[2]}}"#, "not described"),
        safe(
            "field too many",
            #"{"w":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}}"#, data: 1, "not described"
        ),
        one("unknown type", dtype: "F128", "element type F128"),
        one("float8", dtype: "F8_E4M3", "element type F8_E4M3"),
        one("negative extent", shape: "[-2]", "impossible shape"),
        one("fractional extent", shape: "[2.5]", "impossible shape"),
        one("overflowing shape", shape: "[4294967296,4294967296,4294967296]", "impossible shape"),
        one("extent hidden by 0", shape: "[0,9223372036854775807]", "impossible shape"),
        one(
            "rank 40",
            shape: "[" + [String](repeating: "1", count: 40).joined(separator: ",") + "]",
            "impossible shape"),
        one("offsets backwards", offsets: "[8,0]", "outside the file"),
        one("negative offset", offsets: "[-8,0]", "outside the file"),
        one("offsets beyond the end", offsets: "[0,16]", "outside the file"),
        one("offset of all bits", offsets: "[0,18446744073709551615]", "outside the file"),
        one("three offsets", offsets: "[0,4,8]", "outside the file"),
        one("size differs", shape: "[1]", "takes 8 bytes"),
        one("bytes after the end", data: 9, "belong to no tensor"),
        two("overlap", "[0,4]", "[2,6]", "overlaps another"),
        two("the same bytes twice", "[0,4]", "[0,4]", "overlaps another"),
        two("hole", "[0,4]", "[5,9]", "outside the file"),
        safe(
            "hole inside",
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
                + #""b":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}}"#, data: 8, "unused bytes"),
        safe("no tensors, but bytes", "{}", data: 4, "belong to no tensor"),
    ]

    private static func npy(
        _ name: String, _ header: String, data: Int = 24, _ reason: String
    )
        -> Case
    {
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
        bytes.append(number: UInt16(header.utf8.count))
        return Case(
            name: name, bytes: bytes + Array(header.utf8) + [UInt8](repeating: 0, count: data),
            reason: reason)
    }

    static let arrays: [Case] = [
        Case(name: "not an array", bytes: Array("NUMPY".utf8), reason: "is not a NumPy array"),
        Case(
            name: "version 9", bytes: [0x93] + Array("NUMPY".utf8) + [9, 0, 0, 0, 0, 0],
            reason: "version 9"),
        Case(
            name: "header beyond the end",
            bytes: [0x93] + Array("NUMPY".utf8) + [1, 0, 0xff, 0xff],
            reason: "too long"),
        npy("objects", "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", "never loaded"),
        npy("texts", "{'descr': '<U5', 'fortran_order': False, 'shape': (3,), }", "not numbers"),
        npy(
            "fields", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
            "several fields"),
        npy(
            "size differs", "{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }",
            "do not fill"),
        npy(
            "negative", "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,), }",
            "not understood"),
        npy(
            "overflow",
            "{'descr': '<f8', 'fortran_order': True, 'shape': (4611686018427387904, 8), }",
            "impossible shape"),
        npy(
            "call", "{'descr': __import__('os').system('x'), 'fortran_order': False, 'shape': ()}",
            "not understood"),
        npy(
            "key twice",
            "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
            "not understood"),
        npy(
            "key too many", "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), 'x': 'y'}",
            "not understood"),
        npy(
            "header goes on", "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)} or 1",
            "not understood"),
        npy(
            "header not closed", "{'descr': '<f8', 'fortran_order': False, 'shape': (3,",
            "not understood"),
    ]

    @Test(arguments: safetensors) func safetensorsAreRefused(hostile: Case) throws {
        let error = #expect(throws: UserError.self) {
            _ = try Safetensors.read(SourceFile(memory: hostile.bytes, path: "a.safetensors"))
        }
        #expect(error?.subject == "a.safetensors")
        #expect(error?.cause.contains(hostile.reason) == true, "\(error?.cause ?? "")")
    }

    @Test(arguments: arrays) func arraysAreRefused(hostile: Case) throws {
        let error = #expect(throws: UserError.self) {
            _ = try NumPyArray.read(SourceFile(memory: hostile.bytes, path: "a.npy"))
        }
        #expect(error?.subject == "a.npy")
        #expect(error?.cause.contains(hostile.reason) == true, "\(error?.cause ?? "")")
        let zip = HostileZip([("w.npy", hostile.bytes)]).bytes
        if hostile.name == "objects" || hostile.name == "texts" {
            // Beside weights they spoil nothing.
            let value = try NumPyArchive.read(SourceFile(memory: zip, path: "a.npz"))
            #expect(try value.tensors(source: "a.npz").isEmpty)
            return
        }
        let inside = #expect(throws: UserError.self) {
            _ = try NumPyArchive.read(SourceFile(memory: zip, path: "a.npz"))
        }
        #expect(inside?.cause.contains("w.npy") == true, "\(inside?.cause ?? "")")
    }

    @Test(arguments: [
        ("", "it is empty"), ("step,a\n1\n", "row 2 has 1 fields"),
        ("step,a,a\n1,2,3\n", "two columns named a"), ("step,a\n1,\"2\n3,4\n", "does not end"),
    ])
    func curvesAreRefused(text: String, reason: String) {
        let error = #expect(throws: UserError.self) {
            _ = try CurveFile.read(SourceFile(memory: Array(text.utf8), path: "a.csv"))
        }
        #expect(error?.cause.contains(reason) == true, "\(error?.cause ?? "")")
    }

    @Test(arguments: [
        ("{\"step\":1\n", "line 1 is not JSON"),
        ("{\"step\":1,\"step\":2}\n", "repeats"), ("{\"a\":\"\\ud800\"}", "half a character"),
        ("{\"a\":01x}", "a value is missing"), ("{\"a\":\"\u{1}\"}", "control character"),
        ("{\"a\":\"\\q\"}", "unknown escape"), ("{\"a\":\"", "does not end"),
        ("{,}", "key is missing"),
    ])
    func linesAreRefused(text: String, reason: String) {
        let error = #expect(throws: UserError.self) {
            _ = try CurveFile.read(SourceFile(memory: Array(text.utf8), path: "a.jsonl"))
        }
        #expect(error?.cause.contains(reason) == true, "\(error?.cause ?? "")")
    }

    @Test func damagedEventsAreRefused() throws {
        func record(_ body: [UInt8], length: UInt64? = nil) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.append(number: length ?? UInt64(body.count))
            bytes.append(number: CRC32C.masked(bytes[...]))
            bytes += body
            bytes.append(number: CRC32C.masked(body[...]))
            return bytes
        }
        func read(_ bytes: [UInt8]) throws -> [MetricPoint] {
            try EventFile.read(SourceFile(memory: bytes, path: "events.out.tfevents.1"))
        }
        func reason(_ bytes: [UInt8]) -> String {
            (#expect(throws: UserError.self) { try read(bytes) })?.cause ?? ""
        }
        #expect(reason([UInt8](repeating: 1, count: 40)).contains("not an event file"))
        #expect(reason(record([], length: 1 << 40)).contains("says it has"))
        #expect(reason(record([0x0f])).contains("is not an event"))
        #expect(reason(record([0x2a, 0x7f])).contains("is not an event"))
        var flipped = record([0x10, 5])
        flipped[13] ^= 1
        #expect(reason(flipped).contains("damaged"))
        // A writer at work leaves half a record; what came before it counts.
        #expect(try read(record([0x10, 5]) + [1, 2, 3]) == [])
        let event: [UInt8] =
            [0x10, 5, 0x2a, 11, 0x0a, 9, 0x0a, 2] + Array("ab".utf8) + [0x15, 0, 0, 0x80, 0x3f]
        let cut = record(event) + record(event).dropLast(3)
        #expect(try read(cut) == [MetricPoint(name: "ab", step: 5, value: 1)])
        // The published check value of this checksum.
        #expect(CRC32C.checksum(Array("123456789".utf8)[...]) == 0xe306_9283)
    }
}
