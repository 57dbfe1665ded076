internal import Foundation

/// One typed value: a setting, a cell of a row, a parameter of a statement, a leaf of JSON.
///
/// SQLite has no NaN and no booleans: there a NaN becomes NULL and a boolean 0 or 1.
package enum ScalarValue: Sendable, Equatable {
    /// A value that is explicitly absent, such as the setting "no schedule".
    case null
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

extension ScalarValue {
    package init(_ value: Int?) { self = value.map(ScalarValue.integer) ?? .null }
    package init(_ value: Double?) { self = value.map(ScalarValue.real) ?? .null }
    package init(_ value: String?) { self = value.map(ScalarValue.text) ?? .null }
    package init(_ value: Bool?) { self = value.map(ScalarValue.boolean) ?? .null }

    /// The whole number, if it is one.
    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }

    /// The number as a real, if it is one.
    package var real: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        case .null, .boolean, .text, .blob: nil
        }
    }

    /// The text, if it is one.
    package var string: String? { if case .text(let value) = self { value } else { nil } }

    /// The value as a person writes it; nothing for NULL, base64 for bytes.
    package var written: String {
        switch self {
        case .null: ""
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .real(let value): value.description
        case .text(let value): value
        case .blob(let bytes): Data(bytes).base64EncodedString()
        }
    }

    /// The value as JSON.
    ///
    /// JSON has no NaN and no infinities: they are the strings "NaN", "Infinity", "-Infinity".
    /// Bytes are an object, as Datasette writes them.
    package var json: String {
        switch self {
        case .null: "null"
        case .boolean, .integer: written
        case .real(let value):
            value.isFinite
                ? value.description
                : value.isNaN ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\""
        case .text(let value): JSONValue.quoted(value)
        case .blob(let bytes):
            "{\"$base64\": true, \"encoded\": \"\(Data(bytes).base64EncodedString())\"}"
        }
    }
}

/// One named setting of a run, for example `weight_decay` = 1.
package struct Hyperparameter: Sendable, Equatable {
    package let name: String
    package let value: ScalarValue

    package init(_ name: String, _ value: ScalarValue) {
        self.name = name
        self.value = value
    }
}
