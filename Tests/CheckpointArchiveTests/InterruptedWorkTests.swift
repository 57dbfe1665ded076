import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Synchronization
import SystemFiles
import TestSupport
import Testing

/// Work on a run meets a writer, or is cut short between its files and its rows.
@Suite struct InterruptedWorkTests {
    private func requireWhole(_ archive: Archive, _ steps: [Int]) throws {
        let run = try archive.run(matching: "a")
        #expect(run.steps == steps)
        for step in steps {
            #expect(try run.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
        let report = try archive.verify()
        #expect(report.problems.isEmpty, "\(report.problems)")
    }

    private func packs(_ archive: Archive) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: archive.paths.runFolder("a").absolute)
            .filter { $0.hasPrefix("pack-") }.sorted()
    }

    /// A writer that packs beside its saving has put the pack into its place and not indexed it yet.
    @Test func rebuildingTheIndexLeavesThePackOfALivingWriterAlone() throws {
        let folder = try TemporaryFolder()
        let elsewhere = try TemporaryFolder()
        let packed = try TestRuns.archive(
            in: elsewhere, steps: [0, 1, 2], options: Archive.Options(looseLimit: 3))
        let name = try #require(packs(packed).first)
        let archive = try Archive.create(
            at: folder.path("archive"), options: Archive.Options(looseLimit: nil))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in 0..<3 { try writer.save(TestRuns.checkpoint(step)) }
        try FileManager.default.copyItem(
            atPath: packed.paths.file("a", name).absolute,
            toPath: archive.paths.file("a", name).absolute)
        do {
            let (rebuilt, report) = try Archive.reindex(at: archive.paths.root)
            #expect(report.unreadable.isEmpty && report.runCount == 1)
            #expect(try packs(rebuilt) == [name])
            #expect(try rebuilt.run(matching: "a").status == .running)
        }
        try writer.save(TestRuns.checkpoint(3))
        try writer.finish(.finished, metrics: [])
        try requireWhole(archive, [0, 1, 2, 3])
    }

    /// The index is deleted while a run is written; what came later is found once the run has ended.
    @Test func aLivingRunComesIntoANewIndexAsRunning() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        do {
            let archive = try Archive.create(
                at: path, options: Archive.Options(looseLimit: nil))
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try writer.save(TestRuns.checkpoint(0))
            for suffix in ["", "-wal", "-shm"] {
                try FileManager.default.removeItem(atPath: path + "/index.sqlite" + suffix)
            }
            let (rebuilt, _) = try Archive.reindex(at: path)
            #expect(try rebuilt.run(matching: "a").status == .running)
            try writer.save(TestRuns.checkpoint(1))
            try writer.finish(.finished, metrics: [])
        }
        let archive = try Archive(opening: path)
        try requireWhole(archive, [0, 1])
        #expect(try archive.run(matching: "a").status == .finished)
    }

    /// Dead between the rows that no longer name a pack and taking the pack away.
    @Test func collectionThatWasCutShortLeavesNoSecondPack() throws {
        let folder = try TemporaryFolder()
        let path: String
        do {
            let archive = try TestRuns.archive(
                in: folder, steps: Array(0..<6), options: Archive.Options(looseLimit: 6))
            path = archive.paths.root
            let whole = try packs(archive)[0]
            let copy = folder.path("copy")
            try FileManager.default.copyItem(
                atPath: archive.paths.file("a", whole).absolute, toPath: copy)
            let rules = KeepRules(every: 3)
            try archive.collectGarbage(try archive.planCollection(rules), by: rules)
            #expect(try archive.run(matching: "a").steps == [0, 3, 5])
            let name = try packs(archive)[0]
            #expect(name != whole)
            try FileManager.default.moveItem(
                atPath: copy, toPath: archive.paths.file("a", whole).absolute)
        }
        try Data().write(to: URL(fileURLWithPath: path + "/temporary/adopt-a"))
        let archive = try Archive(opening: path)
        try requireWhole(archive, Array(0..<6))
        #expect(try packs(archive).count == 1)
    }

    /// Until somebody opens the archive for writing, what a killed process left is no damage.
    @Test func verifyLetsBeWhatTheNextWriterTakesIn() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let marker = URL(fileURLWithPath: path + "/temporary/adopt-a")
        for damage in [
            "DELETE FROM run", "DELETE FROM file WHERE path = 'pack-000000000-000000002.h5'",
        ] {
            try? FileManager.default.removeItem(atPath: path)
            do {
                let archive = try TestRuns.archive(
                    in: folder, steps: [0, 1, 2], options: Archive.Options(looseLimit: 3))
                try archive.write { db in
                    try db.execute(sql: "DELETE FROM checkpoint")
                    try db.execute(sql: damage)
                }
                #expect(try archive.verify().problems.map(\.kind) == [.orphan])
                try Data().write(to: marker)
                let report = try archive.verify()
                #expect(report.problems.isEmpty, "\(report.problems)")
            }
            try requireWhole(try Archive(opening: path), [0, 1, 2])
        }
    }

    @Test func takingARunBackIsUndoneWhereItWasCutShort() throws {
        let folder = try TemporaryFolder()
        let path: String
        do {
            let isArmed = Atomic<Bool>(false)
            let archive = try TestRuns.archive(
                in: folder, steps: [0, 1],
                options: Archive.Options(looseLimit: nil) { step in
                    guard isArmed.load(ordering: .relaxed), step == .rename else { return }
                    throw UserError(.failure, subject: "test", cause: "the disk is gone")
                })
            path = archive.paths.root
            isArmed.store(true, ordering: .relaxed)
            #expect(throws: UserError.self) { try archive.discard(archive.run(matching: "a")) }
        }
        let archive = try Archive(opening: path)
        try requireWhole(archive, [0, 1])
        try archive.discard(archive.run(matching: "a"))
        #expect(try archive.runIDs().isEmpty && archive.verify().problems.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: archive.paths.runFolder("a").absolute))
        let litter = try FileManager.default.contentsOfDirectory(atPath: path + "/temporary")
        #expect(litter.isEmpty)
    }
}
