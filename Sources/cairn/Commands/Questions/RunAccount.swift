internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// What the archive kept of how a run came in: what of its source is not stored, and why.
struct RunAccount {
    /// The JSON object as it is stored.
    let json: JSONValue
    private let content: Content

    private struct Content: Decodable {
        struct LeftOut: Decodable {
            let cause: String
            let count: Int
            let first: String
        }
        let leftOut: [LeftOut]?
        let notes: [String]?
    }

    /// The account of a run; nil where none was kept.
    init?(of run: String, in archive: Archive) throws {
        guard let text = try archive.note(.account, of: run) else { return nil }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        json = try JSONValue(parsing: Array(text.utf8))
        content = try decoder.decode(Content.self, from: Data(text.utf8))
    }

    /// What is not stored, one row for each cause.
    var leftOut: [[ScalarValue]] {
        (content.leftOut ?? []).map { [.text($0.cause), ScalarValue($0.count), .text($0.first)] }
    }

    var notes: [[ScalarValue]] { (content.notes ?? []).map { [.text($0)] } }

    /// Prints what is not stored and what was assumed, where there is any.
    func printReport(with writer: (Output) -> any RowWriter) throws {
        if !leftOut.isEmpty {
            try Output.standard.write("\n")
            try writer(.standard).write(columns: ["not stored", "times", "first"], rows: leftOut)
        }
        if !notes.isEmpty {
            try Output.standard.write("\n")
            try writer(.standard).write(columns: ["note"], rows: notes)
        }
    }
}
