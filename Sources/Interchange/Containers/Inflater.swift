internal import CZlib
internal import Checkpoints

/// Raw deflate streams, through zlib.
enum Inflater {
    private static let pieceByteCount = 1 << 20

    /// The bytes of a deflated entry, or the first `prefix` of them.
    ///
    /// Throws unless a whole entry inflates to exactly as many bytes as it says.
    static func inflate(
        _ entry: ZipArchive.Entry, of file: SourceFile, prefix: Int = .max
    ) throws -> [UInt8] {
        var stream = z_stream()
        guard zlib_begin_raw_inflate(&stream) == Z_OK else {
            throw UserError.unreadable(file.path, "zlib could not begin")
        }
        defer { inflateEnd(&stream) }
        func wrong(_ cause: String) -> UserError {
            .unreadable(file.path, "zip entry \(entry.name) \(cause)")
        }
        let isWhole = prefix >= entry.byteCount
        // One byte more than promised shows a stream that is longer than its size says.
        let room = isWhole ? entry.byteCount + 1 : prefix
        var consumed = 0
        var status = Z_OK
        let bytes = try [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            while status == Z_OK, isWhole || count < room {
                let piece = min(pieceByteCount, entry.storedByteCount - consumed)
                guard piece > 0 else { throw wrong("is cut short") }
                var input = try file.read(at: entry.offset + consumed, count: piece)
                try input.withUnsafeMutableBufferPointer { source in
                    stream.next_in = source.baseAddress
                    stream.avail_in = uInt(source.count)
                    while stream.avail_in > 0, status == Z_OK {
                        let free = min(room - count, 1 << 30)
                        guard free > 0 else {
                            if isWhole { throw wrong("inflates to more than it says") }
                            break
                        }
                        stream.next_out = buffer.baseAddress.map { $0 + count }
                        stream.avail_out = uInt(free)
                        status = CZlib.inflate(&stream, Z_NO_FLUSH)
                        count += free - Int(stream.avail_out)
                        guard status == Z_OK || status == Z_STREAM_END else {
                            throw wrong("is not a deflate stream (zlib says \(status))")
                        }
                    }
                }
                consumed += piece
            }
        }
        guard !isWhole || bytes.count == entry.byteCount else {
            throw wrong("inflates to \(bytes.count) bytes, but says \(entry.byteCount)")
        }
        return bytes
    }

    /// The CRC-32 of zip.
    static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        checksum(of: bytes, after: 0)
    }

    /// The CRC-32 of what has the checksum `sum` and these bytes after it.
    static func checksum(of bytes: UnsafeRawBufferPointer, after sum: UInt32) -> UInt32 {
        // zlib takes a missing buffer as the wish to begin anew.
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return sum }
        return UInt32(crc32_z(UInt(sum), base, bytes.count))
    }

    /// The CRC-32 of zip.
    static func checksum(of bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { checksum(of: $0) }
    }

    /// The CRC-32 of consecutive parts.
    static func checksum(of parts: [[UInt8]]) -> UInt32 {
        UInt32(
            // zlib takes a missing buffer as the wish to begin anew.
            parts.filter { !$0.isEmpty }.reduce(0) { sum, part in
                part.withUnsafeBufferPointer { crc32_z(sum, $0.baseAddress, $0.count) }
            })
    }
}
