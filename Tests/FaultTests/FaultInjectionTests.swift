import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Calls of the operating system fail below the commands that write: everything acknowledged reads
/// back bit by bit, `verify` finds nothing that it should not, and the command can be repeated.
@Suite(.enabled(if: PreloadedLibrary.isPossible, "there is no C compiler, or no Linux"))
struct FaultInjectionTests {
    /// One failing call.
    struct Trial: CustomTestStringConvertible, Sendable {
        let command: FaultedCommand
        let call: String
        let number: Int
        let error: Int32
        let isLasting: Bool

        var testDescription: String {
            "\(command): \(call) \(number) fails \(isLasting ? "for good" : "once") with \(error)"
        }

        fileprivate func environment(_ folder: String, _ count: String) -> [String: String] {
            [
                "CAIRN_FAULT_FOLDER": folder, "CAIRN_FAULT_CALL": call,
                "CAIRN_FAULT_NUMBER": "\(number)", "CAIRN_FAULT_ERROR": "\(error)",
                "CAIRN_FAULT_LASTING": isLasting ? "1" : "0", "CAIRN_FAULT_COUNT": count,
            ]
        }
    }

    static let calls = [
        "write", "sync", "rename", "open", "mmap", "close", "unlink", "mkdir", "flock", "truncate",
    ]

    /// Some calls of some commands, by a seed; with `CAIRN_FAULTS=N` so many.
    static let sample: [Trial] = {
        let count = ProcessInfo.processInfo.environment["CAIRN_FAULTS"].flatMap(Int.init) ?? 16
        var generator = SeededGenerator(seed: 16)
        let commands = FaultedCommand.all.filter { !$0.isLong }
        return (0..<count).map { index in
            Trial(
                command: commands[index % commands.count],
                call: index % 3 == 0
                    ? "write" : calls[Int.random(in: 0..<calls.count, using: &generator)],
                number: Int(exp(Double.random(in: 0...5, using: &generator))),
                error: index % 2 == 0 ? ENOSPC : EIO, isLasting: index % 5 == 0)
        }
    }()

    @Test(arguments: sample)
    func aFailingCallLosesNothing(trial: Trial) throws {
        let bench = try Bench.shared.get()
        try bench.perform(trial)
    }

    /// HDF5 writes the last bytes of a file when its objects are closed.
    @Test(arguments: ["pack", "gc of packs", "export to .h5"])
    func aLostWriteAtTheEndOfAFileIsNoticed(name: String) throws {
        let bench = try Bench.shared.get()
        let command = try #require(FaultedCommand.all.first { $0.name == name })
        let count = try bench.count("write", in: command)
        for number in stride(from: max(1, count - 60), through: count, by: 9) {
            try bench.perform(
                Trial(
                    command: command, call: "write", number: number, error: ENOSPC,
                    isLasting: false))
        }
    }

    /// Exports without `--force` where the file system has no hard links.
    @Test(arguments: ["h5", "npz"])
    func anExportNeedsNoHardLinks(ending: String) throws {
        let bench = try Bench.shared.get()
        let command = FaultedCommand(name: "export without --force") { _, results in
            ["export", "r@5", "--to", "\(results)/weights.\(ending)", "--quiet"]
        } isDone: { _, results in
            FileManager.default.contents(atPath: "\(results)/weights.\(ending)")
                == FileManager.default.contents(atPath: "\(results)/expected.\(ending)")
        }
        #expect(try bench.count("link", in: command) > 0)
        try bench.requireDone(
            Trial(command: command, call: "link", number: 1, error: EPERM, isLasting: true))
    }

