internal import Analysis
internal import Checkpoints
package import Foundation

/// One figure of `cairn bench`.
package struct Measure: Sendable {
    package let name: String
    package let value: Double
    package let unit: String

    init(_ name: String, _ value: Double, _ unit: String) {
        self.name = name
        self.value = value
        self.unit = unit
    }
}

/// The seconds that `body` takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(body).seconds
}

/// The median seconds of `body`, called `count` times, at least once.
func medianSeconds(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    median(try (0..<max(count, 1)).map { _ in try seconds(body) })
}

/// Runs `body` in a new folder that is removed afterwards.
package func withTemporaryFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
    let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("cairn-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return try body(folder)
}

/// What this process has used so far.
struct ProcessUsage {
    /// What all threads have computed, in seconds.
    let processorSeconds: Double
    /// The most memory that was held, in bytes.
    let peakMemory: Int

    init() {
        var usage = rusage()
        _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        processorSeconds = [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6
        }
        peakMemory = usage.ru_maxrss * 1024
    }
}
