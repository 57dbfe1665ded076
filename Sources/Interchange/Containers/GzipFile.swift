internal import Checkpoints

/// Files compressed by gzip (RFC 1952), of one member.
enum GzipFile {
    static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b, 8]) }

    /// The content; its checksum and its length must be the recorded ones.
    static func read(_ file: SourceFile) throws -> [UInt8] {
        func wrong(_ cause: String) -> UserError { .unreadable(file.path, cause) }
        let head = try file.read(at: 0, count: min(file.byteCount, 1 << 16))
        guard head.count > 18, isGzip(head) else { throw wrong("it is not a gzip file") }
        let flags = head[3]
        var start = 10
        if flags & 4 != 0 { start += 2 + Int(head[10]) + Int(head[11]) << 8 }
        // The name and the comment end with a zero byte.
        for flag in [8, 16] where flags & UInt8(flag) != 0 {
            guard start < head.count, let end = head[start...].firstIndex(of: 0) else {
                throw wrong("its gzip header does not end")
            }
            start = end + 1
        }
        if flags & 2 != 0 { start += 2 }
        let tail = try file.read(at: file.byteCount - 8, count: 8)
        func word(_ first: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(tail[first + $1]) << UInt32(8 * $1) }
        }
        guard start < file.byteCount - 8 else { throw wrong("its gzip header does not end") }
        let byteCount = Int(word(4))
        guard byteCount <= largestByteCount else {
            throw wrong("it inflates to \(byteCount) bytes, more than \(largestByteCount)")
        }
        let entry = ZipArchive.Entry(
            name: "content", method: .deflated, storedByteCount: file.byteCount - 8 - start,
            byteCount: byteCount, checksum: word(0), offset: start, headerOffset: 0)
        let bytes = try Inflater.inflate(entry, of: file)
        guard Inflater.checksum(of: bytes) == entry.checksum else {
            throw wrong("its content does not have the recorded checksum")
        }
        return bytes
    }

    private static let largestByteCount = 1 << 31
}
