import CheckpointArchive
import Foundation
import TestSupport
import Testing

/// A mapped page that the system cannot give ends the program with a sentence.
@Suite(.enabled(if: PreloadedLibrary.isPossible, "there is no C compiler, or no Linux"))
struct LostMappingTests {
    @Test(arguments: ["ls", "du", "verify"]) func theProgramSaysSoAndEnds(command: String) throws {
        let library = try #require(PreloadedLibrary("lost_mappings"))
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        _ = try Archive.create(at: path)
        func cairn(_ environment: [String: String]) throws -> ProcessResult {
            try run(
                cairnExecutable(), [command],
                environment: environment.merging(["CAIRN_ARCHIVE": path]) { $1 },
                secondsAllowed: 60)
        }
        let result = try cairn(["LD_PRELOAD": library.path])
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
        #expect(result.error.contains("a mapped file could not be read"), "\(result.error)")
        #expect(try cairn([:]).exitCode == 0)
    }
}
