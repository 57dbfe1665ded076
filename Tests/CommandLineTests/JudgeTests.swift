import Foundation
import TestSupport
import Testing

/// The programs that users already have are the judges of what Cairn writes.
@Suite struct JudgeTests {
    private static let python = "/usr/bin/python3"
    private static let sqlite = "/usr/bin/sqlite3"

    private static let hasH5py =
        (try? run(python, ["-c", "import h5py"]).exitCode) == 0
    private static let hasSQLite = FileManager.default.isExecutableFile(atPath: sqlite)

    /// Prints step, tensor and digest of every packed checkpoint, which the packs and the file that
    /// shows all of them must agree on.
    private static let script = """
        import glob, h5py, hashlib, json, sys
        archive, compression = sys.argv[1], sys.argv[2] or None
        found = []
        for pattern in ['pack-*.h5', 'packed.h5']:
            rows = []
            for path in glob.glob(archive + '/runs/*/' + pattern):
                with h5py.File(path, 'r') as file:
                    steps = file['steps'][...]
                    for name in file['weights']:
                        data = file['weights'][name]
                        assert data.shape[0] == len(steps), data.shape
                        if not data.is_virtual:
                            assert data.compression == compression, data.compression
                            assert data.shuffle == (compression is not None)
                        for step, value in zip(steps, data[...]):
                            digest = hashlib.sha256(value.tobytes()).hexdigest()
                            rows.append([int(step), name, list(value.shape), digest])
            found.append(sorted(rows))
        assert found[0] == found[1]
        print(json.dumps(found[0]))
        """

    @Test(
        .enabled(if: hasH5py, "python3-h5py is not installed"),
        arguments: [([String](), ""), (["--compression", "deflate:6"], "gzip")])
    func h5pyReadsTheSameWeights(options: [String], compression: String) throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "tiny", options)
        let read = try run(
            JudgeTests.python, ["-c", JudgeTests.script, fixture.archive, compression])
        try #require(read.exitCode == 0, "\(read.error)")
        let ours = try fixture.cairn(
            [
                "sql", "--csv",
                """
                SELECT json_group_array(json_array(step, name, json(shape), digest)) AS rows FROM (
                    SELECT d.step, t.name, t.shape, d.digest
                    FROM tensor_digests AS d
                    JOIN tensors AS t ON t.run = d.run AND t.name = d.tensor
                    ORDER BY d.step, t.name)
                """, "--json",
            ].filter { $0 != "--csv" })
        let text = try #require(try objects(ours.output).first?["rows"] as? String)
        let expected = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSArray
        let found = try JSONSerialization.jsonObject(with: Data(read.output.utf8)) as? NSArray
        #expect(try #require(expected).count == 20)
        #expect(expected == found)
    }

    /// `schema/FILES.md` says everything that a reader needs: the script follows it alone.
    ///
    /// A run that ended is packed; one whose writer died lies in loose files.
    @Test(.enabled(if: hasH5py, "python3-h5py is not installed"), arguments: [true, false])
    func theDescriptionOfTheFilesIsComplete(hasEnded: Bool) throws {
        let folder = try TemporaryFolder()
        let archive = folder.path("archive")
        _ = try run(
            builtExecutable("ArchiveHarness"), ["write", archive, "a", "9", "100"],
            environment: hasEnded ? [:] : ["HARNESS_DIE_AFTER": "saved 9"])
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Examples/read_run_h5py.py").path
        let read = try run(JudgeTests.python, [script, archive + "/runs/a"])
        try #require(read.exitCode == 0, "\(read.error)")
        let lines = read.output.split(separator: "\n").map(String.init)
        let kinds = Set(lines.compactMap { $0.split(separator: " ").first.map(String.init) })
        #expect(kinds.isSuperset(of: ["run", "optimizer", "steps", "digest"]))
        #expect(kinds.isSuperset(of: hasEnded ? ["pack", "packed", "end"] : ["checkpoint"]))
        let digests = try run(
            cairnExecutable(),
            [
                "sql", "SELECT 'digest ' || step || ' ' || digest AS line FROM checkpoints",
                "--json", "--archive", archive,
            ])
        let expected = try objects(digests.output).compactMap { $0["line"] as? String }
        #expect(expected.count == 10)
        #expect(Set(expected) == Set(lines.filter { $0.hasPrefix("digest ") }))
    }

    @Test(.enabled(if: hasSQLite, "sqlite3 is not installed"))
    func theSQLiteProgramReadsTheSameRows() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        _ = try fixture.cairn(["analyze", "norms"])
        for statement in [
            "SELECT run, name, status, last_step, checkpoint_count FROM runs",
            "SELECT name, step, printf('%.6f', value) AS v FROM metrics ORDER BY name, step",
            "SELECT step, tensor, printf('%.6f', l2) AS l2 FROM weight_norms ORDER BY step, tensor",
        ] {
            let theirs = try run(
                JudgeTests.sqlite, ["-json", fixture.archive + "/index.sqlite", statement])
            try #require(theirs.exitCode == 0, "\(theirs.error)")
            let ours = try fixture.cairn(["sql", statement, "--json"])
            let left = try objects(theirs.output) as NSArray
            #expect(left.count > 0)
            #expect(left == (try objects(ours.output)) as NSArray, "\(statement)")
        }
    }
}
