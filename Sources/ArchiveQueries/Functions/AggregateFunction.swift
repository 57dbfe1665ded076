internal import CSQLite
internal import Checkpoints

/// How SQLite hands a row to an aggregate.
private typealias AddRow =
    @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void

/// A function of many rows' values.
final class AggregateFunction {
    /// What the arguments of a row are.
    enum Form {
        /// (step, value [, parameter])
        case curve
        /// (value [, parameter])
        case values
        /// (x, y [, parameter]); the key is the bit pattern of x.
        case pair
        /// (step, last step); the key is 1 for a step that was reached, else 0.
        case censored
    }

    let description: FunctionDescription
    let form: Form
    /// Computes the result of a group; never called for a group without numbers.
    private let body: (borrowing NumberBuffer) throws -> ScalarValue

    init(
        _ description: FunctionDescription, form: Form,
        body: @escaping (borrowing NumberBuffer) throws -> ScalarValue
    ) {
        self.description = description
        self.form = form
        self.body = body
    }

    /// Makes the function callable on a connection, which keeps it alive until it is closed.
    func register(on connection: OpaquePointer) {
        let finishGroup: @convention(c) (OpaquePointer?) -> Void = { context in
            guard let data = sqlite3_user_data(context) else { return }
            Unmanaged<AggregateFunction>.fromOpaque(data).takeUnretainedValue().finish(context)
        }
        let addRow: AddRow =
            switch form {
            case .curve: addCurveRow
            case .values: addValueRow
            case .pair: addPairRow
            case .censored: addCensoredRow
            }
        for count in description.argumentCounts {
            _ = sqlite3_create_function_v2(
                connection, description.name, Int32(count), SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                Unmanaged.passRetained(self).toOpaque(), nil,
                addRow, finishGroup,
                { data in
                    if let data { Unmanaged<AggregateFunction>.fromOpaque(data).release() }
                })
        }
    }

    private func finish(_ context: OpaquePointer?) {
        guard let memory = sqlite3_aggregate_context(context, 0) else {
            sqlite3_result_null(context)
            return
        }
        let buffer = memory.assumingMemoryBound(to: NumberBuffer.self)
        defer { buffer.pointee.release() }
        if buffer.pointee.isRefused {
            setResult(
                of: context, toErrorOf: description.name,
                FunctionArguments.wrongType(description.signature))
        } else if buffer.pointee.count == 0 {
            sqlite3_result_null(context)
        } else {
            do {
                try body(buffer.pointee).setResult(of: context)
            } catch {
                setResult(of: context, toErrorOf: description.name, error)
            }
        }
    }
}

/// Adds one row to its group, with a parameter where there is one behind `numbers` numbers.
///
/// Free functions without captures, so that a row costs no reference counting.
@inline(__always)
private func addRow(
    _ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?,
    numbers: Int32,
    _ add: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<NumberBuffer>) -> Void
) {
    guard let values,
        let memory = sqlite3_aggregate_context(context, Int32(MemoryLayout<NumberBuffer>.size))
    else { return }
    let buffer = memory.assumingMemoryBound(to: NumberBuffer.self)
    add(values, buffer)
    if count > numbers, !buffer.pointee.hasParameter {
        setParameter(buffer, values[Int(numbers)])
    }
}

/// Adds (step, value [, parameter]); a row with a NULL step or value adds nothing.
private func addCurveRow(
    _ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?
) {
    addRow(context, count, values, numbers: 2) { values, buffer in
        let stepType = sqlite3_value_type(values[0])
        let valueType = sqlite3_value_type(values[1])
        if valueType == SQLITE_FLOAT || valueType == SQLITE_INTEGER, stepType == SQLITE_INTEGER {
            buffer.pointee.append(sqlite3_value_int64(values[0]), sqlite3_value_double(values[1]))
        } else if valueType != SQLITE_NULL, stepType != SQLITE_NULL {
            buffer.pointee.isRefused = true
        }
    }
}

/// Adds (value [, parameter]); a NULL value adds nothing.
private func addValueRow(
    _ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?
) {
    addRow(context, count, values, numbers: 1) { values, buffer in
        switch number(values[0]) {
        case .number(let value): buffer.pointee.append(0, value)
        case .null: break
        case .other: buffer.pointee.isRefused = true
        }
    }
}

/// Adds (x, y [, parameter]); a row with a NULL adds nothing.
private func addPairRow(
    _ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?
) {
    addRow(context, count, values, numbers: 2) { values, buffer in
        switch (number(values[0]), number(values[1])) {
        case (.number(let x), .number(let y)):
            buffer.pointee.append(Int64(bitPattern: x.bitPattern), y)
        case (.other, _), (_, .other): buffer.pointee.isRefused = true
        default: break
        }
    }
}

/// Adds (step, last step): the step, or without one the last step as a time that was not reached;
/// a row with neither adds nothing.
private func addCensoredRow(
    _ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?
) {
    addRow(context, count, values, numbers: 2) { values, buffer in
        switch (number(values[0]), number(values[1])) {
        case (.other, _), (_, .other): buffer.pointee.isRefused = true
        case (.number(let step), _): buffer.pointee.append(1, step)
        case (.null, .number(let last)): buffer.pointee.append(0, last)
        case (.null, .null): break
        }
    }
}

/// An argument that should be a number.
private enum NumberArgument {
    case number(Double)
    case null
    case other
}

private func number(_ value: OpaquePointer?) -> NumberArgument {
    switch sqlite3_value_type(value) {
    case SQLITE_FLOAT, SQLITE_INTEGER: .number(sqlite3_value_double(value))
    case SQLITE_NULL: .null
    default: .other
    }
}

private func setParameter(_ buffer: UnsafeMutablePointer<NumberBuffer>, _ value: OpaquePointer?) {
    switch sqlite3_value_type(value) {
    case SQLITE_FLOAT, SQLITE_INTEGER:
        buffer.pointee.parameter = sqlite3_value_double(value)
    case SQLITE_NULL:
        buffer.pointee.parameter = .nan
    default: buffer.pointee.isRefused = true
    }
    buffer.pointee.hasParameter = true
}
