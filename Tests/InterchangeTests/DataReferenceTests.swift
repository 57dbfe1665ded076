import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

@testable import Interchange

/// Arrays to learn from, in every form that they are kept in.
@Suite struct DataReferenceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = folder.path(name)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// An IDX array of bytes.
    private func images(_ shape: [Int], _ values: [UInt8]) -> [UInt8] {
        [0, 0, 8, UInt8(shape.count)]
            + shape.flatMap { extent in (0..<4).map { UInt8(extent >> (24 - 8 * $0) & 255) } }
            + values
    }

    private let pixels = (0..<12).map { UInt8($0 * 20) }

    @Test func idxFilesAreReadPlainAndGzipped() throws {
        let inputs = try write("images", images([3, 2, 2], pixels))
        let answers = try write("labels", images([3], [2, 0, 1]))
        var reference = DataReference(path: inputs)
        reference.answers = answers
        let arrays = try reference.read()
        #expect(arrays.map(\.name) == ["inputs", "answers"])
        #expect(arrays[0].shape == [3, 2, 2] && arrays[0].bytes == pixels)
        // Debian has gzip.
        let zipped = try run("/usr/bin/env", ["gzip", "-k", inputs])
        try #require(zipped.exitCode == 0)
        reference.path = inputs + ".gz"
        #expect(try reference.read() == arrays)
        // One flipped byte in the middle is refused, whatever it inflates to.
        var broken = [UInt8](try Data(contentsOf: URL(fileURLWithPath: inputs + ".gz")))
        broken[broken.count - 6] ^= 1
        reference.path = try write("broken.gz", broken)
        #expect(throws: UserError.self) { try reference.read() }
    }

    @Test func bigEndianElementsAreTurned() throws {
        let tensor = try IDXArray.read(
            [0, 0, 0x0d, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], path: "a", named: "a")
        #expect(tensor.doubles() == [1, -2])
    }

    @Test(arguments: [0, 3, 4, 7, 15, 18])
    func shortIDXFilesAreRefused(count: Int) throws {
        let whole = images([3, 2, 2], pixels)
        let path = try write("short", Array(whole.prefix(count)))
        var reference = DataReference(path: path)
        reference.answers = path
        #expect(throws: UserError.self) { try reference.read() }
    }

    @Test func theFolderOfMNISTNeedsNoNames() throws {
        for (name, bytes) in [
            ("train-images-idx3-ubyte", images([3, 2, 2], pixels)),
            ("train-labels-idx1-ubyte", images([3], [2, 0, 1])),
            ("t10k-images-idx3-ubyte", images([1, 2, 2], [1, 2, 3, 4])),
            ("t10k-labels-idx1-ubyte", images([1], [2])),
        ] { _ = try write(name, bytes) }
        let arrays = try DataReference(path: folder.url.path).read()
        #expect(arrays.map(\.name) == ["inputs", "answers", "test_inputs", "test_answers"])
        try FileManager.default.removeItem(atPath: folder.path("t10k-labels-idx1-ubyte"))
        #expect(throws: UserError.self) { try DataReference(path: folder.url.path).read() }
    }

    @Test func namesOfPublishedArchivesAreKnownAndOthersAreAskedFor() throws {
        let inputs = Tensor(name: "x_train", shape: [3, 2], values: [1.0, 2, 3, 4, 5, 6])
        let answers = Tensor(name: "y_train", shape: [3], values: [Int64(0), 1, 0])
        let path = folder.path("arrays.npz")
        try NumPyArchive.write([inputs, answers], to: path)
        let arrays = try DataReference(path: path).read()
        #expect(arrays.map(\.name) == ["inputs", "answers"])
        #expect(arrays[0].doubles() == inputs.doubles())
        var reference = DataReference(path: path)
        reference.answers = "z"
        #expect {
            try reference.read()
        } throws: { "\($0)".contains("x_train, y_train") }
    }

    @Test func tablesNameTheirAnswers() throws {
        let path = try write("table.csv", Array("a,b,label\n1,2.5,0\n3,4,2\n".utf8))
        let arrays = try DataReference(path: path).read()
        #expect(arrays[0].doubles() == [1, 2.5, 3, 4])
        #expect(arrays[1].elementType == .int64 && arrays[1].doubles() == [0, 2])
        var reference = DataReference(path: path)
        reference.answers = "b"
        #expect(try reference.read()[1].elementType == .float64)
        reference.answers = "c"
        #expect(throws: UserError.self) { try reference.read() }
    }

    @Test(arguments: [
        "1,2,3\n4,5,6\n", "a,b\n1,2\n", "a,label\n1\n", "a,label\nx,1\n", "a,label\nnan,1\n", "",
        "label,label\n1,2\n",
    ])
    func unclearTablesAreRefused(text: String) throws {
        let path = try write("unclear.csv", Array(text.utf8))
        #expect(throws: UserError.self) { try DataReference(path: path).read() }
    }
}
