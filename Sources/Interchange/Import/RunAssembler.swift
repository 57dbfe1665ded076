internal import Checkpoints
internal import Foundation
internal import Networks

/// Puts a run together from the files that belong to it, and gives everything in them its fate.
struct RunAssembler {
    private let draft: RunDraft
    private let options: ImportOptions
    private var account: ImportAccount
    private var notes: [String]
    private var settings = SettingBook()
    private var curves = RunCurves()
    private var states: [ImportedRun.State] = []
    private var originals = OriginalTensors()
    private var applied: Set<ImportOptions.Choice> = []
    private var openSquares: [String] = []

    /// The runs of a draft: the chief one, and those of curves that do not fit its steps.
    static func runs(of draft: RunDraft, options: ImportOptions) throws -> [ImportedRun] {
        var assembler = RunAssembler(draft, options: options)
        return try assembler.assemble()
    }

    private init(_ draft: RunDraft, options: ImportOptions) {
        self.draft = draft
        self.options = options
        account = draft.account
        notes = draft.notes
    }

    private mutating func assemble() throws -> [ImportedRun] {
        var members = draft.members
        let recognised = try recognise(&members)
        let plan = try stepPlan(members, convention: recognised?.convention)
        let order = members.indices.filter { members[$0].file.weights != nil }
            .sorted { (plan.steps[$0] ?? -1) < (plan.steps[$1] ?? -1) }
        let last = order.last.map { members[$0] } ?? members.last
        let first = order.first { plan.steps[$0] == 0 }.map { members[$0] }
        gatherSettings(members, chief: last)
        let merged = settings.value
        let source = last.flatMap { $0.file.weights ?? $0.file.series.last?.weights }
        var model: ForeignModel?
        if let source {
            model = try options.network?.model(source) ?? ForeignModel(source, settings: merged)
            if model == nil, let cause = ForeignModel.unsupported(source, settings: merged) {
                notes.append("its network is not one that Cairn computes: \(cause)")
            }
        }
        let split = SplitRows(
            last: last?.file.rows, first: first?.file.rows,
            operandCount: (model?.vocabulary ?? 1) - 1)
        var task = options.task ?? draft.task ?? ForeignTask.infer(model, settings: merged, &notes)
        if let split, task?.split != .torch { task?.trainFraction = split.trainFraction }
        let trainIndices = options.trainIndices ?? split?.train
        let description = ModelDescription(
            task: task, trainIndices: trainIndices,
            testIndices: options.trainIndices == nil ? split?.test : nil, model: &model,
            optimizer: OptimizerSection.section(last?.file.optimizer, settings: merged),
            notes: &notes)
        if source != nil {
            if options.network != nil { applied.insert(.network) }
            if options.trainIndices != nil { applied.insert(.splitIndices) }
        }
        if options.task != nil, description.task != nil { applied.insert(.task) }
        applied.formUnion(plan.applied)
        if options.stepsFrom == .list, members.contains(where: { !$0.file.series.isEmpty }) {
            applied.insert(.stepsFrom)
        }
        openSquares = model?.openSquares ?? []
        // Curves alone have no network that could be known.
        if source == nil { notes.removeAll { $0.hasPrefix("its network is not known") } }
        if split == nil, last?.file.rows["train_indices"] != nil {
            notes.append("its train_indices are no list of whole numbers and were left out")
        }
        notes += model?.notes ?? []
        if let model, let source, let last {
            originals = OriginalTensors(
                model, source: source, prefix: wrappers(of: last, source: source))
        }
        try addStates(members, plan: plan, model: model)
        addRows(members, isUsed: split != nil)
        addCurves(members, plan: plan, convention: model?.convention)
        if curves.convertsEpochs { applied.insert(.stepsPerEpoch) }
        account.assumptions += plan.assumptions + curves.assumptions
        return try finish(
            plan: plan, model: model, description: description, trainIndices: trainIndices,
            optimizer: last?.file.optimizer, convention: plan.convention)
    }

    // MARK: - Network and steps

    /// Takes the wrappers' names off where the tensors behind them are those of a known network.
    private func recognise(_ members: inout [RunDraft.Member]) throws -> ForeignModel? {
        guard
            let member = members.last(where: { $0.file.weights != nil || !$0.file.series.isEmpty }),
            let source = member.file.weights ?? member.file.series.last?.weights
        else { return nil }
        let settings = member.file.settings
        if options.network != nil { return nil }
        if let model = try ForeignModel(source, settings: settings) { return model }
        guard ForeignModel.unsupported(source, settings: settings) == nil,
            let bare = source.withoutWrappers
        else { return nil }
        let model = try ForeignModel(bare, settings: settings)
        guard model != nil || ForeignModel.unsupported(bare, settings: settings) != nil else {
            return nil
        }
        for index in members.indices { members[index].file = members[index].file.unwrapped }
        return model
    }

