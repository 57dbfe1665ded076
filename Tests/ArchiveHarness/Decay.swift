import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport

/// Flips one byte after the other in the files of an archive and looks what happens.
///
/// For each position it prints `found FILE POSITION TENSOR` when `verify` names the file, and the
/// tensor where the byte is in one. Anything else ends it with an error. Files are opened in this
/// process, so that a crash ends it; the last `at N` line tells where.
enum Decay {
    static func run(archive path: String, first: Int, stride step: Int) throws {
        let archive = try Archive(opening: path, access: .readOnly)
        let files = try positions(path)
        var position = first
        let total = files.reduce(0) { $0 + $1.byteCount }
        while position < total {
            Harness.say("at \(position)")
            var offset = position
            for file in files {
                if offset < file.byteCount {
                    try check(archive, file.name, offset)
                    break
                }
                offset -= file.byteCount
            }
            position += step
        }
    }

    /// The files of the runs, in a fixed order.
    private static func positions(_ path: String) throws -> [(name: String, byteCount: Int)] {
        let root = path + "/runs"
        let entries = (FileManager.default.enumerator(atPath: root)?.allObjects ?? [])
            .compactMap { $0 as? String }.filter {
                $0.hasSuffix(".h5") || $0.hasSuffix("tags.json")
            }
        return try entries.sorted().map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(root)/\(name)")
            return (name, attributes[.size] as? Int ?? 0)
        }
    }

    private static func check(_ archive: Archive, _ name: String, _ offset: Int) throws {
        let path = "\(archive.paths.root)/runs/\(name)"
        let run = String(name.prefix { $0 != "/" })
        try change(path, offset, by: 0x5a)
        defer { try? change(path, offset, by: 0x5a) }
        var options = Archive.VerifyOptions()
        options.trustsChecksums = true
        let report = try archive.verify(runs: [run], options: options)
        try requireTruth(archive, run)
        if name.hasSuffix("tags.json"), report.isSound {
            // White space may change, and letters of names that JSON does not need.
            Harness.say("found \(name) \(offset)")
            return
        }
        guard report.problems.contains(where: { $0.file == "runs/\(name)" }) else {
            throw UserError.integrity(
                subject: "\(name) \(offset)", cause: "verify blames \(report.problems)")
        }
        let tensors = report.problems.compactMap(\.tensor)
        Harness.say("found \(name) \(offset) \(tensors.isEmpty ? "" : tensors[0])")
    }

    /// Every read gives what was written or an error.
    private static func requireTruth(_ archive: Archive, _ run: String) throws {
        let stored = try archive.run(matching: run)
        if let description = try? stored.run, description != TestRuns.description(run) {
            throw UserError.integrity(subject: run, cause: "a read gave an altered description")
        }
        let steps = stored.steps
        if let last = steps.last, let digests = try? stored.stepDigests(in: 0...last),
            digests != steps.flatMap({ TestRuns.checkpoint($0, run: run).stepDigests })
        {
            throw UserError.integrity(subject: run, cause: "a read gave altered step digests")
        }
        for step in stored.resumableSteps {
            let state = try? stored.optimizerState(at: step)
            guard state == nil || state == TestRuns.checkpoint(step, run: run).optimizerState else {
                throw UserError.integrity(subject: run, cause: "a read gave altered state")
            }
        }
        for step in stored.steps {
            guard let weights = try? stored.weights(at: step) else { continue }
            guard weights == TestRuns.sorted(TestRuns.checkpoint(step, run: run).weights) else {
                throw UserError.integrity(subject: run, cause: "a read gave altered weights")
            }
        }
        if let trajectory = try? stored.trajectory(of: "embedding") {
            for (index, step) in trajectory.steps.enumerated() {
                let expected = TestRuns.checkpoint(step, run: run).weights
                    .first { $0.name == "embedding" }
                guard trajectory.tensor(index, name: "embedding") == expected else {
                    throw UserError.integrity(subject: run, cause: "a trajectory was altered")
                }
            }
        }
    }

    private static func change(_ path: String, _ offset: Int, by mask: UInt8) throws {
        let descriptor = open(path, O_RDWR)
        defer { close(descriptor) }
        var byte: UInt8 = 0
        guard descriptor >= 0, pread(descriptor, &byte, 1, off_t(offset)) == 1 else {
            throw UserError(.failure, subject: path, cause: "cannot be changed")
        }
        byte ^= mask
        pwrite(descriptor, &byte, 1, off_t(offset))
    }
}
