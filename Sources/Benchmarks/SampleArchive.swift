package import CheckpointArchive
internal import Checkpoints
internal import GRDB

/// An archive of many runs, with the proportions of real ones.
package enum SampleArchive {
    private static let runsPerTransaction = 500

    /// Fills a new archive with runs that have settings and curves, straight into the index.
    package static func fill(
        _ archive: Archive, runs count: Int, points: Int,
        progress: (_ done: Int) throws -> Void
    ) throws {
        try archive.write { try $0.execute(sql: names) }
        for first in stride(from: 1, through: count, by: runsPerTransaction) {
            let last = min(first + runsPerTransaction - 1, count)
            try archive.write { database in
                for statement in [runs, settings, curves, summaries] {
                    try database.execute(
                        sql: statement,
                        arguments: StatementArguments(
                            ["first": first, "last": last, "points": points].filter {
                                statement.contains(":" + $0.key)
                            }))
                }
            }
            try progress(last)
        }
    }

    private static let names = """
        INSERT INTO metric_name (name) VALUES
            ('train_loss'), ('train_accuracy'), ('test_loss'), ('test_accuracy')
        """

    /// Ids are spread as real ones are.
    private static let runs = """
        WITH RECURSIVE number (n) AS (
            SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last
        )
        INSERT INTO run (run_key, id, name, status, task, network, seed, created_at)
        SELECT
            n, printf('%08x%08x', (n * 2654435761) % 4294967296, n), 'run ' || n, 'finished',
            'add mod 113', 'transformer', n % 50, 1700000000 + n
        FROM number
        """

    private static let settings = """
        WITH names (name, position) AS (
            VALUES ('weight_decay', 0), ('train_fraction', 1), ('learning_rate', 2), ('width', 3),
                ('modulus', 4), ('optimizer', 5), ('beta1', 6), ('beta2', 7), ('steps', 8),
                ('heads', 9), ('depth', 10), ('batch_size', 11)
        )
        INSERT INTO hyperparameter (run_key, name, position, type, value)
        SELECT
            r.run_key, n.name, n.position, iif(n.name = 'optimizer', 'text', 'real'),
            CASE n.name
                WHEN 'weight_decay' THEN (r.run_key % 10) / 5.0
                WHEN 'train_fraction' THEN 0.2 + (r.run_key / 10 % 12) / 20.0
                WHEN 'optimizer' THEN 'adamw'
                WHEN 'learning_rate' THEN 0.001 * (1 + r.run_key / 120 % 4)
                ELSE 1.0 * n.position
            END
        FROM run AS r, names AS n
        WHERE r.run_key BETWEEN :first AND :last
        """

    /// Accuracies rise at a step of each run's own; one run in seven never generalises.
    private static let curves = """
        WITH RECURSIVE place (i) AS (
            SELECT 0 UNION ALL SELECT i + 1 FROM place WHERE i < :points - 1
        )
        INSERT INTO metric (run_key, name_key, step, value)
        SELECT
            r.run_key, n.name_key, 10 * p.i,
            CASE n.name
                WHEN 'train_loss' THEN 5.0 / (1 + p.i)
                WHEN 'train_accuracy' THEN min(1.0, 0.01 + p.i / 20.0)
                WHEN 'test_loss' THEN 5.0 - p.i / 1000.0
                ELSE 0.01 + (r.run_key % 7 > 0)
                    / (1 + exp((:points * (0.2 + r.run_key % 13 / 20.0) - p.i) / 8))
            END
        FROM run AS r CROSS JOIN metric_name AS n CROSS JOIN place AS p
        WHERE r.run_key BETWEEN :first AND :last
        """

    private static let summaries = """
        INSERT INTO metric_summary
            (run_key, name_key, point_count, first_step, last_step, last_value)
        SELECT m.run_key, m.name_key, :points, 0, m.step, m.value
        FROM metric AS m
        WHERE m.run_key BETWEEN :first AND :last AND m.step = 10 * (:points - 1)
        """

    /// Adds a run with real checkpoint files: the weights of the canonical network at random.
    package static func addCheckpoints(
        _ archive: Archive, count: Int, progress: (_ done: Int) throws -> Void
    ) throws -> String {
        let id = "ffffffffffffffff"
        var generator = SystemRandomNumberGenerator()
        func tensor(_ name: String, _ shape: [Int]) -> Tensor {
            Tensor(
                name: name, shape: shape,
                values: (0..<shape.reduce(1, *)).map { _ in
                    Float.random(in: -1...1, using: &generator)
                })
        }
        let writer = archive.writer()
        try writer.begin(
            RunDescription(id: id, name: "checkpoints", createdAt: 0, task: "", network: ""))
        let rest = tensor("rest", [212_224])
        for step in 0..<count {
            try writer.save(
                Checkpoint(step: step, weights: [tensor("embedding", [114, 128]), rest]))
            try progress(step + 1)
        }
        try writer.finish(.finished, metrics: [])
        _ = try archive.pack(archive.run(matching: id))
        return id
    }
}
