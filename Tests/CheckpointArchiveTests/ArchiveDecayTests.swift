import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Bytes change and files are cut short: it is found, and no read gives altered weights.
///
/// `CAIRN_DECAY_STRIDE` sets the distance between the bytes that are flipped.
@Suite struct ArchiveDecayTests {
    /// Two small runs: one of loose checkpoints with tags, one packed.
    private func smallArchive(_ folder: TemporaryFolder) throws -> String {
        let loose = try TestRuns.archive(in: folder, steps: [7], run: "a")
        try TestRuns.archive(
            in: folder, steps: [0, 1, 2], run: "b", options: Archive.Options(looseLimit: 3))
        try loose.addTags(
            [RunTag(name: "kept", step: 7), RunTag(name: "paper", step: nil)],
            to: try loose.run(matching: "a"))
        return loose.paths.root
    }

    @Test func everyFlippedByteIsFoundAndNothingCrashes() throws {
        let folder = try TemporaryFolder()
        let path = try smallArchive(folder)
        let byteCount = try fileSizes(path).reduce(0, +)
        let stride = HarnessProcess.count("CAIRN_DECAY_STRIDE", ordinary: byteCount / 1_700)
        // It opens every damaged file in its own process: a crash of HDF5's parser is its end.
        let child = try HarnessProcess(["decay", path, "0", "\(stride)"])
        #expect(child.finish() == 0, "\(child.lines.suffix(2)) \(child.error)")
        let found = child.lines.filter { $0.hasPrefix("found ") }
        #expect(found.count == (byteCount + stride - 1) / stride)
        let named = Set(found.compactMap { $0.split(separator: " ").dropFirst(3).first })
        #expect(named.isSuperset(of: ["embedding", "unembedding", "scale"]))
        // The harness puts every byte back.
        #expect(try Archive(opening: path, access: .readOnly).verify().problems.isEmpty)
    }

    @Test func aDamagedIndexGivesErrorsAndNoAlteredWeights() throws {
        let folder = try TemporaryFolder()
        let source = try smallArchive(folder)
        // The log is there as long as the archive is open.
        let open = try Archive(opening: source)
        try open.addTags([RunTag(name: "late", step: nil)], to: open.run(matching: "b"))
        let path = folder.path("copy")
        try FileManager.default.copyItem(atPath: source, toPath: path)
        let byteCount = try ["cairn.json", "index.sqlite", "index.sqlite-wal"].reduce(0) {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\($1)")
            return $0 + (attributes[.size] as? Int ?? 0)
        }
        let count = HarnessProcess.count("CAIRN_INDEX_DECAY_COUNT", ordinary: 48)
        let stride = max(1, byteCount / count)
        let child = try HarnessProcess(["decay-index", path, "0", "\(stride)"])
        #expect(child.finish() == 0, "\(child.lines.suffix(2)) \(child.error)")
        let read = child.lines.filter { $0.hasPrefix("read ") }
        #expect(read.count == (byteCount + stride - 1) / stride)
        #expect(Set(read.compactMap { $0.split(separator: " ").dropFirst().first }).count >= 2)
    }

    /// SQLite's own check does not see what these changes do.
    @Test(
        arguments: [
            """
            UPDATE sqlite_schema SET sql = replace(sql, 'has_optimizer_state', 'had_optimizer_state')
            WHERE name = 'checkpoints'
            """,
            "UPDATE sqlite_schema SET sql = replace(sql, 'max(', 'min(') WHERE type = 'trigger'",
            "UPDATE sqlite_schema SET sql = replace(sql, ' AS ', '  AS ') WHERE name = 'runs_wide'",
            "UPDATE checkpoint SET digest = zeroblob(32) WHERE step = 1",
        ])
    func definitionsAndDigestsOfTheIndexAreCheckedAndMended(damage: String) throws {
        let folder = try TemporaryFolder()
        let path = try smallArchive(folder)
        do {
            let queue = try DatabaseQueue(path: path + "/index.sqlite")
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA writable_schema = 1")
                try db.execute(sql: damage)
                #expect(db.changesCount > 0)
            }
            try queue.close()
        }
        do {
            let archive = try Archive(opening: path, access: .readOnly)
            let problems = try archive.verify().problems
            #expect(problems.map(\.kind) == [.indexDiffers] && problems[0].file == "index.sqlite")
            if problems[0].step != nil {
                #expect(throws: ArchiveError.self) { try archive.run(matching: "b").digest(at: 1) }
            }
        }
        let (mended, report) = try Archive.reindex(at: path)
        #expect((report.setAside != nil) == damage.contains("sqlite_schema"))
        #expect(try mended.verify().problems.isEmpty)
        let digest = try mended.run(matching: "b").digest(at: 1)
        #expect(digest == Digest(weights: TestRuns.checkpoint(1, run: "b").weights))
    }

    @Test func truncatedFilesAreFoundAndRefused() throws {
        let folder = try TemporaryFolder()
        let path = try smallArchive(folder)
        let archive = try Archive(opening: path, access: .readOnly)
        for (run, file) in [
            ("a", "runs/a/loose/000000007.h5"), ("b", "runs/b/pack-000000000-000000002.h5"),
            ("a", "runs/a/run.h5"),
        ] {
            let url = URL(fileURLWithPath: path + "/" + file)
            let whole = try Data(contentsOf: url)
            for length in stride(from: 0, to: whole.count, by: 3_072) {
                try whole.prefix(length).write(to: url)
                let report = try archive.verify(
                    runs: [run], options: .init(child: inspector()))
                #expect(report.problems.contains { $0.file == file && $0.isIntegrityProblem })
                let stored = try archive.run(matching: run)
                for step in stored.steps {
                    guard let weights = try? stored.weights(at: step) else { continue }
                    let expected = TestRuns.checkpoint(step, run: run).weights
                    #expect(weights == TestRuns.sorted(expected))
                }
            }
            try whole.write(to: url)
        }
        #expect(try archive.verify().problems.isEmpty)
    }

    /// The sizes of the files whose bytes are flipped.
    private func fileSizes(_ path: String) throws -> [Int] {
        let root = path + "/runs"
        let names = (FileManager.default.enumerator(atPath: root)?.allObjects ?? [])
            .compactMap { $0 as? String }
        return try names.filter { $0.hasSuffix(".h5") || $0.hasSuffix("tags.json") }.map {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(root)/\($0)")
            return attributes[.size] as? Int ?? 0
        }
    }

    private func inspector() -> FileInspection.Child {
        FileInspection.Child(
            executable: builtExecutable("ArchiveHarness"), arguments: ["inspect"])
    }
}
