import CheckpointArchive
import Checkpoints
import Foundation
import Synchronization
import TestSupport
import Testing

/// Claims between machines, and the queue of runs that they guard.
@Suite struct SharedClaimTests {
    private let folder: TemporaryFolder
    private let queue: IncomingQueue

    init() throws {
        folder = try TemporaryFolder()
        _ = try Archive.openOrCreate(at: folder.path("archive"))
        queue = IncomingQueue(folder.path("archive"))
        try queue.prepare()
    }

    private func claim(_ task: TaskMark, _ watch: TaskWatch) throws -> SharedClaim? {
        if case .ours(let claim) = try SharedClaim.attempt("a", in: queue, for: task, watch) {
            claim
        } else {
            nil
        }
    }

    @Test func oneOfManyGetsAClaimAndLetsGoOfIt() throws {
        let tasks = try (0..<24).map { _ in try TaskMark(queue) }
        let watch = TaskWatch(queue)
        for _ in 0..<5 {
            let claims = Mutex<[SharedClaim]>([])
            DispatchQueue.concurrentPerform(iterations: tasks.count) { index in
                if let claim = try? claim(tasks[index], watch) {
                    claims.withLock { $0.append(claim) }
                }
            }
            let held = claims.withLock(\.self)
            #expect(held.count == 1)
            #expect(try held[0].isStillOurs)
            #expect(try claim(tasks[0], watch) == nil)
            held[0].release()
        }
    }

    @Test func aClaimPassesOnWhenItsTaskEndsAndTheLateOneKnowsIt() throws {
        let second = try TaskMark(queue)
        let watch = TaskWatch(queue)
        // Its mark goes with it, its claim stays.
        let early = try {
            let first = try TaskMark(queue)
            let claim = try #require(try claim(first, watch))
            #expect(try self.claim(second, watch) == nil)
            return claim
        }()
        let late = try #require(try claim(second, watch))
        #expect(try late.isStillOurs)
        #expect(try !early.isStillOurs)
        early.release()
        early.end()
        #expect(try late.isStillOurs)
        #expect(try SharedClaim.holders(in: queue) == ["a": second.token])
    }

    @Test func aTaskOfAnotherMachineIsDeadWhenItIsSilentForLong() throws {
        let token = "elsewhere-1-0123456789abcdef"
        let mark = folder.path("archive/incoming/tasks/\(token)")
        try "0\n".write(toFile: mark, atomically: true, encoding: .utf8)
        try "\(token)\n".write(
            toFile: folder.path("archive/incoming/claims/a.7"), atomically: true, encoding: .utf8)
        let start = ContinuousClock.now
        let passed = Mutex(Duration.zero)
        let watch = TaskWatch(queue, lease: .seconds(90)) { start + passed.withLock(\.self) }
        let task = try TaskMark(queue)
        #expect(watch.life(of: token) == .unknown)
        passed.withLock { $0 = .seconds(89) }
        #expect(try claim(task, watch) == nil)
        try "1\n".write(toFile: mark, atomically: true, encoding: .utf8)
        #expect(watch.life(of: token) == .alive)
        passed.withLock { $0 = .seconds(178) }
        #expect(try claim(task, watch) == nil)
        passed.withLock { $0 = .seconds(179) }
        #expect(try claim(task, watch) != nil)
    }

    @Test func aClaimWithoutANameIsHeldUntilItIsSilentForLong() throws {
        try "".write(
            toFile: folder.path("archive/incoming/claims/a.1"), atomically: true, encoding: .utf8)
        let start = ContinuousClock.now
        let passed = Mutex(Duration.zero)
        let watch = TaskWatch(queue) { start + passed.withLock(\.self) }
        let task = try TaskMark(queue)
        #expect(try claim(task, watch) == nil)
        passed.withLock { $0 = TaskWatch.usualLease }
        #expect(try claim(task, watch) != nil)
    }

    // MARK: - The queue

