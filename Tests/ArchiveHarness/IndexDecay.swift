import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport

/// Flips one byte after the other in the index of an archive, its log and its mark, and reads.
///
/// Every read gives what was written or an error. At every sixteenth position the index is rebuilt,
/// after which all of it must be there again. The last `at N` line tells where a crash was.
enum IndexDecay {
    static func run(archive path: String, first: Int, stride step: Int) throws {
        let names = ["cairn.json", "index.sqlite", "index.sqlite-wal"].filter {
            FileManager.default.fileExists(atPath: "\(path)/\($0)")
        }
        let pristine = try names.map {
            (name: $0, bytes: [UInt8](try Data(contentsOf: url(path, $0))))
        }
        func restore() throws {
            try? FileManager.default.removeItem(at: url(path, "index.sqlite-shm"))
            for file in pristine { try Data(file.bytes).write(to: url(path, file.name)) }
        }
        let total = pristine.reduce(0) { $0 + $1.bytes.count }
        var count = 0
        for position in Swift.stride(from: first, to: total, by: step) {
            Harness.say("at \(position)")
            try restore()
            var offset = position
            guard
                let file = pristine.first(where: { file in
                    if offset < file.bytes.count { return true }
                    offset -= file.bytes.count
                    return false
                })
            else { break }
            var bytes = file.bytes
            bytes[offset] ^= 0x5a
            try Data(bytes).write(to: url(path, file.name))
            try requireTruth(path, isWhole: false)
            if count % 16 == 0, file.name != "cairn.json" {
                _ = try Archive.reindex(at: path)
                try requireTruth(path, isWhole: true)
            }
            count += 1
            Harness.say("read \(file.name) \(offset)")
        }
        try restore()
    }

    private static func url(_ path: String, _ name: String) -> URL {
        URL(fileURLWithPath: "\(path)/\(name)")
    }

    /// Reads everything; with `isWhole` nothing may be missing.
    private static func requireTruth(_ path: String, isWhole: Bool) throws {
        func altered(_ run: String, _ what: String) -> UserError {
            .integrity(subject: run, cause: "a read gave altered \(what)")
        }
        let archive: Archive
        do {
            archive = try Archive(opening: path, access: .readOnly)
        } catch {
            if isWhole { throw error }
            return
        }
        let report = try? archive.verify()
        if isWhole, report?.isSound != true {
            throw UserError.integrity(subject: path, cause: "the new index is not sound")
        }
        for (id, steps) in [("a", [7]), ("b", [0, 1, 2])] {
            guard let run = try? archive.run(matching: id) else {
                if isWhole { throw UserError.integrity(subject: id, cause: "it is missing") }
                continue
            }
            if isWhole, run.steps != steps { throw altered(id, "steps") }
            for step in run.steps {
                let truth = TestRuns.checkpoint(step, run: id)
                if let weights = try? run.weights(at: step),
                    weights != TestRuns.sorted(truth.weights) || !steps.contains(step)
                {
                    throw altered(id, "weights")
                }
                if let state = try? run.optimizerState(at: step), state != truth.optimizerState {
                    throw altered(id, "state")
                }
            }
            guard let trajectory = try? run.trajectory(of: "embedding") else {
                if isWhole { throw altered(id, "trajectory") }
                continue
            }
            for (index, step) in trajectory.steps.enumerated() {
                let truth = TestRuns.checkpoint(step, run: id).weights
                    .first { $0.name == "embedding" }
                guard trajectory.tensor(index, name: "embedding") == truth else {
                    throw altered(id, "trajectory")
                }
            }
        }
    }
}
