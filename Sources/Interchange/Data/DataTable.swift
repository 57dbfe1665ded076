internal import Checkpoints
internal import Networks

/// Comma-separated tables with a header as examples: one row each, some columns are the answers.
enum DataTable {
    /// Names of a column that holds the answers where none is given.
    private static let usualAnswers = ["label", "class", "target", "answer", "y"]

    /// Inputs and answers.
    ///
    /// Answers are `int64` where all of them are whole numbers.
    static func read(
        _ bytes: [UInt8], path: String, answers: [String]
    ) throws -> (inputs: Tensor, answers: Tensor) {
        var rows = CommaSeparatedRows(bytes)
        guard let header = try rows.next(in: path) else {
            throw UserError.unreadable(path, "it has no rows")
        }
        guard header.contains(where: { Double($0) == nil }) else {
            throw UserError.unreadable(
                path, "its first line holds numbers instead of the columns' names",
                advice: "write a line of names above them")
        }
        var wanted = answers
        if wanted.isEmpty {
            let found = header.filter { usualAnswers.contains($0.lowercased()) }
            guard found.count == 1 else {
                throw UserError.usage(
                    subject: path,
                    cause: "which of its columns are the answers is not clear",
                    advice: "name them with --answers; the columns are "
                        + header.prefix(20).joined(separator: ", "))
            }
            wanted = found
        }
        if let stranger = wanted.first(where: { name in header.count { $0 == name } != 1 }) {
            throw UserError.usage(
                subject: "column \(stranger)",
                cause: header.contains(stranger)
                    ? "\(path) has it more than once" : "\(path) does not have it",
                advice: "the columns are \(header.prefix(20).joined(separator: ", "))")
        }
        let answerPlaces = wanted.compactMap { header.firstIndex(of: $0) }
        let inputPlaces = header.indices.filter { !answerPlaces.contains($0) }
        var (inputs, targets) = ([Double](), [Double]())
        var count = 0
        while let fields = try rows.next(in: path) {
            guard fields.count == header.count else {
                throw UserError.unreadable(
                    path,
                    "row \(count + 1) has \(fields.count) fields, the header has "
                        + "\(header.count)")
            }
            func number(_ place: Int) throws -> Double {
                let text = fields[place].filter { $0 != " " }
                guard let value = Double(text), value.isFinite else {
                    throw UserError.unreadable(
                        path,
                        "row \(count + 1) has '\(fields[place])' in the column "
                            + "\(header[place])", advice: "all columns must be numbers")
                }
                return value
            }
            for place in inputPlaces { inputs.append(try number(place)) }
            for place in answerPlaces { targets.append(try number(place)) }
            count += 1
        }
        let shape = answerPlaces.count == 1 ? [count] : [count, answerPlaces.count]
        let isWhole = targets.allSatisfy { $0 == $0.rounded() && $0.magnitude < 0x1p53 }
        return (
            Tensor(
                name: DataArray.inputs, shape: [count, inputPlaces.count], values: inputs),
            isWhole
                ? Tensor(name: DataArray.answers, shape: shape, values: targets.map { Int64($0) })
                : Tensor(name: DataArray.answers, shape: shape, values: targets)
        )
    }
}
