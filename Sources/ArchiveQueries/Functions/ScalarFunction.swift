internal import CSQLite
internal import Checkpoints

/// A function of one row's values.
final class ScalarFunction {
    let description: FunctionDescription
    /// Computes the result; called only when no argument is NULL.
    private let body: (FunctionArguments) throws -> ScalarValue

    init(
        _ description: FunctionDescription,
        body: @escaping (FunctionArguments) throws -> ScalarValue
    ) {
        self.description = description
        self.body = body
    }

    /// Makes the function callable on a connection, which keeps it alive until it is closed.
    func register(on connection: OpaquePointer) {
        for count in description.argumentCounts {
            _ = sqlite3_create_function_v2(
                connection, description.name, Int32(count), SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                Unmanaged.passRetained(self).toOpaque(),
                { context, count, values in
                    guard let data = sqlite3_user_data(context) else { return }
                    let function = Unmanaged<ScalarFunction>.fromOpaque(data).takeUnretainedValue()
                    function.call(context, Int(count), values)
                }, nil, nil,
                { data in
                    if let data { Unmanaged<ScalarFunction>.fromOpaque(data).release() }
                })
        }
    }

    private func call(
        _ context: OpaquePointer?, _ count: Int,
        _ values: UnsafeMutablePointer<OpaquePointer?>?
    ) {
        let arguments = FunctionArguments(
            function: description.name, values: (0..<count).map { ScalarValue(values?[$0]) })
        guard !arguments.containsNull else {
            sqlite3_result_null(context)
            return
        }
        do {
            try body(arguments).setResult(of: context)
        } catch {
            setResult(of: context, toErrorOf: description.name, error)
        }
    }
}
