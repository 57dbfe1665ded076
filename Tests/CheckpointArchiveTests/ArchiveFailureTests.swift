import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

/// Calls of the operating system fail: a clear error, and nothing acknowledged is lost.
@Suite struct ArchiveFailureTests {
    /// Fails the nth step of the write protocol once.
    private final class Fault: Sendable {
        private let count = Atomic<Int>(0)
        private let target: Int

        init(at target: Int) { self.target = target }

        var hasStruck: Bool { count.load(ordering: .relaxed) >= target }

        func reach(_ step: WriteStep) throws {
            guard count.add(1, ordering: .relaxed).newValue == target else { return }
            throw UserError(
                .failure, subject: "\(step)", cause: "cannot write: No space left on device")
        }
    }

    /// Beside the saving, which step is the nth is a matter of luck, and a failure surfaces later.
    @Test(arguments: [false, true])
    func aFailureAtAnyStepNamesWhatWasNotSavedAndLosesNothing(besideSaving: Bool) throws {
        var target = 1
        while true {
            let folder = try TemporaryFolder()
            let path = folder.path("archive")
            _ = try Archive.create(at: path)
            let fault = Fault(at: target)
            var saved: [Int] = []
            var hasBegun = false
            do {
                let archive = try Archive(
                    opening: path,
                    options: Archive.Options(looseLimit: 3, packsBesideSaving: besideSaving) {
                        try fault.reach($0)
                    })
                let writer = archive.writer()
                let error = #expect(
                    throws: (any Error).self,
                    performing: { () throws in
                        try writer.begin(TestRuns.description("a"))
                        hasBegun = true
                        for step in 0..<8 {
                            try writer.save(TestRuns.checkpoint(step))
                            saved.append(step)
                        }
                        try writer.finish(.finished, metrics: [])
                        if !fault.hasStruck { throw Finished() }
                    })
                if error is Finished { break }
                // Packing ends before anyone else can write the run.
                if besideSaving, hasBegun { try? writer.finish(.failed, metrics: []) }
                let sentence = try #require(error as? any UserErrorConvertible)
                #expect(sentence.cause.contains("No space left"))
                if !saved.isEmpty {
                    #expect(sentence.subject.contains("run test (a)"), "\(sentence)")
                    #expect(sentence.cause.contains("not saved"), "\(sentence)")
                }
            }
            let archive = try Archive(opening: path)
            let report = try archive.verify()
            #expect(report.problems.isEmpty, "failed at \(target): \(report.problems)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: path + "/temporary").isEmpty)
            // The run goes on from what was acknowledged.
            let again = archive.writer()
            try again.begin(TestRuns.description("a"))
            for step in 0..<8 { try again.save(TestRuns.checkpoint(step)) }
            try again.finish(.finished, metrics: [])
            let run = try archive.run(matching: "a")
            #expect(run.steps == Array(0..<8))
            for step in run.steps {
                let expected = TestRuns.sorted(TestRuns.checkpoint(step).weights)
                #expect(try run.weights(at: step) == expected)
            }
            target += 1
        }
        #expect(target > 40)
    }

    private struct Finished: Error {}

    @Test(arguments: [4_000, 20_000, 60_000, 150_000])
    func aLimitOnFileSizeStopsTheWriterWithOneSentence(limit: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try Archive.create(at: path)
        let writer = try HarnessProcess(
            ["write", path, "a", "400", "400"], environment: ["HARNESS_FILE_LIMIT": "\(limit)"])
        #expect(writer.finish() == 1)
        #expect(writer.error.split(separator: "\n").count == 1, "\(writer.error)")
        #expect(writer.error.contains("cannot"), "\(writer.error)")
        let archive = try Archive(opening: path)
        let report = try archive.verify()
        #expect(report.problems.isEmpty, "\(report.problems)")
        if !writer.savedSteps.isEmpty {
            let run = try archive.run(matching: "a")
            for step in writer.savedSteps {
                let expected = TestRuns.sorted(TestRuns.checkpoint(step).weights)
                #expect(try run.weights(at: step) == expected)
            }
        }
    }

    /// Whether this machine lets the test mount a small file system.
    private static let canMount: Bool = {
        guard let folder = try? TemporaryFolder(),
            let mounted = try? run(
                "/bin/mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path])
        else { return false }
        if mounted.exitCode == 0 { _ = try? run("/bin/umount", [folder.path]) }
        return mounted.exitCode == 0
    }()

    @Test(.enabled(if: canMount, "mounting a small file system is not permitted here"))
    func aFullFileSystemStopsTheWriterWithOneSentence() throws {
        let folder = try TemporaryFolder()
        _ = try run("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path])
        defer { _ = try? run("/bin/umount", [folder.path]) }
        let path = folder.path("archive")
        let writer = try HarnessProcess(["write", path, "a", "4000", "4000"])
        #expect(writer.finish() == 1)
        #expect(writer.error.split(separator: "\n").count == 1, "\(writer.error)")
        // Someone makes room.
        _ = try run("/bin/mount", ["-o", "remount,size=4m", folder.path])
        let archive = try Archive(opening: path)
        let run = try archive.run(matching: "a")
        #expect(run.steps.count >= writer.savedSteps.count && writer.savedSteps.count > 5)
        for step in writer.savedSteps {
            #expect(
                try run.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
    }

    /// A save that fails in the background may be told of at the end alone; a trainer then ends the
    /// run once more.
    @Test func aFailureThatShowsAtTheEndCanBeFollowedByAnotherEnd() throws {
        let folder = try TemporaryFolder()
        let isArmed = Atomic<Bool>(false)
        let archive = try Archive.openOrCreate(
            at: folder.path("archive"),
            options: Archive.Options(looseLimit: nil) { step in
                guard step == .syncFile, isArmed.exchange(false, ordering: .relaxed) else { return }
                throw UserError(.failure, subject: "disk", cause: "No space left on device")
            })
        let sink = BackgroundSink(archive.writer())
        try sink.begin(TestRuns.description("a"))
        isArmed.store(true, ordering: .relaxed)
        try sink.save(TestRuns.checkpoint(0))
        for status in [RunStatus.finished, .failed] {
            let error = #expect(throws: ArchiveError.self) { try sink.finish(status, metrics: []) }
            #expect(error?.cause.contains("not saved") == true, "\(String(describing: error))")
        }
        #expect(try archive.run(matching: "a").status == .failed)
        #expect(try archive.verify().problems.isEmpty)
    }

    @Test func theBackgroundSinkReportsAFailureAtTheNextSaveAndAtTheEnd() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try Archive.create(at: path)
        let saves = Atomic<Int>(0)
        let archive = try Archive(
            opening: path,
            options: Archive.Options { step in
                guard step == .syncFile,
                    saves.add(1, ordering: .relaxed).newValue >= 5
                else { return }
                throw UserError(.failure, subject: "disk", cause: "No space left on device")
            })
        let acknowledged = Mutex<[Int]>([])
        let sink = BackgroundSink(archive.writer(), capacity: 2) { step in
            acknowledged.withLock { $0.append(step) }
        }
        try sink.begin(TestRuns.description("a"))
        #expect(throws: ArchiveError.self) {
            for step in 0..<100 { try sink.save(TestRuns.checkpoint(step)) }
        }
        #expect(throws: ArchiveError.self) { try sink.finish(.finished, metrics: []) }
        let steps = try Archive(opening: path).run(matching: "a").steps
        #expect(acknowledged.withLock { $0 } == steps && !steps.isEmpty)
    }

    @Test func twoProcessesCannotWriteOneRun() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.create(at: folder.path("archive"))
        let first = archive.writer()
        try first.begin(TestRuns.description("a"))
        let error = #expect(throws: ArchiveError.self) {
            try archive.writer().begin(TestRuns.description("a"))
        }
        #expect(error?.subject == "run test (a)")
        #expect(
            error?.cause.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
        try first.save(TestRuns.checkpoint(0))
        try first.finish(.finished, metrics: [])
    }

    @Test func wrongPathsAndNewerArchivesAreRefusedAndNotTouched() throws {
        let folder = try TemporaryFolder()
        let file = folder.path("file")
        try Data("x".utf8).write(to: URL(fileURLWithPath: file))
        for attempt in [
            { try Archive(opening: file) }, { try Archive.create(at: file) },
            { try Archive(opening: folder.path("none")) }, { try Archive(opening: folder.path) },
            { try Archive.create(at: folder.path) },
        ] {
            #expect(throws: ArchiveError.self) { try attempt() }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])

        let path = folder.path("archive")
        do {
            let archive = try Archive.create(at: path)
            try archive.write { try $0.execute(sql: "PRAGMA user_version = 99") }
        }
        let newer = #expect(throws: ArchiveError.self) { try Archive(opening: path) }
        #expect(newer?.cause.contains("newer Cairn") == true)
        try Data(#"{"format": 7}"#.utf8).write(to: URL(fileURLWithPath: path + "/cairn.json"))
        let format = #expect(throws: ArchiveError.self) { try Archive(opening: path) }
        #expect(format?.cause.contains("newer Cairn (format 7") == true)
    }

    @Test func unknownAndAmbiguousRunsAreNamed() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0], run: "ab12")
        try TestRuns.archive(in: folder, steps: [0], run: "ab34")
        #expect(try archive.run(matching: "ab1").id == "ab12")
        let unknown = #expect(throws: ArchiveError.self) { try archive.run(matching: "zz") }
        #expect(unknown?.description.contains("zz") == true)
        let ambiguous = #expect(throws: ArchiveError.self) { try archive.run(matching: "ab") }
        #expect(
            ambiguous?.cause.contains("ab12") == true && ambiguous?.cause.contains("ab34") == true)
        // Both have the name "test".
        #expect(throws: ArchiveError.self) { try archive.run(matching: "test") }
    }

    @Test func networkFileSystemsAreRecognised() {
        let mounts = """
            22 1 8:1 / / rw - ext4 /dev/sda1 rw
            30 22 0:44 / /home rw shared:1 - nfs4 server:/home rw
            31 22 0:45 / /mnt/a\\040b rw - fuse.sshfs host: rw
            32 30 8:2 / /home/local rw - xfs /dev/sdb1 rw
            """
        #expect(StorageKind.fileSystem(of: "/home/x", mounts: mounts) == "nfs4")
        #expect(StorageKind.fileSystem(of: "/home/local/x", mounts: mounts) == "xfs")
        #expect(StorageKind.fileSystem(of: "/mnt/a b/c", mounts: mounts) == "fuse.sshfs")
        #expect(StorageKind.fileSystem(of: "/homeless", mounts: mounts) == "ext4")
        #expect(StorageKind.of(fileSystem: "nfs4") == .network)
        #expect(StorageKind.of(fileSystem: "fuse.sshfs") == .network)
        #expect(StorageKind.of(fileSystem: "ext4") == .local)
        #expect(StorageKind.network.note != nil && StorageKind.local.note == nil)
    }
}
