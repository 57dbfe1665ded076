import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// Nothing is lost on the way in: each value that was found has one fate, and what is stored is what
/// the fates say.
@Suite struct ImportPlanTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func write(_ name: String, _ text: String) throws {
        let path = folder.path(name)
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    func save(_ name: String, _ tensors: [Tensor], step: Int? = nil) throws {
        let path = folder.path(name)
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true)
        if name.hasSuffix("npz") { return try NumPyArchive.write(tensors, to: path) }
        try Safetensors.write(
            tensors, metadata: step.map { [("step", String($0))] } ?? [], to: path)
    }

    func tensor(_ name: String, _ values: [Float], shape: [Int]? = nil) -> Tensor {
        Tensor(name: name, shape: shape ?? [values.count], values: values)
    }

    func plan(
        _ name: String = "", _ options: ImportOptions = ImportOptions()
    ) throws
        -> ImportPlan
    {
        try Importer.plan(at: name.isEmpty ? folder.path : folder.path(name), options: options)
    }

    /// The numbers that the runs of a plan hold, against those that its account counts as stored.
    func expectBalance(_ plan: ImportPlan) throws {
        let items = plan.account.items
        var points = 0
        var tensors = 0
        for run in plan.runs {
            points += run.metrics.count
            for state in run.states { tensors += try state.weights().count }
        }
        func stored(_ kinds: Set<ImportItem.Kind>) -> Int {
            items.reduce(0) { sum, item in
                guard kinds.contains(item.kind), case .stored(_, let name, _) = item.fate,
                    !name.isEmpty
                else { return sum }
                return sum + item.count
            }
        }
        #expect(stored([.curve, .scalar]) == points)
        #expect(stored([.tensor]) == tensors)
    }

    // MARK: - Conservation

    /// Random folders of tables, JSON, weights: the generator knows how many values it wrote.
    @Test(arguments: 0..<40) func everyValueHasOneFate(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        var written = 0
        func number() -> String {
            ["0.5", "nan", "-inf", "1e-3", "7", "word", ""].randomElement(using: &generator) ?? "1"
        }
        for index in 0..<Int.random(in: 1...3, using: &generator) {
            let columns = ["loss", "train_loss", "acc", "note", "x"].shuffled(using: &generator)
                .prefix(Int.random(in: 1...5, using: &generator))
            var text = "step," + columns.joined(separator: ",") + "\n"
            for row in 0..<Int.random(in: 1...12, using: &generator) {
                let step =
                    ["\(row * 10)", "\(row * 10)", "\(row).5", "0"].randomElement(
                        using: &generator) ?? "0"
                let cells = columns.map { _ in number() }
                written += 1 + cells.count { !$0.isEmpty }
                text += "\(step)," + cells.joined(separator: ",") + "\n"
            }
            try Data(text.utf8).write(to: folder.url.appendingPathComponent("log\(index).csv"))
        }
        if Bool.random(using: &generator) {
            let count = Int.random(in: 2...9, using: &generator)
            let steps = (0..<count).map { String($0 * 5) }.joined(separator: ",")
            let values = (0..<count).map { _ in
                ["1.5", "NaN", "null", "-Infinity"].randomElement(using: &generator) ?? "1"
            }.joined(separator: ",")
            written += 3 * count
            try Data(
                "{\"step\": [\(steps)], \"val_loss\": [\(values)], \"lr\": [\(values)]}".utf8
            ).write(to: folder.url.appendingPathComponent("history.json"))
        }
        for index in 0..<Int.random(in: 0...3, using: &generator) {
            let names = ["w", "b", "running_mean"].shuffled(using: &generator).prefix(
                Int.random(in: 1...3, using: &generator))
            written += names.count
            try Safetensors.write(
                names.map { Tensor(name: $0, shape: [2], values: [Float(index), 1]) },
                to: folder.path("step_\(index * 100).safetensors"))
        }
        guard
            let plan = try? Importer.plan(at: folder.path, options: ImportOptions())
        else { return }
        let files = plan.account.items.filter { $0.kind == .file }.count
        #expect(
            plan.account.totals.found - files == written, "seed \(seed): \(plan.account.items)")
        try expectBalance(plan)
    }

    // MARK: - Runs

    @Test func logsOfSeedsAreRunsOfTheirOwn() throws {
        for seed in 0..<3 {
            try write("p97_seed\(seed).csv", "step,train_loss\n0,\(seed).5\n100,\(seed).25\n")
        }
        let plan = try plan()
        #expect(
            plan.runs.map(\.description.name).sorted() == ["p97_seed0", "p97_seed1", "p97_seed2"])
        #expect(plan.runs.map(\.metrics.count) == [2, 2, 2])
        #expect(plan.runs.map(\.description.seed) == [0, 1, 2])
        for run in plan.runs {
            #expect(run.description.hyperparameters.contains(Hyperparameter("p", .integer(97))))
        }
        try expectBalance(plan)
    }

    @Test func curvesBesideWeightsAreOfTheirRun() throws {
        try save("model.safetensors", [tensor("w", [1, 2])])
        try write("log.csv", "step,train_loss,test_loss\n0,4.7,4.7\n100,0.1,5.2\n")
        let plan = try plan()
        try #require(plan.runs.count == 1)
        #expect(plan.runs[0].states.map(\.step) == [100])
        #expect(plan.runs[0].metrics.count == 4)
        #expect(plan.account.assumptions.contains { $0.contains("end of the curves") })
    }

    @Test func shardsAreOneState() throws {
        try save("model-00001-of-00002.safetensors", [tensor("a", [1])])
        try save("model-00002-of-00002.safetensors", [tensor("b", [2])])
        try write(
            "model.safetensors.index.json",
            """
            {"weight_map": {"a": "model-00001-of-00002.safetensors",
            "b": "model-00002-of-00002.safetensors"}}
            """)
        let whole = try plan("", ImportOptions(step: 1))
        try #require(whole.runs.count == 1 && whole.runs[0].states.count == 1)
        #expect(try whole.runs[0].states[0].weights().map(\.name).sorted() == ["a", "b"])
        try FileManager.default.removeItem(atPath: folder.path("model-00002-of-00002.safetensors"))
        let part = try plan("", ImportOptions(step: 1))
        #expect(part.runs.isEmpty && part.hasRefusals)
    }

    @Test func otherNamesThanTheStandardOnesAreKept() throws {
        try write(
            "run.json",
            """
            {"step": 50, "grad_norm": 0.5, "train_loss": 0.1, "grad_norms": [1, 2, 3],
            "train_losses": [3, 2, 1], "model_config": {"d_model": 4}, "seed": 7}
            """)
        let plan = try plan("run.json")
        let names = Set(plan.runs.flatMap(\.metrics).map(\.name))
        #expect(names.isSuperset(of: ["grad_norms", "train_loss"]))
        #expect(plan.runs[0].description.seed == 7)
        #expect(
            plan.runs[0].description.hyperparameters.contains(
                Hyperparameter("model_config.d_model", .integer(4))))
        try expectBalance(plan)
    }

    // MARK: - Steps

    @Test(arguments: [
        ("epoch=3-step=400-val_loss=0.7", 400), ("ckpt-1k", 1000), ("step_20", 20),
        ("checkpoint_1_5000", 5000), ("iter_0000300", 300), ("global_step1000", 1000),
        ("stage1-step1500-tokens7B", 1500),
    ]) func aNameGivesTheStep(name: String, step: Int) {
        #expect(NameNumbers(name).step?.whole == step)
    }

    @Test(arguments: [
        "layer3", "width_64", "seed1", "p97", "fold-2", "trial_4", "model-00001-of-00002",
    ]) func aSettingIsNoStep(name: String) {
        #expect(NameNumbers(name).candidate == nil)
    }

    private func plan(
        _ members: [(name: String, clues: StepClues)], _ options: ImportOptions = ImportOptions()
    ) throws -> StepPlan {
        try StepPlan(
            members.map {
                StepEvidence(file: $0.name, clues: $0.clues, name: NameNumbers($0.name))
            }, options: options, curveEnd: nil)
    }

    @Test func whatFileAndNameAgreeOnGoesBeforeTheOptimiser() throws {
        let plan = try plan([
            ("step_1000", StepClues(updates: ("step", 1000), optimizer: 1000)),
            ("step_1250", StepClues(updates: ("step", 1250), optimizer: 250)),
        ])
        #expect(plan.steps == [1000, 1250] && plan.axis == .updates)
        #expect(plan.assumptions.contains { $0.contains("counts 250") })
    }

    @Test func epochsAndUpdatesNeverMix() throws {
        let members = (1...3).map {
            ("epoch_\($0)", StepClues(epoch: $0, optimizer: $0 == 3 ? 30 : nil))
        }
        let epochs = try plan(members)
        #expect(epochs.steps == [1, 2, 3] && epochs.convention == "epoch")
        let updates = try plan(members, ImportOptions(stepsPerEpoch: 10))
        #expect(updates.steps == [10, 20, 30] && updates.convention == nil)
    }

    /// A step that nothing says is not invented: the state is refused, with the option that gives it.
    @Test func anUnknownStepIsUnknown() throws {
        #expect(try plan([("weights", StepClues())]).steps == [nil])
        #expect(try plan([("weights", StepClues())], ImportOptions(step: 7)).steps == [7])
        let several = try plan([("a", StepClues()), ("b", StepClues())])
        #expect(several.steps == [nil, nil])
        #expect(throws: UserError.self) {
            try plan([("a", StepClues()), ("b", StepClues())], ImportOptions(step: 7))
        }
    }

    /// A step that only a name says is an assumption, with the name.
    @Test func aStepOfANameIsAnAssumption() throws {
        let named = try plan([("step_3", StepClues()), ("step_7", StepClues())])
        #expect(named.steps == [3, 7])
        #expect(named.assumptions.contains { $0.contains("number after step in step_3") })
        let said = try plan([("step_3", StepClues(updates: ("step", 3)))])
        #expect(said.assumptions.isEmpty)
        let counted = try plan([("model", StepClues(optimizer: 30))])
        #expect(counted.steps == [30] && counted.assumptions.contains { $0.contains("counts, 30") })
    }

    @Test(arguments: [
        ("mine/step_3.npz", "mine"), ("mine/epoch=1-step=3.npz", "mine"),
        ("mine/p97_step_3.npz", "p97_step_3"), ("mine/checkpoint.npz", "checkpoint"),
        ("mine/adder.npz", "adder"),
    ]) func aLoneCheckpointIsNamedAfterItsFolder(file: String, name: String) throws {
        try save(file, [tensor("w", [1, 2])])
        let step = NameNumbers((file as NSString).lastPathComponent).step == nil ? 3 : nil
        #expect(try plan(file, ImportOptions(step: step)).runs.map(\.description.name) == [name])
    }

    /// What is refused counts with all its values, not as one file.
    @Test func refusedValuesAreCounted() throws {
        try save("a.safetensors", [tensor("u", [1]), tensor("v", [2]), tensor("w", [3])])
        try write("b.csv", "step,train_loss\n0,1\n10,2\n")
        try save("c/x.safetensors", [tensor("u", [1]), tensor("v", [2])])
        try save("c/y.safetensors", [tensor("w", [1])])
        let plan = try plan()
        #expect(plan.account.totals.found == 3 + 4 + 3, "\(plan.account.items)")
        #expect(plan.account.totals.refused == 3, "\(plan.account.items)")
        let files = plan.others.refusedFiles
        #expect(files.map(\.file) == ["c/x.safetensors", "c/y.safetensors"], "\(files)")
    }

    /// Curves that count something else are a run of their own, which keeps what became of them.
    @Test func theRunOfFurtherCurvesKeepsItsPlan() throws {
        try save("step_300.safetensors", [tensor("w", [1])])
        try write("history.json", "{\"loss\": [3, 2, 1], \"val_loss\": [4, 3, 2]}")
        let plan = try plan()
        try #require(plan.runs.count == 2)
        #expect(plan.runs[1].account.totals.stored == 6)
        #expect(plan.runs[1].account.assumptions.contains { $0.contains("by position") })
        #expect(try plan.runs[1].originNote.contains("history.json"))
        #expect(plan.account.totals.found == 7 && plan.account.totals.stored == 7)
        try expectBalance(plan)
    }

    // MARK: - Tensors and curves

    /// Vectors of layers named after norms, and the moments of biases, are no curves.
    @Test func vectorsOfLayersStayTensors() throws {
        let names = ["final_norm.scale", "ln.norm", "optimizer/first_moment/b", "b", "train_loss"]
        try save("step_3.npz", names.map { tensor($0, [1, 2, 3, 4]) })
        let plan = try plan("step_3.npz")
        let state = try #require(plan.runs.first?.states.first)
        #expect(try state.weights().map(\.name).sorted() == ["b", "final_norm.scale", "ln.norm"])
        #expect(try state.optimizerState()?.tensors.map(\.name) == ["first_moment/b"])
        #expect(plan.runs[0].metrics.allSatisfy { $0.name == "train_loss" })
    }

    // MARK: - Roles and optimisers

    @Test(arguments: [
        ("bn.num_batches_tracked", ElementType.int64, [], TensorRole.buffer),
        ("bn.running_mean", .float32, [4], .buffer), ("attn.mask", .bool, [5, 5], .buffer),
        ("attn.IGNORE", .float32, [], .buffer), ("h.0.attn.bias", .float32, [1, 1, 8, 8], .buffer),
        ("h.0.attn.bias", .float32, [8], .parameter), ("fc.weight", .float32, [4, 4], .parameter),
        ("rotary_emb.inv_freq", .float32, [4], .buffer), ("total", .float32, [3, 3], .parameter),
        ("batch_normalization.vars.2", .float32, [4], .buffer),
        ("layers.dense.vars.0", .float32, [4], .parameter),
    ]) func rolesAreTold(name: String, type: ElementType, shape: [Int], role: TensorRole) {
        #expect(
            TensorRole(name: name, elementType: type, shape: shape) { _ in false } == role)
    }

    /// Decay and no decay: the optimiser counts both weights before both biases.
    @Test func momentsOfTwoGroupsGoToTheirParameters() throws {
        func moment(_ number: Float, _ shape: [Int]) -> Value {
            .object([
                ("step", .integer(3)),
                (
                    "exp_avg",
                    .tensor(
                        StoredTensor(
                            tensor(
                                "m", [Float](repeating: number, count: shape.reduce(1, *)),
                                shape: shape)))
                ),
            ])
        }
        let states: [(Int, [Int])] = [(0, [2, 2]), (1, [2, 2]), (2, [2]), (3, [2])]
        let optimizer = try #require(
            TorchOptimizer(
                .object([
                    (
                        "state",
                        .dictionary(
                            states.map {
                                .init(key: .integer($0.0), value: moment(Float($0.0), $0.1))
                            })
                    ),
                    (
                        "param_groups",
                        .list([
                            .object([("params", .list([.integer(0), .integer(1)]))]),
                            .object([("params", .list([.integer(2), .integer(3)]))]),
                        ])
                    ),
                ]), path: "x"))
        let parameters = [
            ("0.weight", [2, 2]), ("0.bias", [2]), ("1.weight", [2, 2]), ("1.bias", [2]),
        ]
        let (state, note) = try optimizer.converted(
            parameters: parameters.map { (name: $0.0, shape: $0.1) }, map: nil)
        #expect(note == nil)
        let loaded = try state.load()
        for (name, number) in [("0.weight", 0.0), ("1.weight", 1), ("0.bias", 2), ("1.bias", 3)] {
            let found = loaded.tensors.first { $0.name == "first_moment/\(name)" }
            #expect(found?.doubles()?.first == number, "\(name)")
        }
        // Other parameters than the state has: the numbers stay, and it is said.
        let other = try optimizer.converted(
            parameters: [(name: "w", shape: [5])], map: nil)
        #expect(other.note != nil)
        #expect(other.state.tensors.contains { $0.name == "first_moment/3" })
    }

    @Test("accuracies in percent are rescaled with a note, others above 1 are refused")
    func accuraciesArePercentOrShares() throws {
        let folder = try TemporaryFolder()
        func read(_ values: [Double]) throws -> ImportedRun {
            let text =
                "step,train_accuracy,test_accuracy,test_loss\n"
                + values.enumerated().map { "\($0),100,\($1),150\n" }.joined()
            let path = folder.path("curves.csv")
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return try #require(try Importer.runs(at: path, options: ImportOptions()).first)
        }
        let run = try read([0.5, 30, 99.5])
        let points = run.metrics.filter { $0.name == MetricName.testAccuracy }
        #expect(points.map(\.value) == [0.005, 0.3, 0.995])
        #expect(
            run.metrics.filter { $0.name == MetricName.testLoss }.map(\.value) == [150, 150, 150])
        #expect(run.notes.contains("its accuracies are in percent and were divided by 100"))
        // The curve alone is refused, its neighbours come in.
        for values in [[0.5, 101], [-3, 50]] {
            let run = try read(values)
            #expect(Set(run.metrics.map(\.name)) == ["train_accuracy", "test_loss"])
            #expect(
                run.notes.contains { $0.contains("test_accuracy was refused: its accuracies lie") },
                "\(run.notes)")
            #expect(run.account.totals.refused == 2 && run.account.totals.stored == 6)
        }
        #expect(AccuracyUnit(of: [0, 0.5, .nan, 1]) == .share)
        #expect(AccuracyUnit(of: [0, 1.5]) == nil)
        #expect(AccuracyUnit(of: [Double.infinity]) == nil)
        #expect(AccuracyUnit(of: [Double]()) == .share)
    }
}
