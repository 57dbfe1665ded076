import Foundation
import HDF5Files
import TestSupport
import Testing

/// Groups, their members' names, and attributes.
@Suite struct GroupTests {
    /// Whatever text a member is named with, it is found under it, and no two names meet.
    @Test(arguments: 0..<25)
    func everyNameIsFoundAgain(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let letters: [Character] = ["a", "B", ".", "/", "%", "2", "F", " ", "ü", "\u{1}", "\u{7f}"]
        let names = Set(
            (0..<8).map { _ in
                String(
                    (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                        letters.randomElement(using: &generator) ?? "a"
                    })
            })
        #expect(Set(names.map { HDF5Name.encoded($0) }).count == names.count)
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        let ordered = names.sorted()
        try HDF5File.create(path) { root in
            for (index, name) in ordered.enumerated() {
                if index % 2 == 0 {
                    try root.createGroup(name).close()
                } else {
                    let dataset = try root.createDataset(name, type: .uint8, shape: [])
                    try dataset.write([UInt8(index)])
                    try dataset.close()
                }
            }
        }
        let root = try HDF5File(readingFrom: path).root()
        let found = try root.names()
        #expect(Set(found) == names && found.count == names.count)
        let stored = found.map { Array(HDF5Name.encoded($0).utf8) }
        #expect(zip(stored, stored.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
        for (index, name) in ordered.enumerated() {
            #expect(try root.contains(name) && root.isOwn(name))
            #expect(try root.kind(name) == (index % 2 == 0 ? .group : .dataset))
            guard index % 2 == 1 else { continue }
            #expect(try root.dataset(name, type: .uint8).read() == [UInt8(index)])
            #expect(try root.holdsNumbers(name))
        }
        #expect(try !root.contains("absent"))
        #expect(throws: HDF5Error.self) { _ = try root.group("absent") }
    }

    @Test func attributesKeepTheirTypes() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        let texts = ["", "text", "näive ∂", String(repeating: "x", count: 70_000)]
        try HDF5File.create(path) { root in
            for (index, text) in texts.prefix(3).enumerated() {
                try root.setAttribute("text \(index)", text)
            }
            try root.setAttribute("least", Int.min)
            try root.setAttribute("most", Int.max)
            try root.setAttribute("number", 0.1)
            let dataset = try root.createDataset("data", type: .uint8, shape: [0])
            try dataset.setAttribute("about", texts[2])
            try dataset.close()
        }
        let root = try HDF5File(readingFrom: path).root()
        for (index, text) in texts.prefix(3).enumerated() {
            #expect(try root.textAttribute("text \(index)") == text)
        }
        #expect(try root.integerAttribute("least") == .min)
        #expect(try root.integerAttribute("most") == .max)
        #expect(try root.numberAttribute("number") == 0.1)
        #expect(try root.attribute("about", ofDataset: "data") == texts[2])
        #expect(try root.textAttribute("absent") == nil)
        #expect(try root.integerAttribute("absent") == nil)
        #expect(try root.numberAttribute("absent") == nil)
    }

    /// A file in memory holds what a file on disk does, and one on disk is never written over.
    @Test func anImageIsAFile() throws {
        func fill(_ root: borrowing HDF5Group) throws {
            try root.setAttribute("step", 3)
            let dataset = try root.createDataset("data", type: .uint8, shape: [3])
            try dataset.write([1, 2, 3])
            try dataset.close()
        }
        let folder = try TemporaryFolder()
        let path = folder.path("file.h5")
        let image = try HDF5File.image("x", expectedByteCount: 10, fill)
        try Data(image).write(to: URL(fileURLWithPath: path))
        let root = try HDF5File(readingFrom: path).root()
        #expect(try root.integerAttribute("step") == 3)
        #expect(try root.dataset("data", type: .uint8).read() == [1, 2, 3])
        #expect(throws: HDF5Error.self) { try HDF5File.create(path, fill) }
        #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) == image)
    }

    /// The values that the author of the checksum publishes with it.
    @Test func theChecksumOfMetadataIsThePublishedOne() {
        let text = Array("Four score and seven years ago".utf8)
        #expect(text.withUnsafeBytes { MetadataChecksum.value(of: $0) } == 0x1777_0551)
        #expect([UInt8]().withUnsafeBytes { MetadataChecksum.value(of: $0) } == 0xdead_beef)
    }
}
