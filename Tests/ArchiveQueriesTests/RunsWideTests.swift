import CheckpointArchive
import Checkpoints
import GRDB
import TestSupport
import Testing

/// The view `runs_wide` in the index itself, read by a connection that knows nothing of Cairn.
struct RunsWideTests {
    private let folder: TemporaryFolder
    private let archive: Archive

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
    }

    private func add(
        _ id: String, _ settings: [Hyperparameter], _ metrics: [MetricPoint] = []
    ) throws {
        let sink = archive.writer()
        try sink.begin(
            RunDescription(
                id: id, name: "run \(id)", createdAt: 0, task: "", network: "", seed: 5,
                hyperparameters: settings))
        try sink.save(
            Checkpoint(
                step: 0, weights: [Tensor(name: "w", shape: [1], values: [Float(1)])],
                metrics: metrics))
        try sink.finish(.finished, metrics: [])
    }

    /// Reads the index as any program would.
    private func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(
            path: archive.paths.indexFile, configuration: configuration)
        return try queue.read(body)
    }

    private var columns: [String] {
        get throws { try read { try $0.columns(in: "runs_wide").map(\.name) } }
    }

    private static let own = [
        "run", "name", "status", "task", "network", "seed", "parent_run", "parent_step",
        "first_step", "last_step", "checkpoint_count", "parameter_count", "weight_bytes",
        "created_at", "finished_at", "buffer_count",
        "origin_path",
    ]

    @Test func anEmptyArchiveHasTheColumnsOfRuns() throws {
        #expect(try columns == Self.own)
        #expect(try read { try $0.columns(in: "runs").map(\.name) } == Self.own)
    }

    @Test func everyNameOfTheArchiveIsAColumn() throws {
        try add(
            "000000000000000a",
            [
                Hyperparameter("weight_decay", .real(0.5)), Hyperparameter("Seed", .integer(7)),
                Hyperparameter("it's \"odd\" é 日本; --", .text("x'y")),
                Hyperparameter("WEIGHT_DECAY", .real(3)), Hyperparameter("", .boolean(true)),
                Hyperparameter("absent", .null),
            ])
        let found = try columns
        #expect(
            found == Self.own + [
                "weight_decay", "hyperparameter_Seed", "it's \"odd\" é 日本; --", "WEIGHT_DECAY_2",
                "", "absent",
            ])
        try add(
            "000000000000000b", [Hyperparameter("weight_decay", .real(1))],
            [
                MetricPoint(name: "test_accuracy", step: 0, value: 0.25),
                MetricPoint(name: "it's \"odd\"", step: 0, value: .nan),
            ])
        #expect(try columns.suffix(2) == ["last_it's \"odd\"", "last_test_accuracy"])
        let rows = try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT name, seed, weight_decay, hyperparameter_Seed,
                        "it's ""odd"" é 日本; --", WEIGHT_DECAY_2, "", last_test_accuracy
                    FROM runs_wide ORDER BY run
                    """
            ).map { Array($0.databaseValues) }
        }
        let first: [DatabaseValue] = [
            "run 000000000000000a".databaseValue, 5.databaseValue, 0.5.databaseValue,
            7.databaseValue, "x'y".databaseValue, 3.0.databaseValue, 1.databaseValue, .null,
        ]
        let second: [DatabaseValue] = [
            "run 000000000000000b".databaseValue, 5.databaseValue, 1.0.databaseValue, .null, .null,
            .null, .null, 0.25.databaseValue,
        ]
        #expect(rows == [first, second])
    }

    @Test func namesThatGoTakeTheirColumnsAlong() throws {
        try add("000000000000000a", [Hyperparameter("kept", .real(1))])
        try add(
            "000000000000000b", [Hyperparameter("kept", .real(1)), Hyperparameter("gone", .null)])
        #expect(try columns == Self.own + ["kept", "gone"])
        try archive.write { try $0.execute(sql: "DELETE FROM run WHERE name LIKE '%b'") }
        #expect(try columns == Self.own + ["kept"])
    }

    @Test func aRebuiltIndexHasTheSameView() throws {
        try add(
            "000000000000000a", [Hyperparameter("b", .real(1)), Hyperparameter("a", .real(1))],
            [MetricPoint(name: "loss", step: 0, value: 1)])
        let before = try columns
        #expect(before == Self.own + ["b", "a", "last_loss"])
        _ = try Archive.reindex(at: archive.paths.root)
        #expect(try columns == before)
    }

    @Test func theSchemaChangesOnlyWithTheNames() throws {
        func version() throws -> Int? {
            try read { try Int.fetchOne($0, sql: "PRAGMA schema_version") }
        }
        let settings = [Hyperparameter("b", .real(1)), Hyperparameter("a", .text("x"))]
        try add("000000000000000a", settings, [MetricPoint(name: "loss", step: 0, value: 1)])
        let before = try version()
        try add("000000000000000b", settings, [MetricPoint(name: "loss", step: 0, value: 2)])
        #expect(try version() == before)
    }

    @Test func tooManyNamesAreNoReasonToRefuseARun() throws {
        try add(
            "000000000000000a",
            (0..<2500).map { Hyperparameter("setting_\($0)", .integer($0)) }
                + [Hyperparameter(String(repeating: "long", count: 200_000), .null)])
        #expect(try columns.count == 1900)
        let value = try read { try Int.fetchOne($0, sql: "SELECT setting_7 FROM runs_wide") }
        #expect(value == 7)
    }
}
