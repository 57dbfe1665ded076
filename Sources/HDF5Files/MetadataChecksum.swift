/// The checksum that HDF5 puts behind each block of its metadata.
///
/// It is Bob Jenkins's public-domain `lookup3` with the start value 0, which the HDF5 file format
/// specification names.
package enum MetadataChecksum {
    /// The sum of these bytes; a block that is not a multiple of four bytes is read as if zeros
    /// followed.
    package static func value(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var a = 0xdead_beef &+ UInt32(truncatingIfNeeded: bytes.count)
        var b = a
        var c = a
        var start = 0
        while bytes.count - start > 12 {
            unsafe add(bytes, start, &a, &b, &c)
            mix(&a, &b, &c)
            start += 12
        }
        guard start < bytes.count else { return c }
        unsafe add(bytes, start, &a, &b, &c)
        finish(&a, &b, &c)
        return c
    }

    private static func add(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ a: inout UInt32, _ b: inout UInt32,
        _ c: inout UInt32
    ) {
        unsafe a &+= word(bytes, start)
        unsafe b &+= word(bytes, start + 4)
        unsafe c &+= word(bytes, start + 8)
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> UInt32 {
        var word: UInt32 = 0
        for index in 0..<4 where start + index < bytes.count {
            unsafe word |= UInt32(bytes[start + index]) << UInt32(8 * index)
        }
        return word
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
