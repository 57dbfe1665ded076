internal import ArchiveQueries
internal import ArchiveSchema
package import CheckpointArchive
internal import Checkpoints
internal import Figures
internal import Foundation
internal import Synchronization

/// What each address of the page answers.
package final class PageRoutes: Sendable {
    private let archive: Archive
    /// Statements that run for somebody, by the number that the browser gave them.
    private let running = Mutex<[String: Interruption]>([:])

    package init(archive: Archive) { self.archive = archive }

    /// Answers one request, on the caller's thread.
    package func answer(_ path: String, _ query: [String: String]) -> PageAnswer {
        do {
            switch path {
            case "":
                return file(PackageResources.page_html, "text/html; charset=utf-8")
            case "page.js":
                return file(PackageResources.page_js, "text/javascript; charset=utf-8")
            case "page.css":
                return file(PackageResources.page_css, "text/css; charset=utf-8")
            case "api/runs": return try runs(query)
            case "api/run": return try run(query)
            case "api/pictures": return try pictures()
            case "api/picture": return try picture(query)
            case "api/updates": return try updates(query)
            case "api/sql": return try statement(query)
            case "api/schema": return try schema()
            case "api/cancel":
                let interruption = running.withLock { $0[query["id"] ?? ""] }
                interruption?.request()
                return .json("{}")
            case "file": return try download(query)
            default: return .failure(404, "there is nothing at \(path)")
            }
        } catch let error as any UserErrorConvertible {
            return .failure(400, error.description)
        } catch is Interrupted {
            return .failure(400, "the statement was cancelled")
        } catch {
            return .failure(500, "\(error)")
        }
    }

    private func file(_ bytes: [UInt8], _ type: String) -> PageAnswer {
        PageAnswer(type: type, body: Data(bytes))
    }

    /// Runs `body` with a session; it ends when `id` is cancelled or its time is over.
    private func withSession<Value: Sendable>(
        _ query: [String: String], seconds: Double = 30,
        _ body: @escaping @Sendable (SQLSession) throws -> Value
    ) throws -> Value {
        let interruption = Interruption()
        let id = query["id"] ?? ""
        if !id.isEmpty { running.withLock { $0[id] = interruption } }
        defer { if !id.isEmpty { running.withLock { $0[id] = nil } } }
        let limit = min(max(query["timeout"].flatMap(Double.init) ?? seconds, 0.05), 3600)
        return try TimedWork.run(within: .seconds(limit), interruption: interruption) {
            [archive] in
            let session = try SQLSession(
                archive: archive, options: SQLSession.Options(timeLimit: .seconds(limit)),
                interruption: interruption)
            return try body(session)
        }
    }

    // MARK: Rows

    /// At most `limit` rows as JSON arrays, and whether there are more.
    private static func rows(_ cursor: SQLCursor, limit: Int) throws -> String {
        var lines: [String] = []
        var isCut = false
        while let row = try cursor.next() {
            guard lines.count < limit else {
                isCut = true
                break
            }
            lines.append("[" + row.map(Self.json).joined(separator: ",") + "]")
        }
        return JSONWriting.object([
            ("columns", JSONWriting.array(cursor.columns)),
            ("rows", "[" + lines.joined(separator: ",") + "]"), ("cut", isCut ? "true" : "false"),
        ])
    }

    private static func json(_ value: ScalarValue) -> String {
        switch value {
        case .null: "null"
        case .boolean, .integer: value.written
        case .real(let real): JSONWriting.number(real)
        case .text(let text): JSONWriting.string(text)
        case .blob(let bytes): JSONWriting.string("\(bytes.count) bytes")
        }
    }

    /// The table of runs: a condition and an order in SQL's own words, groups by settings.
    private func runs(_ query: [String: String]) throws -> PageAnswer {
        try withSession(query) { session in
            let condition = query["where"].flatMap { $0.isEmpty ? nil : $0 } ?? "1"
            let names = try session.cursor("SELECT * FROM runs_wide LIMIT 0").columns
            func checked(_ text: String?) throws -> [String] {
                let wanted = (text ?? "").split(separator: ",").map(String.init)
                if let wrong = wanted.first(where: { !names.contains($0) }) {
                    let near = NearNames.nearest(to: wrong, in: names)
                    throw UserError.usage(
                        subject: "column \(wrong)", cause: "runs have no such setting or measure",
                        advice: near.isEmpty
                            ? "" : "did you mean \(near.joined(separator: " or "))?")
                }
                return wanted
            }
            let groups = try checked(query["group"])
            var columns = try checked(query["columns"])
            if columns.isEmpty {
                columns =
                    ["name", "status", "task", "network", "seed", "last_step"]
                    + names.filter {
                        (names.contains("last_test_accuracy")
                            ? ["last_train_accuracy", "last_test_accuracy"]
                            : ["last_train_loss", "last_test_loss"]).contains($0)
                    }
            }
            var sort = query["sort"] ?? ""
            if sort.isEmpty || !(names + ["runs"]).contains(sort) {
                sort = groups.isEmpty ? "created_at" : "runs"
            }
            let direction = query["ascending"] == "1" ? "ASC" : "DESC"
            let quoted = SQLSession.quoted
            let offset = max(0, Int(query["offset"] ?? "") ?? 0)
            let selection: String
            if groups.isEmpty {
                selection =
                    "SELECT run, \(columns.map(quoted).joined(separator: ", ")) FROM runs_wide "
                    + "WHERE (\(condition)\n) ORDER BY \(quoted(sort)) \(direction), run "
                    + "LIMIT 100 OFFSET \(offset)"
            } else {
                let keys = groups.map(quoted).joined(separator: ", ")
                let medians = columns.filter { !groups.contains($0) && $0.hasPrefix("last_") }
                    .map { ", median(\(quoted($0))) AS \(quoted("median " + $0))" }.joined()
                let order = groups.contains(sort) ? quoted(sort) : "runs"
                selection =
                    "SELECT json_group_array(run) AS run, \(keys), count(*) AS runs\(medians) "
                    + "FROM runs_wide WHERE (\(condition)\n) GROUP BY \(keys) "
                    + "ORDER BY \(order) \(direction) LIMIT 100 OFFSET \(offset)"
            }
            let count = try session.rows("SELECT count(*) FROM runs_wide WHERE (\(condition)\n)")
            return .json(
                JSONWriting.object([
                    ("count", Self.json(count[0][0])), ("names", JSONWriting.array(names)),
                    ("table", try Self.rows(session.cursor(selection), limit: 100)),
                ]))
        }
    }

    private func run(_ query: [String: String]) throws -> PageAnswer {
        try withSession(query) { session in
            let run: [String: ScalarValue] = ["run": .text(query["run"] ?? "")]
            let facts = try session.cursor("SELECT * FROM runs WHERE run = :run", parameters: run)
            return .json(
                JSONWriting.object([
                    ("facts", try Self.rows(facts, limit: 1)),
                    (
                        "settings",
                        try Self.rows(
                            session.cursor(
                                """
                                SELECT name, value FROM hyperparameters WHERE run = :run
                                ORDER BY position
                                """, parameters: run), limit: 1000)
                    ),
                    (
                        "checkpoints",
                        try Self.rows(
                            session.cursor(
                                """
                                SELECT step, file, bytes, digest, has_optimizer_state
                                FROM checkpoints WHERE run = :run ORDER BY step
                                """, parameters: run), limit: 100_000)
                    ),
                ]))
        }
    }

    /// The points that came after those that the browser has, and nothing else.
    private func updates(_ query: [String: String]) throws -> PageAnswer {
        try withSession(query) { session in
            let after = Int(query["after"] ?? "") ?? -1
            let run: [String: ScalarValue] = ["run": .text(query["run"] ?? "")]
            let status = try session.rows(
                "SELECT status, last_step FROM runs WHERE run = :run", parameters: run)
            let cursor = try session.cursor(
                """
                SELECT name, step, value FROM metrics
                WHERE run = :run AND name IN (SELECT name FROM metric_summaries WHERE run = :run)
                    AND step > :after
                ORDER BY step
                """, parameters: run.merging(["after": .integer(after)]) { $1 })
            return .json(
                JSONWriting.object([
                    ("status", status.first.map { Self.json($0[0]) } ?? "null"),
                    ("points", try Self.rows(cursor, limit: 20_000)),
                ]))
        }
    }

    private func statement(_ query: [String: String]) throws -> PageAnswer {
        try withSession(query, seconds: 10) { session in
            let cursor: SQLCursor
            if let name = query["name"], !name.isEmpty {
                cursor = try SavedQuery.find(name).cursor(
                    in: session, parameters: PictureRequest.parameters(query))
            } else {
                cursor = try session.cursor(
                    query["sql"] ?? "", parameters: PictureRequest.parameters(query))
            }
            return .json(try Self.rows(cursor, limit: 1000))
        }
    }

    private func schema() throws -> PageAnswer {
        try withSession([:]) { session in
            let views = try session.cursor(
                """
                SELECT v.name, (SELECT group_concat(c.name, ' ') FROM pragma_table_info(v.name) AS c)
                FROM sqlite_schema AS v WHERE v.type = 'view' ORDER BY v.name
                """)
            let functions = FunctionCatalogue.all.map { function in
                "[" + JSONWriting.string(function.signature) + ","
                    + JSONWriting.string(function.result) + "]"
            }
            let questions = SavedQuery.all.map { query in
                JSONWriting.object([
                    ("name", JSONWriting.string(query.name)),
                    ("question", JSONWriting.string(query.question)),
                    ("notes", JSONWriting.string(query.notes)),
                    ("sql", JSONWriting.string(query.sql)),
                    ("picture", JSONWriting.string(query.picture?.recipe ?? "")),
                    (
                        "parameters",
                        "["
                            + query.parameters.map { parameter in
                                JSONWriting.object([
                                    ("name", JSONWriting.string(parameter.name)),
                                    (
                                        "value",
                                        parameter.defaultText.map(JSONWriting.string) ?? "null"
                                    ),
                                    ("text", JSONWriting.string(parameter.description)),
                                ])
                            }.joined(separator: ",") + "]"
                    ),
                ])
            }
            return .json(
                JSONWriting.object([
                    ("views", try Self.rows(views, limit: 1000)),
                    ("functions", "[" + functions.joined(separator: ",") + "]"),
                    ("questions", "[" + questions.joined(separator: ",") + "]"),
                ]))
        }
    }

    // MARK: Pictures

    private func pictures() throws -> PageAnswer {
        let pictures = try Picture.all.map { query in
            let picture = try Picture(query)
            return JSONWriting.object([
                ("name", JSONWriting.string(query.name)),
                ("question", JSONWriting.string(query.question)),
                ("ofOneRun", picture.subject == .oneRun ? "true" : "false"),
                ("parameters", JSONWriting.array(query.parameters.map(\.name))),
            ])
        }
        return .json("[" + pictures.joined(separator: ",") + "]")
    }

    private func picture(_ query: [String: String]) throws -> PageAnswer {
        let request = try PictureRequest(query)
        let figure = try withSession(query) { try request.figure(in: $0) }
        let drawing = SVGDrawing(figure, style: request.style)
        func axis(_ scale: Scale) -> String {
            let kind: Double =
                switch scale.kind {
                case .linear: 0.0
                case .logarithmic: -1
                case .symmetricLogarithmic(let unit): unit
                }
            return "["
                + [kind, scale.lower, scale.upper].map(JSONWriting.number)
                .joined(separator: ",") + "]"
        }
        let panels = drawing.panels.map { panel in
            JSONWriting.object([
                (
                    "frame",
                    "[\(panel.frame.left),\(panel.frame.top),\(panel.frame.width),"
                        + "\(panel.frame.height)]"
                ), ("x", axis(panel.x)), ("y", axis(panel.y)),
            ])
        }
        return .json(
            JSONWriting.object([
                ("svg", JSONWriting.string(drawing.text)),
                ("panels", "[" + panels.joined(separator: ",") + "]"),
                ("sql", JSONWriting.string(request.sql)),
                ("notes", JSONWriting.string(request.notes)),
            ]))
    }

    /// A picture as a file, or the rows behind it.
    private func download(_ query: [String: String]) throws -> PageAnswer {
        let request = try PictureRequest(query)
        let name = request.fileName
        switch query["format"] ?? "svg" {
        case "csv":
            let text = try withSession(query) { try CSVText(request.cursor(in: $0)).text }
            return PageAnswer(
                type: "text/csv; charset=utf-8", body: Data(text.utf8), fileName: name + ".csv")
        case "pdf":
            let figure = try withSession(query) { try request.figure(in: $0) }
            let bytes = try VectorConversion.converted(
                SVGDrawing(figure, style: request.paperStyle).text, to: .pdf)
            return PageAnswer(
                type: "application/pdf", body: Data(bytes), fileName: name + ".pdf")
        default:
            let figure = try withSession(query) { try request.figure(in: $0) }
            let text = SVGDrawing(figure, style: request.paperStyle).text
            return PageAnswer(
                type: "image/svg+xml; charset=utf-8", body: Data(text.utf8), fileName: name + ".svg"
            )
        }
    }
}
