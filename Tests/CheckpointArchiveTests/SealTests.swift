import CheckpointArchive
import Checkpoints
import Foundation
import HDF5Files
import SystemFiles
import TestSupport
import Testing

/// Files of format 2 end with a seal that HDF5 ignores.
@Suite struct SealTests {
    /// Checks every file by the description in `schema/FILES.md` alone and reads it with h5py.
    private static let program = """
        import glob, hashlib, os, struct, sys
        import h5py
        for path in sorted(glob.glob(sys.argv[1] + "/runs/**/*.h5", recursive=True)):
            data = open(path, "rb").read()
            assert data[-8:] == b"CRNSEAL1", path
            n, k = struct.unpack("<QQ", data[-24:-8])
            digest, table = data[-56:-24], data[-56 - 16 * k:-56]
            assert len(data) == n + 16 * k + 56, path
            sha, end, raw = hashlib.sha256(), 0, 0
            for i in range(k):
                offset, length = struct.unpack("<QQ", table[16 * i:16 * i + 16])
                sha.update(data[end:offset])
                end, raw = offset + length, raw + length
            sha.update(data[end:n] + table + data[-24:-8])
            assert sha.digest() == digest, path
            with h5py.File(path, "r") as file:
                kind = file.attrs["kind"]
                assert isinstance(kind, str) and file.attrs["format"] == 2, path
                stored = 0
                for group in ("weights", "optimizer"):
                    for dataset in file.get(group, {}).values():
                        dataset[...]
                        stored += 0 if kind == "packed" else dataset.id.get_storage_size()
                assert raw == stored, (path, raw, stored)
            print(kind, os.path.basename(path))
        """

    @Test(
        .enabled(if: ReferencePython.interpreter(with: "h5py") != nil, "h5py is not installed"),
        arguments: [nil, 4])
    func sealsAreWhatTheirDescriptionSays(deflateLevel: Int?) throws {
        let python = try #require(ReferencePython.interpreter(with: "h5py"))
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(
            in: folder, steps: [0, 1, 2], run: "a", options: Archive.Options(looseLimit: 3))
        try TestRuns.archive(
            in: folder, steps: [7], run: "b",
            options: Archive.Options(deflateLevel: deflateLevel, looseLimit: nil))
        try TestRuns.archive(
            in: folder, steps: [0, 1, 2, 3], run: "c",
            options: Archive.Options(deflateLevel: deflateLevel, looseLimit: 4))
        let result = try run(python, ["-c", Self.program, archive.paths.root])
        #expect(result.exitCode == 0, "\(result.error)")
        let kinds = result.output.split(separator: "\n").compactMap {
            $0.split(separator: " ").first
        }
        #expect(
            Set(kinds) == ["run", "pack", "packed", "end", "checkpoint", "optimizer_state"])
        #expect(try archive.verify().problems.isEmpty)
    }

    /// The seal vouches for the structure and every tensor has its own digest: nobody sums a whole
    /// file to read one of its tensors.
    @Test func aLooseReadChecksTheTensorThatItReads() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0, 1])
        let path = archive.paths.file("a", "loose/000000001.h5").absolute
        let offset = try #require(
            try HDF5File(readingFrom: path).root().group("weights")
                .dataset("unembedding", type: .float32).contiguousOffset())
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[offset] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let run = try archive.run(matching: "a")
        let expected = TestRuns.checkpoint(1).weights.first { $0.name == "embedding" }
        #expect(try run.tensor("embedding", at: 1) == expected)
        let error = #expect(throws: ArchiveError.self) { try run.tensor("unembedding", at: 1) }
        #expect(error?.code == .damaged && error?.part == "tensor unembedding")
        #expect(throws: ArchiveError.self) { try run.weights(at: 1) }
        #expect(throws: ArchiveError.self) { try run.trajectory(of: "unembedding") }
        #expect(try archive.verify().problems.contains { $0.step == 1 })
    }

    @Test func aFileWithoutItsSealIsRefused() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(
            in: folder, steps: [0, 1, 2], options: Archive.Options(looseLimit: 3))
        let path = archive.paths.file("a", "pack-000000000-000000002.h5").absolute
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let stored = try archive.run(matching: "a")
        for byteCount in [8, 56, 150] {
            try whole.dropLast(byteCount).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: ArchiveError.self) { try stored.weights(at: 1) }
            #expect(error?.kind == .integrity)
        }
        try whole.write(to: URL(fileURLWithPath: path))
        #expect(try stored.weights(at: 1) == TestRuns.sorted(TestRuns.checkpoint(1).weights))
    }

    @Test func anArchiveOfFormat1IsMarkedWhenItIsOpenedForWriting() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/archive-1-index-7")
        try FileManager.default.copyItem(at: fixture, to: URL(fileURLWithPath: path))
        func format() throws -> Int? {
            let data = try Data(contentsOf: URL(fileURLWithPath: path + "/cairn.json"))
            return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["format"]
                as? Int
        }
        // Bringing the index up to date, as commands that read do, leaves the format alone.
        _ = try Archive.reading(path)
        _ = try Archive(opening: path, access: .readOnly)
        #expect(try format() == 1)
        // The interrupted run goes on with files of format 2 beside those of format 1.
        let archive = try Archive(opening: path)
        #expect(try format() == 2)
        let writer = archive.writer()
        try writer.begin(TestRuns.description("b"))
        for step in 0...9 { try writer.save(TestRuns.checkpoint(step, run: "b")) }
        try writer.finish(.finished, metrics: [])
        let run = try archive.run(matching: "b")
        #expect(run.steps == Array(0...9))
        for step in run.steps {
            let expected = TestRuns.checkpoint(step, run: "b")
            #expect(try run.weights(at: step) == TestRuns.sorted(expected.weights))
        }
        #expect(try archive.verify().problems.isEmpty)
    }
}
