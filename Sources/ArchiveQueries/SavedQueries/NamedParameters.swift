package import Checkpoints

/// Parameters of questions that name something in the archive.
package enum NamedParameters {
    /// What a parameter's value has to be the name of.
    private struct Kind {
        let cause: String
        /// A statement whose only column is `name`.
        let names: String
        /// Whether the questions take the value as a pattern.
        var isPattern = false
    }

    private static let kinds: [String: Kind] = [
        "metric": Kind(
            cause: "no run has such a curve", names: "SELECT DISTINCT name FROM metric_summaries"),
        "setting": Kind(
            cause: "no run has such a setting", names: "SELECT DISTINCT name FROM hyperparameters"),
        // Analyses know a few that no run stores.
        "tensor": Kind(
            cause: "no run has such a tensor",
            names: "SELECT name FROM tensors UNION "
                + "VALUES ('total'), ('logits'), ('hidden'), ('neuron_logit_map')",
            isPattern: true),
        "sweep": Kind(
            cause: "there is no such sweep",
            names: "SELECT DISTINCT value AS name FROM hyperparameters WHERE name = 'sweep'",
            isPattern: true),
    ]

    /// Refuses a value that names nothing, because its answer would be an empty table without a word.
    ///
    /// Errors: nothing of that name, with near names.
    package static func check(
        _ values: [String: ScalarValue], in session: SQLSession
    ) throws {
        for (parameter, value) in values.sorted(by: { $0.key < $1.key }) {
            guard let kind = kinds[parameter], let text = value.string else { continue }
            let names = try session.rows(kind.names).compactMap { $0[0].string }
            if names.contains(text) || kind.isPattern && text == "*" { continue }
            if kind.isPattern {
                let matches = try session.rows(
                    "WITH known (name) AS (\(kind.names)) "
                        + "SELECT 1 FROM known WHERE name GLOB :text LIMIT 1",
                    parameters: ["text": value])
                if !matches.isEmpty { continue }
            }
            let near = NearNames.nearest(to: text, in: names)
            throw UserError.missing(
                subject: "parameter \(parameter)=\(text)", cause: kind.cause,
                advice: near.isEmpty
                    ? names.isEmpty
                        ? "" : "there are \(names.sorted().prefix(12).joined(separator: ", "))"
                    : "did you mean \(near.joined(separator: " or "))?")
        }
    }
}
