import Checkpoints
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Interchange

/// A sink for several threads that may fail or be slow.
final class SharedSink: CheckpointSink, Sendable {
    struct Content {
        var run: RunDescription?
        var checkpoints: [Checkpoint] = []
        var status: RunStatus?
        var metrics: [MetricPoint] = []
    }

    let content = Mutex(Content())
    let failingStep: Int?
    let refusedStep: Int?
    let delay: TimeInterval

    init(failingStep: Int? = nil, refusedStep: Int? = nil, delay: TimeInterval = 0) {
        self.failingStep = failingStep
        self.refusedStep = refusedStep
        self.delay = delay
    }

    func begin(_ run: RunDescription) { content.withLock { $0.run = run } }

    func save(_ checkpoint: Checkpoint) throws {
        Thread.sleep(forTimeInterval: delay)
        if checkpoint.step == refusedStep {
            throw UserError(.refused, subject: "run", cause: "its tensors are other ones")
        }
        if checkpoint.step == failingStep {
            throw UserError(.failure, subject: "disk", cause: "it is full")
        }
        content.withLock {
            // Like the archive: what is there is skipped.
            if !$0.checkpoints.contains(where: { $0.step == checkpoint.step }) {
                $0.checkpoints.append(checkpoint)
            }
        }
    }

    func finish(_ status: RunStatus, metrics: [MetricPoint]) {
        content.withLock {
            $0.status = status
            $0.metrics = metrics
        }
    }
}

@Suite struct RecordTests {
    private let folder: TemporaryFolder
    private let description = RunDescription(id: "0123456789abcdef", name: "a", createdAt: 1)

    init() throws { folder = try TemporaryFolder() }

    private func weights(_ step: Int) -> [Tensor] {
        [Tensor(name: "w", shape: [3], values: [Float(step), 2, 3])]
    }

    private func file(_ step: Int) throws -> String {
        let path = folder.path("step_\(step).safetensors")
        try Safetensors.write(weights(step), to: path, replacing: true)
        return path
    }

    /// Stores what the only recorder left.
    private func recover(into sink: SharedSink) throws -> Bool {
        let left = RecordSpool.abandoned(in: folder.path("spool"))
        try #require(left.count == 1)
        #expect(try left[0].run() == description)
        let session = RecordSession(
            try left[0].run(), begun: try left[0].begun(), sink: sink)
        return try Recorder(session: session, spool: left[0], note: { _ in }).recover()
    }

    /// Feeds text through a pipe, as a trainer would.
    private func record(
        _ text: String, into sink: SharedSink, isInterrupted: Bool = false
    ) throws -> (passed: String, notes: [String], exists: Bool, account: RecordAccount) {
        let spool = try RecordSpool(path: folder.path("spool/a"), run: description)
        let session = RecordSession(
            description, sink: sink, keepBeginning: { try spool.keepBeginning($0) })
        let notes = Mutex<[String]>([])
        let recorder = Recorder(session: session, spool: spool) { note in
            notes.withLock { $0.append(note) }
        }
        let pipe = Pipe()
        let writer = Thread {
            pipe.fileHandleForWriting.write(Data(text.utf8))
            try? pipe.fileHandleForWriting.close()
        }
        writer.start()
        var passed: [UInt8] = []
        let exists = try recorder.record(
            from: pipe.fileHandleForReading.fileDescriptor, isInterrupted: { isInterrupted },
            passOn: { passed += $0 })
        return (
            String(decoding: passed, as: UTF8.self), notes.withLock { $0 }, exists, session.account
        )
    }

