internal import Checkpoints

/// What is known about the step of one file of weights, apart by where it comes from.
struct StepEvidence {
    let file: String
    let clues: StepClues
    let name: NameNumbers
    /// The step that a known layout gives it.
    var known: Int?
    /// Whether it has a state of its own; a file of many may have curves alone beside them.
    var hasState = true
    /// It is named as the first state of a run.
    var isFirst: Bool { Self.firstNames.contains(name.name.lowercased()) }
    /// It is named as the last state of a run.
    var isLast: Bool { Self.lastNames.contains(name.name.lowercased()) }

    static let firstNames: Set<String> = ["init", "initial", "step_init", "initialization"]
    static let lastNames: Set<String> = [
        "final", "last", "model_final", "final_model", "final_weights", "model_last", "last_model",
    ]

    /// What the content and the name say about updates, the content first.
    fileprivate var updates: (step: Int, words: String)? {
        if let known { return (known, "the layout") }
        if let found = clues.updates { return (found.step, "\(found.name) in the file") }
        if let number = name.step, number.meaning == .updates, !isNameOfEpoch,
            let step = number.whole
        {
            return (step, "the number after \(number.label.isEmpty ? "the epoch" : number.label)")
        }
        return nil
    }

    /// `checkpoint_3` beside the epoch 3 counts epochs, from 0 or from 1.
    private var isNameOfEpoch: Bool {
        guard let epoch = clues.epoch, let number = name.step, let step = number.whole,
            ["ckpt", "checkpoint", "chkpt", "chkpnt"].contains(number.label)
        else { return false }
        return step == epoch || step == epoch.saturatingSum(1)
    }

    fileprivate var epoch: Int? {
        if isNameOfEpoch { return name.step?.whole }
        if let number = name.numbers.last(where: { $0.meaning == .epochs && $0.isWhole }) {
            return number.whole
        }
        if let epoch = clues.epoch { return epoch }
        return nil
    }

    /// A number in the name that no word explains.
    fileprivate var bare: Int? {
        guard name.step == nil else { return nil }
        return name.candidate?.whole
    }

    fileprivate var anyName: Int? { name.candidate?.whole }
}

/// The steps of the states of one run, on one axis.
struct StepPlan {
    var axis = FoundCurve.Axis.updates
    /// One per file; nil where it is not known.
    var steps: [Int?] = []
    var assumptions: [String] = []
    /// The options that gave steps.
    private(set) var applied: Set<ImportOptions.Choice> = []

    /// What the steps of the run count where that is not the updates done.
    var convention: String? { axis == .epochs ? "epoch" : nil }

    /// Weighs the evidence of all states of a run.
    ///
    /// `curveEnd` is where the curves beside them end, on the axis of updates.
    init(_ members: [StepEvidence], options: ImportOptions, curveEnd: Int?) throws {
        if let step = options.step {
            guard members.count <= 1 else {
                throw UserError.usage(
                    subject: "--step \(step)",
                    cause: "there are \(members.count) checkpoints: \(members[0].file), "
                        + "\(members[1].file), …",
                    advice: "import one file, or say --steps-from name")
            }
            steps = members.map { _ in step }
            if !members.isEmpty { applied.insert(.step) }
            return
        }
        if let source = options.stepsFrom, source != .list {
            choose(source, members, options)
        } else {
            weigh(members, options)
        }
        fill(members, curveEnd: curveEnd)
        if options.stepsFrom == nil { report(members) }
    }

    private mutating func choose(
        _ source: ImportOptions.StepSource, _ members: [StepEvidence], _ options: ImportOptions
    ) {
        switch source {
        case .name:
            steps = members.map(\.anyName)
            let isEpoch = members.allSatisfy {
                guard let number = $0.name.candidate else { return true }
                return number.meaning == .epochs
            }
            if isEpoch { convert(members, options) }
        case .content:
            steps = members.map { $0.clues.updates?.step }
            if steps.allSatisfy({ $0 == nil }) {
                steps = members.map(\.clues.epoch)
                convert(members, options)
            }
        case .optimizer: steps = members.map(\.clues.optimizer)
        case .list: break
        }
        if steps.contains(where: { $0 != nil }) { applied.insert(.stepsFrom) }
    }

    /// Turns steps that count epochs into updates where their number is known.
    private mutating func convert(_ members: [StepEvidence], _ options: ImportOptions) {
        guard let count = options.stepsPerEpoch else {
            axis = .epochs
            return
        }
        if steps.contains(where: { $0 != nil }) { applied.insert(.stepsPerEpoch) }
        steps = steps.map { $0?.saturatingProduct(count) }
        assumptions.append("an epoch is \(count) updates, as --steps-per-epoch says")
    }

