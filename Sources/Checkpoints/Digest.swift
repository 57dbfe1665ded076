internal import Crypto

/// A SHA-256 digest, 32 bytes.
package struct Digest: Sendable, Hashable, CustomStringConvertible {
    // Not an array, so that hashing a step's weights leaves nothing behind.
    private let words: SIMD4<UInt64>

    /// The 32 bytes in order.
    package var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    /// The SHA-256 of raw bytes.
    package init(of bytes: UnsafeRawBufferPointer) {
        self.init { $0(bytes) }
    }

    /// The SHA-256 of raw bytes.
    package init(of bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Digest(of: $0) }
    }

    /// A digest that was stored as its 32 bytes.
    package init(storedBytes bytes: [UInt8]) {
        precondition(bytes.count == 32, "a SHA-256 has 32 bytes")
        words = bytes.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
    }

    /// The SHA-256 of bytes that come in pieces: the closure hands over one after the other.
    package init(
        pieces: (_ update: (UnsafeRawBufferPointer) -> Void) throws -> Void
    ) rethrows {
        var hash = SHA256()
        try pieces { hash.update(bufferPointer: $0) }
        words = hash.finalize().withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
    }

    /// The digest of a checkpoint's weights, independent of run, archive and file layout.
    ///
    /// It is the SHA-256 of one UTF-8 line per tensor, in the byte order of the names:
    /// `name TAB dtype TAB extents separated by commas TAB hexadecimal SHA-256 of the raw
    /// little-endian bytes LF`.
    package init(weights: [Tensor]) {
        self.init(
            parts: weights.map {
                Part(
                    name: $0.name, elementType: $0.elementType, shape: $0.shape,
                    digest: Digest(of: $0.bytes))
            })
    }

    /// What one tensor adds to a checkpoint's digest.
    package struct Part: Sendable {
        package let name: String
        package let elementType: ElementType
        package let shape: [Int]
        package let digest: Digest

        package init(name: String, elementType: ElementType, shape: [Int], digest: Digest) {
            self.name = name
            self.elementType = elementType
            self.shape = shape
            self.digest = digest
        }
    }

    /// The digest of a checkpoint whose tensors were hashed before.
    package init(parts: [Part]) {
        var text = DigestText(parts.map { ($0.name, $0.elementType, $0.shape) })
        self = text.digest { parts[$0].digest }
    }

    /// The digest written as 64 hexadecimal digits; nil for any other text.
    package init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = Digest.value(of: digits[index]),
                let low = Digest.value(of: digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(storedBytes: bytes)
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// 64 lowercase hexadecimal digits.
    package var description: String {
        String(unsafeUninitializedCapacity: 64) { text in
            write(to: text)
            return 64
        }
    }

    /// Writes the 64 digits of `description`.
    func write(to text: UnsafeMutableBufferPointer<UInt8>) {
        func digit(_ value: UInt8) -> UInt8 {
            value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
        }
        withUnsafeBytes(of: words) { bytes in
            for (index, byte) in bytes.enumerated() {
                text[2 * index] = digit(byte >> 4)
                text[2 * index + 1] = digit(byte & 15)
            }
        }
    }

    /// The first 16 bytes, as kept for every step.
    package func shortened(step: Int) -> StepDigest {
        StepDigest(step: step, high: UInt64(bigEndian: words[0]), low: UInt64(bigEndian: words[1]))
    }
}
