internal import Foundation

/// A JSON value that keeps the order of its members.
indirect enum JSONText: Equatable, Sendable {
    case cell(Cell)
    case boolean(Bool)
    case array([JSONText])
    case object([(name: String, value: JSONText)])

    static func == (left: JSONText, right: JSONText) -> Bool { left.compact == right.compact }

    /// The value on one line.
    var compact: String {
        switch self {
        case .cell(let cell): JSONText.text(of: cell)
        case .boolean(let value): value ? "true" : "false"
        case .array(let values): "[" + values.map(\.compact).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.map { "\(JSONText.quoted($0.name)): \($0.value.compact)" }
                .joined(separator: ", ") + "}"
        }
    }

    /// The value over several lines, one member of the outermost object each.
    var pretty: String {
        guard case .object(let members) = self, !members.isEmpty else { return compact }
        return "{\n"
            + members.map { "  \(JSONText.quoted($0.name)): \($0.value.compact)" }
            .joined(separator: ",\n") + "\n}"
    }

    /// JSON has no NaN and no infinities: they are the strings "NaN", "Infinity", "-Infinity".
    static func text(of cell: Cell) -> String {
        switch cell {
        case .null: "null"
        case .integer(let value): String(value)
        case .real(let value):
            if value.isFinite {
                NumberText.shortest(value)
            } else {
                value.isNaN ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\""
            }
        case .text(let value): quoted(value)
        case .blob(let bytes):
            "{\"$base64\": true, \"encoded\": \"\(Data(bytes).base64EncodedString())\"}"
        }
    }

    /// A JSON string; everything but quotes, backslashes and control characters stays UTF-8.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                result += String(format: "\\u%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension JSONText {
    static func text(_ value: String?) -> JSONText { .cell(Cell(value)) }
    static func integer(_ value: Int?) -> JSONText { .cell(Cell(value)) }
    static func real(_ value: Double?) -> JSONText { .cell(Cell(value)) }
}
