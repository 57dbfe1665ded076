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
    let delay: TimeInterval

    init(failingStep: Int? = nil, delay: TimeInterval = 0) {
        self.failingStep = failingStep
        self.delay = delay
    }

    func begin(_ run: RunDescription) { content.withLock { $0.run = run } }

    func save(_ checkpoint: Checkpoint) throws {
        Thread.sleep(forTimeInterval: delay)
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

    /// Feeds text through a pipe, as a trainer would.
    private func record(
        _ text: String, into sink: SharedSink
    ) throws -> (passed: String, notes: [String], exists: Bool) {
        let spool = try RecordSpool(path: folder.path("spool/a"), run: description)
        let session = RecordSession(description, sink: sink)
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
        let exists = try recorder.record(from: pipe.fileHandleForReading.fileDescriptor) {
            passed += $0
        }
        return (String(decoding: passed, as: UTF8.self), notes.withLock { $0 }, exists)
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
        let left = try RecordSpool.abandoned(in: folder.path("spool"))
        try #require(left.count == 1)
        #expect(left[0].run == description)
        let sink = SharedSink()
        let recorder = Recorder(
            session: RecordSession(left[0].run, sink: sink), spool: left[0].spool, note: { _ in })
        #expect(try recorder.recover())
        sink.content.withLock { content in
            #expect(content.checkpoints.map(\.step) == [3, 4, 5])
            #expect(content.checkpoints.map(\.weights) == (3..<6).map(weights))
            #expect(content.metrics.map(\.step) == [6])
            #expect(content.status == .interrupted)
        }
        #expect(try RecordSpool.abandoned(in: folder.path("spool")).isEmpty)
    }

    @Test func twoRecordersNeverShareARun() throws {
        let first = try RecordSpool(path: folder.path("spool/c"), run: description)
        #expect(throws: UserError.self) {
            try RecordSpool(path: folder.path("spool/c"), run: description)
        }
        #expect(try RecordSpool.abandoned(in: folder.path("spool")).isEmpty)
        first.remove()
    }
}
