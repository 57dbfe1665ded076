/// How wide text is, near enough to leave room for it.
///
/// The widths are Helvetica's, with an eighth more because the reader's font may be wider.
package enum TextMetrics {
    private static let widths: [Int] = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
        556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
        1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
        667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
        333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
        556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
    ]

    /// The width of a text at a font size, in the unit of the size.
    package static func width(_ text: String, size: Double) -> Double {
        let thousandths = text.unicodeScalars.reduce(0) { sum, scalar in
            let code = Int(scalar.value)
            if code >= 32 && code < 32 + widths.count { return sum + widths[code - 32] }
            if "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".unicodeScalars.contains(scalar) { return sum + 370 }
            return sum + (code >= 0x1100 ? 1000 : 600)
        }
        return Double(thousandths) / 1000 * size * 1.125
    }

    /// The text in lines of at most a width, broken at spaces.
    static func wrapped(_ text: String, width: Double, size: Double) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            let longer = line.isEmpty ? String(word) : line + " " + word
            if !line.isEmpty && self.width(longer, size: size) > width {
                lines.append(line)
                line = String(word)
            } else {
                line = longer
            }
        }
        return line.isEmpty ? lines : lines + [line]
    }

    /// The text, or its beginning and end around an ellipsis where it is wider than a width.
    static func shortened(_ text: String, width: Double, size: Double) -> String {
        guard self.width(text, size: size) > width else { return text }
        let letters = Array(text)
        var kept = letters.count - 1
        while kept > 2 {
            let head = String(letters.prefix((kept + 1) / 2))
            let short = head + "…" + String(letters.suffix(kept / 2))
            if self.width(short, size: size) <= width { return short }
            kept -= 1
        }
        return "…"
    }

    /// The text with every character that could steer a terminal or break XML replaced: controls,
    /// changes of writing direction and what XML 1.0 forbids.
    package static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHarmful) else { return text }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            scalars.append(isHarmful(scalar) ? "\u{fffd}" : scalar)
        }
        return String(scalars)
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069,
            0xfffe, 0xffff:
            true
        default: false
        }
    }
}
