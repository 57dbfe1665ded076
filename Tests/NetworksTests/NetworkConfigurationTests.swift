import Checkpoints
import Foundation
import Networks
import Testing

@Suite("Network configuration")
struct NetworkConfigurationTests {
    @Test("survives JSON for every kind", arguments: NetworkConfiguration.Kind.allCases)
    func roundTrip(kind: NetworkConfiguration.Kind) throws {
        var network = NetworkConfiguration.defaults(for: kind)
        network.initializationScale = 2
        if kind == .transformer {
            network.layers = 2
            network.normalization = .post
            network.positions = .sinusoidal
            network.dropout = 0.1
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(network), as: UTF8.self)
        #expect(text.contains("\"initialization_scale\":2"))
        let decoded = try JSONDecoder().decode(NetworkConfiguration.self, from: Data(text.utf8))
        #expect(decoded == network)
    }

    @Test("takes the kind's defaults for absent keys")
    func absentKeys() throws {
        let decoded = try JSONDecoder().decode(
            NetworkConfiguration.self, from: Data(#"{"kind":"one_hot","hidden_width":64}"#.utf8))
        #expect(decoded.activation == .quadratic)
        #expect(decoded.hiddenWidth == 64)
    }

    @Test(
        "refuses settings that the kind does not use",
        arguments: [
            (#"{"kind":"mlp","layers":2}"#, "layers", "mlp"),
            (#"{"kind":"mlp","dropout":0.1}"#, "dropout", "mlp"),
            (#"{"kind":"one_hot","embedding_width":8}"#, "embedding_width", "one_hot"),
            (#"{"kind":"one_hot","tied":true}"#, "tied", "one_hot"),
            (#"{"hidden_width":8}"#, "hidden_width", "transformer"),
        ])
    func unusedSettings(json: String, setting: String, kind: String) {
        #expect(
            throws: UserError.usage(
                subject: "network setting \(setting)", cause: "the network \(kind) does not use it",
                advice: "leave it out or choose another network")
        ) { try JSONDecoder().decode(NetworkConfiguration.self, from: Data(json.utf8)) }
    }

    @Test("reads what each kind writes", arguments: NetworkConfiguration.Kind.allCases)
    func everyKindRoundTrips(kind: NetworkConfiguration.Kind) throws {
        let network = NetworkConfiguration.defaults(for: kind)
        let decoded = try JSONDecoder().decode(
            NetworkConfiguration.self, from: JSONEncoder().encode(network))
        #expect(decoded == network)
    }

    @Test("names heads that do not divide the width and offers some that do")
    func headsDivideWidth() {
        let network = NetworkConfiguration(width: 128, heads: 5)
        #expect(
            throws: UserError.usage(
                subject: "heads 5", cause: "they do not divide the width 128",
                advice: "choose heads that divide the width, for example 4")
        ) { try network.validate() }
    }

    @Test("refuses sizes below one and a dropout of one")
    func outOfRange() {
        #expect(throws: UserError.self) { try NetworkConfiguration(layers: 0).validate() }
        #expect(throws: UserError.self) { try NetworkConfiguration(width: 0).validate() }
        #expect(throws: UserError.self) { try NetworkConfiguration(mlpWidth: -3).validate() }
        #expect(throws: UserError.self) { try NetworkConfiguration(dropout: 1).validate() }
        #expect(throws: UserError.self) {
            try NetworkConfiguration(initializationScale: .nan).validate()
        }
    }
}
