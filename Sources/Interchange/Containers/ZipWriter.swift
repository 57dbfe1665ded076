internal import Checkpoints

/// Writes a zip archive of stored entries; zip64 records appear where sizes need them.
struct ZipWriter {
    private let target: TargetFile
    private var directory: [UInt8] = []
    private var count = 0

    /// 1980-01-01, the first day that zip knows: equal contents give equal files.
    private static let date: UInt32 = 0x0021_0000
    /// Names are UTF-8.
    private static let flags: UInt16 = 0x0800
    private static let limit = Int(UInt32.max)
    private static let method: UInt16 = 0

    init(_ target: TargetFile) { self.target = target }

    /// Adds an entry of consecutive parts.
    mutating func append(name: String, parts: [[UInt8]]) throws {
        let components = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.isEmpty, !name.hasPrefix("/"), !components.contains(".."),
            !name.contains("\\"), !name.utf8.contains(0), name.utf8.count <= Int(UInt16.max)
        else {
            throw UserError.usage(
                subject: "tensor \(name)", cause: "its name cannot be the name of a zip entry",
                advice: "export to .safetensors or .h5")
        }
        let offset = target.byteCount
        let byteCount = parts.reduce(0) { $0 + $1.count }
        let checksum = Inflater.checksum(of: parts)
        let isLarge = byteCount >= Self.limit
        var header: [UInt8] = []
        header.append(number: 0x0403_4b50 as UInt32)
        appendCommon(to: &header, isLarge: isLarge)
        header.append(number: checksum)
        let shown = isLarge ? UInt32.max : UInt32(byteCount)
        header.append(number: shown)
        header.append(number: shown)
        header.append(number: UInt16(name.utf8.count))
        header.append(number: UInt16(isLarge ? 20 : 0))
        header += Array(name.utf8)
        if isLarge { Self.appendWide([byteCount, byteCount], to: &header) }
        try target.write(header)
        for part in parts { try target.write(part) }
        appendRecord(
            name: name, checksum: checksum, byteCount: byteCount, offset: offset)
        count += 1
    }

    private func appendCommon(to bytes: inout [UInt8], isLarge: Bool) {
        bytes.append(number: UInt16(isLarge ? 45 : 20))
        bytes.append(number: Self.flags)
        bytes.append(number: Self.method)
        bytes.append(number: Self.date)
    }

    private static func appendWide(_ numbers: [Int], to bytes: inout [UInt8]) {
        bytes.append(number: 1 as UInt16)
        bytes.append(number: UInt16(numbers.count * 8))
        for number in numbers { bytes.append(number: UInt64(number)) }
    }

    private mutating func appendRecord(
        name: String, checksum: UInt32, byteCount: Int, offset: Int
    ) {
        var wide: [Int] = []
        if byteCount >= Self.limit { wide += [byteCount, byteCount] }
        if offset >= Self.limit { wide.append(offset) }
        directory.append(number: 0x0201_4b50 as UInt32)
        directory.append(number: UInt16(wide.isEmpty ? 20 : 45))
        appendCommon(to: &directory, isLarge: !wide.isEmpty)
        directory.append(number: checksum)
        let shown = byteCount >= Self.limit ? UInt32.max : UInt32(byteCount)
        directory.append(number: shown)
        directory.append(number: shown)
        directory.append(number: UInt16(name.utf8.count))
        directory.append(number: UInt16(wide.isEmpty ? 0 : 4 + 8 * wide.count))
        // No comment, first disk, no attributes.
        directory += [UInt8](repeating: 0, count: 10)
        directory.append(number: offset >= Self.limit ? UInt32.max : UInt32(offset))
        directory += Array(name.utf8)
        if !wide.isEmpty { Self.appendWide(wide, to: &directory) }
    }

    /// Writes the directory and gives the file its name; a comment of at most 65,535 bytes may say
    /// what it is.
    consuming func finish(comment: [UInt8] = []) throws {
        let offset = target.byteCount
        try target.write(directory)
        var end: [UInt8] = []
        if offset >= Self.limit || count >= Int(UInt16.max) {
            let record = target.byteCount
            end.append(number: 0x0606_4b50 as UInt32)
            end.append(number: 44 as UInt64)
            end.append(number: 45 as UInt16)
            end.append(number: 45 as UInt16)
            end += [UInt8](repeating: 0, count: 8)
            for number in [count, count, directory.count, offset] {
                end.append(number: UInt64(number))
            }
            end.append(number: 0x0706_4b50 as UInt32)
            end.append(number: 0 as UInt32)
            end.append(number: UInt64(record))
            end.append(number: 1 as UInt32)
        }
        end.append(number: 0x0605_4b50 as UInt32)
        end.append(number: 0 as UInt32)
        let shownCount = UInt16(min(count, Int(UInt16.max)))
        end.append(number: shownCount)
        end.append(number: shownCount)
        end.append(number: UInt32(min(directory.count, Self.limit)))
        end.append(number: UInt32(min(offset, Self.limit)))
        let comment = comment.count <= Int(UInt16.max) ? comment : []
        end.append(number: UInt16(comment.count))
        try target.write(end + comment)
        try target.commit()
    }
}

extension [UInt8] {
    /// Appends a number in little-endian order.
    mutating func append<Number: FixedWidthInteger>(number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
