import Checkpoints
import Foundation
import SystemFiles
import TestSupport
import Testing

@testable import CheckpointArchive

/// Files of an archive from a stranger, who seals what he changed: whatever is in them, there is an
/// answer or a sentence, and nothing outside the archive is opened.
@Suite struct HostileArchiveTests {
    private static let files = [
        "run.h5", ArchivePaths.packPath(0, 4), ArchivePaths.loosePath(5),
        ArchivePaths.loosePath(6), ArchivePaths.optimizerPath(4), ArchivePaths.endPath(6, 0),
        ArchivePaths.packedView,
    ]

    private let folder: TemporaryFolder
    private let source: String

    init() throws {
        folder = try TemporaryFolder()
        source = folder.path("source")
        let archive = try Archive.openOrCreate(
            at: source, options: Archive.Options(looseLimit: nil))
        for steps in [0..<5, 5..<7] {
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for step in steps { try writer.save(TestRuns.checkpoint(step)) }
            try writer.finish(.finished, metrics: [])
            if steps.lowerBound == 0 { try archive.pack(archive.run(matching: "a")) }
        }
    }

    /// Everything that reads, each with a value or a sentence.
    private func read(_ path: String, _ what: String) {
        func sentence(_ name: String, _ body: () throws -> Void) {
            do {
                try body()
            } catch is any UserErrorConvertible {
            } catch {
                Issue.record("\(what), \(name): \(type(of: error)) \(error)")
            }
        }
        sentence("open") {
            let archive = try Archive(opening: path, access: .readOnly)
            sentence("verify") { _ = try archive.verify() }
            let run = try archive.run(matching: "a")
            sentence("description") { _ = try run.run }
            for step in run.steps {
                sentence("weights") { _ = try run.weights(at: step) }
                sentence("state") { _ = try run.optimizerState(at: step) }
            }
            sentence("digests") { _ = try run.stepDigests(in: 0...9) }
            sentence("trajectory") { try run.visit { _, _, _ in } }
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: 0..<12)
    func filesThatAreNotOurs(seed: Int) throws {
        let outside = folder.path("pipe")
        try #require(mkfifo(outside, 0o600) == 0)
        let foreign = ForeignHDF5(outside: outside)
        var generator = SeededGenerator(seed: seed)
        var changeCount = 0
        while changeCount < 4 {
            let path = folder.path("archive")
            try? FileManager.default.removeItem(atPath: path)
            try FileManager.default.copyItem(atPath: source, toPath: path)
            let name = Self.files[Int.random(in: 0..<Self.files.count, using: &generator)]
            let file = ArchivePaths(root: path).file("a", name)
            guard file.exists, let change = foreign.change(file.absolute, using: &generator)
            else { continue }
            changeCount += 1
            try FileSeal.append(to: file, extents: [])
            let what = "seed \(seed), \(name) \(change)"
            // As the index knows the file, and as if it always had been so.
            read(path, what)
            do {
                let (archive, _) = try Archive.reindex(at: path)
                _ = try archive.repair(archive.verify())
                #expect(
                    try archive.verify().problems.allSatisfy { $0.kind != .damagedTensor },
                    "\(what)")
            } catch is any UserErrorConvertible {
            } catch {
                Issue.record("\(what), reindex: \(type(of: error)) \(error)")
            }
            read(path, what)
        }
    }
}
