internal import Checkpoints
internal import Foundation
internal import Networks

/// Puts a run together from the files that belong to it.
struct RunBuilder {
    /// A file of one state.
    struct Member {
        /// Relative to the source; empty where the source is the file itself.
        let relativePath: String
        /// The step that its name gives; nil when the file itself must say.
        let step: Int?
    }

    /// The path as the user gave it: a file, or the folder of all members.
    let path: String
    let options: ImportOptions
    /// Its own name where one source holds several runs.
    var part = ""
    var layout: String?
    var members: [Member] = []
    /// Files of curves, relative to the source.
    var curveFiles: [String] = []
    /// Further files whose content went in.
    var otherFiles: [String] = []
    var settings: Value?
    var task: TaskConfiguration?
    var metrics: [MetricPoint] = []
    var published: [MetricPoint] = []
    var notes: [String] = []
    /// The step of a state whose file and name do not say it.
    var finalStep: Int?

    init(path: String, options: ImportOptions) {
        self.path = path
        self.options = options
    }

    private func fullPath(_ relative: String) -> String {
        relative.isEmpty ? path : path + "/" + relative
    }

    /// The run, with everything that could be learned about it.
    func build() throws -> ImportedRun {
        var notes = notes
        var metrics = metrics
        var found: [(step: Int, member: Member, position: Int?)] = []
        var last: ForeignFile?
        var init0: ForeignFile?
        var used: [String] = []
        for member in members {
            let file: ForeignFile
            do {
                file = try ForeignFile.read(fullPath(member.relativePath), hdf5: options.hdf5)
            } catch let error as UserError where members.count > 1 {
                notes.append("\(member.relativePath) was left out: \(error.cause)")
                continue
            }
            used.append(member.relativePath)
            for note in file.notes where !notes.contains(note) { notes.append(note) }
            metrics += CurveSteps.points(file.curves)
            for (position, state) in file.series.enumerated() {
                found.append((state.step, member, position))
                last = file
            }
            guard file.weights != nil else { continue }
            guard let step = step(of: member, file: file) else {
                notes.append("\(member.relativePath) was left out: its step is not known")
                continue
            }
            found.append((step, member, nil))
            metrics += scalars(of: file, step: step)
            if step == 0 { init0 = file }
            if step >= (found.map(\.step).max() ?? 0) { last = file }
        }
        var curves: [MetricPoint] = []
        for name in curveFiles {
            let content = try CurveFile.read(fullPath(name))
            curves += content.points
            notes += content.notes.map { "\(name): \($0)" }
            used.append(name)
        }
        used += otherFiles
        guard !found.isEmpty || !metrics.isEmpty || !curves.isEmpty else {
            throw UserError.unreadable(
                path, "nothing in it is a checkpoint or a curve",
                advice: notes.first ?? "give a file or folder of checkpoints")
        }
        return try assemble(
            found: found, last: last, first: init0, used: used, metrics: metrics, curves: curves,
            notes: notes)
    }

    /// The step of a member: the file's own count of updates, else its name, else what is known.
    private func step(of member: Member, file: ForeignFile) -> Int? {
        if let step = file.optimizer?.step ?? file.content["global_step"]?.whole { return step }
        // The progress-measures code names files by the pass they follow, counted from 0.
        if file.content["epoch"]?.whole != nil, file.content["train_loss"] != nil {
            return file.step
        }
        // Beside a series, the weights of a file are its end.
        return member.step ?? file.step ?? finalStep ?? file.series.last?.step
            ?? (members.count == 1 ? 0 : nil)
    }

    /// Single numbers beside the weights, such as `train_loss`; lists tell more where they exist.
    private func scalars(of file: ForeignFile, step: Int) -> [MetricPoint] {
        (file.content.entries ?? []).compactMap { entry in
            guard let name = entry.key.textual.flatMap(CurveName.standard),
                !file.curves.contains(where: { $0.name == name }), let value = entry.value.number
            else { return nil }
            // In the progress-measures code the loss is that of before the update.
            let isBefore = file.content["epoch"]?.whole.map { $0.saturatingSum(1) == step } ?? false
            return MetricPoint(name: name, step: isBefore ? step - 1 : step, value: value)
        }
    }

