import Foundation

@testable import Interchange

/// A zip archive whose every field can lie.
struct HostileZip {
    struct Entry {
        var name: String
        var stored: [UInt8]
        var method: UInt16 = 0
        var flags: UInt16 = 0
        /// What the directory says; nil is the truth.
        var byteCount: Int?
        var storedByteCount: Int?
        var checksum: UInt32?
        var headerOffset: Int?
        var localName: String?
        var extra: [UInt8] = []
    }

    var entries: [Entry]
    var entryCount: Int?
    var directoryByteCount: Int?
    var directoryOffset: Int?
    var disk: UInt16 = 0
    var comment: [UInt8] = []
    /// Nothing is written after this many bytes.
    var length: Int?

    init(_ entries: [Entry]) { self.entries = entries }

    /// An honest archive of stored entries.
    init(_ contents: [(String, [UInt8])]) {
        entries = contents.map { Entry(name: $0.0, stored: $0.1) }
    }

    var bytes: [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = file.count
            let checksum = entry.checksum ?? Inflater.checksum(of: entry.stored)
            let local = Array((entry.localName ?? entry.name).utf8)
            file.append(number: 0x0403_4b50 as UInt32)
            file += [20, 0]
            file.append(number: entry.flags)
            file.append(number: entry.method)
            file += [0, 0, 0, 0]
            file.append(number: checksum)
            file.append(number: UInt32(truncatingIfNeeded: entry.stored.count))
            file.append(number: UInt32(truncatingIfNeeded: entry.byteCount ?? entry.stored.count))
            file.append(number: UInt16(local.count))
            file.append(number: 0 as UInt16)
            file += local + entry.stored
            directory.append(number: 0x0201_4b50 as UInt32)
            directory += [20, 0, 20, 0]
            directory.append(number: entry.flags)
            directory.append(number: entry.method)
            directory += [0, 0, 0, 0]
            directory.append(number: checksum)
            directory.append(
                number: UInt32(truncatingIfNeeded: entry.storedByteCount ?? entry.stored.count))
            directory.append(
                number: UInt32(truncatingIfNeeded: entry.byteCount ?? entry.stored.count))
            directory.append(number: UInt16(entry.name.utf8.count))
            directory.append(number: UInt16(entry.extra.count))
            directory += [UInt8](repeating: 0, count: 10)
            directory.append(number: UInt32(truncatingIfNeeded: entry.headerOffset ?? offset))
            directory += Array(entry.name.utf8) + entry.extra
        }
        let start = file.count
        file += directory
        file.append(number: 0x0605_4b50 as UInt32)
        file.append(number: disk)
        file.append(number: disk)
        let count = UInt16(entryCount ?? entries.count)
        file.append(number: count)
        file.append(number: count)
        file.append(number: UInt32(directoryByteCount ?? directory.count))
        file.append(number: UInt32(directoryOffset ?? start))
        file.append(number: UInt16(comment.count))
        file += comment
        return Array(file.prefix(length ?? file.count))
    }

    /// A PyTorch file around a pickle.
    static func torch(_ pickle: [UInt8], storages: [(String, [UInt8])] = []) -> [UInt8] {
        HostileZip(
            [("a/data.pkl", pickle), ("a/version", [0x33])]
                + storages.map { ("a/data/\($0.0)", $0.1) }
        ).bytes
    }
}

/// A pickle written opcode by opcode.
struct PickleText {
    var bytes: [UInt8] = [0x80, 2]

    static func global(_ module: String, _ name: String) -> [UInt8] {
        Array("c\(module)\n\(name)\n".utf8)
    }

    static func text(_ text: String) -> [UInt8] {
        [0x58] + withUnsafeBytes(of: UInt32(text.utf8.count)) { [UInt8]($0) } + Array(text.utf8)
    }

    static func integer(_ number: Int) -> [UInt8] {
        // LONG1 of eight bytes.
        [0x8a, 8] + withUnsafeBytes(of: Int64(number)) { [UInt8]($0) }
    }

    static func tuple(_ items: [UInt8]...) -> [UInt8] { [0x28] + items.flatMap { $0 } + [0x74] }

    /// A tensor over storage `0` with everything adjustable.
    static func tensor(
        storage: String = "FloatStorage", key: String = "0", count: Int, offset: Int,
        shape: [Int], strides: [Int]
    ) -> [UInt8] {
        let identifier =
            tuple(
                text("storage"), global("torch", storage), text(key), text("cpu"), integer(count))
            + [0x51]
        let arguments = tuple(
            identifier, integer(offset), tuple(shape.flatMap(integer)),
            tuple(strides.flatMap(integer)), [0x89],
            global("collections", "OrderedDict") + [0x29, 0x52])
        return global("torch._utils", "_rebuild_tensor_v2") + arguments + [0x52]
    }

    static func whole(_ body: [UInt8]) -> [UInt8] { [0x80, 2] + body + [0x2e] }
}
