/// The arrays of text of NumPy, `U` and `S`: elements of a fixed number of characters, filled with
/// zeros.
struct ArrayText {
    private let length: Int
    private let isWide: Bool

    /// nil for the code of anything else.
    init?(code: String) {
        guard let kind = code.first, kind == "U" || kind == "S" || kind == "a",
            let length = Int(code.dropFirst()), length >= 0, length <= 1 << 20
        else { return nil }
        self.length = length
        isWide = kind == "U"
    }

    private var elementByteCount: Int { isWide ? 4 * length : length }

    /// The elements; nil where the bytes are not whole elements.
    ///
    /// What is no text becomes U+FFFD.
    func texts(in bytes: [UInt8]) -> [String]? {
        guard elementByteCount > 0, bytes.count.isMultiple(of: elementByteCount) else { return nil }
        return stride(from: 0, to: bytes.count, by: elementByteCount).map { start in
            let element = bytes[start..<start + elementByteCount]
            guard isWide else {
                let end = element.lastIndex { $0 != 0 }.map { $0 + 1 } ?? start
                return String(decoding: element[start..<end], as: UTF8.self)
            }
            var text = String.UnicodeScalarView()
            var end = 0
            for (place, position) in stride(from: start, to: element.endIndex, by: 4).enumerated() {
                let code =
                    UInt32(element[position]) | UInt32(element[position + 1]) << 8
                    | UInt32(element[position + 2]) << 16 | UInt32(element[position + 3]) << 24
                text.append(Unicode.Scalar(code) ?? "\u{fffd}")
                if code != 0 { end = place + 1 }
            }
            return String(String.UnicodeScalarView(text.prefix(end)))
        }
    }
}
