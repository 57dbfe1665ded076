import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Eight processes write runs into one archive while four ask it questions.
///
/// `CAIRN_STRESS_SECONDS` sets how long.
@Suite(.serialized) struct ManyProcessesTests {
    @Test(arguments: ["local", "network"])
    func nothingIsLockedLostOrWrong(storage: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let environment = ["CAIRN_STORAGE": storage]
        let seconds = HarnessProcess.count("CAIRN_STRESS_SECONDS", ordinary: 2)
        let writers = try (0..<8).map {
            try HarnessProcess(
                ["write", path, "run\($0)", "1000000", "16"], environment: environment)
        }
        for writer in writers { writer.wait(for: "begun") }
        let readers = try (0..<4).map { _ in
            try HarnessProcess(["query", path, "\(seconds)"], environment: environment)
        }
        for reader in readers {
            #expect(reader.finish() == 0, "\(reader.error)")
            #expect(reader.lines.contains { $0.hasPrefix("queries ") && $0 != "queries 0" })
        }
        for writer in writers {
            #expect(writer.error.isEmpty, "\(writer.error)")
            writer.kill()
        }
        let archive = try Archive(opening: path)
        for (number, writer) in writers.enumerated() {
            let run = try archive.run(matching: "run\(number)")
            #expect(run.steps == Array(0..<run.steps.count))
            #expect(run.steps.count > writer.savedSteps.last ?? 0)
            let points = try run.metric("train_loss")
            #expect(points.map(\.step) == run.steps)
        }
        let report = try archive.verify()
        #expect(report.problems.isEmpty, "\(report.problems.prefix(3))")
    }
}
