import CheckpointArchive
import Checkpoints
import FlyingFox
import Foundation
import TestSupport
import Testing

@testable import Page

/// What the page answers, without a browser.
@Suite struct PageTests {
    private static let token = "0123456789abcdef"
    private static let hostile = "<script>alert('1')</script>\u{1b}[31m\"&"
    private static let run = "aaaa000000000001"

    private let folder: TemporaryFolder
    private let archive: Archive
    private let handler: PageHandler

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
        let sink = archive.writer()
        try sink.begin(
            RunDescription(
                id: Self.run, name: Self.hostile, createdAt: 1_700_000_000, task: "add",
                network: "mlp", seed: 1,
                hyperparameters: [Hyperparameter("weight_decay", .real(1))],
                parent: nil))
        for step in [0, 10, 20] {
            try sink.save(
                Checkpoint(
                    step: step, weights: [Tensor(name: "w", shape: [1], values: [Float(step)])],
                    metrics: [
                        MetricPoint(name: "train_loss", step: step, value: 1 / Double(step + 1)),
                        MetricPoint(name: Self.hostile, step: step, value: 1),
                    ]))
        }
        try sink.finish(.finished, metrics: [])
        handler = PageHandler(routes: PageRoutes(archive: archive), token: Self.token)
    }

    private func get(
        _ path: String, _ query: [String: String] = [:], host: String = "127.0.0.1:80",
        token: String = PageTests.token, method: HTTPMethod = .GET
    ) async throws -> (status: Int, text: String, response: HTTPResponse) {
        let request = HTTPRequest(
            method: method, version: .http11, path: "/\(token)/\(path)",
            query: query.map { HTTPRequest.QueryItem(name: $0.key, value: $0.value) },
            headers: [.host: host], body: HTTPBodySequence(data: Data()))
        let response = try await handler.handleRequest(request)
        let text = String(decoding: try await response.bodyData, as: UTF8.self)
        return (response.statusCode.code, text, response)
    }

    @Test func onlyThisMachineWithTheTokenComesIn() async throws {
        #expect(try await get("").status == 200)
        for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""] {
            #expect(try await get("", host: host).status == 403)
        }
        for host in ["localhost:9", "[::1]:9", "127.0.0.1"] {
            #expect(try await get("", host: host).status == 200)
        }
        for token in ["", "0123456789abcdee", "0123456789abcdef0"] {
            #expect(try await get("api/runs", token: token).status == 404)
        }
        #expect(try await get("api/runs", method: .POST).status == 405)
        #expect(try await get("../../etc/passwd").status == 404)
    }

    @Test func nothingFromElsewhereMayRun() async throws {
        let answer = try await get("")
        let policy = answer.response.headers[HTTPHeader("Content-Security-Policy")] ?? ""
        #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
        #expect(!answer.text.contains("http") && !answer.text.contains("style="))
        let script = try await get("page.js").text
        #expect(!script.contains("innerHTML") && !script.contains("eval("))
        #expect(!script.contains("https:"))
    }

    @Test func runsAreFilteredSortedAndGrouped() async throws {
        let all = try await get("api/runs")
        #expect(all.status == 200 && all.text.contains(Self.run), "\(all.text)")
        // No character that HTML or a terminal would act on leaves as it is.
        #expect(!all.text.contains("<script") && !all.text.contains("\u{1b}"))
        let none = try await get("api/runs", ["where": "weight_decay > 2"])
        #expect(none.text.contains("\"count\":0"), "\(none.text)")
        let grouped = try await get("api/runs", ["group": "weight_decay"])
        #expect(grouped.status == 200, "\(grouped.text)")
        let wrong = try await get("api/runs", ["where": "weight_decoy > 2"])
        #expect(wrong.status == 400 && wrong.text.contains("weight_decoy"))
        #expect(try await get("api/runs", ["where": "1); DELETE FROM run; --"]).status == 400)
        #expect(try await get("api/runs", ["columns": "nonsense"]).status == 400)
    }

    @Test func picturesComeAsDrawingsWithTheirAxes() async throws {
        let answer = try await get(
            "api/picture", ["name": "loss_curves", "runs": Self.run, "x-range": "5..15"])
        #expect(answer.status == 200, "\(answer.text)")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])
        let svg = try #require(object["svg"] as? String)
        #expect(svg.contains("&lt;script&gt;") && !svg.contains("<script"))
        let panels = try #require(object["panels"] as? [[String: Any]])
        #expect(panels[0]["x"] as? [Double] == [1, 5, 15])
        for format in ["svg", "csv"] {
            let file = try await get(
                "file", ["name": "loss_curves", "runs": Self.run, "format": format])
            #expect(file.status == 200)
            #expect(
                file.response.headers[.contentDisposition]
                    == "attachment; filename=\"loss_curves.\(format)\"")
        }
        let wrong = try await get(
            "api/picture", ["sql": "SELECT 1 AS a", "recipe": "line x=a y=b"])
        #expect(wrong.status == 400 && wrong.text.contains("no column b"))
        #expect(try await get("api/picture", ["name": "nonsense"]).status == 400)
    }

    @Test func onlyNewPointsAreSent() async throws {
        let all = try await get("api/updates", ["run": Self.run, "after": "-1"]).text
        #expect(all.contains("[\"train_loss\",0,1]"), "\(all)")
        let new = try await get("api/updates", ["run": Self.run, "after": "10"]).text
        #expect(!new.contains(",10,") && new.contains("[\"train_loss\",20,"), "\(new)")
    }

    @Test func statementsReadAndEndInTime() async throws {
        let rows = try await get("api/sql", ["sql": "SELECT :a AS a", "p.a": "3"])
        #expect(rows.text.contains("[[3]]"), "\(rows.text)")
        #expect(try await get("api/sql", ["sql": "DELETE FROM run"]).status == 400)
        let long = """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n
            """
        let late = try await get("api/sql", ["sql": long, "timeout": "0.1"])
        #expect(late.status == 400 && late.text.contains("limit"), "\(late.text)")
        // SQLite asks nobody whether to stop while it is inside one call of a function.
        let inside =
            "SELECT instr(hex(zeroblob(300000)), hex(zeroblob(150000)) || '1') AS one"
        let inOneCall = try await get("api/sql", ["sql": inside, "timeout": "0.1"])
        #expect(inOneCall.status == 400 && inOneCall.text.contains("limit"), "\(inOneCall.text)")
        async let running = get("api/sql", ["sql": long, "timeout": "60", "id": "7"])
        // The statement may not have begun at the first request to cancel it.
        let canceller = Task {
            while !Task.isCancelled {
                _ = try await get("api/cancel", ["id": "7"])
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        let cancelled = try await running
        canceller.cancel()
        #expect(cancelled.text.contains("cancelled"), "\(cancelled.text)")
    }

    @Test func schemaAndQuestionsAreOffered() async throws {
        let text = try await get("api/schema").text
        for word in ["runs_wide", "weight_norms", "l2_norm(", "accuracy_curves"] {
            #expect(text.contains(word), "\(word)")
        }
    }
}
