import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

@testable import Interchange

/// A mapping names every tensor of its network, and no other.
@Suite struct MappingTests {
    private let source = TensorSource(
        path: "file",
        tensors: [("l", [7, 4]), ("r", [7, 4]), ("h", [8, 8]), ("o", [7, 8])].map { name, shape in
            (name, StoredTensor(elementType: .float32, shape: shape) { [] })
        })

    private func mapping(_ tensors: [(String, Value?)]) throws -> NetworkMapping {
        try NetworkMapping(
            .object([
                (
                    "network",
                    .object([
                        ("kind", .text("mlp")), ("embedding_width", .integer(4)),
                        ("hidden_width", .integer(8)),
                    ])
                ), ("tensors", .object(tensors)),
            ]), path: "map.yaml")
    }

    private let turned = Value.object([
        ("from", .text("o")), ("axes", .list([.integer(1), .integer(0)])),
    ])

    @Test func aWholeMappingIsANetworkAndSquaresAreSaid() throws {
        let model = try mapping([
            ("left_embedding", .text("l")), ("right_embedding", .text("r")), ("hidden", .text("h")),
            ("unembedding", turned),
        ]).model(source)
        #expect(model.vocabulary == 7 && model.classCount == 7)
        #expect(model.notes.contains { $0.contains("h is square") }, "\(model.notes)")
    }

    @Test func whatDoesNotFitIsAnError() throws {
        let whole: [(String, Value?)] = [
            ("left_embedding", .text("l")), ("right_embedding", .text("r")), ("hidden", .text("h")),
        ]
        for (tensors, word) in [
            (whole, "unembedding: the mapping does not name it"),
            (whole + [("unembedding", .text("o"))], "axes: [1, 0]"),
            (whole + [("unembedding", turned), ("head", .text("o"))], "no such tensor"),
        ] {
            let error = #expect(throws: UserError.self) { try mapping(tensors).model(source) }
            #expect(error?.description.contains(word) == true, "\(String(describing: error))")
        }
    }

    @Test func turningASquareIsWhatItsAxesSay() throws {
        let whole: [(String, Value?)] = [
            ("left_embedding", .text("l")), ("right_embedding", .text("r")),
            ("unembedding", turned),
        ]
        let open = try mapping(whole + [("hidden", .text("h"))])
        let said = try mapping(
            whole + [
                (
                    "hidden",
                    .object([
                        ("from", .text("h")), ("axes", .list([.integer(1), .integer(0)])),
                    ])
                )
            ])
        #expect(try open.model(source).openSquares == ["hidden"])
        #expect(try said.model(source).openSquares.isEmpty)
        #expect(
            Set(open.turning(["hidden"]).recipes.map { "\($0)" })
                == Set(said.recipes.map { "\($0)" }))
    }

    /// Biases of the hidden layer and the output are part of the kinds of one hidden layer.
    @Test(arguments: [NetworkConfiguration.Kind.mlp, .oneHot])
    func networksOfOneHiddenLayerHaveBiases(kind: NetworkConfiguration.Kind) throws {
        var network = NetworkConfiguration.defaults(for: kind)
        let plain = String(decoding: try JSONEncoder().encode(network), as: UTF8.self)
        #expect(!plain.contains("bias"))
        (network.mlpBiases, network.unembeddingBias) = (true, true)
        let copy = try JSONDecoder().decode(
            NetworkConfiguration.self, from: JSONEncoder().encode(network))
        #expect(copy == network)
        let layout = ParameterLayout(
            network, TokenSpace(vocabulary: 5, length: 2, classCount: 5))
        #expect(layout.entry("hidden_bias")?.shape == [network.hiddenWidth])
        #expect(layout.entry("unembedding_bias")?.shape == [5])
        // Cairn's own names are recognised with them.
        let own = TensorSource(
            path: "file",
            tensors: layout.entries.map { entry in
                (entry.name, StoredTensor(elementType: .float32, shape: entry.shape) { [] })
            })
        let model = try #require(try ForeignModel(own, settings: nil))
        #expect(model.network == network)
        let template = try NetworkMapping.template(kind)
        #expect(template.contains("#  hidden_bias: {from: NAME}"), "\(template)")
        #expect(template.contains("#  unembedding_bias: {from: NAME}"), "\(template)")
    }

    @Test(arguments: NetworkConfiguration.Kind.allCases)
    func aTemplateNamesEveryTensor(kind: NetworkConfiguration.Kind) throws {
        let text = try NetworkMapping.template(kind)
        let network = NetworkConfiguration.defaults(for: kind)
        let layout = ParameterLayout(
            network, TokenSpace(vocabulary: 97, length: 2, classCount: 97))
        for entry in layout.entries {
            let name = entry.name.replacingOccurrences(of: "blocks.0", with: "blocks.{layer}")
            #expect(text.contains("  \(name): {from: NAME"), "\(entry.name)")
        }
    }
}
