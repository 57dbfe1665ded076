import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Processes are killed at any moment: what was acknowledged stays, and the archive is sound.
///
/// `CAIRN_KILLS` sets the number of kills.
@Suite struct ArchiveCrashTests {
    private func requireTrue(_ run: StoredRun, _ steps: [Int]) throws {
        for step in steps {
            let expected = TestRuns.checkpoint(step, run: run.id)
            #expect(try run.weights(at: step) == TestRuns.sorted(expected.weights))
        }
    }

    private func requireSound(_ archive: Archive) throws {
        let report = try archive.verify()
        #expect(report.problems.isEmpty, "\(report.problems.prefix(3))")
        let litter = try FileManager.default.contentsOfDirectory(
            atPath: archive.paths.root + "/temporary")
        #expect(litter.isEmpty, "\(litter)")
    }

    @Test func killedWritersLoseNothingThatTheyAcknowledged() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let kills = HarnessProcess.count("CAIRN_KILLS", ordinary: 16)
        var generator = SeededGenerator(seed: 11)
        var acknowledged = 0
        for kill in 0..<kills {
            let writer = try HarnessProcess(["write", path, "a", "1000000", "16"])
            writer.wait(for: kill % 4 == 0 ? "begun" : "saved")
            usleep(UInt32.random(in: 0...30_000, using: &generator))
            writer.kill()
            let saved = writer.savedSteps
            let archive = try Archive(opening: path)
            guard let run = try? archive.run(matching: "a") else {
                #expect(saved.isEmpty)
                continue
            }
            #expect(run.status == .interrupted)
            #expect(run.steps == Array(0..<run.steps.count), "a gap after kill \(kill)")
            #expect(run.steps.count > (saved.last ?? -1))
            try requireTrue(run, saved)
            acknowledged += saved.count
            if kill % 10 == 0 { try requireSound(archive) }
        }
        #expect(acknowledged > kills)
        // Continued to its end, the run is the one that was never killed.
        let steps = try Archive(opening: path).run(matching: "a").steps
        let last = (steps.last ?? 0) + 5
        #expect(try HarnessProcess(["write", path, "a", "\(last)", "16"]).finish() == 0)
        let archive = try Archive(opening: path)
        try requireSound(archive)
        let run = try archive.run(matching: "a")
        #expect(run.status == .finished && run.steps == Array(0...last))
        for step in stride(from: 0, through: last, by: 7) {
            #expect(
                try run.digest(at: step)
                    == Digest(weights: TestRuns.checkpoint(step, run: "a").weights))
        }
        #expect(
            try run.metric("train_loss").map(\.value)
                == (0...last).map { 1 / Double($0 + 1) })
    }

    /// Dies by its own hand at each step of the protocol in turn.
    @Test func dyingAtEveryStepOfTheProtocolIsHarmless() throws {
        var step = 1
        var hasFinished = false
        while !hasFinished {
            let folder = try TemporaryFolder()
            let path = folder.path("archive")
            let arguments = ["write", path, "a", "4", "3"]
            let writer = try HarnessProcess(arguments, environment: ["HARNESS_DIE_AT": "\(step)"])
            hasFinished = writer.finish() == 0
            let saved = writer.savedSteps
            if Archive.isArchive(path) {
                let archive = try Archive(opening: path)
                try requireSound(archive)
                if let run = try? archive.run(matching: "a") { try requireTrue(run, saved) }
            } else {
                #expect(saved.isEmpty)
            }
            let again = try HarnessProcess(arguments)
            #expect(again.finish() == 0, "died at \(step), then: \(again.error)")
            let archive = try Archive(opening: path)
            try requireSound(archive)
            let run = try archive.run(matching: "a")
            #expect(run.steps == [0, 1, 2, 3, 4])
            try requireTrue(run, run.steps)
            step += 1
        }
        #expect(step > 40)
    }

    fileprivate enum Work: String, CaseIterable {
        case pack
        case merge
        case reindex
        case gc
    }

    @Test(arguments: Work.allCases)
    fileprivate func killedMaintenanceLosesNothing(work: Work) throws {
        let folder = try TemporaryFolder()
        let steps = Array(0..<24)
        let pristine = try TestRuns.archive(
            in: folder, steps: steps, options: Archive.Options(looseLimit: work == .gc ? 8 : nil))
        let source = pristine.paths.root
        let kept = work == .gc ? [0, 5, 10, 15, 20, 23] : steps
        // Six of the steps of the protocol, or all of them if more kills are asked for.
        let kills = HarnessProcess.count("CAIRN_KILLS", ordinary: 6)
        var killed = 0
        for kill in 0..<kills {
            let path = folder.path("work")
            try? FileManager.default.removeItem(atPath: path)
            if work != .merge { try FileManager.default.copyItem(atPath: source, toPath: path) }
            if work == .reindex {
                try FileManager.default.removeItem(atPath: path + "/index.sqlite")
            }
            let arguments =
                switch work {
                case .pack: ["pack", path]
                case .merge: ["merge", path, source]
                case .reindex: ["reindex", path]
                case .gc: ["gc", path, "5"]
                }
            // Rebuilding the index and merging have few moments, the others have many.
            let moment =
                switch work {
                case .reindex: kill % 4 + 1
                case .merge: kill * 3 % 13 + 1
                case .pack, .gc: kill * 7 % 45 + 1
                }
            let worker = try HarnessProcess(
                arguments, environment: ["HARNESS_DIE_AT": "\(moment)"])
            if worker.finish() != 0 { killed += 1 }
            if work == .reindex || (work == .merge && !Archive.isArchive(path)) {
                // Repeating it is the way on.
                #expect(try HarnessProcess(arguments).finish() == 0)
            }
            let archive = try Archive(opening: path)
            if work == .merge { _ = try archive.merge(pristine) }
            let run = try archive.run(matching: "a")
            #expect(Set(run.steps).isSuperset(of: kept))
            try requireTrue(run, run.steps)
            try requireSound(archive)
        }
        #expect(killed > 2)
    }
}
