import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// Files beside the tests, with the scripts that made them.
enum Fixtures {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// What the reference library found in a file: name, element type, shape, bytes.
    static func expected(_ list: String, of file: String) throws -> [Tensor] {
        let data = try Data(contentsOf: folder.appendingPathComponent(list))
        let all = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let rows = try #require(all[file] as? [[Any]])
        return try rows.map { row in
            let digits = Array(try #require(row[3] as? String).utf8)
            let bytes = try stride(from: 0, to: digits.count, by: 2).map {
                try #require(
                    UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16))
            }
            return Tensor(
                name: try #require(row[0] as? String),
                shape: try #require(row[2] as? [Int]),
                elementType: try #require(
                    (row[1] as? String).flatMap(ElementType.init(rawValue:))),
                bytes: bytes)
        }
    }
}

@Suite struct TorchFileTests {
    @Test(arguments: [
        "torch_dtypes.pt", "torch_views.pt", "torch_tree.pt", "torch_protocol4.pt",
        "torch_deflated.pt", "torch_unchecked.pt",
    ])
    func tensorsAreThoseOfPyTorch(file: String) throws {
        let path = Fixtures.path(file)
        let tensors = try TorchFile.read(path).tensors(source: path)
        let expected = try Fixtures.expected("torch_expected.json", of: file)
        #expect(!expected.isEmpty)
        #expect(tensors.map(\.name) == expected.map(\.name))
        for (tensor, reference) in zip(tensors, expected) { #expect(tensor == reference) }
        let tree = try TorchFile.read(path).flattened(source: path)
        for ((name, tensor), reference) in zip(tree, expected) {
            let streamed = tensor.streamed(named: name)
            #expect(try streamed.load() == reference)
            #expect(try streamed.digest() == Digest(of: reference.bytes))
        }
    }

    @Test(arguments: ["torch_tree.pt", "torch_protocol4.pt", "torch_deflated.pt"])
    func otherValuesKeepTheirKind(file: String) throws {
        let tree = try TorchFile.read(Fixtures.path(file))
        let nested = try #require(tree["nested"])
        #expect(nested[0]?.whole == 1)
        #expect(nested[1]?[0]?.number == 2.5)
        #expect(nested[1]?[1]?[0]?.textual == "three")
        guard case .none? = nested[1]?[1]?[1] else { throw UnexpectedValue() }
        guard case .boolean(true)? = nested[1]?[1]?[2] else { throw UnexpectedValue() }
        #expect(tree["counter"]?["a"]?.whole == 2)
        #expect(tree["default"]?["k"]?.numbers == [1, 2])
        #expect(tree["set"]?[0]?.whole == 7)
        #expect(tree["size"]?.numbers == [2, 3])
        #expect(tree["dtype"]?.textual == "torch.float16")
        #expect(tree["device"]?.textual == "cpu")
        guard case .bytes([0, 255, 122])? = tree["bytes"] else { throw UnexpectedValue() }
        #expect(tree["big"]?.textual == "1208925819614629174706176")
        #expect(tree["negative"]?.whole == -1_099_511_627_776)
        #expect(tree["namespace"]?["lr"]?.number == 0.1)
        #expect(tree["namespace"]?["name"]?.textual == "näme")
        #expect(tree["numpy_scalar"]?.number == 3.5)
        #expect(tree["numpy_integer"]?.whole == -7)
        #expect(tree["optimizer"]?["param_groups"]?[0]?["lr"]?.number == 1e-3)
    }

    @Test func theFormatBeforeZipIsRead() throws {
        let tensors = try TorchFile.read(Fixtures.path("torch_legacy.pt")).tensors(source: "x")
        #expect(!tensors.isEmpty)
        #expect(tensors.allSatisfy { $0.doubles()?.allSatisfy(\.isFinite) ?? true })
    }

    @Test(.enabled(if: ReferenceData.isAvailable, "CAIRN_REFERENCE_DATA names no folder"))
    func publishedFilesParse() throws {
        let folder = try #require(ReferenceData.folder)
        let run = try TorchFile.read(
            folder.appendingPathComponent("nn/wd_10-1_mod_addition_loss_curve.pth").path)
        #expect(run["train_losses"]?.elements?.count == 107_791)
        #expect(run["train_losses"]?[2]?.number == 4.772563399629797)
        #expect(run["optimizer"]?["param_groups"]?[0]?["weight_decay"]?.number == 0.1)
        let model = try #require(run["model"]).tensors(source: "model")
        let squares = try model.filter { !$0.name.hasSuffix("mask") }.reduce(0.0) { sum, tensor in
            sum + (try #require(tensor.doubles())).reduce(0) { $0 + $1 * $1 }
        }
        #expect(abs(squares - 1180.9657) < 1e-4)
        let sweep = try TorchFile.read(
            folder.appendingPathComponent("nn/mod_addition_frac_train_sweep.pth").path)
        #expect(sweep[0]?.numbers == [0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.28, 0.25])
        for name in ["A5_MLP_seed2", "C113_MLP_seed1", "D59_MLP_seed1", "S5_MLP_seed2"] {
            let path = folder.appendingPathComponent("rep/\(name)/model.pt").path
            let tensors = try TorchFile.read(path).tensors(source: path)
            #expect(tensors.map(\.name) == ["W_x", "W_y", "W", "W_U"])
            #expect(tensors[2].shape == [512, 128])
        }
    }
}

/// A value of another kind than the test needs.
struct UnexpectedValue: Error {}