    private mutating func weigh(_ members: [StepEvidence], _ options: ImportOptions) {
        let isNameACount =
            members.allSatisfy { $0.anyName != nil || $0.isFirst || $0.isLast }
            && members.contains { $0.anyName != nil && $0.anyName == $0.clues.optimizer }
        let updates = members.map { member -> Int? in
            if let found = member.updates { return found.step }
            if let number = member.bare, isNameACount { return number }
            if options.stepsPerEpoch != nil, member.epoch != nil { return nil }
            return member.clues.optimizer
        }
        let epochs = members.map(\.epoch)
        let open = members.map { !$0.isFirst && !$0.isLast }
        func covers(_ found: [Int?]) -> Bool {
            zip(found, open).allSatisfy { $0 != nil || !$1 } && found.contains { $0 != nil }
        }
        if covers(updates) {
            steps = updates
            let named = members.first {
                $0.known == nil && $0.clues.updates == nil && $0.updates != nil
            }
            if let named, let words = named.updates?.words {
                assumptions.append("steps are taken from the names: \(words) in \(named.name.name)")
            } else if let counted = members.first(where: { $0.updates == nil && $0.bare == nil }),
                let count = counted.clues.optimizer
            {
                assumptions.append(
                    "the step of \(counted.file) is what its optimiser counts, \(count)")
            }
            return
        }
        if let count = options.stepsPerEpoch, epochs.contains(where: { $0 != nil }) {
            steps = zip(updates, epochs).map { $0 ?? $1?.saturatingProduct(count) }
            if zip(updates, epochs).contains(where: { $0 == nil && $1 != nil }) {
                applied.insert(.stepsPerEpoch)
            }
            assumptions.append("an epoch is \(count) updates, as --steps-per-epoch says")
            return
        }
        let bare = members.map(\.bare)
        if covers(epochs) {
            steps = epochs
            axis = .epochs
        } else if covers(bare) {
            steps = bare
            let example = members.first { $0.bare != nil }
            assumptions.append(
                "the numbers in the names are taken for steps (\(example?.file ?? "")): nothing else "
                    + "says them; --steps-from or --step says otherwise")
        } else {
            let counts = [updates, epochs, bare].map { $0.count { $0 != nil } }
            if counts[1] > counts[0], counts[1] >= counts[2] {
                steps = epochs
                axis = .epochs
            } else {
                steps = counts[2] > counts[0] ? bare : updates
            }
        }
        if axis == .epochs {
            assumptions.append(
                "only epochs are known, so its steps are epochs (step_convention); "
                    + "--steps-per-epoch N makes updates of them")
        }
    }

    /// Gives a step to states that are named as the first or last, or that stand alone.
    private mutating func fill(_ members: [StepEvidence], curveEnd: Int?) {
        let largest = steps.compactMap { $0 }.max()
        for (index, member) in members.enumerated() where steps[index] == nil {
            if member.isFirst {
                steps[index] = 0
            } else if let curveEnd, axis == .updates, members.count == 1 || member.isLast,
                curveEnd >= largest ?? 0
            {
                steps[index] = curveEnd
                guard member.hasState else { continue }
                assumptions.append(
                    "\(member.file) is taken for the state at the end of the curves beside it, step "
                        + "\(curveEnd)")
            }
        }
    }

    /// Says where other evidence disagrees with the steps.
    private mutating func report(_ members: [StepEvidence]) {
        guard axis == .updates else {
            let counted = members.filter { $0.clues.optimizer != nil }
            if let member = counted.first, let count = member.clues.optimizer {
                assumptions.append(
                    "the optimiser of \(member.file) counts \(count) updates, which is not mixed with "
                        + "epochs")
            }
            return
        }
        var words: [String] = []
        for (member, step) in zip(members, steps) {
            guard let step else { continue }
            if let count = member.clues.optimizer, count != step {
                words.append("the optimiser of \(member.file) counts \(count), not \(step)")
            }
            if let number = member.name.step, number.meaning == .updates, let named = number.whole,
                named != step
            {
                words.append("the name of \(member.file) says \(named), not \(step)")
            }
        }
        guard let first = words.first else { return }
        let more = words.count > 1 ? " (and \(words.count - 1) more)" : ""
        assumptions.append(
            first + more
                + ": what stands in the file and its name goes before the optimiser's count")
    }
}
