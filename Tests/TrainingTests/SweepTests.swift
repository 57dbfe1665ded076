import Checkpoints
import Networks
import Synchronization
import TestSupport
import Testing
import Training

@Suite struct SweepTests {
    static let file = """
        name: small
        settings:
          operation: subtract
          modulus: 11
          train_fraction: 0.5
          width: 8
          heads: 2
          mlp_width: 16
          steps: 12
        grid:
          weight_decay: [0, 1]
          learning_rate: [1e-3, 0.01]
        seeds: 2
        """

    @Test func gridsAndSeedsAreCombined() throws {
        let sweep = try Sweep(yaml: Self.file, defaultName: "file")
        #expect(sweep.name == "small")
        #expect(sweep.runs.count == 8)
        #expect(sweep.runs[0].name == "small/weight_decay=0,learning_rate=0.001,seed=0")
        #expect(Set(sweep.runs.map(\.name)).count == 8)
        #expect(Set(sweep.runs.map(\.configuration.training.seed)) == [0, 1])
        #expect(Set(sweep.runs.map(\.configuration.optimizer.learningRate)) == [0.001, 0.01])
        #expect(sweep.runs.allSatisfy { $0.configuration.model.task.modulus == 11 })
    }

    @Test func shardsDealAllRunsOnceAndEvenly() throws {
        let names = (0..<1000).map { "run \($0)" }
        for count in [1, 2, 7, 1000, 3000] {
            let shards = SweepShard.deal(names, among: count)
            let sizes = Dictionary(grouping: shards, by: \.self).mapValues(\.count)
            #expect(shards.allSatisfy { (1...count).contains($0) })
            let smallest = count > names.count ? 1 : names.count / count
            #expect(sizes.values.allSatisfy { (smallest...smallest + 1).contains($0) })
        }
        // The order in the file is not what decides: the shards of a reversed list are the same.
        let reversed = SweepShard.deal(names.reversed(), among: 7)
        #expect(Array(reversed.reversed()) == SweepShard.deal(names, among: 7))
        let whole = try Sweep(yaml: Self.file, defaultName: "file")
        let parts = try ["1/3", "2,3/3"].map {
            try Sweep(yaml: Self.file, defaultName: "file", shard: SweepShard(written: $0))
        }
        #expect(parts.allSatisfy { $0.allNames == whole.runs.map(\.name) })
        #expect(Set(parts.flatMap(\.runs).map(\.name)) == Set(whole.runs.map(\.name)))
        #expect(parts.map(\.runs.count).reduce(0, +) == whole.runs.count)
    }

