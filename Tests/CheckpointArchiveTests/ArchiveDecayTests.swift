import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Bytes change and files are cut short: it is found, and no read gives altered weights.
///
/// `CAIRN_DECAY_STRIDE` sets the distance between the bytes that are flipped.
@Suite struct ArchiveDecayTests {
    /// Two small runs: one of loose checkpoints, one packed.
    private func smallArchive(_ folder: TemporaryFolder) throws -> String {
        let loose = try TestRuns.archive(in: folder, steps: [7], run: "a")
        try TestRuns.archive(
            in: folder, steps: [0, 1, 2], run: "b", options: Archive.Options(looseLimit: 3))
        return loose.layout.root
    }

    @Test func everyFlippedByteIsFoundOrUnused() throws {
        let folder = try TemporaryFolder()
        let path = try smallArchive(folder)
        let pristine = folder.path("pristine")
        try FileManager.default.copyItem(atPath: path, toPath: pristine)
        let byteCount = try fileSizes(path).reduce(0, +)
        let stride = HarnessProcess.count("CAIRN_DECAY_STRIDE", ordinary: byteCount / 5_200)
        var first = 0
        var found = 0
        var unused = 0
        var named: Set<String> = []
        var crashCount = 0
        // The parser of HDF5 may fall over damaged texts. `verify` therefore reads damaged files in
        // a child process and names the file whatever happens to the child; the loop goes on
        // behind that byte.
        while true {
            let child = try HarnessProcess(["decay", path, "\(first)", "\(stride)"])
            let code = child.finish()
            let lines = child.lines
            found += lines.filter { $0.hasPrefix("found ") }.count
            unused += lines.filter { $0.hasPrefix("unused ") }.count
            named.formUnion(
                lines.compactMap { $0.split(separator: " ").dropFirst(3).first }.map(String.init))
            if code == 0 { break }
            #expect(code > 128, "\(child.error)")
            let last = lines.last { $0.hasPrefix("at ") }.flatMap { Int($0.dropFirst(3)) }
            guard code > 128, let last else { break }
            crashCount += 1
            first = last + stride
            // The dead child left its byte flipped.
            let report = try Archive(opening: path, access: .readOnly).verify(
                options: .init(child: inspector()))
            #expect(report.problems.contains { $0.isIntegrityProblem }, "byte \(last)")
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.copyItem(atPath: pristine, toPath: path)
        }
        found += crashCount
        // The whole file has a checksum, so that even unused bytes are found.
        #expect(unused == 0)
        #expect(found == (byteCount + stride - 1) / stride, "\(found) positions")
        #expect(named.isSuperset(of: ["embedding", "unembedding", "scale"]))
    }

    @Test func truncatedFilesAreFoundAndRefused() throws {
        let folder = try TemporaryFolder()
        let path = try smallArchive(folder)
        let archive = try Archive(opening: path, access: .readOnly)
        for (run, file) in [
            ("a", "runs/a/loose/000000007.h5"), ("b", "runs/b/pack-000000000-000000002.h5"),
            ("a", "runs/a/run.h5"),
        ] {
            let url = URL(fileURLWithPath: path + "/" + file)
            let whole = try Data(contentsOf: url)
            for length in stride(from: 0, to: whole.count, by: 1_024) {
                try whole.prefix(length).write(to: url)
                let report = try archive.verify(
                    runs: [run], options: .init(child: inspector()))
                #expect(report.problems.contains { $0.file == file && $0.isIntegrityProblem })
                let stored = try archive.run(matching: run)
                for step in stored.steps {
                    guard let weights = try? stored.weights(at: step) else { continue }
                    let expected = TestRuns.checkpoint(step, run: run).weights
                    #expect(weights == TestRuns.sorted(expected))
                }
            }
            try whole.write(to: url)
        }
        #expect(try archive.verify().problems.isEmpty)
    }

    /// The sizes of the files whose bytes are flipped.
    private func fileSizes(_ path: String) throws -> [Int] {
        let root = path + "/runs"
        let names = (FileManager.default.enumerator(atPath: root)?.allObjects ?? [])
            .compactMap { $0 as? String }
        return try names.filter { $0.hasSuffix(".h5") && !$0.hasSuffix("packed.h5") }.map {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(root)/\($0)")
            return attributes[.size] as? Int ?? 0
        }
    }

    private func inspector() -> FileInspection.Child {
        FileInspection.Child(
            executable: builtExecutable("ArchiveHarness"), arguments: ["inspect"])
    }
}
