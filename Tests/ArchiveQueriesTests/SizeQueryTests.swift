import ArchiveQueries
import ArchiveSchema
import CheckpointArchive
import Checkpoints
import TestSupport
import Testing

/// Questions across sizes and fractions, on runs whose times follow known laws.
struct SizeQueryTests {
    private let folder: TemporaryFolder
    private let archive: Archive

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
    }

    /// A run of `parameters` parameters that memorises and generalises at some steps, or never.
    private func add(
        _ id: String, parameters: Int, fraction: Double, memorised: Int, generalised: Int?
    ) throws {
        let sink = archive.writer()
        try sink.begin(
            RunDescription(
                id: id, name: id, createdAt: 0,
                hyperparameters: [Hyperparameter("train_fraction", .real(fraction))]))
        let last = max(memorised, generalised ?? 0) + 3
        var points: [MetricPoint] = []
        for (name, time) in [
            (MetricName.trainAccuracy, memorised),
            (MetricName.testAccuracy, generalised ?? last + 1),
        ] {
            for step in Set([0, time - 1, time, time + 1, time + 2, last]).sorted()
            where step <= last {
                points.append(MetricPoint(name: name, step: step, value: step >= time ? 1 : 0.1))
            }
        }
        points.sort { $0.step < $1.step }
        let weights = Tensor(
            name: "w", shape: [parameters], values: [Float](repeating: 1, count: parameters))
        try sink.save(Checkpoint(step: last, weights: [weights], metrics: points))
        try sink.finish(.finished, metrics: [])
    }

    private func ask(_ name: String) throws -> [[String: ScalarValue]] {
        let session = try SQLSession(index: archive.paths.indexFile, archive: archive)
        let cursor = try SavedQuery.find(name).cursor(in: session, parameters: [:])
        var rows: [[String: ScalarValue]] = []
        while let row = try cursor.next() {
            rows.append(Dictionary(uniqueKeysWithValues: zip(cursor.columns, row)))
        }
        return rows
    }

    /// Memorising takes 10 P steps and generalising 64,000 / P: the laws cross at 80 parameters.
    @Test func timesCrossWhereTheirLawsDo() throws {
        for parameters in [10, 20, 40, 80] {
            try add(
                "\(parameters)", parameters: parameters, fraction: 0.3,
                memorised: 10 * parameters, generalised: 64_000 / parameters)
        }
        try add("never", parameters: 10, fraction: 0.3, memorised: 100, generalised: nil)
        let rows = try ask("times_by_size")
        #expect(rows.count == 8)
        for row in rows {
            let isMemorised = row["what"] == .text("memorised")
            #expect(abs((row["exponent"]?.real ?? 0) - (isMemorised ? 1 : -1)) < 1e-9)
            #expect(abs((row["crossing"]?.real ?? 0) - 80) < 1e-6)
        }
        let smallest = rows.filter { $0["parameters"] == .integer(10) }
        #expect(smallest.map { $0["runs"] } == [.integer(2), .integer(2)])
        #expect(smallest.map { $0["reached"] } == [.integer(2), .integer(1)])
        #expect(smallest.first?["median_step"]?.real == 100)
    }

    @Test func theRangeOfFractionsIsWhereGeneralisationComesLate() throws {
        for (fraction, generalised) in [(0.2, nil), (0.4, 5000), (0.5, 1500), (0.8, 150)] {
            for place in 0..<2 {
                try add(
                    "\(Int(10 * fraction))-\(place)", parameters: 5, fraction: fraction,
                    memorised: 100,
                    generalised: generalised)
            }
        }
        let rows = try ask("goldilocks_range")
        #expect(rows.map { $0["never"] } == [.integer(2), .integer(0), .integer(0), .integer(0)])
        #expect(rows.map { $0["delayed"] } == [.integer(0), .integer(2), .integer(2), .integer(0)])
        #expect(rows.map { $0["at_once"] } == [.integer(0), .integer(0), .integer(0), .integer(2)])
        #expect(rows.allSatisfy { $0["range_low"]?.real == 0.4 && $0["range_high"]?.real == 0.5 })
        #expect(abs((rows[1]["delayed_low"]?.real ?? 0) - 0.342_380) < 1e-5)
        #expect(abs((rows[1]["delayed_high"]?.real ?? 0) - 1) < 1e-9)
    }
}
