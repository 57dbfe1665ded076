import Checkpoints
import Foundation
import Synchronization
import SystemFiles
import TestSupport
import Testing

@testable import CheckpointArchive

/// Two processes want one run at the same moment.
@Suite struct ClaimTests {
    /// Five writers of one run start together: those who come second are told who has it.
    @Test func ofManyThatBeginOneRunTheOthersAreRefusedByName() throws {
        for round in 0..<6 {
            let folder = try TemporaryFolder()
            let path = folder.path("archive")
            _ = try Archive.create(at: path)
            let writers = try (0..<5).map { _ in
                try HarnessProcess(["write", path, "a", "40", "16"])
            }
            let codes = writers.map { $0.finish() }
            #expect(codes.contains(0), "round \(round): \(writers.map(\.error))")
            for (writer, code) in zip(writers, codes) where code != 0 {
                #expect(code == 1)
                #expect(writer.error.split(separator: "\n").count == 1, "\(writer.error)")
                #expect(writer.error.contains("is writing it"), "\(writer.error)")
            }
            let archive = try Archive(opening: path)
            #expect(try archive.run(matching: "a").steps == Array(0...40))
            let report = try archive.verify()
            #expect(report.problems.isEmpty, "\(report.problems.prefix(3))")
        }
    }

    /// The first makes the run's folder while the second is about to.
    @Test func theSecondBeginningOfARunIsRefusedAndTheFirstGoesOn() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let archive = try Archive.create(at: path)
        let first = archive.writer()
        let hasBegun = Atomic<Bool>(false)
        let other = try Archive(
            opening: path,
            options: Archive.Options { step in
                guard step == .createTemporary, !hasBegun.exchange(true, ordering: .relaxed)
                else { return }
                try first.begin(TestRuns.description("a"))
            })
        let error = #expect(throws: ArchiveError.self) {
            try other.writer().begin(TestRuns.description("a"))
        }
        #expect(error?.subject == "run test (a)")
        #expect(
            error?.cause.hasPrefix("process \(ProcessInfo.processInfo.processIdentifier) ") == true)
        #expect(error?.cause.hasSuffix(" is writing it") == true)
        for step in 0..<3 { try first.save(TestRuns.checkpoint(step)) }
        try first.finish(.finished, metrics: [])
        let after = try Archive(opening: path)
        #expect(try after.run(matching: "a").steps == [0, 1, 2])
        #expect(try after.verify().problems.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/temporary").isEmpty)
    }

    @Test func aLivingProcessThatOnlyClearsUpIsWaitedFor() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0, 1])
        let path = archive.paths.runLock("a")
        let claim = Mutex<FileLock?>(try FileLock.attempt(path, for: .tidying))
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.3) {
            claim.withLock { $0 = nil }
        }
        let run = try archive.run(matching: "a")
        #expect(try archive.pack(run).checkpointCount == 2)
        #expect(try path.read().isEmpty)
    }

    /// Markers are removed by whoever holds them, while others are about to claim them.
    @Test func aFileThatIsRemovedWhenLetGoHasOneHolderAtATime() throws {
        let folder = try TemporaryFolder()
        let path = RootedPath(root: folder.path, "marker")
        let holders = Atomic<Int>(0)
        let largest = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<5_000 {
                guard let lock = try? FileLock.attempt(path) else { continue }
                withExtendedLifetime(lock) {
                    let count = holders.add(1, ordering: .relaxed).newValue
                    largest.max(count, ordering: .relaxed)
                    holders.subtract(1, ordering: .relaxed)
                    try? path.remove()
                }
            }
        }
        #expect(largest.load(ordering: .relaxed) == 1)
    }

    /// Whoever opens the archive claims a dead process's run for as long as clearing it up takes.
    @Test func aRunThatIsBeingClearedUpIsWaitedForAndNobodyDeadIsBlamed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let dead = try HarnessProcess(["write", path, "a", "1000000", "1000000"])
        dead.wait(for: "saved 2")
        dead.kill()
        let archive = try Archive(opening: path)
        let last = try #require(try archive.run(matching: "a").steps.last)
        let claim = Mutex<FileLock?>(try FileLock.attempt(archive.paths.runLock("a")))
        #expect(claim.withLock { $0 != nil })
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.3) {
            claim.withLock { $0 = nil }
        }
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        try writer.save(TestRuns.checkpoint(last + 1))
        try writer.finish(.finished, metrics: [])
        #expect(try archive.run(matching: "a").steps == Array(0...last + 1))
    }
}
