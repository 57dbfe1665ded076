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
