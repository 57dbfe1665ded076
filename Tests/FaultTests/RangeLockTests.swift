import CheckpointArchive
import Foundation
import TestSupport
import Testing

/// Where the file system refuses SQLite's locks, nothing waits for them.
@Suite(.enabled(if: PreloadedLibrary.isPossible, "there is no C compiler, or no Linux"))
struct RangeLockTests {
    @Test(arguments: ["ls", "du", "verify"])
    func aFileSystemWithoutRangeLocksIsRefusedAtOnce(command: String) throws {
        let library = try #require(PreloadedLibrary("no_range_locks"))
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try Archive.create(at: path)
        let result = try run(
            cairnExecutable(), [command],
            environment: [
                "LD_PRELOAD": library.path, "CAIRN_ARCHIVE": path,
            ], secondsAllowed: 60)
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.error.contains("has no locks on ranges of bytes"), "\(result.error)")
        #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
    }
}