    @Test func linesBecomeARunAndOthersPass() throws {
        let text = """
            hello
            {"hyperparameters": {"lr": 0.1, "seed": 3, "layers": [1, 2], "task": "mine"}}
            {"step": 0, "train_loss": 4.5, "checkpoint": "\(try file(0))"}
            {"not": "ours"}
            50%|####\r100%|####\r done
            {"step": 1, "train_loss": NaN}
            {"step": 2, "val_loss": 2, "checkpoint": "\(try file(2))"}
            {broken
            {"step": 3, "train_loss": 1}

            """
        let sink = SharedSink()
        let result = try record(text, into: sink)
        #expect(result.exists)
        #expect(
            result.passed
                == "hello\n{\"not\": \"ours\"}\n50%|####\r100%|####\r done\n{broken\n")
        #expect(result.notes.isEmpty)
        sink.content.withLock { content in
            #expect(content.run?.seed == 3 && content.run?.task == "mine")
            #expect(content.run?.hyperparameters.first { $0.name == "lr" }?.value == .real(0.1))
            #expect(content.checkpoints.map(\.step) == [0, 2])
            #expect(content.checkpoints[1].weights == weights(2))
            #expect(content.checkpoints[0].metrics.map(\.value) == [4.5])
            #expect(content.checkpoints[1].metrics.map(\.name) == ["train_loss", "test_loss"])
            #expect(content.metrics == [MetricPoint(name: "train_loss", step: 3, value: 1)])
            #expect(content.status == .finished)
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path("spool/a")))
    }

    @Test func whatCannotBeUsedIsSaidAndTheRestIsKept() throws {
        let text = """
            {"step": 5, "checkpoint": "\(try file(5))"}
            {"step": 4, "checkpoint": "\(try file(4))"}
            {"step": 6, "checkpoint": "\(folder.path("missing.pt"))"}
            {"step": 7, "checkpoint": 12}
            {"hyperparameters": {"late": 1}}
            {"step": -1, "train_loss": 1}
            {"step": 8, "checkpoint": "\(try file(8))"}

            """
        let sink = SharedSink()
        let result = try record(text, into: sink)
        #expect(result.notes.count == 5, "\(result.notes)")
        sink.content.withLock { #expect($0.checkpoints.map(\.step) == [5, 8]) }
    }

    @Test func aTrainerThatSaysNothingLeavesNoRun() throws {
        let sink = SharedSink()
        let result = try record("just\nwords\n", into: sink)
        #expect(!result.exists && result.passed == "just\nwords\n")
        sink.content.withLock { #expect($0.run == nil) }
    }

    @Test func theEndOfTheTrainerDecidesTheStatus() throws {
        for (tail, status) in [
            ("{\"status\": \"failed\"}\n", RunStatus.failed), ("", .finished),
            ("{\"step\": 3, \"train_l", .interrupted),
        ] {
            let sink = SharedSink()
            _ = try record("{\"step\": 1, \"train_loss\": 2}\n" + tail, into: sink)
            sink.content.withLock { #expect($0.status == status) }
        }
    }

    /// The trainer overwrites its one file at once; every checkpoint is still its own.
    @Test func aFileThatIsReusedIsCopiedInTime() throws {
        let path = folder.path("model.safetensors")
        let spool = try RecordSpool(path: folder.path("spool/b"), run: description)
        let sink = SharedSink(delay: 0.05)
        let recorder = Recorder(
            session: RecordSession(description, sink: sink), spool: spool, note: { _ in })
        let pipe = Pipe()
        let weights = (0..<5).map(weights)
        let writer = Thread {
            for step in 0..<5 {
                try? Safetensors.write(weights[step], to: path, replacing: true)
                pipe.fileHandleForWriting.write(
                    Data("{\"step\": \(step), \"checkpoint\": \"\(path)\"}\n".utf8))
                // The recorder has this long before the file changes.
                Thread.sleep(forTimeInterval: 0.04)
            }
            try? pipe.fileHandleForWriting.close()
        }
        let start = Date()
        writer.start()
        _ = try recorder.record(from: pipe.fileHandleForReading.fileDescriptor) { _ in }
        #expect(Date().timeIntervalSince(start) < 20)
        sink.content.withLock { content in
            #expect(content.checkpoints.map(\.step) == [0, 1, 2, 3, 4])
            for checkpoint in content.checkpoints {
                #expect(checkpoint.weights == weights[checkpoint.step])
            }
        }
    }

    /// When storing fails, everything that was read waits for the next recorder.
    @Test func whatCouldNotBeStoredIsRecovered() throws {
        let text =
            try (0..<6).map {
                "{\"step\": \($0), \"train_loss\": \($0), \"checkpoint\": \"\(try file($0))\"}\n"
            }.joined() + "{\"step\": 6, \"train_loss\": 6}\n"
        let failing = SharedSink(failingStep: 3)
        #expect(throws: UserError.self) { try record(text, into: failing) }
        failing.content.withLock { #expect($0.checkpoints.map(\.step) == [0, 1, 2]) }
        // The files of the trainer are gone; the copies are not.
        for step in 0..<6 {
            try FileManager.default.removeItem(atPath: folder.path("step_\(step).safetensors"))
        }
        let sink = SharedSink()
        #expect(try recover(into: sink))
        sink.content.withLock { content in
            #expect(content.checkpoints.map(\.step) == [3, 4, 5])
            #expect(content.checkpoints.map(\.weights) == (3..<6).map(weights))
            #expect(content.metrics.map(\.step) == [6])
            #expect(content.status == .interrupted)
        }
        #expect(RecordSpool.abandoned(in: folder.path("spool")).isEmpty)
    }

    @Test func twoRecordersNeverShareARun() throws {
        let first = try RecordSpool(path: folder.path("spool/c"), run: description)
        #expect(throws: UserError.self) {
            try RecordSpool(path: folder.path("spool/c"), run: description)
        }
        #expect(RecordSpool.abandoned(in: folder.path("spool")).isEmpty)
        first.remove()
    }

    @Test func aRefusedCheckpointCostsThatCheckpointAlone() throws {
        let text = try (0..<4).map {
            "{\"step\": \($0), \"train_loss\": \($0), \"checkpoint\": \"\(try file($0))\"}\n"
        }.joined()
        let sink = SharedSink(refusedStep: 1)
        let result = try record(text, into: sink)
        sink.content.withLock { content in
            #expect(content.checkpoints.map(\.step) == [0, 2, 3])
            #expect(content.checkpoints.flatMap(\.metrics).map(\.step) == [0, 1, 2, 3])
            #expect(content.status == .finished)
        }
        #expect(result.account.leftOut.map(\.cause) == ["a checkpoint: its tensors are other ones"])
        #expect(!FileManager.default.fileExists(atPath: folder.path("spool/a")))
    }

    /// A name whose file could not be copied is never looked up again: it may be another file now.
    @Test func aFailedCopyIsARefusedCheckpointForGood() throws {
        let path = folder.path("late.safetensors")
        let text = "{\"step\": 0, \"train_loss\": 1, \"checkpoint\": \"\(path)\"}\n"
        let failing = SharedSink(failingStep: 1)
        #expect(throws: UserError.self) {
            try record(
                text + "{\"step\": 1, \"checkpoint\": \"\(try file(1))\"}\n", into: failing)
        }
        try Safetensors.write(weights(7), to: path, replacing: true)
        let sink = SharedSink()
        #expect(try recover(into: sink))
        sink.content.withLock { content in
            #expect(content.checkpoints.map(\.step) == [1])
            #expect(content.checkpoints[0].metrics.map(\.value) == [1])
        }
    }

    @Test func aTrainerThatIsStoppedLeavesAnInterruptedRun() throws {
        let sink = SharedSink()
        let text = "{\"step\": 1, \"train_loss\": 2}\n{\"step\": 2, \"final\": 3}\n"
        _ = try record(text, into: sink, isInterrupted: true)
        sink.content.withLock {
            #expect($0.status == .interrupted)
            #expect($0.metrics.map(\.name) == ["train_loss", "final"])
        }
    }

    @Test func whoStopsWatchingDoesNotStopTheRecording() throws {
        let spool = try RecordSpool(path: folder.path("spool/d"), run: description)
        let sink = SharedSink()
        let recorder = Recorder(
            session: RecordSession(description, sink: sink), spool: spool, note: { _ in })
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(
            Data("words\n{\"step\": 1, \"train_loss\": 2}\nwords\n".utf8))
        try pipe.fileHandleForWriting.close()
        struct Gone: Error {}
        let exists = try recorder.record(from: pipe.fileHandleForReading.fileDescriptor) { _ in
            throw Gone()
        }
        #expect(exists)
        sink.content.withLock { #expect($0.metrics.count == 1 && $0.status == .finished) }
    }

    @Test func whatIsNotStoredIsCounted() throws {
        let long = String(repeating: "x", count: 5000)
        let text = """
            \u{feff}{"step": 0, "train_loss": 1}
            {"step": 1.0, "train_loss": 0.5, "nested": {"a": 1}, "list": [1], "flag": true}
            {"step": 2, "nested": {"a": 2}, "\(long)": 1, "": 2, "a\\u0000b": 3, "none": null}
            {"step": 2.5, "train_loss": 1}
            {"step": 1, "train_loss": 0.25}
            {"step": 2, "text": "words"}

            """
        let sink = SharedSink()
        let result = try record(text, into: sink)
        sink.content.withLock { content in
            #expect(content.metrics.map(\.step) == [0, 1])
            #expect(content.metrics.map(\.value) == [1, 0.5])
        }
        #expect(result.passed.isEmpty)
        let counts = Dictionary(
            uniqueKeysWithValues: result.account.leftOut.map { ($0.cause, $0.count) })
        #expect(counts.values.reduce(0, +) == 10, "\(result.account.leftOut)")
        #expect(counts["nested is an object, not a number"] == 2)
        #expect(counts["a line whose step is no number of updates"] == 1)
        #expect(counts["train_loss has another value for a step that it has already"] == 1)
        #expect(counts.count == 7, "\(counts)")
    }

    /// Every value of random lines is stored under its step or counted as left out.
    @Test(arguments: 0..<50) func noValueVanishes(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        let names = [
            "loss", "train_loss", "train/loss", "val_loss", "acc", "lr", "x.y", "ä", "step ", "a",
        ]
        var next = 0
        func value(_ random: inout SeededGenerator) -> (text: String, isNumber: Bool) {
            next += 1
            switch Int.random(in: 0..<10, using: &random) {
            case 0: return ("{\"a\": \(next)}", false)
            case 1: return ("[\(next)]", false)
            case 2: return ("\"word \(next)\"", false)
            case 3: return ("true", false)
            default: return ("\(next).5", true)
            }
        }
        var lines = ""
        var found = 0
        var numbers: Set<Double> = []
        for _ in 0..<Int.random(in: 1..<40, using: &random) {
            let isWhole = Int.random(in: 0..<6, using: &random) > 0
            let step = Int.random(in: 0..<12, using: &random)
            var parts = ["\"step\": \(isWhole ? String(step) : "\(step).25")"]
            for name in names.shuffled(using: &random).prefix(Int.random(in: 0..<6, using: &random))
            {
                let (text, isNumber) = value(&random)
                parts.append("\"\(name)\": \(text)")
                guard isWhole else { continue }
                found += 1
                if isNumber { numbers.insert(Double(next) + 0.5) }
            }
            if !isWhole { found += 1 }
            lines += "{\(parts.shuffled(using: &random).joined(separator: ", "))}\n"
        }
        let sink = SharedSink()
        let account = try record(lines, into: sink).account
        let stored = sink.content.withLock { $0.metrics }
        let leftOut = account.leftOut.reduce(0) { $0 + $1.count }
        #expect(stored.count + leftOut == found, "seed \(seed): \(lines)")
        #expect(stored.count == account.valueCount)
        // What is stored is what was given, each value once.
        #expect(Set(stored.map(\.value)).count == stored.count)
        #expect(Set(stored.map(\.value)).isSubset(of: numbers))
        #expect(Set(stored.map { "\($0.name) \($0.step)" }).count == stored.count)
    }

    @Test func aSpoolThatCannotBeReadLeavesTheOthers() throws {
        let files = FileManager.default
        for name in ["a", "b"] {
            try files.createDirectory(
                atPath: folder.path("spool/\(name)"), withIntermediateDirectories: true)
            try Data("\t{\"step\": 1, \"train_loss\": 2}\n".utf8).write(
                to: folder.url.appendingPathComponent("spool/\(name)/lines.tsv"))
        }
        let found = RecordSpool.abandoned(in: folder.path("spool"))
        #expect(found.count == 2)
        #expect(throws: UserError.self) { try found[0].run() }
        #expect(RecordSpool.waiting(in: folder.path("spool")).isEmpty)
    }
}
