import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import TestSupport

/// Times the archive on the network of 226,816 parameters that the peers' scripts store.
enum Bench {
    static func run(_ folder: String, count: Int) throws {
        let archive = try Archive.openOrCreate(
            at: folder, options: Archive.Options(looseLimit: nil))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("bench"))
        var checkpoint = Checkpoint(step: 0, weights: weights())
        let start = Date()
        for step in 0..<count {
            checkpoint.step = step
            try writer.save(checkpoint)
        }
        report("durable write", start, per: count)
        let packing = Date()
        try writer.finish(.finished, metrics: [])
        let run = try archive.run(matching: "bench")
        try archive.pack(run)
        report("packing", packing, per: count)
        for threads in [1, 2] {
            let reading = Date()
            try run.visit(threads: threads) { _, _, values in
                let floats = values.bindMemory(to: Float.self)
                var sums = SIMD8<Float>(repeating: 0)
                for index in stride(from: 0, to: floats.count & ~7, by: 8) {
                    let lane = UnsafeRawPointer(floats.baseAddress.unsafelyUnwrapped + index)
                        .loadUnaligned(as: SIMD8<Float>.self)
                    sums += lane * lane
                }
                precondition(sums.sum() >= 0)
            }
            report("norms, \(threads) threads", reading, per: count)
        }
        let curves = ["a", "b"].flatMap { name in curve(name, count: 500_000) }
        let inserting = Date()
        try archive.write { db in
            guard let key = try Int64.fetchOne(db, sql: "SELECT run_key FROM run") else { return }
            try MetricRows.add(curves, run: key, db)
        }
        let seconds = Date().timeIntervalSince(inserting)
        Harness.say("metrics: \(Int(Double(curves.count) / seconds)) points/s")
    }

    private static func curve(_ name: String, count: Int) -> [MetricPoint] {
        (0..<count).map { step in
            MetricPoint(name: name, step: step, value: 1 / Double(step + 1))
        }
    }

    private static func report(_ what: String, _ start: Date, per count: Int) {
        let milliseconds = 1_000 * Date().timeIntervalSince(start) / Double(count)
        Harness.say("\(what): \(String(format: "%.3f", milliseconds)) ms each")
    }

    private static func weights() -> [Tensor] {
        var generator = SeededGenerator(seed: 1)
        let shapes: [(String, [Int])] = [
            ("embedding", [114, 128]), ("positions", [3, 128]),
            ("blocks.0.attention.query", [4, 128, 32]), ("blocks.0.attention.key", [4, 128, 32]),
            ("blocks.0.attention.value", [4, 128, 32]),
            ("blocks.0.attention.output", [4, 32, 128]), ("blocks.0.mlp.input", [128, 512]),
            ("blocks.0.mlp.input_bias", [512]), ("blocks.0.mlp.output", [512, 128]),
            ("blocks.0.mlp.output_bias", [128]), ("unembedding", [128, 114]),
        ]
        return shapes.map { name, shape in
            Tensor(
                name: name, shape: shape,
                values: (0..<shape.reduce(1, *)).map { _ in
                    Float.random(in: -1...1, using: &generator)
                })
        }
    }
}
