/// The checksum of an HDF5 file's first 44 bytes, which stands in the four bytes after them.
///
/// HDF5 1.10.8 clears the mark of an open file in the image that `H5Fget_file_image` hands out but
/// leaves the checksum as it was, so that the image does not open. This sets it right. The sum is
/// Bob Jenkins's public-domain `lookup3`, which the HDF5 file format specification names.
enum SuperblockChecksum {
    private static let coveredByteCount = 44

    /// Corrects the checksum of a file whose superblock has one (versions 2 and 3).
    static func renew(in image: inout [UInt8]) {
        // Byte 8 is the version of the superblock, after the eight bytes of the signature.
        guard image.count >= coveredByteCount + 4, image[8] == 2 || image[8] == 3 else { return }
        var sum = value(of: image[..<coveredByteCount])
        for index in coveredByteCount..<coveredByteCount + 4 {
            image[index] = UInt8(truncatingIfNeeded: sum)
            sum >>= 8
        }
    }

    /// `lookup3` of eleven little-endian words, from the start value 0.
    private static func value(of bytes: ArraySlice<UInt8>) -> UInt32 {
        let words = stride(from: bytes.startIndex, to: bytes.endIndex, by: 4).map { start in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
        }
        var (a, b, c) = (UInt32(0), UInt32(0), UInt32(0))
        a = 0xdead_beef &+ UInt32(coveredByteCount)
        (b, c) = (a, a)
        for start in stride(from: 0, to: 9, by: 3) {
            a &+= words[start]
            b &+= words[start + 1]
            c &+= words[start + 2]
            mix(&a, &b, &c)
        }
        a &+= words[9]
        b &+= words[10]
        finish(&a, &b, &c)
        return c
    }

    private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
        // Each round turns one word by the next of these and passes it on.
        for turns: (UInt32, UInt32, UInt32) in [(4, 6, 8), (16, 19, 4)] {
            a = (a &- c) ^ rotated(c, turns.0)
            c &+= b
            b = (b &- a) ^ rotated(a, turns.1)
            a &+= c
            c = (c &- b) ^ rotated(b, turns.2)
            b &+= a
        }
    }

    private static func finish(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
        c = (c ^ b) &- rotated(b, 14)
        a = (a ^ c) &- rotated(c, 11)
        b = (b ^ a) &- rotated(a, 25)
        c = (c ^ b) &- rotated(b, 16)
        a = (a ^ c) &- rotated(c, 4)
        b = (b ^ a) &- rotated(a, 14)
        c = (c ^ b) &- rotated(b, 24)
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
        word << count | word >> (32 - count)
    }
}
