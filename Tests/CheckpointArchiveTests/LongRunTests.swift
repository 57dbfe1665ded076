import Checkpoints
import Foundation
import GRDB
import Synchronization
import SystemFiles
import TestSupport
import Testing

@testable import CheckpointArchive

/// What a run costs does not grow with the checkpoints it has.
@Suite struct LongRunTests {
    /// Each new pack opens those before it for `packed.h5`, so there may not be one for every few
    /// checkpoints.
    @Test func packsStayFew() throws {
        let folder = try TemporaryFolder()
        let steps = Array(0..<400)
        let archive = try TestRuns.archive(
            in: folder, steps: steps, options: Archive.Options(looseLimit: 1))
        let run = try archive.run(matching: "a")
        #expect(run.steps == steps)
        let packs = try FileManager.default.contentsOfDirectory(
            atPath: archive.paths.root + "/runs/a"
        )
        .filter { $0.hasPrefix("pack-") }
        #expect(packs.count < 100, "\(packs.count) packs")
        #expect(try archive.verify().problems.isEmpty)
    }

    /// Packing looks at what it packs and at kept states, not at what is packed already.
    @Test func packingReadsLittleOfTheIndex() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: Array(0..<40))
        try archive.pack(archive.run(matching: "a"))
        let whole = try StoredRun(archive: archive, id: "a")
        let packing = try StoredRun(archive: archive, id: "a", packing: true)
        #expect(whole.steps.count == 40)
        #expect(packing.steps == whole.resumableSteps)
        let plan = try archive.read { db in
            try Row.fetchAll(
                db,
                sql: "EXPLAIN QUERY PLAN " + StoredRun.Catalogue.statement(packing: true),
                arguments: ["run": 1]
            ).map { $0["detail"] as String }
        }
        // Neither all checkpoints nor all of a run are gone through.
        #expect(
            !plan.contains { line in
                line.hasPrefix("SCAN c") || line.hasPrefix("SCAN p") || line.hasPrefix("SCAN h")
                    || line.hasSuffix("USING PRIMARY KEY (run_key=?)")
            }, "\(plan)")
    }

    /// The log is folded when it is long, and not after every transaction from then on.
    @Test func aFoldedLogIsShortAgain() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0])
        let log = archive.paths.index("-wal")
        var lengths: [Int] = []
        for number in 0..<5 {
            try archive.write { db in
                try db.execute(
                    sql: "UPDATE run_document SET configuration = ?",
                    arguments: [String(repeating: "\(number)", count: 3 << 20)])
            }
            lengths.append(try log.fileByteCount())
        }
        #expect(lengths.max() ?? 0 > ArchiveIndex.largestLogByteCount)
        #expect(lengths.last ?? 0 < ArchiveIndex.largestLogByteCount, "\(lengths)")
    }

    /// Many runs come in together: what each transaction and each sync of a folder costs is shared.
    @Test func runsComeInTogether() throws {
        let folder = try TemporaryFolder()
        do {
            let other = try Archive.create(at: folder.path("other"))
            for number in 0..<20 {
                let writer = other.writer()
                try writer.begin(TestRuns.description("r\(number)"))
                for step in 0..<3 {
                    try writer.save(TestRuns.checkpoint(step, run: "r\(number)"))
                }
                try writer.finish(number == 7 ? .failed : .finished, metrics: [])
                if number % 2 == 0 { try other.pack(other.run(matching: "r\(number)")) }
            }
        }
        let steps = Counted()
        let archive = try Archive.create(
            at: folder.path("archive"), options: Archive.Options { steps.add($0) })
        steps.reset()
        let report = try archive.merge(
            try Archive(opening: folder.path("other"), access: .readOnly))
        #expect(report.addedRuns.count == 20 && report.checkpointCount == 60)
        #expect(steps.count(.commitIndex) < 5 && steps.count(.syncFolder) < 5)
        for number in 0..<20 {
            let run = try archive.run(matching: "r\(number)")
            #expect(run.status == (number == 7 ? .failed : .finished))
            for step in 0..<3 {
                let expected = TestRuns.checkpoint(step, run: "r\(number)").weights
                #expect(try run.weights(at: step) == TestRuns.sorted(expected))
            }
        }
        #expect(try archive.verify().problems.isEmpty)
        let left = try FileManager.default.contentsOfDirectory(
            atPath: folder.path("archive/temporary"))
        #expect(left.isEmpty)
    }

    /// A run that cannot be copied ends the merge; those before it are in, complete.
    @Test func runsBeforeOneThatCannotBeCopiedComeIn() throws {
        let folder = try TemporaryFolder()
        do {
            let other = try Archive.create(
                at: folder.path("other"), options: Archive.Options(looseLimit: nil))
            for id in ["a", "b", "c"] {
                let writer = other.writer()
                try writer.begin(TestRuns.description(id))
                try writer.save(TestRuns.checkpoint(0, run: id))
                try writer.finish(.finished, metrics: [])
            }
        }
        let file = URL(fileURLWithPath: folder.path("other/runs/b/" + ArchivePaths.loosePath(0)))
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: file)
        let archive = try Archive.create(at: folder.path("archive"))
        let error = #expect(throws: ArchiveError.self) {
            try archive.merge(try Archive(opening: folder.path("other"), access: .readOnly))
        }
        #expect(error?.cause == "its bytes are not those that were written")
        #expect(try archive.runIDs() == ["a"])
        #expect(try archive.verify().problems.isEmpty)
    }

    /// `packed.h5` is written anew only where it does not show the packs.
    @Test func reindexLeavesAViewThatIsRight() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: Array(0..<4))
        try archive.pack(archive.run(matching: "a"))
        let view = archive.paths.file("a", ArchivePaths.packedView)
        let before = try #require(try view.status()?.identity)
        let path = archive.paths.root
        _ = try Archive.reindex(at: path)
        #expect(try view.status()?.identity == before)
        try view.remove()
        _ = try Archive.reindex(at: path)
        #expect(view.exists)
        #expect(try archive.verify().problems.isEmpty)
    }
}

/// How often each step of a write was reached.
private final class Counted: Sendable {
    private let counts = Mutex<[WriteStep: Int]>([:])

    func add(_ step: WriteStep) { counts.withLock { $0[step, default: 0] += 1 } }
    func count(_ step: WriteStep) -> Int { counts.withLock { $0[step, default: 0] } }
    func reset() { counts.withLock { $0 = [:] } }
}
