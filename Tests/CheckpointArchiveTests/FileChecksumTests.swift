import Foundation
import SystemFiles
import TestSupport
import Testing

@testable import CheckpointArchive

@Suite struct FileChecksumTests {
    /// A file is summed in blocks, and a block is not the unit of the sum.
    @Test(arguments: [0, 1, 31, 32, 1 << 18, (1 << 18) + 1, (3 << 18) - 5])
    func aFileHasTheSumOfItsBytes(byteCount: Int) throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: byteCount)
        let bytes = (0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let path = folder.path("file")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(try FileChecksum(of: OpenFile(path)) == FileChecksum(of: bytes))
    }
}