    /// An archive of its own with a run that has some steps.
    private func own(_ name: String, steps: [Int], status: RunStatus = .finished) throws -> Archive
    {
        let archive = try Archive.openOrCreate(at: folder.path(name))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in steps { try writer.save(TestRuns.checkpoint(step)) }
        try writer.finish(status, metrics: [])
        return archive
    }

    private func takeIn(_ archive: Archive) throws -> Archive.MergeReport {
        var report = Archive.MergeReport()
        for entry in try queue.entries() {
            try archive.takeIn(entry, of: queue, into: &report)
        }
        #expect(try queue.entries().isEmpty)
        return report
    }

    private func hand(
        _ archive: Archive, _ name: String, known: Set<String> = []
    ) throws
        -> Set<String>
    {
        try queue.publish([.init(run: "a", known: known)], of: archive, as: name)["a"] ?? []
    }

    @Test func aRunComesInWholeAndLaterWithWhatItLacks() throws {
        let shared = try Archive(opening: folder.path("archive"))
        let own = try own("own", steps: [0, 1, 2], status: .interrupted)
        let known = try hand(own, "1")
        #expect(try queue.waitingRuns() == ["test"])
        #expect(try takeIn(shared).addedRuns == ["a"])
        #expect(try shared.run(matching: "a").status == .interrupted)

        let writer = own.writer()
        try writer.begin(TestRuns.description("a"))
        for step in 3...4 { try writer.save(TestRuns.checkpoint(step)) }
        try writer.finish(.finished, metrics: [])
        try own.keep(#"{"failures":[]}"#, as: .failures, of: "a")
        _ = try hand(own, "2", known: known)
        #expect(try takeIn(shared).extendedRuns == ["a"])
        let run = try shared.run(matching: "a")
        #expect(run.steps == [0, 1, 2, 3, 4])
        #expect(run.status == .finished)
        for step in 0...4 {
            #expect(
                try run.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
        #expect(try run.optimizerState(at: 4) == TestRuns.checkpoint(4).optimizerState)
        // What comes twice changes nothing.
        _ = try hand(own, "3")
        #expect(try takeIn(shared).unchangedRuns == ["a"])
        #expect(try shared.verify().problems.isEmpty)
    }

    @Test func whatWasCutShortAfterTheMoveIsTakenInTheNextTime() throws {
        let shared = try Archive(opening: folder.path("archive"))
        _ = try hand(own("own", steps: [0, 1]), "1")
        try FileManager.default.moveItem(
            atPath: folder.path("archive/incoming/ready-1/runs/a"),
            toPath: folder.path("archive/runs/a"))
        #expect(try takeIn(shared).addedRuns == ["a"])
        #expect(try shared.run(matching: "a").steps == [0, 1])
        #expect(try shared.verify().problems.isEmpty)
    }

    @Test func whatContradictsTheArchiveIsKeptApart() throws {
        let shared = try Archive(opening: folder.path("archive"))
        _ = try hand(own("own", steps: [0, 1]), "1")
        #expect(try takeIn(shared).conflicts.isEmpty)
        let other = try Archive.openOrCreate(at: folder.path("other"))
        let writer = other.writer()
        try writer.begin(TestRuns.description("a"))
        try writer.save(TestRuns.checkpoint(1, run: "other"))
        try writer.finish(.finished, metrics: [])
        _ = try hand(other, "2")
        let report = try takeIn(shared)
        #expect(report.conflicts.map(\.run) == ["a"])
        #expect(try shared.run(matching: "a").steps == [0, 1])
        #expect(
            FileManager.default.fileExists(
                atPath: folder.path("archive/incoming/refused-2/runs/a/run.h5")))
        #expect(try shared.verify().problems.isEmpty)
    }

    @Test func nothingIsTakenInWithoutTheTurn() throws {
        let shared = try Archive(opening: folder.path("archive"))
        _ = try hand(own("own", steps: [0]), "1")
        var report = Archive.MergeReport()
        #expect(throws: (any Error).self) {
            try shared.takeIn(queue.entries()[0], of: queue, into: &report) { false }
        }
        #expect(try takeIn(shared).addedRuns == ["a"])
    }
}
