import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// One file for each way in which a PyTorch or zip file can be wrong: each gives a clear error.
@Suite struct HostileTorchTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        /// A part of the reason that the person is told.
        let reason: String
        var testDescription: String { name }
    }

    private static func pickle(_ name: String, _ body: [UInt8], _ reason: String) -> Case {
        Case(name: name, bytes: HostileZip.torch(PickleText.whole(body)), reason: reason)
    }

    private static func tensor(
        _ name: String, storage: String = "FloatStorage", key: String = "0", count: Int = 10,
        offset: Int = 0, shape: [Int], strides: [Int], byteCount: Int = 40, _ reason: String
    ) -> Case {
        let body = PickleText.tensor(
            storage: storage, key: key, count: count, offset: offset, shape: shape,
            strides: strides)
        return Case(
            name: name,
            bytes: HostileZip.torch(
                PickleText.whole(body), storages: [("0", [UInt8](repeating: 0, count: byteCount))]),
            reason: reason)
    }

    private static func call(_ module: String, _ name: String) -> Case {
        pickle(
            "calls \(module).\(name)",
            PickleText.global(module, name) + PickleText.tuple(PickleText.text("touch /tmp/owned"))
                + [0x52], "\(module).\(name)")
    }

    private static func zip(
        _ name: String, _ reason: String, _ change: (inout HostileZip) -> Void
    )
        -> Case
    {
        var zip = HostileZip([
            ("a/data.pkl", PickleText.whole([0x7d])), ("a/x", [1, 2, 3]), ("a/y", [4, 5]),
        ])
        change(&zip)
        return Case(name: name, bytes: zip.bytes, reason: reason)
    }

    static let calls: [Case] = [
        call("os", "system"), call("posix", "system"), call("builtins", "eval"),
        call("builtins", "getattr"), call("__builtin__", "exec"), call("subprocess", "Popen"),
        call("torch", "load"), call("torch.serialization", "load"), call("numpy", "load"),
        call("collections", "OrderedDict.clear"), call("torch.nn.modules.linear", "Linear"),
    ]

    static let pickles: [Case] = [
        pickle("instance opcode", [0x28] + Array("ios\nsystem\n".utf8), "opcode instance"),
        pickle("object opcode", [0x28, 0x6f], "opcode object"),
        pickle("extension opcode", [0x82, 1], "opcode extension1"),
        pickle("persistent text", Array("Pid\n".utf8), "opcode persistentText"),
        pickle("unknown opcode", [0xff], "opcode 0xff"),
        pickle("empty stack", [0x30], "takes more than it put down"),
        pickle("below a mark", [0x4e, 0x28, 0x85], "takes more than it put down"),
        pickle("no mark", [0x74], "takes more than it put down"),
        pickle("recalls nothing", [0x68, 9], "never stored"),
        pickle("calls a number", [0x4b, 1, 0x29, 0x52], "not a function"),
        pickle("appends to a number", [0x4b, 1, 0x4b, 2, 0x61], "not a list"),
        pickle("odd dictionary", [0x7d, 0x28, 0x4b, 1, 0x75], "without a value"),
        pickle("state of a number", [0x4b, 1, 0x7d, 0x62], "has none"),
        pickle("leftovers", [0x4e, 0x4e], "leaves something behind"),
        pickle("long text", [0x58, 0xff, 0xff, 0xff, 0x7f], "ends early"),
        pickle("longest text", [0x8d] + [UInt8](repeating: 0xff, count: 8), "ends early"),
        pickle("no name end", Array("cos".utf8), "ends early"),
        pickle("nests in itself", [0x5d, 0x71, 0, 0x68, 0, 0x61], "in itself"),
        pickle(
            "nests deep",
            [UInt8](repeating: 0x5d, count: 100_000)
                + [UInt8](repeating: 0x61, count: 99_999), "nests deeper"),
        pickle("repeats without end", laughs, "repeats itself"),
        Case(name: "no protocol", bytes: HostileZip.torch([0x7d, 0x2e]), reason: "no protocol"),
        Case(name: "protocol 9", bytes: HostileZip.torch([0x80, 9, 0x2e]), reason: "protocol 9"),
        Case(name: "no end", bytes: HostileZip.torch([0x80, 2, 0x7d]), reason: "ends early"),
        Case(name: "empty pickle", bytes: HostileZip.torch([]), reason: "ends early"),
    ]

    /// Lists of ten times the same list, thirty levels deep.
    private static var laughs: [UInt8] {
        var bytes: [UInt8] = [0x5d, 0x71, 0]
        for level in UInt8(1)..<30 {
            bytes += [0x5d, 0x28] + (0..<10).flatMap { _ in [0x68, level - 1] as [UInt8] }
            bytes += [0x65, 0x71, level]
        }
        // Only the last list stays on the stack.
        return bytes + [0x71, 100] + [UInt8](repeating: 0x30, count: 30) + [0x68, 100]
    }

    static let tensors: [Case] = [
        tensor("beyond its storage", shape: [11], strides: [1], "outside storage"),
        tensor("offset beyond", offset: 10, shape: [1], strides: [1], "outside storage"),
        tensor("negative offset", offset: -1, shape: [1], strides: [1], "outside storage"),
        tensor("negative stride", offset: 5, shape: [2], strides: [-1], "outside storage"),
        tensor("negative extent", shape: [-2], strides: [1], "outside storage"),
        tensor("overflowing extent", shape: [.max, .max], strides: [0, 0], "outside storage"),
        tensor("overflowing stride", shape: [3], strides: [.max], "outside storage"),
        tensor("stride missing", shape: [2, 2], strides: [1], "outside storage"),
        tensor(
            "rank 40", shape: [Int](repeating: 1, count: 40),
            strides: [Int](repeating: 1, count: 40), "outside storage"),
        tensor("expanded to terabytes", shape: [1 << 40], strides: [0], "too many for a file"),
        tensor("storage missing", key: "../../etc/passwd", shape: [1], strides: [1], "is missing"),
        tensor("storage too short", shape: [10], strides: [1], byteCount: 39, "has 39 bytes"),
        tensor("storage count lies", count: .max, shape: [1], strides: [1], "has 40 bytes"),
        tensor("negative count", count: -1, shape: [1], strides: [1], "not a storage"),
    ]

    static let zips: [Case] = [
        zip("path upwards", "leads out") { $0.entries[1].name = "a/../../etc/passwd" },
        zip("absolute path", "leads out") { $0.entries[1].name = "/etc/passwd" },
        zip("backslashes", "leads out") { $0.entries[1].name = "..\\x" },
        zip("zero in a name", "leads out") { $0.entries[1].name = "a\0b" },
        zip("empty name", "leads out") { $0.entries[1].name = "" },
        zip("same name twice", "two entries") { $0.entries[1].name = "a/y" },
        zip("another name inside", "another name") { $0.entries[1].localName = "b/x" },
        zip("overlap", "overlap") {
            // The second entry's bytes are a whole entry themselves.
            let inner = HostileZip([("a/w", [7, 7, 7])]).bytes
            $0.entries[1].stored = Array(inner.prefix(36))
            let second = 30 + "a/data.pkl".utf8.count + $0.entries[0].stored.count
            $0.entries[2] = .init(
                name: "a/w", stored: [], byteCount: 3, storedByteCount: 3,
                checksum: Inflater.checksum(of: [7, 7, 7]),
                headerOffset: second + 30 + "a/x".utf8.count)
        },
        zip("encrypted", "encrypted") { $0.entries[1].flags = 1 },
        zip("unknown method", "method 14") { $0.entries[1].method = 14 },
        zip("size lies", "stored, but says") { $0.entries[1].byteCount = 9 },
        zip("beyond the end", "does not fit") {
            $0.entries[1].byteCount = 1 << 30
            $0.entries[1].storedByteCount = 1 << 30
        },
        zip("header elsewhere", "no header") { $0.entries[1].headerOffset = 5 },
        zip("header outside", "outside the file") { $0.entries[1].headerOffset = 1 << 30 },
        zip("zip64 lies", "outside the file") {
            $0.entries[1].headerOffset = 0xffff_ffff
            $0.entries[1].extra = [1, 0, 8, 0] + [0, 0, 0, 0, 0, 0, 0, 0x7f]
        },
        zip("zip64 field missing", "ends inside") { $0.entries[1].byteCount = 0xffff_ffff },
        zip("too many entries", "cannot hold") { $0.entryCount = 60_000 },
        zip("directory outside", "does not fit") { $0.directoryOffset = 1 << 20 },
        zip("directory too long", "does not fit") { $0.directoryByteCount = 1 << 20 },
        zip("directory of something else", "something else") { $0.directoryOffset = 1 },
        zip("two disks", "divided") { $0.disk = 3 },
        zip("cut short", "no zip directory") { $0.length = 100 },
        zip("checksum differs", "is damaged") { $0.entries[0].checksum = 7 },
        zip("no pickle", "no data.pkl") {
            $0.entries[0].name = "a/other"
            $0.entries[0].localName = "a/other"
        },
        zip("deflate bomb", "impossible") {
            $0.entries[0].method = 8
            $0.entries[0].byteCount = 1 << 30
        },
        zip("not deflated", "not a deflate stream") {
            $0.entries[0].method = 8
            $0.entries[0].stored = [0xff, 0xff, 0xff, 0xff]
            $0.entries[0].byteCount = 20
        },
        zip("inflates to more", "inflates to more") {
            // One stored block of five bytes.
            $0.entries[0].method = 8
            $0.entries[0].stored = [1, 5, 0, 0xfa, 0xff, 1, 2, 3, 4, 5]
            $0.entries[0].byteCount = 2
        },
        zip("inflates to less", "inflates to 3 bytes") {
            $0.entries[0].method = 8
            $0.entries[0].stored = [1, 3, 0, 0xfc, 0xff, 1, 2, 3]
            $0.entries[0].byteCount = 4
        },
        zip("deflate cut short", "is cut short") {
            $0.entries[0].method = 8
            $0.entries[0].stored = [1, 3, 0, 0xfc, 0xff, 1]
            $0.entries[0].byteCount = 3
        },
    ]

    static let others: [Case] = [
        Case(name: "empty", bytes: [], reason: "it is empty"),
        Case(name: "text", bytes: Array("hello".utf8), reason: "not a PyTorch file"),
        Case(
            name: "pointer", bytes: Array("version https://git-lfs.github.com/spec/v1\n".utf8),
            reason: "pointer of Git LFS"),
        Case(name: "zip start only", bytes: [0x50, 0x4b, 3, 4], reason: "no zip directory"),
    ]

    /// What is not known is data without a meaning, and the rest of the file can be read.
    @Test(arguments: calls) func unknownCallsAreOpaque(call: Case) throws {
        let value = try TorchFile.read(SourceFile(memory: call.bytes, path: "model.pt"))
        guard case .opaque(let words) = value else { throw UnexpectedValue() }
        #expect(words.contains(call.reason), "\(words)")
    }

    @Test func whatCannotBeStoredIsOpaque() throws {
        let body = PickleText.tensor(
            storage: "QInt8Storage", key: "0", count: 10, offset: 0, shape: [1], strides: [1])
        let quantised = HostileZip.torch(
            PickleText.whole(body), storages: [("0", [UInt8](repeating: 0, count: 10))])
        for (bytes, reason) in [
            (quantised, "a tensor of qint8"),
            (HostileZip.torch(PickleText.whole(PickleText.global("torch", "Size"))), "size"),
            (
                HostileZip.torch(
                    PickleText.whole(PickleText.text("os") + PickleText.text("system") + [0x93])),
                "os.system"
            ),
        ] {
            let value = try TorchFile.read(SourceFile(memory: bytes, path: "model.pt"))
            guard case .opaque(let words) = value else { throw UnexpectedValue() }
            #expect(words.contains(reason), "\(words)")
        }
    }

    @Test(arguments: pickles + tensors + zips + others)
    func isRefusedWithItsReason(hostile: Case) throws {
        let file = SourceFile(memory: hostile.bytes, path: "model.pt")
        let error = #expect(throws: UserError.self) {
            _ = try TorchFile.read(file).tensors(source: "model.pt")
        }
        #expect(error?.subject == "model.pt")
        #expect(error?.cause.contains(hostile.reason) == true, "\(error?.cause ?? "")")
    }

    @Test func nothingIsExecutedAndNoFileAppears() throws {
        let folder = try TemporaryFolder()
        let marker = folder.path("owned")
        let body =
            PickleText.global("os", "system")
            + PickleText.tuple(PickleText.text("touch \(marker)")) + [0x52]
        try Data(HostileZip.torch(PickleText.whole(body))).write(
            to: URL(fileURLWithPath: folder.path("a.pt")))
        #expect(throws: UserError.self) {
            try Importer.runs(at: folder.path("a.pt"), options: ImportOptions())
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.pt"])
    }

    /// A compressed file of zeros inflates as far as the file's size allows, and no further.
    @Test func inflationIsBoundedByTheFile() throws {
        let folder = try TemporaryFolder()
        let script = """
            import zipfile
            with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED) as z:
                for index in range(8):
                    z.writestr(f"{index}.npy", bytes(40_000_000))
            """
        let result = try run("/usr/bin/python3", ["-c", script], folder: folder.path)
        try #require(result.exitCode == 0)
        let error = #expect(throws: UserError.self) {
            _ = try NumPyArchive.read(folder.path("bomb.npz"))
        }
        #expect(error?.cause.contains("inflate to 320000000") == true, "\(error?.cause ?? "")")
    }
}
