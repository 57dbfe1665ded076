/// Text of strangers on its way to a terminal.
///
/// Names in an archive can hold characters that drive a terminal, or that make it show text in
/// another order than it has; those are shown as what they are.
enum TerminalText {
    /// The text with such characters spelled out; line feeds and tabs stay.
    static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isCommand($0) && $0 != "\n" && $0 != "\t" })
        else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isCommand(scalar), scalar != "\n", scalar != "\t" {
                result += spelled(scalar)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Whether a character is a control of C0 or C1, a break of lines, or a control of the direction
    /// of writing.
    static func isCommand(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x61c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    /// `\x1b` or `\u{202e}`.
    static func spelled(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return scalar.value < 0x100
            ? "\\x" + (digits.count < 2 ? "0" : "") + digits : "\\u{\(digits)}"
    }
}
