import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// The power fails below the commands that write, on three kinds of file system: everything
/// acknowledged reads back bit by bit, and `verify` finds the archive sound.
@Suite(.enabled(if: PreloadedLibrary.isPossible, "there is no C compiler, or no Linux"))
struct PowerCutReplayTests {
    /// A program and the archive it begins with.
    struct Workload: CustomTestStringConvertible, Sendable {
        let name: String
        /// Steps that the run `a` has before, loose.
        var before: ClosedRange<Int>? = 0...12
        var program = "ArchiveHarness"
        let arguments: @Sendable (_ archive: String, _ inputs: String) -> [String]
        /// Whether a step may not go.
        var stays: @Sendable (_ step: Int) -> Bool = { _ in true }

        var testDescription: String { name }
    }

    static let workloads = [
        Workload(name: "save in a new archive", before: nil) { path, _ in
            ["write", path, "a", "9", "4"]
        },
        Workload(name: "save and pack") { path, _ in ["write", path, "a", "24", "5"] },
        Workload(name: "pack") { path, _ in ["pack", path] },
        Workload(name: "gc") { path, _ in
            ["gc", path, "5"]
        } stays: {
            [0, 5, 10, 12].contains($0)
        },
        Workload(name: "merge") { path, inputs in ["merge", path, inputs + "/other"] },
        Workload(name: "reindex") { path, _ in ["reindex", path] },
        Workload(name: "import", program: "cairn") { path, inputs in
            ["import", inputs + "/weights.safetensors", "--archive", path, "--quiet"]
        },
    ]

    /// How many power cuts of each workload; with `CAIRN_POWER_CUTS=N` so many.
    private static let count =
        ProcessInfo.processInfo.environment["CAIRN_POWER_CUTS"].flatMap(Int.init) ?? 10

    @Test(arguments: workloads)
    func aPowerCutLosesNothingAcknowledged(workload: Workload) throws {
        let library = try #require(PreloadedLibrary("trace"))
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let inputs = try makeInputs(folder)
        if let before = workload.before { try make("a", steps: before, at: path) }
        // A new archive's folder is there before; what is above it is not traced.
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var disks = try TracedDisk.Model.allCases.map { try TracedDisk(path, $0) }
        let result = try run(
            builtExecutable(workload.program), workload.arguments(path, inputs),
            environment: [
                "LD_PRELOAD": library.path, "CAIRN_TRACE_FOLDER": path,
                "CAIRN_TRACE": folder.path("trace"),
            ])
        try #require(result.exitCode == 0, "\(result.error)")
        let records = TraceRecord.all(
            in: try Data(contentsOf: URL(fileURLWithPath: folder.path("trace"))))
        try #require(records.contains { $0.kind == .synced })

        var generator = SeededGenerator(seed: 16)
        let points = (0..<Self.count).map { _ in
            Int.random(in: 0..<records.count, using: &generator)
        }
        var acknowledged = Set(workload.before.map(Array.init) ?? [])
        for (number, record) in records.enumerated() {
            for index in disks.indices { disks[index].perform(record) }
            if record.kind == .said { acknowledged.formUnion(savedSteps(record)) }
            for _ in points.filter({ $0 == number }) {
                let model = Int.random(in: disks.indices, using: &generator)
                let remains =
                    TracedDisk.Remains.allCases.randomElement(using: &generator)
                    ?? .nothing
                let left = folder.path("left")
                try disks[model].leave(remains, at: left, using: &generator)
                try requireSound(
                    left, acknowledged.filter(workload.stays),
                    "\(workload.name), record \(number), \(remains), \(TracedDisk.Model.allCases[model])"
                )
                try FileManager.default.removeItem(atPath: left)
            }
        }
        // What has ended stays as it was acknowledged, names that went included.
        for index in disks.indices {
            let left = folder.path("left")
            try disks[index].leave(.nothing, at: left, using: &generator)
            try requireSound(
                left, acknowledged.filter(workload.stays),
                "\(workload.name), ended, \(TracedDisk.Model.allCases[index])")
            try FileManager.default.removeItem(atPath: left)
        }
    }

    private func savedSteps(_ record: TraceRecord) -> [Int] {
        String(decoding: record.bytes, as: UTF8.self).split(separator: "\n").compactMap {
            $0.hasPrefix("saved ") ? Int($0.dropFirst(6)) : nil
        }
    }

    private func requireSound(_ path: String, _ steps: Set<Int>, _ what: String) throws {
        guard FileManager.default.fileExists(atPath: path + "/cairn.json") else {
            #expect(steps.isEmpty, "\(what): there is no archive")
            return
        }
        do {
            let archive = try Archive(opening: path)
            if !steps.isEmpty {
                let run = try archive.run(matching: "a")
                for step in steps.sorted() {
                    let expected = TestRuns.checkpoint(step, run: "a")
                    #expect(
                        try run.weights(at: step) == TestRuns.sorted(expected.weights),
                        "\(what): step \(step)")
                }
            }
            let report = try archive.verify()
            #expect(report.isSound, "\(what): \(report.problems.prefix(3))")
        } catch {
            Issue.record("\(what): \(error)")
        }
    }

    private func make(_ run: String, steps: ClosedRange<Int>, at path: String) throws {
        let archive = try Archive.openOrCreate(
            at: path, options: Archive.Options(looseLimit: nil))
        let writer = archive.writer()
        try writer.begin(TestRuns.description(run))
        for step in steps { try writer.save(TestRuns.checkpoint(step, run: run)) }
        try writer.finish(.finished, metrics: [])
    }

    private func makeInputs(_ folder: TemporaryFolder) throws -> String {
        let inputs = folder.path("inputs")
        try make("b", steps: 0...4, at: inputs + "/other")
        let made = try run(
            cairnExecutable(),
            [
                "export", "b@2", "--to", inputs + "/weights.safetensors", "--archive",
                inputs + "/other", "--quiet",
            ])
        try #require(made.exitCode == 0, "\(made.error)")
        return inputs
    }
}