    @Test func theSectionForSlurmIsReadAndChecked() throws {
        let sweep = try Sweep(
            yaml: Self.file + "\nslurm: {partition: gpu, exclusive: true, mem: 2G}",
            defaultName: "file")
        #expect(
            try sweep.slurm == [
                SlurmSetting(name: "partition", value: "gpu"),
                SlurmSetting(name: "exclusive", value: nil),
                SlurmSetting(name: "mem", value: "2G"),
            ])
        for wrong in ["slurm: 3", "slurm: {-p: gpu}", "slurm: {comment: \"a\\nb\"}"] {
            #expect(throws: UserError.self) {
                try Sweep(yaml: Self.file + "\n" + wrong, defaultName: "file")
            }
        }
    }

    @Test func listsPresetsAndDraws() throws {
        let sweep = try Sweep(
            yaml: """
                preset: demo
                list:
                  - {optimizer: sgd, momentum: 0.9}
                  - optimizer: adamw
                random:
                  draws: 100
                  seed: 3
                  learning_rate: {log_uniform: [1.0e-4, 1.0e-2]}
                  train_fraction: {uniform: [0.3, 0.6]}
                  mlp_width: {choice: [16, 32]}
                """, defaultName: "drawn")
        #expect(sweep.runs.count == 200)
        #expect(Set(sweep.runs.map(\.configuration.optimizer.kind)) == [.sgd, .adamw])
        #expect(sweep.runs.allSatisfy { $0.configuration.model.task.modulus == 59 })
        let rates = sweep.runs.map(\.configuration.optimizer.learningRate)
        #expect(Set(rates).count == 100)
        #expect(rates.allSatisfy { (1e-4...1e-2).contains($0) })
        // Half of log-uniform draws lie below the geometric mean, within five standard deviations.
        #expect((50...150).contains(rates.filter { $0 < 1e-3 }.count))
        let again = try Sweep(yaml: "preset: demo\nseeds: [4, 7]", defaultName: "d")
        #expect(again.runs.map(\.name) == ["d/seed=4", "d/seed=7"])
    }

    @Test func anUnknownKeyIsNamedWithItsLine() throws {
        let error = #expect(throws: UserError.self) {
            try Sweep(
                yaml: "settings:\n  modulus: 59\ngrid:\n  weight_deca: [1]\n", defaultName: "x")
        }
        #expect(error?.subject == "line 4 of the sweep file")
        #expect(error?.cause == "there is no setting weight_deca")
        #expect(error?.advice == "did you mean weight_decay")
        let section = #expect(throws: UserError.self) {
            try Sweep(yaml: "seeds: 2\ngird:\n  seed: [1]\n", defaultName: "x")
        }
        #expect(section?.subject == "line 2 of the sweep file")
    }

    @Test(arguments: [
        "", "[1, 2]", "a: [", "seeds: 0", "seeds: many", "grid: 5", "grid: {weight_decay: []}",
        "list: {a: 1}", "list: [{weight_dekay: 1}]", "random: {draws: 3}",
        "random: {draws: 0, width: {choice: [1]}}", "random: {draws: 2, width: 5}",
        "random: {draws: 2, learning_rate: {log_uniform: [0, 1]}}",
        "random: {draws: 2, learning_rate: {uniform: [2, 1]}}", "preset: demon",
        "settings: {modulus: 98, operation: divide}", "grid: {weight_decay: [-1, 1]}",
        "seeds: 100001", "seeds: 1000000000000", "grid: {learning_rate: [.nan]}",
        "random: {draws: 1000000000000, width: {choice: [1]}}", "grid: {seed: [1, 2]}\nseeds: 3",
        "settings: {steps: 1000000000000, checkpoints: every 1}",
    ])
    func wrongFilesAreOneSentence(yaml: String) {
        #expect(throws: UserError.self) { try Sweep(yaml: yaml, defaultName: "x") }
    }

    @Test func finishedRunsAreSkippedAndOneFailureIsAlone() throws {
        let sweep = try Sweep(
            yaml: Self.file + "\nlist:\n  - {}\n  - {initialization_scale: 1e30}\n",
            defaultName: "file")
        #expect(sweep.runs.count == 16)
        let store = MemoryStore()
        let runner = SweepRunner(sweep, store: store.store)
        let first = try runner.run(workers: 3) { _ in true }
        var done = 0
        var failed = 0
        for (run, ending) in zip(sweep.runs, first) {
            switch ending {
            case .done(let outcome):
                done += 1
                #expect(outcome.lastStep == 12)
            case .failed(let reason):
                failed += 1
                #expect(run.name.contains("initialization_scale"))
                #expect(reason.contains("loss"))
            default: Issue.record("\(run.name) ended as \(ending)")
            }
        }
        #expect((done, failed) == (8, 8))
        // One thread gives the bits that several workers gave.
        let trainer = try Trainer(sweep.runs[0].configuration, threadCount: 2)
        let alone = MemorySink()
        try trainer.run(trainer.describe(), into: alone)
        #expect(store.lastDigest(of: sweep.runs[0].name) == alone.stepDigests(in: 12...12).first)
        let second = try runner.run(workers: 2) { _ in true }
        let skipped = second.filter { if case .skipped = $0 { true } else { false } }
        #expect(skipped.count == 8)
    }

    @Test func aStoppedSweepGoesOnLater() throws {
        let sweep = try Sweep(yaml: Self.file, defaultName: "file")
        let store = MemoryStore()
        let runner = SweepRunner(sweep, store: store.store)
        let stopped = try runner.run(workers: 2) { event in
            if case .progress(_, _, let progress) = event { progress.step < 5 } else { true }
        }
        #expect(
            stopped.contains { if case .notBegun = $0 { true } else { false } },
            "a stop leaves later runs alone")
        let second = try runner.run(workers: 2) { _ in true }
        #expect(
            second.allSatisfy { if case .done(let end) = $0 { end.lastStep == 12 } else { false } })
        #expect(throws: UserError.self) { try runner.run(workers: 0) { _ in true } }
    }

    @Test func everyPresetCanBeTrained() throws {
        #expect(Set(Preset.all.map(\.name)).count == Preset.all.count)
        for preset in Preset.all {
            let configuration = try TrainingConfiguration(preset.settings)
            try configuration.validate()
            #expect(!preset.source.isEmpty && !preset.summary.isEmpty)
        }
        #expect(throws: UserError.self) { try Preset(named: "dmeo") }
    }

    /// The first weights and the logits of the published programs: N(0, 1/fan-in) for the networks
    /// with two embeddings; TransformerLens' N(0, 0.8²/width) for every matrix and no column for =.
    @Test func presetsBeginAsPublished() throws {
        func entries(_ name: String) throws -> [ParameterLayout.Entry] {
            let configuration = try TrainingConfiguration(Preset(named: name).settings)
            return try configuration.model.layout(for: configuration.model.makeTask()).entries
        }
        func deviations(_ entries: [ParameterLayout.Entry]) -> [Double] {
            entries.map {
                if case .normal(let deviation) = $0.initial { deviation } else { .nan }
            }
        }
        let embeddings = try entries("chughtai-s5-mlp")
        #expect(embeddings.map(\.shape) == [[120, 256], [120, 256], [512, 128], [128, 120]])
        for (found, rows) in zip(deviations(embeddings), [256.0, 256, 512, 128]) {
            #expect(abs(found - 1 / rows.squareRoot()) < 1e-15)
        }
        for (name, classes) in [("transformer-lens", 113), ("chughtai-a5-transformer", 60)] {
            let lens = try entries(name)
            #expect(lens.last?.shape == [128, classes], "\(name)")
            for found in deviations(lens) {
                #expect(abs(found - 0.8 / 128.0.squareRoot()) < 1e-15, "\(name)")
            }
        }
        #expect(try entries("template-add").last?.shape == [97])
    }

    /// The rows that the published notebook of TransformerLens prints first.
    @Test func theTransformerLensSplitIsThePublishedOne() throws {
        let configuration = try TrainingConfiguration(Preset(named: "transformer-lens").settings)
        let training = try configuration.model.makeTask().trainExamples
        #expect(training.count == 3830)
        #expect(
            Array(training.tokens.prefix(15)) == [
                21, 31, 113, 30, 98, 113, 47, 10, 113, 86, 21, 113, 99, 83, 113,
            ])
        #expect(Array(training.targets.prefix(5)) == [52, 15, 57, 107, 69])
    }

    /// The published parameter counts: 455,424 of the grokking paper's code, 226,816 of the
    /// one-layer transformer.
    @Test(arguments: [("power-divide", 455_424), ("nanda", 226_816)])
    func presetsHaveThePublishedSizes(name: String, count: Int) throws {
        let trainer = try Trainer(
            TrainingConfiguration(Preset(named: name).settings), threadCount: 1)
        #expect(try trainer.parameterCount == count)
    }
}

