import Foundation
import HDF5Files
import TestSupport
import Testing

/// Parts of arrays: rows, boxes, places in the file, and rows of other files.
@Suite struct DatasetTests {
    private static func random(
        _ count: Int, _ generator: inout SeededGenerator
    ) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// Rows may be written in any order and number; a box is what its indices say.
    @Test(arguments: 0..<30)
    func rowsAndBoxesAreThoseOfTheWhole(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        let (rows, columns) = (
            Int.random(in: 1...9, using: &generator), Int.random(in: 1...7, using: &generator)
        )
        let bytes = Self.random(rows * columns * 2, &generator)
        var groups: [Range<Int>] = []
        while (groups.last?.upperBound ?? 0) < rows {
            let start = groups.last?.upperBound ?? 0
            groups.append(start..<Int.random(in: start + 1...rows, using: &generator))
        }
        groups.shuffle(using: &generator)
        let layout: HDF5Layout = seed % 2 == 0 ? .contiguous : .deflated(level: 1)
        let written = groups
        try HDF5File.create(path) { root in
            let dataset = try root.createDataset(
                "data", type: .int16, shape: [rows, columns], layout: layout)
            for group in written {
                let part = group.lowerBound * columns * 2..<group.upperBound * columns * 2
                try dataset.write(Array(bytes[part]), fromRow: group.lowerBound)
            }
            try dataset.close()
        }
        let file = try HDF5File(readingFrom: path)
        let dataset = try file.root().dataset("data", type: .int16)
        #expect(try dataset.read() == bytes)
        let offset = [
            Int.random(in: 0...rows, using: &generator),
            Int.random(in: 0...columns, using: &generator),
        ]
        let count = [
            Int.random(in: 0...rows - offset[0], using: &generator),
            Int.random(in: 0...columns - offset[1], using: &generator),
        ]
        var expected: [UInt8] = []
        for row in offset[0]..<offset[0] + count[0] {
            let start = (row * columns + offset[1]) * 2
            expected += bytes[start..<start + count[1] * 2]
        }
        #expect(try dataset.read(offset: offset, count: count) == expected)
        #expect(throws: HDF5Error.self) {
            try dataset.read(offset: offset, count: [rows - offset[0] + 1, count[1]])
        }
        #expect(throws: HDF5Error.self) { try dataset.read(offset: [-1, 0], count: [1, 1]) }
    }

    /// What the library says about places holds for whoever reads the file without it.
    @Test(arguments: 0..<12)
    func elementsLieWhereTheFileSays(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        let shape = [Int.random(in: 1...6, using: &generator), 5]
        let bytes = Self.random(shape[0] * 5 * 8, &generator)
        let isPlain = seed % 3 != 0
        try HDF5File.create(path) { root in
            let dataset = try root.createDataset(
                "data", type: .float64, shape: shape,
                layout: isPlain ? .contiguous : .deflated(level: 9))
            try dataset.write(bytes)
            try dataset.close()
        }
        let raw = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        let file = try HDF5File(readingFrom: path)
        let dataset = try file.root().dataset("data", type: .float64)
        let extents = try dataset.storedExtents()
        #expect(extents.allSatisfy { $0.lowerBound > 0 && $0.upperBound <= raw.count })
        if isPlain {
            let offset = try #require(try dataset.contiguousOffset())
            #expect(extents == [offset..<offset + bytes.count])
            #expect(Array(raw[offset..<offset + bytes.count]) == bytes)
        } else {
            #expect(try dataset.contiguousOffset() == nil)
            #expect(extents.count == shape[0])
        }
    }

    private static let counts = [2, 0, 3]

    /// A file in `folder` that shows the rows of three others, one of which does not exist.
    private static func virtual(
        in folder: TemporaryFolder
    ) throws -> (
        path: String, files: [String], bytes: [UInt8]
    ) {
        let files = ["first 50%.h5", "none.h5", "last.h5"]
        var all: [UInt8] = []
        for (index, name) in files.enumerated() where counts[index] > 0 {
            let bytes = (0..<counts[index] * 3).map { UInt8(10 * index + $0) }
            all += bytes
            try HDF5File.create(folder.path(name)) { root in
                let dataset = try root.createDataset(
                    "a%2Fb", type: .uint8, shape: [counts[index], 3])
                try dataset.write(bytes)
                try dataset.close()
            }
        }
        let path = folder.path("all.h5")
        let sources = zip(files, counts).map {
            HDF5Group.VirtualSource(file: $0, dataset: HDF5Name.encoded("a%2Fb"), rowCount: $1)
        }
        try HDF5File.create(path, format: .version110) { root in
            try root.createVirtualDataset("data", type: .uint8, rowShape: [3], sources: sources)
        }
        return (path, files, all)
    }

    /// A virtual dataset names its files without opening them.
    ///
    /// Cairn itself reads nothing through it: its elements lie in other files.
    @Test func whatAVirtualDatasetShowsIsNamed() throws {
        let folder = try TemporaryFolder()
        let (path, files, _) = try Self.virtual(in: folder)
        let root = try HDF5File(readingFrom: path).root()
        let shown = try root.virtualSources(of: "data")
        #expect(shown.map(\.file) == [files[0], files[2]])
        #expect(shown.map(\.rowCount) == [2, 3])
        #expect(shown.allSatisfy { $0.dataset == HDF5Name.encoded("a%2Fb") })
        #expect(throws: HDF5Error.self) { _ = try root.dataset("data", type: .uint8) }
    }

    @Test(
        .enabled(
            if: ReferencePython.interpreter(with: "h5py") != nil, "h5py is not installed"))
    func rowsOfOtherFilesAreShownInOrder() throws {
        let folder = try TemporaryFolder()
        let (path, _, bytes) = try Self.virtual(in: folder)
        let python = try #require(ReferencePython.interpreter(with: "h5py"))
        let program =
            "import h5py, sys; print(bytes(h5py.File(sys.argv[1])['data'][:].ravel()).hex())"
        let result = try run(python, ["-c", program, path])
        let hexadecimal = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(result.output.trimmingCharacters(in: .whitespacesAndNewlines) == hexadecimal)
    }
}
