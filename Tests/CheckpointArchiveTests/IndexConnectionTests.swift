import Checkpoints
import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import CheckpointArchive

/// The index is replaced in the moment in which it is being opened.
@Suite struct IndexConnectionTests {
    /// A connection whose first openings, so many of them, meet another index afterwards.
    private func connection(
        _ folder: TemporaryFolder, replacementCount: Int
    ) throws -> IndexConnection {
        let paths = try TestRuns.archive(in: folder, steps: [0]).paths
        let openings = Atomic<Int>(0)
        return try IndexConnection(paths) {
            let queue = try DatabaseQueue(path: paths.indexFile)
            if openings.add(1, ordering: .relaxed).newValue <= replacementCount {
                let copy = folder.path("copy.sqlite")
                try FileManager.default.copyItem(atPath: paths.indexFile, toPath: copy)
                rename(copy, paths.indexFile)
            }
            return queue
        }
    }

    @Test func theOneThatTookThePlaceIsOpened() throws {
        let folder = try TemporaryFolder()
        let connection = try connection(folder, replacementCount: 3)
        #expect(connection.isCurrent)
        #expect(
            try connection.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM run") } == 1
        )
    }

    @Test func whatNeverStaysInPlaceIsRefusedInOneSentence() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: ArchiveError.self) {
            try connection(folder, replacementCount: .max)
        }
        #expect(error?.cause.hasPrefix("it was deleted or replaced again and again") == true)
    }
}