    /// Every call of every command, once and for good: hours.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["CAIRN_FAULTS"] == "all",
            "CAIRN_FAULTS=all makes every call fail"),
        arguments: FaultedCommand.all)
    func everyFailingCallLosesNothing(command: FaultedCommand) throws {
        let bench = try Bench.shared.get()
        for call in FaultInjectionTests.calls {
            let count = try bench.count(call, in: command)
            for number in stride(from: 1, through: count, by: 1) {
                for isLasting in [false, true] {
                    try bench.perform(
                        Trial(
                            command: command, call: call, number: number,
                            error: number % 2 == 0 ? ENOSPC : EIO, isLasting: isLasting))
                }
            }
        }
    }

    /// The archives that the commands begin with, and the library that makes calls fail.
    private struct Bench {
        static let shared = Result { try Bench() }

        private let folder: TemporaryFolder
        private let library: PreloadedLibrary
        private var inputs: String { folder.path("inputs") }

        init() throws {
            library = try #require(PreloadedLibrary("faults"))
            folder = try TemporaryFolder()
            try Bench.make("r", steps: FaultedCommand.steps, at: folder.path("loose"))
            try FileManager.default.copyItem(
                atPath: folder.path("loose"), toPath: folder.path("packed"))
            do {
                let archive = try Archive(opening: folder.path("packed"))
                try archive.pack(archive.run(matching: "r"))
            }
            try FileManager.default.copyItem(
                atPath: folder.path("packed"), toPath: folder.path("damaged"))
            try Bench.damage(folder.path("damaged"))
            try FileManager.default.createDirectory(
                atPath: inputs, withIntermediateDirectories: true)
            try Bench.make("q", steps: Array(0...8), at: inputs + "/other")
            try Bench.make("r", steps: Array(0...25), at: inputs + "/other")
            for path in [
                "weights.safetensors", "expected.h5", "expected.safetensors", "expected.npz",
            ] {
                let made = try TestSupport.run(
                    cairnExecutable(), ["export", "r@5", "--to", "\(inputs)/\(path)", "--quiet"],
                    environment: ["CAIRN_ARCHIVE": folder.path("loose")])
                try #require(made.exitCode == 0, "\(made.error)")
            }
            if ProcessInfo.processInfo.environment["CAIRN_FAULTS"] != nil {
                try Bench.makeLargeFile(inputs + "/large.safetensors")
            }
        }

        /// Tensors of 40 MB, which are written while they are read.
        private static func makeLargeFile(_ path: String) throws {
            let header = """
                {"large": {"dtype": "F32", "shape": [10000000], "data_offsets": [0, 40000000]},
                "small": {"dtype": "F32", "shape": [25], "data_offsets": [40000000, 40000100]}}
                """
            var bytes = Data()
            withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) {
                bytes.append(contentsOf: $0)
            }
            bytes.append(contentsOf: header.utf8)
            bytes.append(Data(repeating: 7, count: 40_000_100))
            try bytes.write(to: URL(fileURLWithPath: path))
        }

        private static func make(_ id: String, steps: [Int], at path: String) throws {
            let archive = try Archive.openOrCreate(
                at: path, options: Archive.Options(looseLimit: nil))
            let writer = archive.writer()
            try writer.begin(TestRuns.description(id))
            for step in steps { try writer.save(TestRuns.checkpoint(step, run: id)) }
            try writer.finish(.finished, metrics: [])
            if id == "r", steps == FaultedCommand.steps {
                try archive.addTags(
                    [RunTag(name: "keep", step: 5)], to: archive.run(matching: "r"))
            }
        }

        /// Changes one value of one checkpoint in the pack.
        private static func damage(_ path: String) throws {
            let file = URL(
                fileURLWithPath: path + "/runs/r/" + ArchivePaths.packPath(0, 20))
            var bytes = try Data(contentsOf: file)
            let weights = TestRuns.checkpoint(FaultedCommand.damagedStep, run: "r").weights
            let place = try #require(bytes.range(of: Data(weights[0].bytes)))
            bytes[place.lowerBound] ^= 1
            try bytes.write(to: file)
        }

        /// An archive for one trial, with a folder for results beside it.
        private func begin(_ command: FaultedCommand, _ work: TemporaryFolder) throws {
            let results = work.path("results")
            try FileManager.default.createDirectory(
                atPath: results, withIntermediateDirectories: true)
            if command.base != .none {
                try FileManager.default.copyItem(
                    atPath: folder.path(command.base.rawValue), toPath: work.path("archive"))
            }
        }

        private func run(
            _ command: FaultedCommand, in work: TemporaryFolder,
            _ environment: [String: String] = [:]
        ) throws -> ProcessResult {
            let ours = [
                "CAIRN_ARCHIVE": work.path("archive"), "HOME": folder.path,
                "SWIFT_BACKTRACE": "enable=no",
            ]
            return try TestSupport.run(
                cairnExecutable(), command.arguments(inputs, work.path("results")),
                input: command.input, environment: ours.merging(environment) { $1 },
                secondsAllowed: 120)
        }

        private func run(_ trial: Trial, in work: TemporaryFolder) throws -> ProcessResult {
            var environment = trial.environment(work.path, folder.path(UUID().uuidString))
            environment["LD_PRELOAD"] = library.path
            return try run(trial.command, in: work, environment)
        }

        /// How many calls of a kind a command makes.
        func count(_ call: String, in command: FaultedCommand) throws -> Int {
            let work = try TemporaryFolder()
            try begin(command, work)
            let trial = Trial(
                command: command, call: call, number: 0, error: EIO, isLasting: false)
            let file = folder.path(UUID().uuidString)
            var environment = trial.environment(work.path, file)
            environment["LD_PRELOAD"] = library.path
            let result = try run(command, in: work, environment)
            try #require(result.exitCode == 0 || command.isOfDamage, "\(result.error)")
            return try #require(
                Int(
                    try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(
                        in: .whitespacesAndNewlines)))
        }

        func perform(_ trial: Trial) throws {
            let work = try TemporaryFolder()
            try begin(trial.command, work)
            let result = try run(trial, in: work)
            let said = "\(trial.testDescription): \(result.exitCode) \(result.error.suffix(300))"
            #expect([0, 1, 3].contains(result.exitCode), "\(said)")
            try requireKept(trial, in: work, said)
            if result.exitCode == 0 {
                #expect(try isDone(trial, in: work), "not done, and said so. \(said)")
                // An export refuses a folder that is there.
                try? FileManager.default.removeItem(atPath: work.path("results/run"))
            }
            // The fault is over.
            let again = try run(trial.command, in: work)
            #expect(again.exitCode == 0, "again: \(again.error). \(said)")
            #expect(try isDone(trial, in: work), "not done when repeated. \(said)")
            try requireKept(trial, in: work, said)
        }

        /// The command succeeds beside the fault.
        func requireDone(_ trial: Trial) throws {
            let work = try TemporaryFolder()
            try begin(trial.command, work)
            let result = try run(trial, in: work)
            #expect(result.exitCode == 0, "\(trial.testDescription): \(result.error)")
            #expect(try isDone(trial, in: work), "\(trial.testDescription)")
        }

        private func isDone(_ trial: Trial, in work: TemporaryFolder) throws -> Bool {
            let results = work.path("results")
            for ending in ["h5", "safetensors", "npz"] {
                try? FileManager.default.copyItem(
                    atPath: "\(inputs)/expected.\(ending)", toPath: "\(results)/expected.\(ending)")
            }
            return try trial.command.isDone(Archive(opening: work.path("archive")), results)
        }

        /// Everything that was acknowledged is there and right.
        private func requireKept(
            _ trial: Trial, in work: TemporaryFolder, _ said: String
        ) throws {
            let path = work.path("archive")
            guard Archive.isArchive(path) else {
                #expect(trial.command.base == .none, "\(said)")
                return
            }
            let archive = try Archive(opening: path)
            let report = try archive.verify()
            if !trial.command.isOfDamage {
                #expect(report.isSound, "\(report.problems.prefix(3)). \(said)")
            }
            guard trial.command.base != .none else { return }
            let run = try archive.run(matching: "r")
            let isDamaged = trial.command.base == .damaged
            for step in FaultedCommand.steps {
                let weights = TestRuns.sorted(TestRuns.checkpoint(step, run: "r").weights)
                if isDamaged && step == FaultedCommand.damagedStep {
                    #expect(throws: ArchiveError.self, "\(said)") { try run.weights(at: step) }
                } else if trial.command.spares(step) || run.steps.contains(step) {
                    #expect(try run.weights(at: step) == weights, "step \(step). \(said)")
                }
            }
            #expect(
                try run.metric("train_loss").prefix(21).map(\.value)
                    == FaultedCommand.steps.map { 1 / Double($0 + 1) }, "\(said)")
            #expect(try archive.tags(of: run).map(\.name).contains("keep"), "\(said)")
        }
    }
}
