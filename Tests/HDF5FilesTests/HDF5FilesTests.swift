import Foundation
import HDF5Files
import TestSupport
import Testing

@Suite struct HDF5FilesTests {
    @Test(arguments: [
        "a/b", ".", "..", "...", "50%", "%2F", "naïve", "blocks.0.attention.query", "\u{1}",
    ])
    func namesAreEscapedReversibly(name: String) {
        let encoded = HDF5Name.encoded(name)
        #expect(HDF5Name.decoded(encoded) == name)
        #expect(!encoded.contains("/") && !encoded.allSatisfy { $0 == "." })
    }

    /// Written block by block, an array has its bytes in order, whatever the blocks.
    @Test(arguments: 0..<60)
    func blocksFollowOneAnother(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        let shape = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
            Int.random(in: seed % 10 == 0 ? 0...6 : 1...6, using: &generator)
        }
        let bytes = (0..<shape.reduce(4, *)).map { _ in UInt8.random(in: 0...255, using: &generator)
        }
        let limit = Int.random(in: 1...200, using: &generator)
        try HDF5File.create(path) { root in
            let dataset = try root.createDataset("data", type: .float32, shape: shape)
            var start = 0
            for block in dataset.blocks(ofAtMost: limit) {
                #expect(block.byteCount <= max(limit, 4))
                try bytes[start..<start + block.byteCount].withUnsafeBytes {
                    try dataset.write($0, in: block)
                }
                start += block.byteCount
            }
            #expect(start == bytes.count)
            try dataset.close()
        }
        let read = try HDF5File(readingFrom: path).root().dataset("data", type: .float32).read()
        #expect(read == bytes, "shape \(shape), blocks of \(limit)")
    }

    @Test(arguments: 0..<40)
    func whatWasWrittenIsReadBack(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        let types: [HDF5Type] = [
            .int8, .uint16, .int64, .float16, .float32, .float64, .complex64, .complex128,
            .text(byteCount: 5), .record([.init("a", .int8), .init("b", .float64)]),
        ]
        guard let type = types.randomElement(using: &generator) else { return }
        let shape = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
            Int.random(in: 0...5, using: &generator)
        }
        let layout: HDF5Layout =
            Bool.random(using: &generator) ? .contiguous : .deflated(level: 3)
        let bytes = (0..<shape.reduce(type.byteCount, *)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
        try HDF5File.create(path) { root in
            let group = try root.createGroup("group")
            let dataset = try group.createDataset("data", type: type, shape: shape, layout: layout)
            try dataset.write(bytes)
            try dataset.setAttribute("about", "näive")
            try dataset.close()
            try group.close()
        }
        let file = try HDF5File(readingFrom: path)
        let dataset = try file.root().group("group").dataset("data", type: type)
        #expect(dataset.shape == shape)
        #expect(try dataset.read() == bytes)
        #expect(try dataset.textAttribute("about") == "näive")
        #expect(try dataset.textAttribute("absent") == nil)
        guard let rowCount = shape.first, rowCount > 0 else { return }
        let rowByteCount = bytes.count / rowCount
        let row = Int.random(in: 0..<rowCount, using: &generator)
        #expect(
            try dataset.read(rows: row..<row + 1)
                == Array(bytes[(row * rowByteCount)..<((row + 1) * rowByteCount)]))
    }

    @Test func equalContentMakesEqualFiles() throws {
        func image() throws -> [UInt8] {
            try HDF5File.image("x", expectedByteCount: 1_000) { root in
                try root.setAttribute("about", "text")
                try root.setAttribute("step", 3)
                let dataset = try root.createDataset("data", type: .float64, shape: [2])
                try dataset.write([UInt8](repeating: 1, count: 16))
                try dataset.close()
            }
        }
        #expect(try image() == image())
    }

    @Test func failuresNameTheFileAndTheLibrarysReason() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("none.h5")
        let error = #expect(throws: HDF5Error.self) { _ = try HDF5File(readingFrom: path) }
        #expect(error?.subject == path)
        #expect(error?.function == "H5Fopen")
        #expect(error?.systemCode == ENOENT)
        #expect(error?.frames.contains { $0.major == .file && $0.minor == .open } == true)
    }

    /// What HDF5 writes when it closes an object must not go unseen: a file whose objects were not
    /// closed one by one is not finished.
    @Test(arguments: ["dataset", "group", "none"])
    func aFileWithAnObjectThatWasNotClosedIsNotFinished(forgotten: String) throws {
        let folder = try TemporaryFolder()
        func fill(_ root: borrowing HDF5Group) throws {
            let group = try root.createGroup("group")
            let dataset = try group.createDataset("data", type: .float64, shape: [2])
            try dataset.write([UInt8](repeating: 1, count: 16))
            try dataset.setAttribute("about", "two numbers")
            if forgotten != "dataset" { try dataset.close() }
            if forgotten != "group" { try group.close() }
        }
        let path = folder.path("file.h5")
        if forgotten == "none" {
            try HDF5File.create(path, fill)
            _ = try HDF5File.image("x", expectedByteCount: 1_000, fill)
        } else {
            let error = #expect(throws: HDF5Error.self) { try HDF5File.create(path, fill) }
            #expect(error?.cause.contains("was not closed") == true)
            #expect(throws: HDF5Error.self) {
                try HDF5File.image("x", expectedByteCount: 1_000, fill)
            }
        }
    }

    @Test func aDatasetOfAnotherTypeOrShapeIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        try HDF5File.create(path) { root in
            let dataset = try root.createDataset("data", type: .float32, shape: [2, 3])
            try dataset.write([UInt8](repeating: 1, count: 24))
            try dataset.close()
        }
        let file = try HDF5File(readingFrom: path)
        let root = try file.root()
        #expect(throws: HDF5Error.self) { _ = try root.dataset("data", type: .float64) }
        let dataset = try root.dataset("data", type: .float32)
        #expect(throws: HDF5Error.self) { try dataset.read(rows: 1..<3) }
        #expect(throws: HDF5Error.self) { try dataset.read(offset: [0], count: [1]) }
        #expect(try dataset.read(offset: [1, 1], count: [1, 2]).count == 8)
    }
}
