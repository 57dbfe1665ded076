internal import Checkpoints

/// One typed value of a setting, a row or a parameter.
///
/// SQL has no NaN and no booleans: a row gives `null` and 0 or 1 for them.
public enum Scalar: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case boolean(Bool)
    case bytes([UInt8])

    init(_ value: ScalarValue) {
        switch value {
        case .null: self = .null
        case .integer(let value): self = .integer(Int64(value))
        case .real(let value): self = .real(value)
        case .text(let value): self = .text(value)
        case .boolean(let value): self = .boolean(value)
        case .blob(let value): self = .bytes(value)
        }
    }

    var sql: ScalarValue {
        switch self {
        case .null: .null
        case .integer(let value): .integer(Int(value))
        case .real(let value): .real(value)
        case .text(let value): .text(value)
        case .boolean(let value): .boolean(value)
        case .bytes(let value): .blob(value)
        }
    }
}

/// The answer to one statement.
public struct Rows: Sendable, RandomAccessCollection {
    /// The names of the columns as the statement gives them; names may repeat.
    public let columns: [String]
    private let rows: [[Scalar]]

    init(columns: [String], rows: [[Scalar]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The position of the first row, 0.
    public var startIndex: Int { 0 }
    /// The number of rows.
    public var endIndex: Int { rows.count }

    /// One row: a value for each column.
    public subscript(position: Int) -> [Scalar] { rows[position] }

    /// All values of one column, from the first row to the last; nil where there is no such column.
    public func column(_ name: String) -> [Scalar]? {
        columns.firstIndex(of: name).map { index in rows.map { $0[index] } }
    }
}
