internal import CSQLite

/// The rows of one group of an aggregate, as SQLite hands them over.
///
/// It lives in memory that SQLite gives per group and clears to zero, so adding a row costs two
/// stores; `release` frees what it grew to.
struct NumberBuffer {
    private var keys: UnsafeMutablePointer<Int64>?
    private var values: UnsafeMutablePointer<Double>?
    private var capacity: Int
    /// Rows added.
    private(set) var count: Int
    /// An argument that stays the same for the whole group, such as a threshold.
    var parameter: Double
    /// Whether `parameter` was set.
    var hasParameter: Bool
    /// Whether an argument had the wrong type.
    var isRefused: Bool

    /// Adds a row.
    mutating func append(_ key: Int64, _ value: Double) {
        if count == capacity { grow() }
        guard let keys, let values else { return }
        keys[count] = key
        values[count] = value
        count += 1
    }

    private mutating func grow() {
        let wider = max(256, 2 * capacity)
        let newKeys = UnsafeMutablePointer<Int64>.allocate(capacity: wider)
        let newValues = UnsafeMutablePointer<Double>.allocate(capacity: wider)
        if let keys, let values {
            newKeys.initialize(from: keys, count: count)
            newValues.initialize(from: values, count: count)
            keys.deallocate()
            values.deallocate()
        }
        keys = newKeys
        values = newValues
        capacity = wider
    }

    /// The first arguments of all rows, in the order they came.
    var keyList: UnsafeBufferPointer<Int64> { UnsafeBufferPointer(start: keys, count: count) }
    /// The second arguments of all rows, in the order they came.
    var valueList: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: values, count: count) }

    mutating func release() {
        keys?.deallocate()
        values?.deallocate()
        keys = nil
        values = nil
        capacity = 0
        count = 0
    }
}

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
    }

    let description: FunctionDescription
    let form: Form
    /// Computes the result of a group; never called for a group without numbers.
    private let body: (borrowing NumberBuffer) throws -> SQLValue

    init(
        _ description: FunctionDescription, form: Form,
        body: @escaping (borrowing NumberBuffer) throws -> SQLValue
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

/// Adds (step, value [, parameter]); a row with a NULL step or value adds nothing.
///
/// A free function without captures, so that a row costs no reference counting.
private func addCurveRow(
    _ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?
) {
    guard let values,
        let memory = sqlite3_aggregate_context(context, Int32(MemoryLayout<NumberBuffer>.size))
    else { return }
    let buffer = memory.assumingMemoryBound(to: NumberBuffer.self)
    let stepType = sqlite3_value_type(values[0])
    let valueType = sqlite3_value_type(values[1])
    if valueType == SQLITE_FLOAT || valueType == SQLITE_INTEGER, stepType == SQLITE_INTEGER {
        buffer.pointee.append(sqlite3_value_int64(values[0]), sqlite3_value_double(values[1]))
    } else if valueType != SQLITE_NULL, stepType != SQLITE_NULL {
        buffer.pointee.isRefused = true
    }
    if count > 2, !buffer.pointee.hasParameter { setParameter(buffer, values[2]) }
}

/// Adds (value [, parameter]); a NULL value adds nothing.
private func addValueRow(
    _ context: OpaquePointer?, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?
) {
    guard let values,
        let memory = sqlite3_aggregate_context(context, Int32(MemoryLayout<NumberBuffer>.size))
    else { return }
    let buffer = memory.assumingMemoryBound(to: NumberBuffer.self)
    switch sqlite3_value_type(values[0]) {
    case SQLITE_FLOAT, SQLITE_INTEGER:
        buffer.pointee.append(0, sqlite3_value_double(values[0]))
    case SQLITE_NULL: break
    default: buffer.pointee.isRefused = true
    }
    if count > 1, !buffer.pointee.hasParameter { setParameter(buffer, values[1]) }
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
