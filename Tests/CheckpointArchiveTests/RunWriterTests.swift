import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// A writer remembers of its run only the last step, however many there are.
@Suite struct RunWriterTests {
    /// What comes again is compared with what is stored, packed or loose, with the index or without.
    @Test(arguments: [false, true])
    func anEarlyStepThatComesAgainIsCompared(withoutIndex: Bool) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        var options = Archive.Options(looseLimit: 4, packsBesideSaving: false)
        options.warn = { _ in }
        do {
            let archive = try Archive.openOrCreate(at: path, options: options)
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for step in 0..<10 { try writer.save(TestRuns.checkpoint(step, withState: false)) }
            if withoutIndex { try FileManager.default.removeItem(atPath: path + "/index.sqlite") }
            for step in [0, 3, 8, 9] {
                try writer.save(TestRuns.checkpoint(step, withState: false))
            }
            for step in [0, 3, 8, 9] {
                let error = #expect(throws: ArchiveError.self) {
                    try writer.save(TestRuns.checkpoint(step, run: "other", withState: false))
                }
                #expect(error?.code == .refused && error?.step == step)
                #expect(error?.cause == "the archive has other weights for this step")
            }
            try writer.save(TestRuns.checkpoint(10, withState: false))
            try writer.finish(.finished, metrics: [])
        }
        if withoutIndex { _ = try Archive.reindex(at: path) }
        let archive = try Archive(opening: path)
        let run = try archive.run(matching: "a")
        #expect(run.steps == Array(0...10))
        for step in run.steps {
            let expected = TestRuns.sorted(TestRuns.checkpoint(step).weights)
            #expect(try run.weights(at: step) == expected)
        }
        #expect(try archive.verify().problems.isEmpty)
    }

    /// A step between two stored ones that the archive does not have is stored.
    @Test func aStepThatWasLeftOutCanComeLater() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.openOrCreate(at: folder.path("archive"))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in [0, 4, 2, 4, 6] { try writer.save(TestRuns.checkpoint(step)) }
        try writer.finish(.finished, metrics: [])
        #expect(try archive.run(matching: "a").steps == [0, 2, 4, 6])
        #expect(try archive.verify().problems.isEmpty)
    }
}
