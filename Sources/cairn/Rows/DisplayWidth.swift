/// How many columns text takes on a terminal.
enum DisplayWidth {
    /// The sum over the characters that a person sees.
    static func of(_ text: String) -> Int {
        // Names and numbers are nearly always ASCII, where the answer is the byte count.
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
        return isPlain ? text.utf8.count : text.reduce(0) { $0 + of($1) }
    }

    /// 0 for lone combining marks and controls, 2 for East Asian wide characters and emoji, else 1.
    static func of(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if character.unicodeScalars.contains(where: { $0.value == 0xfe0f }) { return 2 }
        if first.properties.isEmojiPresentation || isWide(first.value) { return 2 }
        switch first.properties.generalCategory {
        case .control, .format, .nonspacingMark, .enclosingMark, .surrogate: return 0
        default: return 1
        }
    }

    /// The blocks that Unicode Standard Annex 11 calls wide or full-width.
    private static let wideRanges: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0x9fff,
        0xa000...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe10...0xfe19,
        0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x16fe0...0x18cff, 0x1b000...0x1b2ff,
        0x1f200...0x1f2ff, 0x20000...0x3fffd,
    ]

    private static func isWide(_ value: UInt32) -> Bool {
        value >= 0x1100 && wideRanges.contains { $0.contains(value) }
    }
}
