import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Archives of released versions still open and say what they said.
@Suite struct ReleasedVersionTests {
    @Test(arguments: ["archive-1"])
    func readersRenewTheIndexWhereItCanBeWritten(fixture name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/\(name)")
        try FileManager.default.copyItem(at: fixture, to: URL(fileURLWithPath: path))
        #expect {
            try Archive(opening: path, access: .readOnly)
        } throws: {
            ($0 as? any UserErrorConvertible)?.userError.cause.hasPrefix("its version") == true
        }
        _ = try Archive.reading(path)
        let archive = try Archive(opening: path, access: .readOnly)
        let names = try archive.read { try String.fetchAll($0, sql: "SELECT name FROM runs_wide") }
        #expect(names == ["test", "test"])
    }

    @Test(arguments: ["archive-1", "archive-1-index-7", "archive-2"])
    func anArchiveOfThisFormatOpens(fixture name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/\(name)")
        try FileManager.default.copyItem(at: fixture, to: URL(fileURLWithPath: path))
        let archive = try Archive(opening: path)
        #expect(try archive.verify().problems.isEmpty)
        let before = try dump(archive)
        for id in ["a", "b"] {
            let run = try archive.run(matching: id)
            #expect(try run.run == TestRuns.description(id))
            #expect(run.status == (id == "a" ? .finished : .interrupted))
            #expect(run.steps == Array(0...run.steps.count - 1) && run.steps.count > 1)
            for step in run.steps {
                let expected = TestRuns.sorted(TestRuns.checkpoint(step, run: id).weights)
                #expect(try run.weights(at: step) == expected)
            }
        }
        // The files alone give the same index.
        let (rebuilt, _) = try Archive.reindex(at: path)
        #expect(try dump(rebuilt) == before)
    }
}
