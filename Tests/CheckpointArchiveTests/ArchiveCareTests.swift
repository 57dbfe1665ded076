import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Everything the public views say about the files of an archive, as comparable text.
func dump(_ archive: Archive) throws -> [String] {
    try archive.read { db in
        var lines: [String] = []
        for view in [
            "runs", "configurations", "hyperparameters", "metrics", "metric_summaries", "tags",
            "checkpoints", "files", "tensors", "tensor_digests",
        ] {
            let rows = try Row.fetchAll(db, sql: "SELECT * FROM \(view)")
            lines += rows.map { "\(view) \($0.databaseValues.map(\.description))" }.sorted()
        }
        return lines
    }
}

@Suite struct ArchiveCareTests {
    private func sound(_ archive: Archive) throws {
        let report = try archive.verify()
        #expect(report.problems.isEmpty, "\(report.problems)")
    }

    @Test func reindexBringsBackEveryRow() throws {
        let folder = try TemporaryFolder()
        try TestRuns.archive(
            in: folder, steps: Array(stride(from: 0, through: 130, by: 10)),
            options: Archive.Options(looseLimit: 5))
        try TestRuns.archive(in: folder, steps: [0, 1, 2], run: "b")
        let archive = try Archive(opening: folder.path("archive"))
        // One run whose process died: no end, two loose files.
        let writer = archive.writer()
        try writer.begin(TestRuns.description("c"))
        try writer.save(TestRuns.checkpoint(0, run: "c"))
        try writer.save(TestRuns.checkpoint(3, run: "c"))
        let before = try dump(archive).map {
            $0.hasPrefix("runs") ? $0.replacingOccurrences(of: "running", with: "interrupted") : $0
        }
        withExtendedLifetime(writer) {}
        let copy = folder.path("copy")
        try FileManager.default.copyItem(atPath: archive.paths.root, toPath: copy)
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: copy + "/index.sqlite" + suffix)
        }
        #expect(throws: ArchiveError.self) { try Archive(opening: copy) }
        let (rebuilt, report) = try Archive.reindex(at: copy)
        #expect(report.unreadable.isEmpty && report.runCount == 3)
        #expect(try dump(rebuilt) == before)
        try sound(rebuilt)
        // Again over an index that is there: the same rows, and analyses are kept.
        try rebuilt.write { db in
            try db.execute(
                sql: """
                    INSERT INTO analysis (run_key, step, digest, kind, code_version, computed_at)
                    SELECT run_key, 0, 'x', 'norms', '1', 0 FROM run WHERE id = 'a'
                    """)
        }
        let (again, _) = try Archive.reindex(at: copy)
        #expect(try dump(again) == before)
        #expect(try again.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM analyses") } == 1)
    }

    @Test func anUnreadableIndexIsSetAsideAndRebuilt() throws {
        let folder = try TemporaryFolder()
        let before: [String]
        do {
            let archive = try TestRuns.archive(in: folder, steps: [0, 5])
            before = try dump(archive)
        }
        let index = folder.path("archive/index.sqlite")
        try Data(repeating: 7, count: 9_000).write(to: URL(fileURLWithPath: index))
        let error = #expect(throws: ArchiveError.self) {
            try Archive(opening: folder.path("archive"))
        }
        #expect(error?.kind == .integrity && error?.advice.contains("reindex") == true)
        let (archive, report) = try Archive.reindex(at: folder.path("archive"))
        #expect(report.setAside != nil)
        #expect(try dump(archive) == before)
        try sound(archive)
    }

    @Test func verifyNamesFileStepAndTensorAndRepairSetsThemAside() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(
            in: folder, steps: Array(0..<6), options: Archive.Options(looseLimit: 3))
        let run = try archive.run(matching: "a")
        // The raw bytes of one row are found in the pack and changed.
        let pack = folder.path("archive/runs/a/pack-000000003-000000005.h5")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: pack)))
        let row = try run.tensor("embedding", at: 4).bytes
        let start = try #require(
            (0..<bytes.count - row.count).first { Array(bytes[$0..<$0 + row.count]) == row })
        bytes[start + 9] ^= 0x10
        try Data(bytes).write(to: URL(fileURLWithPath: pack))

        #expect(throws: ArchiveError.self) { try run.tensor("embedding", at: 4) }
        #expect(throws: ArchiveError.self) { try run.trajectory(of: "embedding") }
        #expect(try run.tensor("embedding", at: 3).shape == [5, 8])
        let quick = try archive.verify(options: .init(isQuick: true))
        #expect(quick.isSound)
        let report = try archive.verify()
        #expect(!report.isSound)
        let problem = try #require(report.problems.first { $0.kind == .damagedTensor })
        #expect(problem.file == "runs/a/pack-000000003-000000005.h5")
        #expect(problem.step == 4 && problem.tensor == "embedding")

        let actions = try archive.repair(report)
        #expect(!actions.isEmpty)
        #expect(FileManager.default.fileExists(atPath: archive.paths.root + "/quarantine/a"))
        let mended = try archive.run(matching: "a")
        #expect(mended.steps == [0, 1, 2, 3, 5])
        for step in mended.steps {
            #expect(
                try mended.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
        #expect(try archive.verify().isSound)
    }

    @Test func missingFilesAreReportedAndTakenOutOfTheIndex() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0, 1, 2])
        let run = try archive.run(matching: "a")
        try archive.pack(run)
        let pack = "runs/a/pack-000000000-000000002.h5"
        try FileManager.default.removeItem(atPath: folder.path("archive/" + pack))
        let error = #expect(throws: ArchiveError.self) { try run.weights(at: 1) }
        #expect(error?.kind == .integrity)
        let report = try archive.verify(options: .init(isQuick: true))
        #expect(report.problems.contains { $0.kind == .missingFile && $0.file == pack })
        _ = try archive.repair(report)
        #expect(try archive.run(matching: "a").steps == [])
        #expect(try archive.verify().isSound)
    }

    @Test func orphansAreReportedAndAdopted() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0, 1, 2])
        try archive.write {
            try $0.execute(sql: "DELETE FROM checkpoint WHERE step = 1")
            try $0.execute(sql: "DELETE FROM file WHERE path = 'loose/000000001.h5'")
        }
        let report = try archive.verify()
        #expect(
            report.problems.contains { $0.kind == .orphan && $0.file.hasSuffix("000000001.h5") })
        _ = try archive.repair(report)
        #expect(try archive.run(matching: "a").steps == [0, 1, 2])
        try sound(archive)
    }

    @Test func verifyReportsGapsAndNaN() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.create(at: folder.path("archive"))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in [0, 100, 200, 400, 500, 600] {
            let value: Float = step == 500 ? .nan : 1
            try writer.save(
                Checkpoint(step: step, weights: [Tensor(name: "w", shape: [1], values: [value])]))
        }
        try writer.finish(.finished, metrics: [])
        let report = try archive.verify()
        #expect(report.isSound)
        #expect(report.problems.map(\.kind) == [.notFinite, .scheduleGap])
        #expect(report.problems[0].step == 500 && report.problems[0].tensor == "w")
        #expect(report.problems[1].explanation.contains("200 and 400"))
    }

    @Test func garbageCollectionKeepsWhatTheRulesSpareAndSaysWhy() throws {
        let folder = try TemporaryFolder()
        let steps = Array(0..<40)
        let archive = try TestRuns.archive(
            in: folder, steps: steps, options: Archive.Options(looseLimit: 16))
        let rules = KeepRules(every: 10)
        let plan = try archive.planCollection(rules)
        let kept = plan.filter { $0.isKept && $0.part == "weights" }
        #expect(kept.map(\.step) == [0, 10, 20, 30, 39])
        #expect(kept.map(\.reason) == ["first", "every 10", "every 10", "every 10", "last"])
        #expect(plan.filter { !$0.isKept }.allSatisfy { $0.reason == "no rule spares it" })
        // Planning changes nothing.
        #expect(try archive.run(matching: "a").steps == steps)
        #expect(try archive.collectGarbage(plan, by: rules).isEmpty)
        let run = try archive.run(matching: "a")
        #expect(run.steps == [0, 10, 20, 30, 39])
        for step in run.steps {
            #expect(try run.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
        #expect(run.resumableSteps == [39])
        #expect(try archive.verify().isSound)
        let trash = try archive.usage().first { $0.kind == "trash" }
        // Three packs, and the state that the forked run began with.
        #expect(trash?.fileCount == 4)
        #expect(try archive.purgeTrash() > 0)
        #expect(try archive.usage().first { $0.kind == "trash" } == nil)
    }

    @Test func logarithmicRulesSpareThePointsNearestToEvenSpacing() {
        let rules = KeepRules(perDecade: 1)
        let reasons = rules.reasons(steps: Array(0...1_000))
        // 10^k − 1, and the last.
        #expect(reasons.keys.sorted() == [0, 9, 99, 999, 1_000])
    }

    @Test func mergingIsCompleteIdempotentAndReportsConflicts() throws {
        let here = try TemporaryFolder()
        let there = try TemporaryFolder()
        let ours = try TestRuns.archive(in: here, steps: [0, 1, 2])
        let theirs = try TestRuns.archive(
            in: there, steps: Array(0..<10), run: "b", options: Archive.Options(looseLimit: 4))
        try TestRuns.archive(in: there, steps: [0, 1, 2, 3, 4], run: "a")
        let report = try ours.merge(theirs)
        #expect(report.addedRuns == ["b"] && report.extendedRuns == ["a"])
        #expect(report.conflicts.isEmpty && report.checkpointCount == 12)
        let merged = try ours.run(matching: "b")
        #expect(try merged.run == TestRuns.description("b"))
        for step in 0..<10 {
            #expect(try merged.weights(at: step) == theirs.run(matching: "b").weights(at: step))
        }
        #expect(try ours.run(matching: "a").steps == [0, 1, 2, 3, 4])
        let before = try dump(ours)
        let again = try ours.merge(theirs)
        #expect(again.unchangedRuns.sorted() == ["a", "b"] && again.checkpointCount == 0)
        #expect(try dump(ours) == before)
        try sound(ours)

        // Another run with the same id, and other weights at a step.
        let third = try TemporaryFolder()
        let foreign = try Archive.create(at: third.path("archive"))
        let writer = foreign.writer()
        try writer.begin(TestRuns.description("a", name: "another"))
        try writer.save(TestRuns.checkpoint(0))
        try writer.finish(.finished, metrics: [])
        let other = foreign.writer()
        try other.begin(TestRuns.description("b"))
        try other.save(TestRuns.checkpoint(0, run: "different"))
        try other.finish(.finished, metrics: [])
        let conflicted = try ours.merge(foreign)
        #expect(conflicted.conflicts.count == 2)
        #expect(conflicted.conflicts[0].explanation.contains("two different runs"))
        #expect(conflicted.conflicts[1].explanation.contains("step 0"))
        #expect(
            try ours.run(matching: "b").weights(at: 0) == theirs.run(matching: "b").weights(at: 0))
    }
}
