internal import CSQLite
internal import Checkpoints

/// One compiled statement of a connection; finalised when it goes away.
final class SQLiteStatement {
    let connection: SQLiteConnection
    private let pointer: OpaquePointer?
    /// The statement as it was compiled.
    let sql: String
    /// What follows the statement in the text it was compiled from.
    let remainder: String
    /// The columns of each table and view that it reads.
    let columnsRead: [String: Set<String>]

    /// Compiles the first statement of a text.
    ///
    /// An error names its place in the text and what is named nearly alike.
    init(connection: SQLiteConnection, sql text: String) throws {
        self.connection = connection
        connection.statementGuard.reset()
        var statement: OpaquePointer?
        var consumed = 0
        let code = text.withCString { start in
            var tail: UnsafePointer<CChar>?
            let code = sqlite3_prepare_v2(connection.handle, start, -1, &statement, &tail)
            if let tail { consumed = tail - start }
            return code
        }
        guard code == SQLITE_OK else {
            throw StatementError.compiling(text, code: code, connection: connection)
        }
        let bytes = Array(text.utf8)
        sql = String(decoding: bytes[..<consumed], as: UTF8.self)
        remainder = String(decoding: bytes[consumed...], as: UTF8.self)
        pointer = statement
        columnsRead = connection.statementGuard.columnsRead
        if let statement, sqlite3_stmt_readonly(statement) == 0,
            connection.statementGuard.isActive
        {
            // The object is complete, so its deinit finalises the statement.
            throw StatementError.refused("it does more than read")
        }
    }

    deinit { sqlite3_finalize(pointer) }

    /// Whether the text held nothing but white space and comments.
    var isEmpty: Bool { pointer == nil }

    var columnNames: [String] {
        (0..<sqlite3_column_count(pointer)).map { index in
            sqlite3_column_name(pointer, index).map { String(cString: $0) } ?? ""
        }
    }

    /// Where a column of the result comes from, and the type that is declared there; nil for what the
    /// statement or a view computes.
    func origin(of column: Int) -> (type: String?, table: String?, column: String?) {
        func text(_ pointer: UnsafePointer<CChar>?) -> String? {
            pointer.map { String(cString: $0) }
        }
        let column = Int32(column)
        // A file that is attached may have tables of the same names.
        let isOwn = text(sqlite3_column_database_name(pointer, column)) == "main"
        return (
            text(sqlite3_column_decltype(pointer, column)),
            isOwn ? text(sqlite3_column_table_name(pointer, column)) : nil,
            isOwn ? text(sqlite3_column_origin_name(pointer, column)) : nil
        )
    }

    /// The names of the parameters without their mark, in order; nil for a plain `?`.
    var parameterNames: [String?] {
        guard let pointer, sqlite3_bind_parameter_count(pointer) > 0 else { return [] }
        return (1...sqlite3_bind_parameter_count(pointer)).map { index in
            sqlite3_bind_parameter_name(pointer, index).map {
                String(String(cString: $0).dropFirst())
            }
        }
    }

    func bind(_ value: ScalarValue, at index: Int) {
        let index = Int32(index)
        switch value {
        case .null: _ = sqlite3_bind_null(pointer, index)
        case .boolean(let flag): _ = sqlite3_bind_int64(pointer, index, flag ? 1 : 0)
        case .integer(let integer): _ = sqlite3_bind_int64(pointer, index, Int64(integer))
        case .real(let real): _ = sqlite3_bind_double(pointer, index, real)
        case .text(let text):
            text.withCString {
                _ = sqlite_bind_copied_text(pointer, index, $0, Int32(text.utf8.count))
            }
        case .blob(let bytes):
            _ = bytes.withUnsafeBytes {
                sqlite_bind_copied_blob(pointer, index, $0.baseAddress, Int32($0.count))
            }
        }
    }

    /// Moves to the next row; false after the last.
    func step() throws -> Bool {
        guard let pointer else { return false }
        switch connection.watch.working({ sqlite3_step(pointer) }) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw StatementError.running(sql, code: code, connection: connection)
        }
    }

    /// The values of the current row.
    func row() -> [ScalarValue] {
        (0..<sqlite3_column_count(pointer)).map { value(at: $0) }
    }

    func value(at column: Int32) -> ScalarValue {
        switch sqlite3_column_type(pointer, column) {
        case SQLITE_INTEGER: return .integer(Int(sqlite3_column_int64(pointer, column)))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(pointer, column))
        case SQLITE_TEXT:
            guard let start = sqlite3_column_text(pointer, column) else { return .null }
            let count = Int(sqlite3_column_bytes(pointer, column))
            return .text(
                String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            let count = Int(sqlite3_column_bytes(pointer, column))
            guard let start = sqlite3_column_blob(pointer, column) else { return .blob([]) }
            return .blob([UInt8](UnsafeRawBufferPointer(start: start, count: count)))
        default: return .null
        }
    }
}