    /// What stood before the names of a member's tensors in its file.
    private func wrappers(of member: RunDraft.Member, source: TensorSource) -> String {
        let first = draft.members.first { $0.path == member.path }?.file
        let whole = (first?.weights ?? first?.series.last?.weights)?.names.first ?? ""
        let bare = source.names.first ?? ""
        return whole.hasSuffix(bare) ? String(whole.dropLast(bare.count)) : ""
    }

    private func stepPlan(
        _ members: [RunDraft.Member], convention: String?
    ) throws -> StepPlan {
        // One state that is at the end of the list of many beside it.
        let lists = (members.flatMap(\.file.items) + draft.curves.flatMap(\.items)).compactMap {
            item -> FoundCurve? in
            if case .curve(let curve) = item.content { curve } else { nil }
        }
        let updates = lists.filter { $0.axis == .updates }.compactMap { $0.steps.max() }.max()
        let positions = lists.filter { $0.axis == .positions }.map(\.values.count).max()
        let series = members.lazy.compactMap { $0.file.series.last?.step }.first
        let evidence = members.map { member -> StepEvidence in
            var known: Int?
            // The progress-measures code makes one update of a pass, and saves after it.
            if convention == "progress_measures", let epoch = member.file.clues.epoch,
                member.file.clues.optimizer == nil
            {
                let passes = member.file.items.lazy.compactMap { item -> Int? in
                    guard case .curve(let curve) = item.content,
                        curve.name == MetricName.trainLoss
                    else { return nil }
                    return curve.values.count
                }.first
                known = passes == epoch ? epoch : epoch.saturatingSum(1)
            }
            if convention == "progress_measures", let count = member.file.clues.optimizer {
                known = count
            }
            return StepEvidence(
                file: member.path.isEmpty ? draft.name : member.path, clues: member.file.clues,
                name: member.name, known: known, hasState: member.file.weights != nil)
        }
        return try StepPlan(
            evidence, options: options,
            curveEnd: draft.finalStep ?? series ?? updates ?? positions)
    }

    // MARK: - Settings

    private mutating func gatherSettings(
        _ members: [RunDraft.Member], chief: RunDraft.Member?
    ) {
        let others = members.filter { $0.path != chief?.path }
        for member in ([chief].compactMap { $0 } + others.reversed()) {
            addSettings(member.file.items, file: member.path)
            for further in member.further { addSettings(further.items, file: further.path) }
        }
        for source in draft.settings { addSettings(source.items, file: source.path) }
        for source in draft.curves { addSettings(source.items, file: source.path) }
        for (setting, evidence) in draft.namedSettings {
            switch settings.add(setting.name, Value(setting.value), from: evidence) {
            case .stored:
                account.assumptions.append(
                    "\(setting.name) = \(Value(setting.value).json()) is taken from the name \(evidence)"
                )
            case .same: break
            case .contradicted(let other):
                account.assumptions.append(
                    "the name \(evidence) gives \(setting.name) another value than \(other), which counts"
                )
            }
        }
    }

    private mutating func addSettings(_ items: [FoundItem], file: String) {
        for item in items {
            guard case .setting(let value) = item.content else { continue }
            let fate: ImportItem.Fate =
                switch settings.add(item.name, value, from: file) {
                case .stored(let name): .stored(step: nil, name: name, role: nil)
                case .same(let other): .same(as: "\(item.name) of \(other)")
                case .contradicted(let other): .leftOut("\(other) has another value")
                }
            account.items.append(ImportItem(item, file: file, fate))
        }
    }

    private mutating func addRows(_ members: [RunDraft.Member], isUsed: Bool) {
        for member in members {
            for item in member.file.items {
                guard case .rows = item.content else { continue }
                account.items.append(
                    ImportItem(
                        item, file: member.path,
                        isUsed
                            ? .stored(step: nil, name: "rows of the split", role: nil)
                            : .leftOut("no known task has these rows")))
            }
        }
    }

    // MARK: - States

