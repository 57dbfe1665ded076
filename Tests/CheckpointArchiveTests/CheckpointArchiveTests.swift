import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@Suite struct CheckpointArchiveTests {
    @Test func whatWasSavedIsReadBack() throws {
        let folder = try TemporaryFolder()
        let steps = [0, 1, 5, 100, 1_000_000_000]
        try TestRuns.archive(in: folder, steps: steps)
        let archive = try Archive(opening: folder.path("archive"), access: .readOnly)
        let run = try archive.run(matching: "a")
        #expect(try run.run == TestRuns.description("a"))
        #expect(run.steps == steps)
        #expect(run.status == .finished)
        for step in steps {
            let saved = TestRuns.checkpoint(step)
            #expect(try run.weights(at: step) == TestRuns.sorted(saved.weights))
            #expect(try run.optimizerState(at: step) == saved.optimizerState)
            #expect(try run.digest(at: step) == Digest(weights: saved.weights))
            for tensor in saved.weights {
                #expect(try run.tensor(tensor.name, at: step) == tensor)
            }
        }
        let curve = try run.metric("train_loss")
        #expect(curve.map(\.step) == steps + [1_000_000_001])
        #expect(curve.last?.value == 0.5)
        let other = try run.metric("test_loss").map(\.value)
        #expect(other[0].isNaN && other[1] == .infinity)
    }

    /// No other writer waits for this one's disk.
    @Test func theIndexIsTakenOnceTheFileIsDurable() throws {
        let folder = try TemporaryFolder()
        let steps = Recorded()
        let archive = try Archive.create(
            at: folder.path("archive"),
            options: Archive.Options(looseLimit: nil) { steps.add($0) })
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in 0..<4 {
            steps.clear()
            try writer.save(TestRuns.checkpoint(step))
            let seen = steps.all
            let taken = try #require(seen.firstIndex(of: .beginIndex))
            #expect(seen[taken...] == [.beginIndex, .changeIndex, .commitIndex])
            #expect(seen[..<taken].contains(.syncFile) && seen[..<taken].contains(.syncFolder))
        }
        try writer.finish(.finished, metrics: [])
    }

    /// The steps of writes, in their order.
    private final class Recorded: Sendable {
        private let steps = Mutex<[WriteStep]>([])
        var all: [WriteStep] { steps.withLock(\.self) }
        func add(_ step: WriteStep) { steps.withLock { $0.append(step) } }
        func clear() { steps.withLock { $0 = [] } }
    }

    @Test func packedCheckpointsReadAsTheLooseOnesDid() throws {
        let folder = try TemporaryFolder()
        let steps = Array(stride(from: 0, through: 90, by: 10))
        let archive = try TestRuns.archive(in: folder, steps: steps)
        let run = try archive.run(matching: "a")
        let report = try archive.pack(run)
        #expect(report.checkpointCount == 10 && report.packCount == 1)
        // The run was looked up before its files moved.
        for step in steps {
            #expect(try run.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
        // The newest optimiser state stays, for resuming.
        #expect(run.resumableSteps == [90])
        #expect(try run.optimizerState(at: 90) == TestRuns.checkpoint(90).optimizerState)
        #expect(try run.stepDigests(in: 15...50).map(\.step) == [20, 30, 40, 50])
        let loose = try FileManager.default.contentsOfDirectory(
            atPath: folder.path("archive/runs/a/loose"))
        #expect(loose.isEmpty)
    }

    @Test func theWriterPacksByItself() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(
            in: folder, steps: Array(0..<21), options: Archive.Options(looseLimit: 8))
        let run = try archive.run(matching: "a")
        let packs = try archive.read {
            try Int.fetchAll($0, sql: "SELECT checkpoint_count FROM files WHERE kind = 'pack'")
        }
        #expect(packs == [8, 8, 5])
        for step in 0..<21 {
            #expect(try run.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
    }

    @Test func h5pyAndSQLiteFindTheSameWeightsAndRows() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(
            in: folder, steps: [0, 10, 20], options: Archive.Options(deflateLevel: 4, looseLimit: 2)
        )
        let script = """
            import h5py, hashlib, sqlite3, sys, json
            root = sys.argv[1]
            with h5py.File(root + '/runs/a/packed.h5') as f:
                assert list(f['steps'][:]) == [0, 10, 20], list(f['steps'][:])
                w = f['weights/embedding']
                assert w.shape == (3, 5, 8), w.shape
                packed = [hashlib.sha256(w[i].tobytes()).hexdigest() for i in range(3)]
                assert packed == [bytes(x).hex() for x in f['sha256/embedding'][:]]
                assert f['weights/blocks.0%2Fodd%25name'].shape == (3, 3)
                assert isinstance(f.attrs['about'], str)
            with h5py.File(root + '/runs/a/pack-000000000-000000010.h5') as f:
                m = f['metrics'][:]
                assert m.dtype.names == ('name', 'step', 'value') and m[0]['name'] == b'train_loss'
            with h5py.File(root + '/runs/a/run.h5') as f:
                assert list(f['train_indices'][:]) == [3, 1, 2]
                assert json.loads(f.attrs['description'])['seed'] == 7
            db = sqlite3.connect(root + '/index.sqlite')
            rows = db.execute("select digest from tensor_digests where tensor='embedding' order by step")
            assert [r[0] for r in rows] == packed
            print(db.execute("select count(*) from metrics").fetchone()[0])
            """
        let result = try TestSupport.run(
            "/usr/bin/python3", ["-c", script, archive.paths.root], folder: "/")
        #expect(result.exitCode == 0, "\(result.error)")
        #expect(result.output == "7\n")
    }
}
