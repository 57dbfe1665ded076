import CairnArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// What other Swift programs see of an archive.
@Suite struct ArchiveReaderTests {
    let folder: TemporaryFolder
    let reader: ArchiveReader
    let lastStep = 9

    init() throws {
        folder = try TemporaryFolder()
        let written = try run(
            builtExecutable("ArchiveHarness"), ["write", folder.path("archive"), "a", "9", "4"])
        #expect(written.exitCode == 0, "\(written.error)")
        reader = try ArchiveReader(opening: folder.path("archive"))
    }

    @Test func aRunSaysWhatItIs() throws {
        let run = try reader.run("a")
        #expect(try reader.runs().map(\.id) == ["a"])
        #expect(run.name == "test" && run.status == "finished")
        #expect(run.steps == Array(0...lastStep))
        let settings = try run.settings()
        #expect(settings["weight_decay"] == .real(1) && settings["width"] == .integer(8))
        #expect(settings["biases"] == .boolean(true) && settings["schedule"] == .null)
        #expect(settings["limit"] == .real(.infinity) && settings["activation"] == .text("relu"))
    }

    @Test func weightsAreThoseThatWereSavedOneByOneAndTogether() throws {
        let run = try reader.run("a")
        for (index, tensor) in TestRuns.sorted(TestRuns.checkpoint(0).weights).enumerated() {
            #expect(run.tensors[index].name == tensor.name)
            #expect(run.tensors[index].shape == tensor.shape)
            #expect(run.tensors[index].elementType == "float32")
            let together = try run.trajectory(of: tensor.name)
            #expect(together.shape == [lastStep + 1] + tensor.shape)
            var expected: [Float] = []
            for step in 0...lastStep {
                let saved = try #require(
                    TestRuns.checkpoint(step).weights.first { $0.name == tensor.name })
                let values = try run.tensor(tensor.name, at: step)
                #expect(values.bytes == saved.bytes && values.shape == saved.shape)
                #expect(values.doubles() == saved.doubles())
                expected += saved.values(as: Float.self)
            }
            #expect(together.floats() == expected)
            let two = try run.trajectory(of: tensor.name, steps: [7, 2])
            #expect(two.steps == [2, 7])
        }
    }

    @Test func curvesKeepTheirNumbersThatAreNone() throws {
        let run = try reader.run("a")
        #expect(try run.curveNames().sorted() == ["test_loss", "train_loss"])
        let losses = try run.curve("test_loss")
        #expect(losses.map(\.step) == Array(0...lastStep))
        #expect(losses[0].value.isNaN && losses[1].value == .infinity)
        #expect(try run.curve("train_loss")[1].value == 0.5)
        #expect(try run.curve("no such curve").isEmpty)
    }

    @Test func statementsGiveTypedRows() throws {
        let rows = try reader.rows(
            "SELECT step, value, run FROM metrics WHERE name = :name AND step < 3 ORDER BY step",
            parameters: ["name": .text("train_loss")])
        #expect(rows.columns == ["step", "value", "run"] && rows.count == 3)
        #expect(rows[1] == [.integer(1), .real(0.5), .text("a")])
        #expect(rows.column("step") == [.integer(0), .integer(1), .integer(2)])
        #expect(rows.column("steps") == nil)
        let norm = try reader.rows("SELECT l2_norm('a', 3, 'scale')")
        let scale = try #require(try reader.run("a").tensor("scale", at: 3).doubles())
        #expect(norm[0] == [.real(abs(scale[0]))])
        let files = try reader.run("a").results(in: "checkpoints", at: 4)
        #expect(files.count == 1 && files.column("step") == [.integer(4)])
        #expect(try reader.run("a").results(in: "checkpoints").count == lastStep + 1)
    }

    @Test(arguments: [
        ("SELECT nothing FROM runs", "nothing"), ("DELETE FROM run", "only reads the archive"),
        ("", "empty"),
        ("SELECT :x", "x"),
    ]) func aWrongStatementIsAWrongRequest(statement: String, word: String) throws {
        let error = #expect(throws: ArchiveError.self) { try reader.rows(statement) }
        #expect(error?.kind == .wrongRequest && error?.description.contains(word) == true)
    }

    @Test func whatIsNotThereIsAnErrorThatNamesIt() throws {
        let run = try reader.run("a")
        for (name, step) in [("embedding", 99), ("absent", 1)] {
            let error = #expect(throws: ArchiveError.self) { try run.tensor(name, at: step) }
            #expect(error?.kind == .failed)
        }
        #expect(throws: ArchiveError.self) { try reader.run("b") }
        #expect(throws: ArchiveError.self) { try run.results(in: "no \"such\" view") }
        #expect(throws: ArchiveError.self) { try ArchiveReader(opening: folder.path("other")) }
    }

    @Test func alteredWeightsAreAnErrorAndNeverAnAnswer() throws {
        let runFolder = folder.url.appendingPathComponent("archive/runs/a")
        let embedding = try reader.run("a").tensor("embedding", at: lastStep).bytes
        let files = try #require(
            FileManager.default.enumerator(at: runFolder, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "h5" {
            var bytes = try Data(contentsOf: file)
            guard let place = bytes.range(of: Data(embedding)) else { continue }
            bytes[place.lowerBound] ^= 1
            try bytes.write(to: file)
        }
        let fresh = try ArchiveReader(opening: folder.path("archive")).run("a")
        let error = #expect(throws: ArchiveError.self) {
            try fresh.tensor("embedding", at: lastStep)
        }
        #expect(error?.kind == .damaged)
    }

    /// What the example, the source of a program of somebody else's, prints of this run.
    private func check(_ result: ProcessResult) throws {
        #expect(result.exitCode == 0, "\(result.error)")
        let lines = Set(result.output.split(separator: "\n").map(String.init))
        #expect(lines.contains("run a test finished"))
        #expect(lines.contains("setting weight_decay real(1.0)"))
        #expect(lines.contains("curve train_loss 9 0.1"))
        #expect(lines.contains("checkpoints integer(10)"))
        #expect(lines.contains { $0.hasPrefix("tensor embedding [10, 5, 8] ") })
        #expect(lines.contains { $0.hasPrefix("error failed ") })
    }

    @Test func aProgramReadsAnArchiveWithTheLibrary() throws {
        try check(try run(builtExecutable("LibraryExample"), [folder.path("archive"), "a"]))
    }

    /// Builds everything once more, below a package that depends on this one: some minutes.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["CAIRN_LIBRARY_PACKAGE"] != nil,
            "set CAIRN_LIBRARY_PACKAGE=1 to build a package that depends on this one"))
    func anotherPackageDependsOnTheLibrary() throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("LibraryExample").path
        let swift = "/usr/bin/env"
        let built = try run(
            swift,
            [
                "swift", "build", "--package-path", package, "--scratch-path",
                folder.path("build"),
            ])
        #expect(built.exitCode == 0, "\(built.output.suffix(2000)) \(built.error.suffix(2000))")
        try check(
            try run(folder.path("build/debug/LibraryExample"), [folder.path("archive"), "a"]))
    }
}