    private mutating func addStates(
        _ members: [RunDraft.Member], plan: StepPlan, model: ForeignModel?
    ) throws {
        var found: [MemberState] = []
        for (index, member) in members.enumerated() {
            for (position, state) in member.file.series.enumerated() {
                found.append(
                    MemberState(
                        member: member, step: state.step, weights: state.weights,
                        prefix: state.prefix, position: position))
            }
            guard let weights = member.file.weights else {
                leaveOutOptimizer(of: member)
                continue
            }
            found.append(
                MemberState(
                    member: member, step: plan.steps[index], weights: weights, prefix: "",
                    position: nil))
        }
        let layouts = found.map { $0.layout(model) }
        let usual = Dictionary(grouping: layouts.indices, by: { layouts[$0] })
            .max { ($0.value.count, -$0.value[0]) < ($1.value.count, -$1.value[0]) }?.key
        var stored: [Int: (state: ImportedRun.State, source: String)] = [:]
        for (index, state) in found.enumerated() {
            var problem: ImportItem.Fate?
            guard let step = state.step else {
                refuse(
                    state,
                    .refused(
                        "nothing says at which step it was saved; "
                            + (found.count > 1
                                ? "import it alone with --step N" : "give the step with --step N")
                    ))
                continue
            }
            if !(0...ImportedRun.largestStep).contains(step) {
                problem = .refused("step \(step) is no number of updates")
            } else if layouts[index] != usual {
                problem = .refused(
                    "its tensors are not those of the other steps: "
                        + state.difference(layouts[index], usual ?? ""))
            }
            let made = state.made(model: model)
            if problem == nil, let earlier = stored[step] {
                let isEqual =
                    try Digest(weights: earlier.state.content().weights)
                    == Digest(weights: made.content().weights)
                problem =
                    isEqual
                    ? .same(as: earlier.source)
                    : .refused(
                        "\(earlier.source) and \(state.source(draft)) both hold step \(step); "
                            + "import one of them alone")
            }
            if let problem {
                if case .same(let other) = problem {
                    notes.append("\(state.source(draft)) repeats \(other) and was left out")
                }
                refuse(state, problem)
                continue
            }
            stored[step] = (made, state.source(draft))
            let optimizer = try optimizerNote(state, model: model)
            if let optimizer { account.assumptions.append("\(state.source(draft)): \(optimizer)") }
            account.items += state.items(step: step, model: model)
        }
        states = stored.values.map(\.state).sorted { $0.step < $1.step }
    }

    private mutating func leaveOutOptimizer(of member: RunDraft.Member) {
        for item in member.file.items {
            guard case .optimizer = item.content else { continue }
            account.items.append(
                ImportItem(item, file: member.path, .leftOut("there are no weights beside it")))
        }
    }

    private func optimizerNote(_ state: MemberState, model: ForeignModel?) throws -> String? {
        guard state.position == nil else { return nil }
        return try state.member.file.convertedOptimizer(model: model).note
    }

    /// Gives everything of a state that is not stored the same fate.
    private mutating func refuse(_ state: MemberState, _ fate: ImportItem.Fate) {
        account.items += state.items(fate: fate)
    }

    // MARK: - Curves

    private mutating func addCurves(
        _ members: [RunDraft.Member], plan: StepPlan, convention: String?
    ) {
        curves.begin(
            plan: plan, hasStates: !states.isEmpty, convention: convention, options: options,
            lists: draft.curves.flatMap(\.items) + members.flatMap(\.file.items))
        for (index, member) in members.enumerated().reversed() {
            account.items += curves.add(
                member.file.items, file: member.path, step: plan.steps[index],
                isState: member.file.weights != nil)
            for further in member.further {
                account.items += curves.add(
                    further.items, file: further.path, step: plan.steps[index], isState: true)
            }
        }
        for source in draft.curves {
            account.items += curves.add(
                source.items, file: source.path, step: states.last?.step, isState: false)
        }
        for source in draft.settings {
            account.items += curves.add(
                source.items, file: source.path, step: states.last?.step, isState: false)
        }
    }

    // MARK: - The runs

