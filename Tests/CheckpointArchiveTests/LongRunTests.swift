import Checkpoints
import Foundation
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
    }
}
