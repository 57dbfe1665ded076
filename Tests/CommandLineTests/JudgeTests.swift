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

    /// Prints step, tensor and the sum of its elements for every packed checkpoint.
    private static let script = """
        import glob, h5py, hashlib, json, sys
        rows = []
        for path in sorted(glob.glob(sys.argv[1] + '/runs/*/pack-*.h5')):
            with h5py.File(path, 'r') as file:
                steps = file['steps'][...]
                for name in file['weights']:
                    data = file['weights'][name]
                    assert data.shape[0] == len(steps), data.shape
                    for step, value in zip(steps, data[...]):
                        digest = hashlib.sha256(value.tobytes()).hexdigest()
                        rows.append([int(step), name, list(value.shape), digest])
        print(json.dumps(sorted(rows)))
        """

    @Test(.enabled(if: hasH5py, "python3-h5py is not installed"))
    func h5pyReadsTheSameWeights() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let read = try run(JudgeTests.python, ["-c", JudgeTests.script, fixture.archive])
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
