internal import Foundation

/// What was asked, apart from the weights: equal questions have equal answers.
package struct Question: Sendable, Hashable {
    package let kind: AnalysisKind
    /// The settings as a JSON object with sorted keys and no spaces.
    package let parameters: String
    package let split: String?
    package let dtype: String?
    package let seed: Int?
    /// The view that shows the answer.
    package let view: String

    /// A question whose settings are JSON texts by name.
    ///
    /// Stored answers are found by these texts, byte for byte: their form is part of the format.
    init(
        _ kind: AnalysisKind, _ settings: [String: String] = [:], split: ExampleSplit? = nil,
        dtype: String = "float64", seed: Int? = nil, view: String? = nil
    ) {
        self.kind = kind
        parameters =
            "{"
            + settings.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
            .joined(separator: ",") + "}"
        self.split = split?.rawValue
        self.dtype = dtype
        self.seed = seed
        self.view = view ?? kind.view
    }

    /// A text as JSON.
    static func json(_ text: String) -> String {
        let bytes = try? JSONEncoder().encode(text)
        return bytes.map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}

/// The examples that a model-based analysis uses.
package enum ExampleSplit: String, Sendable, CaseIterable {
    /// The rows trained on, with the answers they were trained on.
    case train
    case test
    case all
    /// The rows trained on with their right answers: another than `train` with label noise alone.
    case trainClean = "train_clean"
}
