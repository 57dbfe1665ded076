internal import Crypto
internal import Dispatch
internal import Synchronization

/// The sizes of the pieces into which bytes are cut: equal ones, and what is left.
package struct PieceSizes: Sequence, Sendable {
    /// Large enough that handing a piece to another thread costs nothing, small enough to stay in
    /// the cache between being read, hashed and written.
    package static let usualByteCount = 2 << 20

    private let byteCount: Int
    private let piece: Int

    package init(byteCount: Int, piece: Int = Self.usualByteCount) {
        precondition(piece > 0, "a piece has bytes")
        self.byteCount = byteCount
        self.piece = piece
    }

    package func makeIterator() -> AnyIterator<Int> {
        var rest = byteCount
        let piece = piece
        return AnyIterator {
            guard rest > 0 else { return nil }
            let next = Swift.min(piece, rest)
            rest -= next
            return next
        }
    }
}

/// Hashes bytes that come in pieces while the piece before is used and the next one is read.
package enum OverlappedPieces {
    /// The SHA-256 of pieces of these sizes; `use` gets each with its number.
    ///
    /// `fill` and `use` are called in the order of the pieces; errors of either end the work.
    package static func digest(
        sizes: some Sequence<Int>, fill: (UnsafeMutableRawBufferPointer) throws -> Void,
        use: (_ index: Int, _ piece: UnsafeRawBufferPointer) throws -> Void
    ) throws -> Digest {
        let sizes = Array(sizes)
        let hash = SharedHash()
        guard !sizes.isEmpty else { return hash.digest }
        // Pieces are values, so that two threads can read one at the same time.
        func filled(_ byteCount: Int) throws -> [UInt8] {
            try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
                try fill(UnsafeMutableRawBufferPointer(buffer))
                count = byteCount
            }
        }
        let group = DispatchGroup()
        var next = try filled(sizes[0])
        for index in sizes.indices {
            let piece = next
            guard index + 1 < sizes.count else {
                hash.update(piece)
                try piece.withUnsafeBytes { try use(index, $0) }
                break
            }
            DispatchQueue.global().async(group: group) { hash.update(piece) }
            defer { group.wait() }
            try piece.withUnsafeBytes { try use(index, $0) }
            next = try filled(sizes[index + 1])
        }
        return hash.digest
    }

    /// A hash that another thread carries on.
    private final class SharedHash: Sendable {
        private let hash = Mutex(SHA256())

        func update(_ piece: [UInt8]) {
            piece.withUnsafeBytes { bytes in hash.withLock { $0.update(bufferPointer: bytes) } }
        }

        var digest: Digest { hash.withLock { Digest(storedBytes: Array($0.finalize())) } }
    }
}
