internal import ArchiveQueries
internal import ArchiveSchema
internal import Checkpoints
internal import Figures
internal import Foundation

/// A picture as the page asks for it: by name or by statement, for a visible range and a size.
struct PictureRequest {
    private let picture: Picture?
    private let statement: String
    private let recipe: PictureRecipe
    private let runs: [String]
    private let given: [String: ScalarValue]
    let style: SVGStyle

    init(_ query: [String: String]) throws {
        statement = query["sql"] ?? ""
        runs = (query["runs"] ?? "").split(separator: ",").map(String.init)
        given = Self.parameters(query)
        var recipe: PictureRecipe
        if let name = query["name"], !name.isEmpty {
            let picture = try Picture.find(name)
            self.picture = picture
            recipe = picture.recipe
        } else {
            picture = nil
            recipe = try FigureError.asUserError {
                try PictureRecipe(written: query["recipe"] ?? "")
            }
        }
        for name in ["x-scale", "y-scale", "x-range", "y-range"] {
            guard let value = query[name], !value.isEmpty else { continue }
            try FigureError.asUserError { try recipe.set(name, value) }
        }
        self.recipe = recipe
        // What is wider than a screen is as good as a screen.
        let pixels = min(max(query["width"].flatMap(Double.init) ?? 640, 200), 2600)
        var style = SVGStyle(width: pixels / 4.4)
        style.isDark = query["dark"] == "1"
        style.prefix =
            "f" + (query["prefix"] ?? "").filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        self.style = style
    }

    /// The values of `p.NAME`.
    static func parameters(_ query: [String: String]) -> [String: ScalarValue] {
        var values: [String: ScalarValue] = [:]
        for (name, value) in query where name.hasPrefix("p.") {
            values[String(name.dropFirst(2))] = ScalarValue(written: value)
        }
        return values
    }

    var sql: String { picture?.query.sql ?? statement }
    var notes: String { picture?.query.notes ?? "" }
    var fileName: String { picture?.query.name ?? "picture" }

    /// On paper: white, in the width of a column.
    var paperStyle: SVGStyle { SVGStyle() }

    private func values(in session: SQLSession) throws -> [String: ScalarValue] {
        guard let picture else { return given }
        let known = Set(picture.query.parameters.map(\.name))
        return try picture.values(
            runs: picture.subject == .archive ? [] : runs,
            given: given.filter { known.contains($0.key) || $0.key == "sweep" }, in: session)
    }

    func cursor(in session: SQLSession) throws -> SQLCursor {
        let values = try values(in: session)
        guard let picture else { return try session.cursor(statement, parameters: values) }
        return try picture.query.cursor(in: session, parameters: values)
    }

    func figure(in session: SQLSession) throws -> Figure {
        var figure: Figure
        if let picture {
            figure = try picture.figure(
                in: session, values: values(in: session), recipe: recipe)
        } else {
            let table = try DataTable(cursor(in: session))
            figure = try FigureError.asUserError { try Figure(table, recipe: recipe) }
        }
        // A range that was zoomed into leaves points out, as the reader knows.
        figure.countsClipped = false
        return figure
    }
}

/// Rows as comma-separated values (RFC 4180 with LF line ends), as `--csv` prints them.
struct CSVText {
    private(set) var text = ""

    init(_ cursor: SQLCursor) throws {
        text = cursor.columns.map(Self.quoted).joined(separator: ",") + "\n"
        while let row = try cursor.next() {
            text +=
                row.map { value in
                    if case .text(let text) = value { Self.quoted(text) } else { value.written }
                }.joined(separator: ",") + "\n"
        }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && !text.utf8.contains { [0x22, 0x2c, 0x0a, 0x0d, 0x20].contains($0) }
        return isPlain ? text : "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
