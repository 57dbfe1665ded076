import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Synchronization
import SystemFiles
import TestSupport
import Testing

/// Tags live in a file of the run; the index follows.
@Suite struct TagTests {
    private let tags = [
        RunTag(name: "grokked", step: 2), RunTag(name: "paper, figure 1", step: nil),
        RunTag(name: "größte", step: 2),
    ].sorted()

    private func tagged(_ folder: TemporaryFolder) throws -> (Archive, StoredRun) {
        let archive = try TestRuns.archive(in: folder, steps: Array(0..<6))
        let run = try archive.run(matching: "a")
        #expect(try archive.addTags(tags, to: run) == 3)
        #expect(try archive.addTags(tags, to: run) == 0)
        return (archive, run)
    }

    @Test func tagsComeBackFromTheFilesAlone() throws {
        let folder = try TemporaryFolder()
        let path: String
        do {
            let (archive, run) = try tagged(folder)
            path = archive.paths.root
            #expect(try archive.tags(of: run) == tags)
        }
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: path + "/index.sqlite" + suffix)
        }
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.unreadable.isEmpty)
        let run = try archive.run(matching: "a")
        #expect(try archive.tags(of: run) == tags)
        #expect(try archive.verify().problems.isEmpty)
        try archive.removeTags([tags[0], tags[1]], from: run)
        #expect(try archive.tags(of: run) == [tags[2]])
        #expect(throws: ArchiveError.self) { try archive.removeTags([tags[0]], from: run) }
        for wrong in [
            RunTag(name: "", step: nil), RunTag(name: "a\nb", step: nil),
            RunTag(name: String(repeating: "x", count: 101), step: nil),
            RunTag(name: "x", step: 99),
        ] {
            #expect(throws: ArchiveError.self) { try archive.addTags([wrong], to: run) }
        }
        #expect(try archive.verify().problems.isEmpty)
    }

    @Test func aDamagedFileOfTagsIsReportedAndWrittenAnew() throws {
        let folder = try TemporaryFolder()
        let (archive, run) = try tagged(folder)
        let file = URL(fileURLWithPath: archive.paths.file("a", "tags.json").absolute)
        let text = try String(contentsOf: file, encoding: .utf8)
        try text.replacingOccurrences(of: "grokked", with: "grokkad")
            .write(to: file, atomically: true, encoding: .utf8)
        let report = try archive.verify()
        #expect(report.problems.map(\.file) == ["runs/a/tags.json"] && !report.isSound)
        #expect(throws: ArchiveError.self) { try archive.addTags([tags[0]], to: run) }
        _ = try archive.repair(report)
        #expect(try archive.verify().problems.isEmpty)
        #expect(try archive.tags(of: run) == tags)
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
    }

    /// Between the plan and the consent of whoever asked for it.
    @Test func whatWasTaggedSinceThePlanIsSparedAndNamed() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(
            in: folder, steps: Array(0..<8), options: Archive.Options(looseLimit: 8))
        let run = try archive.run(matching: "a")
        let rules = KeepRules(every: 100)
        let plan = try archive.planCollection(rules)
        try archive.addTags([RunTag(name: "late", step: 3)], to: run)
        let spared = try archive.collectGarbage(plan, by: rules)
        #expect(spared.map(\.step) == [3] && spared.map(\.reason) == ["tagged"])
        #expect(try archive.run(matching: "a").steps == [0, 3, 7])
        #expect(try archive.verify().problems.isEmpty)
    }

    /// A tag that comes while the new pack is being written, before the old one goes.
    @Test func whatIsTaggedWhileOthersAreTakenOutIsSpared() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        try TestRuns.archive(
            in: folder, steps: Array(0..<8), options: Archive.Options(looseLimit: 8))
        let tagger = try Archive(opening: path)
        let hasTagged = Atomic<Bool>(false)
        let archive = try Archive(
            opening: path,
            options: Archive.Options { step in
                guard step == .syncFile, !hasTagged.exchange(true, ordering: .relaxed)
                else { return }
                try tagger.addTags([RunTag(name: "late", step: 3)], to: tagger.run(matching: "a"))
            })
        let rules = KeepRules(every: 100)
        let spared = try archive.collectGarbage(try archive.planCollection(rules), by: rules)
        let wasTagged = hasTagged.load(ordering: .relaxed)
        #expect(wasTagged)
        #expect(spared.map(\.step) == [3])
        #expect(try archive.run(matching: "a").steps == [0, 3, 7])
        let report = try archive.verify()
        #expect(report.problems.isEmpty, "\(report.problems)")
    }

    @Test func garbageCollectionSparesTaggedCheckpointsAndMergingBringsTags() throws {
        let folder = try TemporaryFolder()
        let (archive, run) = try tagged(folder)
        try archive.removeTags([RunTag(name: "paper, figure 1", step: nil)], from: run)
        let rules = KeepRules(every: 100)
        try archive.collectGarbage(try archive.planCollection(rules), by: rules)
        #expect(try archive.run(matching: "a").steps == [0, 2, 5])
        let elsewhere = try TemporaryFolder()
        let other = try TestRuns.archive(in: elsewhere, steps: Array(0..<6))
        let theirs = try other.run(matching: "a")
        try other.addTags([RunTag(name: "theirs", step: 4)], to: theirs)
        let report = try other.merge(archive)
        #expect(report.tagCount == 2 && report.extendedRuns == ["a"])
        #expect(try other.tags(of: theirs).map(\.name) == ["grokked", "größte", "theirs"])
        let again = try other.merge(archive)
        #expect(again.tagCount == 0 && again.unchangedRuns == ["a"])
        let fresh = try Archive.create(at: elsewhere.path("fresh"))
        #expect(try fresh.merge(archive).addedRuns == ["a"])
        #expect(try fresh.tags(of: fresh.run(matching: "a")) == archive.tags(of: run))
        for archive in [other, fresh] { #expect(try archive.verify().problems.isEmpty) }
    }

    @Test func mergingBringsResultsOfAnalysesOnce() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0, 1, 2])
        let elsewhere = try TemporaryFolder()
        let other = try TestRuns.archive(in: elsewhere, steps: [0, 1])
        // In both archives step 1 was analysed, later in the first one; step 0 in the first alone.
        func analyse(_ archive: Archive, step: Int, at time: Double, l2: Double) throws {
            try archive.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO analysis (run_key, step, digest, kind, code_version, computed_at)
                        SELECT run_key, ?, 'd', 'norms', '1', ? FROM run WHERE id = 'a'
                        """, arguments: [step, time])
                try db.execute(
                    sql:
                        "INSERT INTO weight_norm (analysis_key, tensor, l2) VALUES (?, 'total', ?)",
                    arguments: [db.lastInsertedRowID, l2])
            }
        }
        try analyse(archive, step: 0, at: 10, l2: 1)
        try analyse(archive, step: 1, at: 20, l2: 2)
        try analyse(other, step: 1, at: 15, l2: 3)
        let query = "SELECT step, l2 FROM weight_norms ORDER BY step"
        func norms(_ archive: Archive) throws -> [Row] {
            try archive.read { try Row.fetchAll($0, sql: query) }
        }
        let report = try other.merge(archive)
        #expect(report.analysisCount == 2 && report.extendedRuns == ["a"])
        #expect(try norms(other) == [["step": 0, "l2": 1.0], ["step": 1, "l2": 2.0]])
        #expect(try other.merge(archive).analysisCount == 0)
        // The older answer stays behind the newer one, on both sides.
        #expect(try archive.merge(other).analysisCount == 1)
        #expect(try norms(archive) == norms(other))
        let digests = try other.run(matching: "a").stepDigests(in: 0...2)
        #expect(digests == (0...2).flatMap { TestRuns.checkpoint($0).stepDigests })
    }

    @Test func thePackedViewIsCheckedAndRenewed() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(
            in: folder, steps: Array(0..<6), options: Archive.Options(looseLimit: 3))
        let view = archive.paths.file("a", "packed.h5").absolute
        let whole = try Data(contentsOf: URL(fileURLWithPath: view))
        try FileManager.default.removeItem(atPath: view)
        let missing = try archive.verify()
        #expect(missing.problems.map(\.kind) == [.outdatedView] && missing.isSound)
        _ = try archive.repair(missing)
        #expect(try Data(contentsOf: URL(fileURLWithPath: view)) == whole)
        var damaged = whole
        damaged[whole.count / 2] ^= 1
        try damaged.write(to: URL(fileURLWithPath: view))
        let broken = try archive.verify()
        #expect(broken.problems.map(\.file) == ["runs/a/packed.h5"] && !broken.isSound)
        _ = try archive.repair(broken)
        #expect(try Data(contentsOf: URL(fileURLWithPath: view)) == whole)
        #expect(try archive.verify().problems.isEmpty)
    }
}
