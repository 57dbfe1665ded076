import Foundation
import TestSupport
import Testing

/// Where the C library's tracer of allocations is.
private let tracer = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib64"]
    .map { $0 + "/libc_malloc_debug.so.0" }
    .first { FileManager.default.fileExists(atPath: $0) }

@Suite(
    "Allocations",
    .enabled(if: tracer != nil, "the C library's tracer of allocations is not installed"))
struct AllocationTests {
    /// A hundred steps with their updates and digests, as a run takes them.
    ///
    /// OpenBLAS takes buffers of its own for some shapes; they are not counted.
    @Test(
        "a step allocates a hash context for each tensor and one for the digest, and nothing else",
        arguments: [
            ("canonical", 37, "full"), ("canonical", 37, "half"), ("one-hot", 37, "full"),
            ("template-add", 37, "half"), ("power-add", 97, "half"),
        ])
    func steps(preset: String, modulus: Int, batch: String) throws {
        let folder = try TemporaryFolder()
        let trace = folder.path("trace")
        let result = try run(
            builtExecutable("ArchiveHarness"), ["steps", preset, "\(modulus)", batch],
            environment: ["LD_PRELOAD": try #require(tracer), "MALLOC_TRACE": trace])
        try #require(result.exitCode == 0, "\(result.error)")
        let tensors = try #require(
            result.output.split(separator: "\n").first { $0.hasPrefix("tensors ") }
                .flatMap { Int($0.dropFirst(8)) })
        try #require(tensors > 0)
        // `@ caller + address size` for an allocation, `- address` for its end, `<` and `>` for the
        // two sides of a change of size.
        var (taken, given) = (0, 0)
        for line in try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
        where !line.contains("openblas") {
            if line.contains(" + ") || line.contains(" > ") { taken += 1 }
            if line.contains(" - ") || line.contains(" < ") { given += 1 }
        }
        #expect(taken == 100 * (tensors + 1))
        #expect(given == taken)
    }
}
