import Checkpoints
import Foundation
import HDF5Files
import SystemFiles
import TestSupport
import Testing

@testable import CheckpointArchive

/// Blocks of packed files are used again only where nobody can notice.
@Suite struct SpareFilesTests {
    private let folder: TemporaryFolder
    private let old: String
    private let kept: String

    init() throws {
        folder = try TemporaryFolder()
        old = folder.path("old")
        kept = folder.path("kept")
        try Data(repeating: 7, count: 5_000).write(to: URL(fileURLWithPath: old))
    }

    private func path(_ name: String) -> RootedPath { RootedPath(root: folder.path, name) }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func retire(into spares: SpareFiles) throws {
        try path("old").rename(to: path("kept"))
        spares.keep(path("kept"))
    }

    @Test func aRetiredFileIsTakenForOneOfItsSize() throws {
        let spares = SpareFiles()
        try retire(into: spares)
        #expect(!exists(old) && exists(kept))
        #expect(spares.take(byteCount: 4_999) == nil)
        let spare = try #require(spares.take(byteCount: 5_000))
        #expect(spare.path == path("kept"))
        #expect(spares.take(byteCount: 5_000) == nil)
    }

    @Test func whatSomeoneReadsIsRemovedInsteadOfWrittenAgain() throws {
        let reader = open(old, O_RDONLY)
        defer { close(reader) }
        let spares = SpareFiles()
        try retire(into: spares)
        #expect(!exists(old) && !exists(kept))
        var byte: UInt8 = 0
        #expect(pread(reader, &byte, 1, 4_999) == 1 && byte == 7)
    }

    @Test func whatIsMappedIsRemovedInsteadOfWrittenAgain() throws {
        let reader = open(old, O_RDONLY)
        let mapping = mmap(nil, 5_000, PROT_READ, MAP_SHARED, reader, 0)
        close(reader)
        defer { munmap(mapping, 5_000) }
        let spares = SpareFiles()
        try retire(into: spares)
        #expect(!exists(old) && !exists(kept))
    }

    @Test(arguments: [false, true])
    func whatHasASecondNameStaysAsItIs(afterwards: Bool) throws {
        let backup = folder.path("backup")
        let spares = SpareFiles()
        if !afterwards { try FileManager.default.linkItem(atPath: old, toPath: backup) }
        try retire(into: spares)
        if afterwards { try FileManager.default.linkItem(atPath: kept, toPath: backup) }
        #expect(spares.take(byteCount: 5_000) == nil)
        #expect(!exists(old) && !exists(kept))
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: backup)) == Data(repeating: 7, count: 5_000))
    }

    @Test func whatCannotBeOpenedDoesNotStay() throws {
        let spares = SpareFiles()
        try retire(into: spares)
        try FileManager.default.removeItem(atPath: kept)
        // A link is not opened for writing.
        try FileManager.default.createSymbolicLink(
            atPath: kept, withDestinationPath: folder.path("elsewhere"))
        #expect(spares.take(byteCount: 5_000) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func noneOutlivesItsOwner() throws {
        do {
            let spares = SpareFiles()
            try retire(into: spares)
            #expect(exists(kept))
        }
        #expect(!exists(kept))
    }

    /// A run of many packs writes its files again and again; each checkpoint keeps its weights, and
    /// nothing stays in the temporary folder.
    @Test func aLongRunUsesItsBlocksAgain() throws {
        let path = folder.path("archive")
        let archive = try Archive.create(
            at: path, options: Archive.Options(looseLimit: 4, packsBesideSaving: false))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in 0..<10 { try writer.save(TestRuns.checkpoint(step)) }
        let temporary = path + "/temporary"
        let count = try FileManager.default.contentsOfDirectory(atPath: temporary).count
        #expect(count > 0, "no file was kept, so nothing was tested")
        for step in 10..<30 { try writer.save(TestRuns.checkpoint(step)) }
        try writer.finish(.finished, metrics: [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        let run = try archive.run(matching: "a")
        for step in 0..<30 {
            let expected = TestRuns.sorted(TestRuns.checkpoint(step).weights)
            #expect(try run.weights(at: step) == expected)
        }
        #expect(try archive.verify().problems.isEmpty)
    }

    @Test func aPackThatIsNotWhatWasWrittenIsRefused() throws {
        let path = folder.path("pack.h5")
        // Rows of this size are not gathered: row 0 is in the file when row 2 is asked for.
        let checkpoints = (0..<3).map { step in
            let values = [Float](repeating: Float(step), count: 600_000)
            return Checkpoint(
                step: step, weights: [Tensor(name: "large", shape: [600_000], values: values)])
        }
        let summaries = try checkpoints.map { try CheckpointFile.Summary($0) }
        let layout = summaries[0].layout
        func write(damaging damage: () throws -> Void) throws {
            _ = try PackFile.write(
                self.path("pack.h5"), run: "a", layout: layout, steps: [0, 1, 2],
                compression: .contiguous
            ) { step in
                if step == 2 { try damage() }
                return PackFile.Row(checkpoints[step], summaries[step])
            }
        }
        try write {}
        let entry = try #require(layout.entries.first { $0.byteCount > 0 })
        let offset = try #require(
            try HDF5File(readingFrom: path).root().group("weights")
                .dataset(entry.name, type: entry.elementType.stored).contiguousOffset())
        try FileManager.default.removeItem(atPath: path)
        let error = #expect(throws: ArchiveError.self) {
            try write {
                let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                try handle.seek(toOffset: UInt64(offset))
                let byte = try #require(try handle.read(upToCount: 1)?.first)
                try handle.seek(toOffset: UInt64(offset))
                try handle.write(contentsOf: [byte ^ 1])
                try handle.close()
            }
        }
        #expect(error?.cause.contains("row 0 of \(entry.name)") == true)
    }
}
