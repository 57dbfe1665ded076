internal import CSQLite
internal import Checkpoints

/// The arguments of one call, read as the types that the function needs.
struct FunctionArguments {
    /// The function's name, for messages.
    let function: String
    let values: [ScalarValue]

    /// Whether any argument is NULL, in which case functions give NULL or no rows.
    var containsNull: Bool { values.contains(.null) }

    /// The argument as a whole number.
    func integer(_ index: Int, _ name: String) throws -> Int {
        switch values[index] {
        case .integer(let value): return value
        case .real(let value):
            if let whole = Int(exactly: value) { return whole }
        default: break
        }
        throw refusal(index, name, "a whole number")
    }

    /// The argument as a number.
    func real(_ index: Int, _ name: String) throws -> Double {
        switch values[index] {
        case .integer(let value): return Double(value)
        case .real(let value): return value
        default: throw refusal(index, name, "a number")
        }
    }

    /// The argument as text.
    func text(_ index: Int, _ name: String) throws -> String {
        guard case .text(let text) = values[index] else { throw refusal(index, name, "text") }
        return text
    }

    /// An aggregate's argument was neither a number nor NULL.
    static func wrongType(_ signature: String) -> UserError {
        .usage(subject: signature, cause: "an argument is not a number")
    }

    private func refusal(_ index: Int, _ name: String, _ wanted: String) -> UserError {
        .usage(
            subject: "\(function)", cause: "\(name) (argument \(index + 1)) must be \(wanted)")
    }
}

extension ScalarValue {
    /// The value that SQLite hands to a function.
    init(_ pointer: OpaquePointer?) {
        switch sqlite3_value_type(pointer) {
        case SQLITE_INTEGER: self = .integer(Int(sqlite3_value_int64(pointer)))
        case SQLITE_FLOAT: self = .real(sqlite3_value_double(pointer))
        case SQLITE_TEXT:
            let count = Int(sqlite3_value_bytes(pointer))
            guard let start = sqlite3_value_text(pointer) else {
                self = .null
                return
            }
            self = .text(
                String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            let count = Int(sqlite3_value_bytes(pointer))
            let start = sqlite3_value_blob(pointer)
            self = .blob([UInt8](UnsafeRawBufferPointer(start: start, count: count)))
        default: self = .null
        }
    }

    /// Hands the value to SQLite as a function's result; NaN becomes NULL there.
    func setResult(of context: OpaquePointer?) {
        switch self {
        case .null: sqlite3_result_null(context)
        case .boolean(let value): sqlite3_result_int64(context, value ? 1 : 0)
        case .integer(let value): sqlite3_result_int64(context, Int64(value))
        case .real(let value): sqlite3_result_double(context, value)
        case .text(let text):
            text.withCString { sqlite_result_copied_text(context, $0, Int32(text.utf8.count)) }
        case .blob(let bytes):
            bytes.withUnsafeBytes {
                sqlite_result_copied_blob(context, $0.baseAddress, Int32($0.count))
            }
        }
    }
}

/// Hands an error to SQLite as a function's outcome.
func setResult(of context: OpaquePointer?, toErrorOf function: String, _ error: any Error) {
    if error is Interrupted {
        sqlite3_result_error_code(context, SQLITE_INTERRUPT)
    } else {
        let text = functionMessage(function, error)
        text.withCString { sqlite3_result_error(context, $0, Int32(text.utf8.count)) }
    }
}

/// An error as the sentence that SQLite passes on.
func functionMessage(_ function: String, _ error: any Error) -> String {
    let text = "\(error)"
    return text.hasPrefix(function) ? text : "\(function): \(text)"
}
