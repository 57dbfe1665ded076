internal import Foundation
internal import SystemFiles

/// A fast 16-byte sum over a block of bytes that shows any single changed byte.
///
/// The bytes are read as little-endian 64-bit words, padded with zeros; word *i* goes to lane
/// *i mod 4*. Each lane keeps a sum of its words and a sum of its sums (Fletcher's scheme, modulo
/// 2^64). The result is (Σ laneSum·m, Σ laneSumOfSums·m + length) with four odd multipliers *m*. A
/// changed word changes its lane's sum, and an odd multiplier keeps it changed. It guards against
/// decay, not against intent: that is what SHA-256 is for.
package struct FileChecksum: Sendable, Equatable {
    package let first: UInt64
    package let second: UInt64

    private static let multipliers = SIMD4<UInt64>(
        0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93)

    /// The sums over the blocks seen so far.
    private struct Sums {
        private var sums = SIMD4<UInt64>(repeating: 0)
        private var sumsOfSums = SIMD4<UInt64>(repeating: 0)
        private var byteCount = 0

        /// Goes on with these bytes; only the last ones may be no multiple of 32.
        mutating func take(_ bytes: UnsafeRawBufferPointer) {
            precondition(byteCount % 32 == 0, "nothing follows an incomplete block")
            // Local copies stay in registers.
            var (sums, sumsOfSums) = (sums, sumsOfSums)
            let blockCount = bytes.count / 32
            for block in 0..<blockCount {
                sums =
                    sums &+ bytes.loadUnaligned(fromByteOffset: block * 32, as: SIMD4<UInt64>.self)
                sumsOfSums = sumsOfSums &+ sums
            }
            if bytes.count % 32 != 0 {
                var tail = SIMD4<UInt64>(repeating: 0)
                withUnsafeMutableBytes(of: &tail) {
                    $0.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[(blockCount * 32)...]))
                }
                sums &+= tail
                sumsOfSums = sumsOfSums &+ sums
            }
            (self.sums, self.sumsOfSums) = (sums, sumsOfSums)
            byteCount += bytes.count
        }

        var checksum: FileChecksum {
            FileChecksum(
                first: (sums &* FileChecksum.multipliers).wrappedSum(),
                second: (sumsOfSums &* FileChecksum.multipliers).wrappedSum() &+ UInt64(byteCount))
        }
    }

    package init(of bytes: UnsafeRawBufferPointer) {
        var sums = Sums()
        sums.take(bytes)
        self = sums.checksum
    }

    init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    package init(of bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { FileChecksum(of: $0) }
    }

    /// The checksum of a file's content.
    init(of file: OpenFile) throws {
        var sums = Sums()
        // A block at a time stays in the processor's cache.
        try file.forEachPiece(ofAtMost: 1 << 18) { _, piece in sums.take(piece) }
        self = sums.checksum
    }

    /// The two sums as they lie in a pack.
    var littleEndianBytes: [UInt8] {
        [first, second].flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    /// 16 bytes, big-endian, as stored in the index.
    var data: Data {
        var data = Data()
        for word in [first, second] {
            withUnsafeBytes(of: word.bigEndian) { data.append(contentsOf: $0) }
        }
        return data
    }
}
