import Benchmarks
import CheckpointArchive
import GRDB

/// Fills the index of a new archive with runs as large studies have them, without their weights.
///
/// Each run has 12 settings, four curves of 1,000 points and 400 packed checkpoints of a network of
/// 11 tensors: every row that 400 real checkpoints would add, digests of random bytes included.
enum Fill {
    static func run(_ path: String, count: Int) throws {
        let archive = try Archive.openOrCreate(at: path)
        try SampleArchive.fill(archive, runs: count, points: 1_000) { done in
            let first = try archive.write { db in
                try Int64.fetchOne(
                    db, sql: "SELECT coalesce(max(run_key), 0) + 1 FROM file") ?? 1
            }
            for run in first...Int64(done) {
                guard run % 50 == 1 || run == first else { continue }
                let last = min(Int64(done), (run - 1) / 50 * 50 + 50)
                try archive.write { db in
                    for statement in [tensors, files, checkpoints] {
                        try db.execute(sql: statement, arguments: ["first": run, "last": last])
                    }
                }
            }
            Harness.say("runs \(done)")
        }
    }

    private static let tensors = """
        WITH shapes (name, position, shape, count) AS (
            VALUES ('blocks.0.attention.key', 0, '[4,128,32]', 16384),
                ('blocks.0.attention.output', 1, '[4,32,128]', 16384),
                ('blocks.0.attention.query', 2, '[4,128,32]', 16384),
                ('blocks.0.attention.value', 3, '[4,128,32]', 16384),
                ('blocks.0.mlp.input', 4, '[128,512]', 65536),
                ('blocks.0.mlp.input_bias', 5, '[512]', 512),
                ('blocks.0.mlp.output', 6, '[512,128]', 65536),
                ('blocks.0.mlp.output_bias', 7, '[128]', 128),
                ('embedding', 8, '[114,128]', 14592), ('positions', 9, '[3,128]', 384),
                ('unembedding', 10, '[128,114]', 14592)
        )
        INSERT INTO tensor (run_key, name, position, shape, dtype, element_count)
        SELECT r.run_key, s.name, s.position, s.shape, 'float32', s.count
        FROM run AS r, shapes AS s WHERE r.run_key BETWEEN :first AND :last
        """

    private static let files = """
        INSERT INTO file (file_key, run_key, path, kind, bytes, checksum)
        SELECT run_key, run_key, 'pack-000000000-000039900.h5', 'pack', 400 * 907264,
            randomblob(16)
        FROM run WHERE run_key BETWEEN :first AND :last
        """

    private static let checkpoints = """
        WITH RECURSIVE place (i) AS (
            SELECT 0 UNION ALL SELECT i + 1 FROM place WHERE i < 399
        )
        INSERT INTO checkpoint
            (run_key, step, file_key, position, bytes, digest, optimizer_file_key, tensor_digests)
        SELECT r.run_key, 100 * p.i, r.run_key, p.i, 907264, randomblob(32), NULL,
            randomblob(11 * 32)
        FROM run AS r CROSS JOIN place AS p WHERE r.run_key BETWEEN :first AND :last
        """
}