    private func assemble(
        found: [(step: Int, member: Member, position: Int?)], last: ForeignFile?,
        first: ForeignFile?, used: [String], metrics: [MetricPoint], curves: [MetricPoint],
        notes: [String]
    ) throws -> ImportedRun {
        var notes = notes
        let settings = settings ?? last?.settings
        let source = last.flatMap { $0.weights ?? $0.series.last?.weights }
        var model: ForeignModel?
        if let source {
            model = try options.network?.model(source) ?? ForeignModel(source, settings: settings)
            if model == nil, let cause = ForeignModel.unsupported(source, settings: settings) {
                notes.append("its network is not one that Cairn computes: \(cause)")
            }
        }
        let rows = SplitRows(file: last, first: first, operandCount: (model?.vocabulary ?? 1) - 1)
        var task = options.task ?? task ?? ForeignTask.infer(model, settings: settings, &notes)
        if let rows, task?.split != .torch { task?.trainFraction = rows.trainFraction }
        let trainIndices = options.trainIndices ?? rows?.train
        let description = ModelDescription(
            task: task, trainIndices: trainIndices,
            testIndices: options.trainIndices == nil ? rows?.test : nil, model: &model,
            optimizer: OptimizerSection.section(last?.optimizer, settings: settings),
            notes: &notes)
        if rows == nil, last?.content["train_indices"] != nil {
            notes.append("its train_indices are no list of whole numbers and were left out")
        }
        if let model, let source {
            notes += model.notes
            let parameters = Set(model.parameters)
            let unused = model.map.unused(in: source).filter(parameters.contains)
                .filter { name in
                    !model.notes.contains { $0.contains("biases") && name.contains("b_") }
                }
            if !unused.isEmpty {
                notes.append("left out: \(unused.joined(separator: ", "))")
            }
        }
        let isFile =
            members.count == 1 && members[0].relativePath.isEmpty
            || curveFiles == [""]
        let digest =
            isFile
            ? try SourceDigest.file(path) : try SourceDigest.files(used, in: path)
        let layout = layout ?? model?.convention ?? (found.isEmpty ? "curves" : "weights")
        var run = ImportedRun(
            description: RunDescription(
                id: ImportedRun.id(
                    digest: digest, part: part, configuration: description.configuration),
                name: options.name.map { part.isEmpty ? $0 : "\($0)/\(part)" } ?? defaultName,
                createdAt: used.map { SourceDigest.modificationTime(fullPath($0)) }.max() ?? 0,
                task: description.task?.name ?? "",
                network: description.network?.kind.rawValue ?? "",
                seed: settings?["seed"]?.whole ?? settings?["random_seed"]?.whole,
                configuration: description.configuration,
                hyperparameters: HyperparameterList.make(
                    settings: settings, optimizer: last?.optimizer),
                trainIndices: description.task?.trainIndices ?? trainIndices,
                testIndices: description.task?.testIndices,
                origin: .init(path: path, digest: digest, layout: layout)),
            states: found.map { state($0, model: model) },
            metrics: metrics
                + (model?.convention == "grok" ? curves.map(PublishedTask.grokPoint) : curves),
            publishedValues: published, notes: notes)
        try run.sortBySteps(path: path)
        return run
    }

    /// The source's name without what only says the format.
    private var defaultName: String {
        let name = (path as NSString).lastPathComponent
        let plain =
            ForeignFile.holdsTensors(name) || CurveFile.holdsCurves(name)
            ? (name as NSString).deletingPathExtension : name
        return part.isEmpty ? plain : "\(plain)/\(part)"
    }

    /// A state that opens its file again when it is read: hundreds of files stay closed meanwhile.
    private func state(
        _ found: (step: Int, member: Member, position: Int?), model: ForeignModel?
    ) -> ImportedRun.State {
        let full = fullPath(found.member.relativePath)
        let hdf5 = options.hdf5
        let position = found.position
        let source = found.member.relativePath.isEmpty ? path : found.member.relativePath
        return ImportedRun.State(step: found.step, source: source) {
            let file = try ForeignFile.read(full, hdf5: hdf5)
            guard let tensors = position.map({ file.series[$0].weights }) ?? file.weights else {
                throw UserError.unreadable(full, "it has no weights")
            }
            // The optimiser of a file belongs to the file's own step.
            return (
                try model?.map.weights(of: tensors) ?? tensors.all(),
                position == nil ? try file.optimizerState(model: model) : nil
            )
        }
    }
}

/// The rows of a split that a file lists itself.
struct SplitRows {
    let train: [Int]
    let test: [Int]?

    var trainFraction: Double {
        Double(train.count) / Double(max(train.count + (test?.count ?? 0), 1))
    }

    /// `train_indices`, or `train_data` as triples of x, y and the token of `=`; nil without them.
    init?(file: ForeignFile?, first: ForeignFile?, operandCount: Int) {
        for content in [first?.content, file?.content].compactMap({ $0 }) {
            if let train = Self.indices(content["train_indices"]) {
                self.train = train
                test = Self.indices(content["test_indices"])
                return
            }
            if let train = Self.pairs(content["train_data"], operandCount) {
                self.train = train
                test = Self.pairs(content["test_data"], operandCount)
                return
            }
        }
        return nil
    }

    private static func indices(_ value: Value?) -> [Int]? {
        guard let numbers = value?.numbers else { return nil }
        let indices = numbers.compactMap(Int.init(exactly:))
        return indices.count == numbers.count ? indices : nil
    }

    private static func pairs(_ value: Value?, _ operandCount: Int) -> [Int]? {
        guard let rows = value?.elements else { return nil }
        let indices = rows.compactMap { row -> Int? in
            guard let x = row[0]?.whole, let y = row[1]?.whole, (0..<operandCount).contains(x),
                (0..<operandCount).contains(y)
            else { return nil }
            return x * operandCount + y
        }
        return indices.count == rows.count ? indices : nil
    }
}

/// The task of a recognised network, from its settings.
enum ForeignTask {
    static func infer(
        _ model: ForeignModel?, settings: Value?, _ notes: inout [String]
    ) -> TaskConfiguration? {
        guard let model else { return nil }
        switch model.convention {
        case "grok": return PublishedTask.grok(settings)
        case "progress_measures", "transformer_lens":
            // Three positions and a token for `=` are what both grokking demonstrations use.
            guard model.positionCount == 3 else { return nil }
            let task = PublishedTask.progressMeasures(settings, modulus: model.vocabulary - 1)
            if settings?["fn_name"]?.textual == nil, let task {
                notes.append(
                    "the files name no operation: addition modulo \(task.modulus ?? 0) is assumed; "
                        + "name another with --task")
            }
            return task
        default: return nil
        }
    }
}
