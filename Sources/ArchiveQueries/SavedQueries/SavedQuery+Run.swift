package import ArchiveSchema
package import Checkpoints

extension SavedQuery {
    /// The query of a name, or an error that lists near names.
    package static func find(_ name: String) throws -> SavedQuery {
        if let query = named(name) { return query }
        let near = NearNames.nearest(to: name, in: all.map(\.name))
        throw UserError.usage(
            subject: "query \(name)", cause: "there is none of this name",
            advice: near.isEmpty
                ? "list them with cairn query" : "did you mean \(near.joined(separator: " or "))?")
    }

    /// Starts the query; parameters that are not given take the value of the file.
    package func cursor(
        in session: SQLSession, parameters given: [String: ScalarValue] = [:]
    ) throws -> SQLCursor {
        var values = given
        for parameter in parameters where given[parameter.name] == nil {
            guard let text = parameter.defaultText else {
                throw UserError.usage(
                    subject: "query \(name)", cause: "its parameter \(parameter.name) has no value",
                    advice: "give it with -p \(parameter.name)=… (\(parameter.description))")
            }
            values[parameter.name] = ScalarValue(written: text)
        }
        let names = parameters.map(\.name)
        if let extra = given.keys.sorted().first(where: { !names.contains($0) }) {
            let near = NearNames.nearest(to: extra, in: names)
            throw UserError.usage(
                subject: "query \(name)", cause: "it has no parameter \(extra)",
                advice: near.isEmpty ? "" : "did you mean \(near.joined(separator: " or "))?")
        }
        return try session.cursor(sql, parameters: values)
    }
}
