package import Checkpoints

extension ScalarValue {
    /// The value that a person means by `text` in `name=text`, as SQL writes values.
    ///
    /// A whole number is an integer, any other decimal number a real, `null` in any case is NULL;
    /// text in single quotes loses them and stays text (`'113'`), everything else is text.
    package init(written text: String) {
        if let integer = Int(text) {
            self = .integer(integer)
        } else if let real = Double(text), text.contains(where: \.isNumber), !text.contains("x") {
            self = .real(real)
        } else if text.lowercased() == "null" {
            self = .null
        } else if text.count >= 2, text.hasPrefix("'"), text.hasSuffix("'") {
            self = .text(String(text.dropFirst().dropLast()).replacing("''", with: "'"))
        } else {
            self = .text(text)
        }
    }
}
