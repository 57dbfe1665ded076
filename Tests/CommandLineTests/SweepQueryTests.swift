import ArchiveSchema
import Checkpoints
import Foundation
import TestSupport
import Testing

/// The runs of one sweep among those of others, by saved questions.
@Suite struct SweepQueryTests {
    @Test func savedQuestionsAskAboutOneSweep() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "alone")
        for name in ["first", "second"] {
            let file = fixture.folder.url.appendingPathComponent("\(name).yaml")
            try """
            name: \(name)
            settings: {modulus: 7, network: mlp, embedding_width: 4, hidden_width: 8, steps: 20}
            grid: {train_fraction: [0.5, 0.6], weight_decay: [1, 2]}
            """.write(to: file, atomically: true, encoding: .utf8)
            let swept = try fixture.cairn(["sweep", file.path, "--quiet"])
            try #require(swept.exitCode == 0, "\(swept.error)")
        }
        func names(_ parameters: [String]) throws -> [String] {
            try objects(fixture.cairn(["query", "runs", "--json"] + parameters).output)
                .compactMap { $0["name"] as? String }
        }
        #expect(try names([]).count == 9)
        #expect(try names(["-p", "sweep=*"]).count == 9)
        #expect(try names(["-p", "sweep=first"]).allSatisfy { $0.hasPrefix("first/") })
        #expect(try names(["-p", "sweep=first"]).count == 4)
        #expect(try names(["-p", "sweep=[fs]*"]).count == 8)
        try fixture.expectRefusal(
            ["query", "runs", "-p", "sweep=none"], exitCode: 1, mentions: ["no such sweep"])
        for query in ["time_by_fraction", "time_by_weight_decay", "share_grokked"] {
            func total(_ column: String, _ parameters: [String]) throws -> Int {
                try objects(fixture.cairn(["query", query, "--json"] + parameters).output)
                    .compactMap { $0[column] as? Int }.reduce(0, +)
            }
            // The second sweep repeats the first bit by bit: each of its runs is one of those again.
            #expect(try total("runs", []) == 5, "\(query)")
            #expect(try total("copies", []) == 4, "\(query)")
            #expect(try total("runs", ["-p", "sweep=second"]) == 4, "\(query)")
            #expect(try total("copies", ["-p", "sweep=second"]) == 0, "\(query)")
        }
        // These have no answer on runs that learn nothing, but the filter has to be understood.
        for query in SavedQuery.all where query.parameters.contains(where: { $0.name == "sweep" }) {
            let asked = try fixture.cairn(["query", query.name, "-p", "sweep=first"])
            #expect(asked.exitCode == 0, "\(query.name): \(asked.error)")
        }
    }
}
