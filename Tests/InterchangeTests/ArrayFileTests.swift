import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// Interpreters with the reference libraries, looked for once.
enum Peers {
    static let torch = ReferencePython.interpreter(with: "torch", "numpy", "safetensors")
    static let h5py = ReferencePython.interpreter(with: "h5py", "numpy")
}

@Suite struct ArrayFileTests {
    @Test(arguments: ["numpy_stored.npz", "numpy_deflated.npz"])
    func arraysAreThoseOfNumPy(file: String) throws {
        let path = Fixtures.path(file)
        let tensors = try NumPyArchive.read(path).tensors(source: path)
        let expected = try Fixtures.expected("arrays_expected.json", of: file)
        #expect(tensors.map(\.name) == expected.map(\.name))
        for (tensor, reference) in zip(tensors, expected) { #expect(tensor == reference) }
    }

    @Test func aLoneArrayIsThatOfNumPy() throws {
        let tensor = try NumPyArray.read(Fixtures.path("numpy_array.npy")).load(named: "tensor")
        #expect(
            [tensor] == (try Fixtures.expected("arrays_expected.json", of: "numpy_array.npy")))
    }

    @Test func safetensorsAreThoseOfTheLibrary() throws {
        let file = "safetensors_plain.safetensors"
        let content = try Safetensors.read(Fixtures.path(file))
        #expect(content.metadata.map(\.key) == ["format"])
        #expect(content.metadata.map(\.value) == ["np"])
        let tensors = try content.tensors.map { try $0.tensor.load(named: $0.name) }
        let expected = try Fixtures.expected("arrays_expected.json", of: file)
        #expect(tensors.sorted { $0.name < $1.name } == expected)
    }

    /// Random tensors of every type survive each format bit by bit.
    @Test(arguments: 0..<40)
    func roundTrips(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let tensors = RandomTensors.make(count: 6, using: &generator)
        try NumPyArchive.write(tensors, to: folder.path("a.npz"))
        let arrays = try NumPyArchive.read(folder.path("a.npz"))
        #expect(try arrays.tensors(source: "a.npz") == tensors)
        for tensor in tensors.prefix(1) {
            try NumPyArray.write(tensor, to: folder.path("a.npy"))
            #expect(try NumPyArray.read(folder.path("a.npy")).load(named: tensor.name) == tensor)
        }
        let portable = tensors.filter { $0.elementType != .complex128 }
        try Safetensors.write(portable, metadata: [("k\"\n", "é")], to: folder.path("a.st"))
        let content = try Safetensors.read(folder.path("a.st"))
        #expect(content.metadata[0].key == "k\"\n" && content.metadata[0].value == "é")
        let read = try content.tensors.map { try $0.tensor.load(named: $0.name) }
        #expect(read.sorted { $0.name < $1.name } == portable.sorted { $0.name < $1.name })
        #expect(throws: UserError.self) {
            try Safetensors.write(portable, to: folder.path("a.st"))
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(left) == ["a.npz", "a.npy", "a.st"])
    }

    @Test func whatAFormatCannotHoldIsRefusedByName() throws {
        let folder = try TemporaryFolder()
        let wide = Tensor(
            name: "z", shape: [], elementType: .complex128, bytes: [UInt8](repeating: 0, count: 16))
        let error = #expect(throws: UserError.self) {
            try Safetensors.write([wide], to: folder.path("a"))
        }
        #expect(error?.subject == "tensor z")
        let odd = Tensor(name: "../up", shape: [1], values: [Float(1)])
        #expect(throws: UserError.self) { try NumPyArchive.write([odd], to: folder.path("a")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test(.enabled(if: Peers.torch != nil, "torch is not installed"))
    func theReferenceLibrariesReadWhatIsWritten() throws {
        var generator = SeededGenerator(seed: 5)
        let folder = try TemporaryFolder()
        let tensors = RandomTensors.make(count: 30, using: &generator)
        try NumPyArchive.write(tensors, to: folder.path("a.npz"))
        let portable = tensors.filter { $0.elementType != .complex128 }
        try Safetensors.write(portable, to: folder.path("a.safetensors"))
        let script = """
            import json, numpy, sys, safetensors.torch, torch
            rows = {}
            with numpy.load("a.npz") as arrays:
                for name in arrays:
                    rows["npz " + name] = [list(arrays[name].shape), arrays[name].tobytes().hex()]
            for name, tensor in safetensors.torch.load_file("a.safetensors").items():
                raw = tensor.reshape(-1).view(torch.uint8).tolist() if tensor.numel() else []
                rows["safetensors " + name] = [list(tensor.shape), bytes(raw).hex()]
            json.dump(rows, sys.stdout)
            """
        let result = try run(
            try #require(Peers.torch), ["-c", script], folder: folder.path)
        #expect(result.exitCode == 0, "\(result.error)")
        let rows = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: [Any]])
        #expect(rows.count == tensors.count + portable.count)
        func check(_ format: String, _ tensor: Tensor) {
            let row = rows["\(format) \(tensor.name)"]
            #expect(row?[0] as? [Int] == tensor.shape)
            #expect(row?[1] as? String == RandomTensors.hexadecimal(tensor.bytes))
        }
        for tensor in tensors { check("npz", tensor) }
        for tensor in portable { check("safetensors", tensor) }
    }
}

/// Tensors of all types and many shapes.
enum RandomTensors {
    static func make(count: Int, using generator: inout SeededGenerator) -> [Tensor] {
        (0..<count).map { index in
            let type = ElementType.allCases[
                Int.random(in: 0..<ElementType.allCases.count, using: &generator)]
            let rank = Int.random(in: 0...3, using: &generator)
            let shape = (0..<rank).map { _ in Int.random(in: 0...4, using: &generator) }
            let bytes = (0..<shape.reduce(1, *) * type.byteCount).map { _ in
                type == .bool
                    ? UInt8.random(in: 0...1, using: &generator)
                    : UInt8.random(in: 0...255, using: &generator)
            }
            return Tensor(
                name: "blocks.\(index).ü", shape: shape, elementType: type, bytes: bytes)
        }
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
