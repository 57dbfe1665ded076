import Checkpoints
import GRDB
import TestSupport
import Testing

@testable import CheckpointArchive

/// Parameters and buffers are told apart in the index, and counted apart.
@Suite struct TensorRoleTests {
    private let folder: TemporaryFolder
    private let archive: Archive

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
        let writer = archive.writer()
        try writer.begin(RunDescription(id: "000000000000000a", name: "mixed", createdAt: 0))
        try writer.save(
            Checkpoint(
                step: 1,
                weights: [
                    Tensor(
                        name: "layer.weight", shape: [2, 3], elementType: .float32,
                        bytes: [UInt8](repeating: 0, count: 24)),
                    Tensor(
                        name: "norm.num_batches_tracked", shape: [], elementType: .int64,
                        bytes: [UInt8](repeating: 1, count: 8)),
                    Tensor(
                        name: "norm.running_mean", shape: [5], elementType: .float32,
                        bytes: [UInt8](repeating: 0, count: 20)),
                ]))
        try writer.finish(.finished, metrics: [])
    }

    private func counts() throws -> [Int] {
        try archive.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT parameter_count, buffer_count FROM runs")
            return row.map { [$0[0], $0[1]] } ?? []
        }
    }

    @Test func parametersAndBuffersAreCountedApart() throws {
        #expect(try counts() == [6, 6])
        let roles = try archive.read {
            try String.fetchAll($0, sql: "SELECT name || ' ' || role FROM tensors ORDER BY name")
        }
        #expect(
            roles == [
                "layer.weight parameter", "norm.num_batches_tracked buffer",
                "norm.running_mean buffer",
            ])
    }

    /// An index of an earlier version has tensors without roles.
    @Test func earlierIndexesGetTheRoles() throws {
        try archive.write { try $0.execute(sql: "UPDATE tensor SET role = 'parameter'") }
        #expect(try counts() == [12, 0])
        try archive.write { try IndexRows.renewRoles($0) }
        #expect(try counts() == [6, 6])
        try archive.write { try $0.execute(sql: "DELETE FROM tensor") }
        #expect(try counts() == [0, 0])
    }
}
