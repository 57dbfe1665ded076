import Foundation
import TestSupport
import Testing

/// Runs as the libraries of the field leave them come in value by value: curves, settings, and the
/// bytes of each tensor at each step, by their SHA-256.
///
/// `make_libraries.py` beside the files made them and wrote down what they hold.
@Suite struct LibraryRunTests {
    private struct Run: Decodable {
        let name: String
        /// The type, the shape and the SHA-256 of each tensor, by step and name.
        let checkpoints: [String: [String: TensorContent]]
        /// Steps and values, by name; values are written out, because JSON has no NaN.
        let curves: [String: [Point]]
        let settings: [String: String]
    }

    private struct TensorContent: Decodable, Equatable {
        let dtype: String
        let shape: [Int]
        let digest: String

        init(dtype: String, shape: [Int], digest: String) {
            (self.dtype, self.shape, self.digest) = (dtype, shape, digest)
        }

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            dtype = try list.decode(String.self)
            shape = try list.decode([Int].self)
            digest = try list.decode(String.self)
        }
    }

    private struct Point: Decodable {
        let step: Int
        let value: Double

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            step = try list.decode(Int.self)
            value = Double(try list.decode(String.self)) ?? .infinity
        }
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("InterchangeTests/Fixtures")

    private static let expected: [String: [Run]] = {
        let file = folder.appendingPathComponent("libraries_expected.json")
        let content = try? JSONDecoder().decode([String: [Run]].self, from: Data(contentsOf: file))
        return content ?? [:]
    }()

    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    private func rows(_ statement: String) throws -> [[String: Any]] {
        try objects(fixture.cairn(["sql", statement, "--json"]).output)
    }

    @Test func allAreThere() { #expect(Self.expected.count == 13) }

    @Test(arguments: expected.keys.sorted()) func comesInWhole(path: String) throws {
        let source = Self.folder.appendingPathComponent("libraries/\(path)").path
        let imported = try fixture.cairn(["import", source])
        #expect(imported.exitCode == 0, "\(imported.error)")
        let expected = try #require(Self.expected[path])
        let runs = try rows("SELECT name, run FROM runs")
        #expect(
            Set(runs.compactMap { $0["name"] as? String }) == Set(expected.map(\.name)),
            "\(imported.error)")
        for run in expected {
            let id = try #require(
                runs.first { $0["name"] as? String == run.name }?["run"] as? String)
            try compareTensors(of: id, with: run)
            try compareCurves(of: id, with: run)
            let settings = try rows("SELECT name, value FROM hyperparameters WHERE run = '\(id)'")
            for (name, value) in run.settings {
                let found = settings.first { $0["name"] as? String == name }?["value"]
                #expect(found.map { "\($0)" } == value, "\(name) of \(run.name)")
            }
        }
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    private func compareTensors(of id: String, with run: Run) throws {
        var found: [String: [String: TensorContent]] = [:]
        for row in try rows(
            """
            SELECT d.step, d.tensor, t.dtype, t.shape, d.digest FROM tensor_digests AS d
            JOIN tensors AS t ON t.run = d.run AND t.name = d.tensor WHERE d.run = '\(id)'
            """)
        {
            let shape = try JSONDecoder().decode(
                [Int].self, from: Data((row["shape"] as? String ?? "").utf8))
            found[String(row["step"] as? Int ?? -1), default: [:]][row["tensor"] as? String ?? ""] =
                TensorContent(
                    dtype: row["dtype"] as? String ?? "", shape: shape,
                    digest: row["digest"] as? String ?? "")
        }
        #expect(found == run.checkpoints, "\(run.name)")
    }

    private func compareCurves(of id: String, with run: Run) throws {
        for (name, points) in run.curves {
            // As text: every digit counts, and Foundation's JSON loses the last one.
            let lines = try fixture.cairn([
                "sql",
                "SELECT step, value FROM metrics WHERE run = '\(id)' AND name = '\(name)' "
                    + "ORDER BY step", "--csv",
            ]).output.split(separator: "\n").dropFirst()
            let found = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
            #expect(found.map { Int($0[0]) } == points.map(\.step), "\(name)")
            for (row, point) in zip(found, points) {
                let value = Double(row[1]) ?? .nan
                #expect(
                    value == point.value || value.isNaN && point.value.isNaN,
                    "\(name) of \(run.name) at \(point.step)")
            }
        }
    }
}