/// Runs in memory by name, as an archive would keep them.
private final class MemoryStore: Sendable {
    /// A sink whose content can be handed from thread to thread between runs.
    private struct Kept: Sendable {
        var run: RunDescription
        var checkpoints: [Checkpoint]
        var status: RunStatus?
    }

    private let kept = Mutex<[String: Kept]>([:])

    func lastDigest(of name: String) -> StepDigest? {
        kept.withLock { $0[name]?.checkpoints.last?.stepDigests.last }
    }

    var store: SweepRunner.Store {
        SweepRunner.Store(
            plan: { name, configuration in
                self.kept.withLock { kept in
                    guard let run = kept[name], run.run.configuration == configuration else {
                        return .start()
                    }
                    return switch run.status {
                    case .finished: .skip
                    case .interrupted: .resume
                    default: .start()
                    }
                }
            },
            sink: { name in Writer(self, name, MemorySink()) },
            stored: { name, _ in
                let memory = MemorySink()
                let run = try #require(self.kept.withLock { $0[name] })
                memory.begin(run.run)
                for checkpoint in run.checkpoints { memory.save(checkpoint) }
                return (memory, Writer(self, name, memory))
            })
    }

    private final class Writer: CheckpointSink {
        private let owner: MemoryStore
        private let name: String
        private let memory: MemorySink

        init(_ owner: MemoryStore, _ name: String, _ memory: MemorySink) {
            self.owner = owner
            self.name = name
            self.memory = memory
        }

        func begin(_ run: RunDescription) { memory.begin(run) }
        func save(_ checkpoint: Checkpoint) { memory.save(checkpoint) }
        func finish(_ status: RunStatus, metrics: [MetricPoint]) throws {
            memory.finish(status, metrics: metrics)
            let kept = Kept(
                run: try memory.run, checkpoints: memory.checkpoints, status: status)
            owner.kept.withLock { $0[name] = kept }
        }
    }
}
