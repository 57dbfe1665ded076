import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import HDF5Files
import TestSupport
import Testing

/// The trouble of one run stays with it, and nothing is believed that contradicts itself.
@Suite struct UpkeepTroubleTests {
    private static func archive(
        _ folder: TemporaryFolder, steps: [Int] = Array(0...4), run: String = "a",
        packed: Bool = true
    ) throws -> Archive {
        try TestRuns.archive(
            in: folder, steps: steps, run: run,
            options: Archive.Options(looseLimit: packed ? 100 : nil))
    }

    private static func requireTrue(_ archive: Archive, _ run: String, _ steps: [Int]) throws {
        let stored = try archive.run(matching: run)
        #expect(stored.steps == steps)
        for step in steps {
            #expect(
                try stored.weights(at: step)
                    == TestRuns.sorted(TestRuns.checkpoint(step, run: run).weights))
        }
    }

    /// People keep copies beside the original.
    @Test func aCopyOfARunsFolderIsReportedAndNotUsed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try UpkeepTroubleTests.archive(folder)
        let copy = path + "/runs/a.bak"
        try FileManager.default.copyItem(atPath: path + "/runs/a", toPath: copy)
        let before = try FileManager.default.subpathsOfDirectory(atPath: copy).sorted()
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.notUsed.map(\.folder) == ["runs/a.bak"])
        #expect(report.unreadable.isEmpty)
        try UpkeepTroubleTests.requireTrue(archive, "a", Array(0...4))
        let found = try archive.verify()
        #expect(found.isSound)
        #expect(found.problems.map(\.kind) == [.copiedFolder])
        _ = try archive.repair(found)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: copy).sorted() == before)
        #expect(try archive.runIDs() == ["a"])
    }

    @Test func whatCannotBeReadKeepsNothingElseFromBeingMended() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let archive = try UpkeepTroubleTests.archive(folder)
        let junk = path + "/runs/0junk"
        try FileManager.default.createDirectory(
            atPath: junk, withIntermediateDirectories: false)
        try Data("hello".utf8).write(to: URL(fileURLWithPath: junk + "/run.h5"))
        let pack = URL(fileURLWithPath: path + "/runs/a/" + ArchivePaths.packPath(0, 4))
        var bytes = try Data(contentsOf: pack)
        let place = try #require(
            bytes.range(of: Data(TestRuns.checkpoint(2).weights[0].bytes)))
        bytes[place.lowerBound] ^= 1
        try bytes.write(to: pack)
        let actions = try archive.repair(archive.verify())
        #expect(actions.contains { $0.run == "0junk" && $0.action.hasPrefix("nothing") })
        try UpkeepTroubleTests.requireTrue(archive, "a", [0, 1, 3, 4])
        #expect(try FileManager.default.contentsOfDirectory(atPath: junk).contains("run.h5"))
    }

    /// Its process was killed, and a pack is gone: others write as before.
    @Test func aKilledRunWithoutItsPackBlocksNobody() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        do {
            let archive = try UpkeepTroubleTests.archive(folder)
            try archive.write { try $0.execute(sql: "UPDATE run SET status = 'running'") }
        }
        try FileManager.default.removeItem(
            atPath: path + "/runs/a/" + ArchivePaths.packPath(0, 4))
        for marker in ["adopt-a", "adopt-gone"] {
            try Data().write(to: URL(fileURLWithPath: path + "/temporary/" + marker))
        }
        let archive = try UpkeepTroubleTests.archive(folder, run: "b")
        try UpkeepTroubleTests.requireTrue(archive, "b", Array(0...4))
        let actions = try archive.repair(archive.verify())
        #expect(actions.contains { $0.run == "a" })
        #expect(try archive.verify().isSound)
    }

    @Test func aRunWithConflictsIsLeftAsItWas() throws {
        let folder = try TemporaryFolder()
        let other = try TemporaryFolder()
        let ours = try UpkeepTroubleTests.archive(folder, steps: [0, 1, 2])
        let theirs = try Archive.openOrCreate(at: other.path("archive"))
        let writer = theirs.writer()
        try writer.begin(TestRuns.description("a"))
        for step in 0...6 {
            try writer.save(TestRuns.checkpoint(step, run: step == 2 ? "other" : "a"))
        }
        try writer.finish(.finished, metrics: [])
        let files = {
            try FileManager.default.subpathsOfDirectory(atPath: folder.path("archive/runs"))
        }
        let before = try files().sorted()
        let report = try ours.merge(theirs)
        #expect(report.conflicts.map(\.run) == ["a"])
        #expect(report.conflicts.first?.explanation.contains("step 2") == true)
        #expect(report.checkpointCount == 0 && report.extendedRuns.isEmpty)
        #expect(try files().sorted() == before)
        try UpkeepTroubleTests.requireTrue(ours, "a", [0, 1, 2])
        #expect(try ours.run(matching: "a").metric("train_loss").map(\.step) == [0, 1, 2, 3])
    }

    @Test func aRunThatBeginsWhileTheIndexIsRebuiltKeepsItsRows() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try UpkeepTroubleTests.archive(folder)
        let second = try Archive(opening: path)
        let writer = second.writer()
        var hasBegun = false
        let (archive, _) = try Archive.reindex(at: path) { _ in
            guard !hasBegun else { return }
            hasBegun = true
            do {
                try writer.begin(TestRuns.description("new"))
                try writer.save(TestRuns.checkpoint(0, run: "new"))
            } catch {
                Issue.record(error)
            }
        }
        try writer.save(TestRuns.checkpoint(1, run: "new"))
        try writer.finish(.finished, metrics: [])
        #expect(hasBegun)
        try UpkeepTroubleTests.requireTrue(archive, "new", [0, 1])
        #expect(try archive.verify().isSound)
    }

    /// The first end says a later time than the second: the clock was set back between them.
    @Test func theLastEndIsTheOneOfTheLastStep() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try UpkeepTroubleTests.archive(folder)
        let time = 4_000_000_000.0
        let text = "interrupted \(time.bitPattern) 2"
        try HDF5File.create(path + "/runs/a/end-000000002.h5") { root in
            try root.setAttribute("kind", "end")
            try root.setAttribute("format", 1)
            try root.setAttribute("run", "a")
            try root.setAttribute("status", "interrupted")
            try root.setAttribute("finished_at", time)
            try root.setAttribute("last_step", 2)
            try root.setAttribute("sha256", Digest(of: Array(text.utf8)).description)
        }
        try FileManager.default.removeItem(atPath: path + "/index.sqlite")
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.unreadable.isEmpty)
        #expect(try archive.run(matching: "a").status == .finished)
    }

    /// A program that opens a file for writing takes off what stands behind its HDF5 part.
    @Test(arguments: [false, true])
    func filesThatLostTheirSealAreSealedAnew(byReindexing: Bool) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try UpkeepTroubleTests.archive(folder)
        _ = try UpkeepTroubleTests.archive(folder, run: "b", packed: false)
        let files = try FileManager.default.subpathsOfDirectory(atPath: path + "/runs")
            .filter { $0.hasSuffix(".h5") && !$0.hasSuffix("packed.h5") }
        #expect(files.count > 8)
        for file in files { try UpkeepTroubleTests.unseal(path + "/runs/" + file) }
        if byReindexing {
            try FileManager.default.removeItem(atPath: path + "/index.sqlite")
            let (_, report) = try Archive.reindex(at: path)
            #expect(report.unreadable.isEmpty)
            #expect(Set(report.resealed) == Set(files.map { "runs/" + $0 }))
        } else {
            let archive = try Archive(opening: path)
            let actions = try archive.repair(archive.verify())
            #expect(actions.filter { $0.action.hasPrefix("seal it anew") }.count == files.count)
        }
        let archive = try Archive(opening: path)
        let report = try archive.verify()
        #expect(report.isSound, "\(report.problems.prefix(3))")
        for run in ["a", "b"] { try UpkeepTroubleTests.requireTrue(archive, run, Array(0...4)) }
        #expect(!FileManager.default.fileExists(atPath: path + "/quarantine"))
    }

    /// A file whose weights are not those of its digests stays without a seal.
    @Test func aChangedFileIsNotSealedAnew() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let archive = try UpkeepTroubleTests.archive(folder, packed: false)
        let file = path + "/runs/a/" + ArchivePaths.loosePath(2)
        try UpkeepTroubleTests.unseal(file)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let place = try #require(
            bytes.range(of: Data(TestRuns.checkpoint(2).weights[0].bytes)))
        bytes[place.lowerBound] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        _ = try archive.repair(archive.verify())
        try UpkeepTroubleTests.requireTrue(archive, "a", [0, 1, 3, 4])
    }

    private static func unseal(_ path: String) throws {
        let url = URL(fileURLWithPath: path)
        let bytes = try Data(contentsOf: url)
        // The length of the HDF5 part stands 24 bytes before the end.
        let word = bytes.suffix(24).prefix(8)
        let length = word.reversed().reduce(0) { $0 << 8 | Int($1) }
        try bytes.prefix(length).write(to: url)
    }

    /// Its name says which steps a file holds.
    @Test func aFileUnderAnotherNameIsNotBelieved() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try UpkeepTroubleTests.archive(folder)
        try FileManager.default.moveItem(
            atPath: path + "/runs/a/" + ArchivePaths.packPath(0, 4),
            toPath: path + "/runs/a/" + ArchivePaths.packPath(0, 5))
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.unreadable.first?.cause.contains("steps that its name says") == true)
        #expect(try archive.run(matching: "a").steps.isEmpty)
    }

    /// A pack whose table of steps was lost by a failed write must not give step 0 other weights.
    @Test func aPackWhoseStepsDoNotRiseIsNotBelieved() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try UpkeepTroubleTests.archive(folder, steps: [0])
        try HDF5File.create(path + "/runs/a/" + ArchivePaths.packPath(0, 1)) { root in
            try root.setAttribute("kind", "pack")
            try root.setAttribute("format", 1)
            try root.setAttribute("run", "a")
            let steps = try root.createDataset("steps", type: .int64, shape: [2])
            try steps.write([UInt8](repeating: 0, count: 16))
            try steps.close()
        }
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.unreadable.first?.cause.contains("do not rise") == true)
        try UpkeepTroubleTests.requireTrue(archive, "a", [0])
    }

    /// A virtual dataset shows what lies in another file.
    @Test func elementsThatLieInAnotherFileAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try UpkeepTroubleTests.archive(folder, steps: [0])
        let values = [UInt8](repeating: 1, count: 8)
        try HDF5File.create(folder.path("outside.h5")) { root in
            let dataset = try root.createDataset("x", type: .float32, shape: [2])
            try dataset.write(values)
            try dataset.close()
        }
        let digest = Digest(of: values)
        let part = Digest.Part(name: "w", elementType: .float32, shape: [2], digest: digest)
        try HDF5File.create(
            path + "/runs/a/" + ArchivePaths.loosePath(1), format: .version110
        ) { root in
            try root.setAttribute("kind", "checkpoint")
            try root.setAttribute("format", 1)
            try root.setAttribute("run", "a")
            try root.setAttribute("step", 1)
            try root.setAttribute("digest", Digest(parts: [part]).description)
            let weights = try root.createGroup("weights")
            try weights.createVirtualDataset(
                "w", type: .float32, rowShape: [],
                sources: [.init(file: folder.path("outside.h5"), dataset: "x", rowCount: 2)],
                attributes: [("dtype", "float32"), ("sha256", digest.description)])
            try weights.close()
        }
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.unreadable.first?.cause.contains("lie in another file") == true)
        #expect(try archive.run(matching: "a").steps == [0])
    }
}
