import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import SystemFiles
import TestSupport
import Testing

/// A power cut can take back what was written without a sync: checkpoints are not among it, rows of
/// the index may be.
@Suite struct PowerCutTests {
    /// What stands at the end of a log that lost its tail.
    enum Tail: CaseIterable {
        case cut
        case zeros
    }

    @Test(arguments: Tail.allCases)
    func rowsLostFromTheLogComeBackFromTheFiles(tail: Tail) throws {
        let folder = try TemporaryFolder()
        let source = folder.path("archive")
        let log = "/index.sqlite-wal"
        let writer = try HarnessProcess(["write", source, "a", "1000000", "1000000"])
        writer.wait(for: "begun")
        // The run itself is in the log by a synced transaction; everything after is not.
        let syncedByteCount = try byteCount(source + log)
        writer.wait(for: "saved 12")
        writer.kill()
        let saved = writer.savedSteps
        let fullByteCount = try byteCount(source + log)
        #expect(fullByteCount > syncedByteCount)
        var recovered = 0
        for piece in 0..<6 {
            let path = folder.path("after-\(piece)")
            try FileManager.default.copyItem(atPath: source, toPath: path)
            // Shared memory does not outlive the system.
            try? FileManager.default.removeItem(atPath: path + "/index.sqlite-shm")
            let kept = syncedByteCount + (fullByteCount - syncedByteCount) * piece / 6
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path + log))
            try handle.truncate(atOffset: UInt64(kept))
            if tail == .zeros { try handle.truncate(atOffset: UInt64(fullByteCount)) }
            try handle.close()

            let before = try Archive(opening: path, access: .readOnly).run(matching: "a").steps
            let archive = try Archive(opening: path)
            let run = try archive.run(matching: "a")
            #expect(run.status == .interrupted)
            #expect(run.steps == Array(0..<run.steps.count) && run.steps.count > saved.count - 1)
            recovered += run.steps.count - before.count
            for step in saved {
                let expected = TestRuns.checkpoint(step, run: "a")
                #expect(try run.weights(at: step) == TestRuns.sorted(expected.weights))
            }
            #expect(
                try run.metric("train_loss").map(\.value)
                    == run.steps.map { 1 / Double($0 + 1) })
            let report = try archive.verify()
            #expect(report.problems.isEmpty, "\(report.problems.prefix(3))")
        }
        #expect(recovered > 0, "no row was lost, so nothing was tested")
    }

    /// Where the file system named a file before all of its bytes were there, it was not
    /// acknowledged: it is set aside, and the run goes on with the same step.
    @Test func anIncompleteFileIsSetAside() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let writer = try HarnessProcess(["write", path, "a", "1000000", "1000000"])
        writer.wait(for: "saved 3")
        writer.kill()
        let next = try #require(try Archive(opening: path).run(matching: "a").steps.last) + 1
        let source = URL(fileURLWithPath: path + "/runs/a/" + ArchivePaths.loosePath(next - 1))
        let whole = try Data(contentsOf: source)
        let incomplete = URL(fileURLWithPath: path + "/runs/a/" + ArchivePaths.loosePath(next))
        let zeros = Data(count: whole.count / 2)
        for content in [Data(), whole.prefix(whole.count / 2), whole.prefix(200) + zeros, zeros] {
            do {
                let archive = try Archive(opening: path)
                // The run is being written again, and the power fails.
                try archive.write { try $0.execute(sql: "UPDATE run SET status = 'running'") }
            }
            try content.write(to: incomplete)
            let archive = try Archive(opening: path)
            #expect(try archive.verify().problems.isEmpty)
            #expect(try archive.run(matching: "a").steps == Array(0..<next))
            let aside = try FileManager.default.contentsOfDirectory(
                atPath: archive.paths.quarantineFolder.absolute + "/a")
            #expect(aside.contains(incomplete.lastPathComponent))
        }
        let again = try HarnessProcess(["write", path, "a", "\(next)", "1000000"])
        #expect(again.finish() == 0)
        #expect(try Archive(opening: path).run(matching: "a").steps == Array(0...next))
    }

    private func byteCount(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.size] as? Int)
    }
}