    private mutating func finish(
        plan: StepPlan, model: ForeignModel?, description: ModelDescription,
        trainIndices: [Int]?, optimizer: TorchOptimizer?, convention: String?
    ) throws -> [ImportedRun] {
        let used = Array(Set(draft.files)).sorted()
        let digest =
            draft.isFile
            ? try SourceDigest.file(draft.root)
            : try SourceDigest.files(used, in: draft.root, known: draft.knownDigests)
        let createdAt = used.map { SourceDigest.modificationTime(draft.fullPath($0)) }.max()
        let merged = settings.value
        var parameters = HyperparameterList.make(settings: merged, optimizer: optimizer)
        if let convention = draft.stepConvention ?? convention
            ?? curves.convention(hasStates: !states.isEmpty),
            !parameters.contains(where: { $0.name == "step_convention" })
        {
            parameters.append(Hyperparameter("step_convention", .text(convention)))
        }
        let layout =
            draft.layout ?? model?.convention ?? (states.isEmpty ? "curves" : "weights")
        func run(_ part: String, name: String, layout: String) -> RunDescription {
            RunDescription(
                id: ImportedRun.id(
                    digest: digest, part: part + options.identity,
                    configuration: description.configuration),
                name: name, createdAt: createdAt ?? 0,
                origin: .init(path: draft.root, digest: digest, layout: layout))
        }
        var runs: [ImportedRun] = []
        let points = Self.shares(curves.points, in: &account, notes: &notes)
        if !states.isEmpty || !points.isEmpty {
            var chief = run(draft.part, name: draft.name, layout: layout)
            chief.task = description.task?.name ?? ""
            chief.network = description.network?.kind.rawValue ?? ""
            chief.seed = settings.seed
            chief.configuration = description.configuration
            chief.hyperparameters = parameters
            chief.trainIndices = description.split?.train ?? trainIndices
            chief.testIndices = description.split?.test
            runs.append(
                ImportedRun(
                    description: chief, states: states, metrics: points,
                    publishedValues: draft.published))
        }
        for further in curves.further {
            var accountApart = further.account
            let pointsApart = Self.shares(further.points, in: &accountApart, notes: &notes)
            guard !pointsApart.isEmpty else {
                account = account + accountApart
                continue
            }
            var apart = run(
                "\(draft.part)\n\(further.key)", name: "\(draft.name)/\(further.name)",
                layout: "curves")
            apart.hyperparameters =
                parameters.filter { $0.name != "step_convention" }
                + [Hyperparameter("step_convention", .text(further.convention))]
            apart.seed = settings.seed
            var imported = ImportedRun(description: apart, states: [], metrics: pointsApart)
            imported.notes = accountApart.sentences
            imported.account = accountApart
            runs.append(imported)
        }
        let refused = account.items.lazy.compactMap { item -> (file: String, cause: String)? in
            guard case .refused(let cause) = item.fate, item.kind == .tensor || item.kind == .curve
            else { return nil }
            return (item.file, cause)
        }.first
        // Numbers beside weights that are refused are no run of their own.
        if let refused, states.isEmpty, runs.isEmpty || draft.curves.isEmpty {
            throw UserError.unreadable(draft.fullPath(refused.file), refused.cause)
        }
        guard !runs.isEmpty else {
            throw UserError.unreadable(
                draft.root, "nothing in it is a checkpoint or a curve",
                advice: (account.sentences + notes).first ?? "give a file or folder of checkpoints")
        }
        runs[0].account = account + runs[0].account
        runs[0].originals = originals
        runs[0].openSquares = openSquares
        runs[0].notes = unique(notes + account.assumptions + account.sentences + runs[0].notes)
        for index in runs.indices { runs[index].applied = applied }
        return runs
    }

    /// The points with accuracies in percent divided by 100, which a note says, and without those that
    /// are neither shares nor percent, whose items in the account become refused.
    private static func shares(
        _ points: [MetricPoint], in account: inout ImportAccount, notes: inout [String]
    ) -> [MetricPoint] {
        var accuracies = Dictionary(grouping: points) { $0.name }
            .filter { [MetricName.trainAccuracy, MetricName.testAccuracy].contains($0.key) }
            .mapValues { $0.map(\.value) }
        for (accuracy, values) in accuracies where AccuracyUnit(of: values) == nil {
            accuracies[accuracy] = nil
            let cause = AccuracyUnit.refusal(of: values)
            account.items = account.items.map { item in
                guard case .stored(_, accuracy, _) = item.fate,
                    item.kind == .curve || item.kind == .scalar
                else { return item }
                return ImportItem(
                    file: item.file, name: item.name, kind: item.kind, count: item.count,
                    fate: .refused(cause))
            }
        }
        let isAccuracy: Set = [MetricName.trainAccuracy, MetricName.testAccuracy]
        let kept = points.filter { !isAccuracy.contains($0.name) || accuracies[$0.name] != nil }
        guard AccuracyUnit(of: accuracies.values.joined()) == .percent else { return kept }
        notes.append("its accuracies are in percent and were divided by 100")
        return kept.map {
            MetricPoint(
                name: $0.name, step: $0.step,
                value: isAccuracy.contains($0.name) ? $0.value / 100 : $0.value)
        }
    }

    private func unique(_ sentences: [String]) -> [String] {
        var seen: Set<String> = []
        return sentences.filter { seen.insert($0).inserted }
    }
}

extension ForeignFile {
    /// The file with the names of its tensors behind those of wrappers.
    var unwrapped: ForeignFile {
        ForeignFile(
            path: path, items: items, tableParts: tableParts,
            weights: weights.map { $0.withoutWrappers ?? $0 }, furtherNames: furtherNames,
            series: series.map {
                SeriesState(
                    step: $0.step, weights: $0.weights.withoutWrappers ?? $0.weights,
                    prefix: $0.prefix)
            },
            settings: settings, optimizers: optimizers, optimizerTensors: optimizerTensors,
            optimizerAttributes: optimizerAttributes, clues: clues, rows: rows)
    }
}
