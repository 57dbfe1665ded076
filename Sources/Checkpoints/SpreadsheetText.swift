/// Text in tables for spreadsheets: what begins like a formula gets an apostrophe before it, which
/// reading takes away again.
///
/// Names in an archive may come from a stranger, and a spreadsheet computes `=1+1`. Text that begins
/// with apostrophes and then like a formula gets one more, so that every text comes back as it was.
package enum SpreadsheetText {
    /// The text as a spreadsheet takes it for a text; numbers stay as they are.
    package static func harmless(_ text: String) -> String {
        isLikeFormula(text) && Double(text) == nil ? "'" + text : text
    }

    /// The text that `harmless` was given.
    package static func original(_ text: String) -> String {
        text.utf8.first == UInt8(ascii: "'") && isLikeFormula(text)
            ? String(text.unicodeScalars.dropFirst()) : text
    }

    /// Whether a formula follows any apostrophes at the beginning.
    private static func isLikeFormula(_ text: String) -> Bool {
        let first = text.utf8.first { $0 != UInt8(ascii: "'") }
        return first.map("=+-@\t\r".utf8.contains) ?? false
    }
}
