internal import Checkpoints

/// The curves of one draft, on the steps of its run; those that have others go into runs beside it.
struct RunCurves {
    /// A run of the curves that count something else than the chief run.
    struct Further {
        /// Part of its id.
        let key: String
        let name: String
        /// `epoch`, `update` or `position`.
        let convention: String
        var book = CurveBook()
        var account = ImportAccount()

        var points: [MetricPoint] { book.points }
    }

    private var book = CurveBook()
    private(set) var further: [Further] = []
    private(set) var assumptions: [String] = []
    /// Whether epochs became updates by `--steps-per-epoch`.
    private(set) var convertsEpochs = false
    private var axis = FoundCurve.Axis.updates
    private var hasStates = false
    private var convention: String?
    private var stepsPerEpoch: Int?
    private var longestList = 0
    private var usesPositions = false
    private var owners = CurveOwners()

    /// The interval at which the published code measures the test loss.
    private static let publishedInterval = 10

    var points: [MetricPoint] { book.points }

    mutating func begin(
        plan: StepPlan, hasStates: Bool, convention: String?, options: ImportOptions,
        lists: [FoundItem]
    ) {
        self.hasStates = hasStates
        self.convention = convention
        stepsPerEpoch = options.stepsPerEpoch
        let found = lists.compactMap { item -> FoundCurve? in
            if case .curve(let curve) = item.content { curve } else { nil }
        }
        longestList = found.filter { $0.axis == .positions }.map(\.values.count).max() ?? 0
        if hasStates {
            axis = plan.axis
        } else if found.contains(where: { $0.axis == .updates }) {
            axis = .updates
        } else if found.contains(where: { $0.axis == .epochs }), stepsPerEpoch == nil {
            axis = .epochs
        } else if found.contains(where: { $0.axis == .epochs }) {
            axis = .updates
        } else {
            axis = .positions
        }
    }

    /// What the steps of a run of curves alone count, where that is not the updates done.
    func convention(hasStates: Bool) -> String? {
        guard !hasStates, !book.isEmpty else { return nil }
        switch axis {
        case .updates: return nil
        case .epochs: return "epoch"
        case .positions: return "position"
        }
    }

    /// Adds the curves and single numbers of a file, whose own state is at `step`, and gives each item
    /// its fate, except settings and, of a file that `isState`, what belongs to the state.
    mutating func add(
        _ items: [FoundItem], file: String, step: Int?, isState: Bool
    ) -> [ImportItem] {
        var account: [ImportItem] = []
        for item in items {
            switch item.content {
            case .curve(let curve):
                account += add(curve, item: item, file: file, step: step)
            case .scalar(let value):
                account += addScalar(value, item: item, file: file, step: step)
            case .step where !isState || item.count > 1:
                guard item.series == nil else { break }
                account.append(
                    ImportItem(item, file: file, .stored(step: nil, name: "steps", role: nil)))
            case .tensor where !isState && item.series == nil:
                account.append(ImportItem(item, file: file, .leftOut("it is part of no state")))
            case .leftOut(let reason):
                account.append(ImportItem(item, file: file, .leftOut(reason)))
            case .step, .tensor, .optimizer, .setting, .rows: break
            }
        }
        return account
    }

    // MARK: - Curves

    private mutating func add(
        _ curve: FoundCurve, item: FoundItem, file: String, step: Int?
    ) -> [ImportItem] {
        let name = curve.name
        guard Self.isStorable(name) else {
            return [
                ImportItem(
                    item, file: file,
                    .refused(
                        "the name of a curve is empty, holds the character NUL or has more than "
                            + "\(Value.longestName) bytes"))
            ]
        }
        var steps = curve.steps
        var values = curve.values
        var outside = 0
        var impossible: Int?
        if curve.axis == .positions {
            guard let placed = positions(of: curve, step: step) else {
                addApart(curve, item: item, file: file)
                return []
            }
            steps = placed
        } else if curve.axis == .epochs, axis == .updates, let count = stepsPerEpoch {
            steps = steps.map { $0.saturatingProduct(count) }
            convertsEpochs = true
        } else if curve.axis != axis {
            addApart(curve, item: item, file: file)
            return []
        } else if convention == "grok" {
            let points = zip(steps, values).map {
                PublishedTask.grokPoint(MetricPoint(name: name, step: $0, value: $1))
            }
            steps = points.map(\.step)
            values = points.map(\.value)
        }
        let allowed = 0...ImportedRun.largestStep
        if !steps.allSatisfy(allowed.contains) {
            let kept = steps.indices.filter { allowed.contains(steps[$0]) }
            outside = steps.count - kept.count
            impossible = steps.first { !allowed.contains($0) }
            values = kept.map { values[$0] }
            steps = kept.map { steps[$0] }
        }
        let placed = FoundCurve(name: name, axis: axis, steps: steps, values: values)
        let own = owners.name(of: placed, item: item, file: file, in: &book, key: "")
        let outcome = book.add(placed, named: own, steps: steps, file: file)
        return Self.items(
            outcome, item: item, file: file, name: own, outside: outside, impossible: impossible)
    }

    /// The steps of a list that has none of its own; nil where nothing says them.
    private mutating func positions(of curve: FoundCurve, step: Int?) -> [Int]? {
        let count = curve.values.count
        guard hasStates else {
            // Lists of other lengths were measured at other steps.
            let isLongest =
                axis == .positions && (curve.steps.last ?? -1).saturatingSum(1) >= longestList
            if isLongest { notePositions() }
            return isLongest ? curve.steps : nil
        }
        let length = (curve.steps.last ?? count - 1).saturatingSum(1)
        if let step, length == step || length == step.saturatingSum(1) {
            notePositions()
            return curve.steps
        }
        // The code measures the test loss at every tenth pass, from the first on.
        let interval = Self.publishedInterval
        if convention == "progress_measures", let step,
            length == step.saturatingSum(interval - 1) / interval
        {
            assumptions.append(
                "\(curve.name) was measured every \(interval) passes, as the published code does")
            return curve.steps.map { $0.saturatingProduct(interval) }
        }
        return nil
    }

    private mutating func notePositions() {
        guard !usesPositions else { return }
        usesPositions = true
        assumptions.append(
            "curves without steps have one value per "
                + (axis == .epochs ? "epoch" : axis == .updates ? "update" : "position")
                + ", the first at step 0")
    }

    /// Puts a curve that counts something else into a run of its own, which keeps its account.
    private mutating func addApart(_ curve: FoundCurve, item: FoundItem, file: String) {
        let convention =
            switch curve.axis {
            case .updates: "update"
            case .epochs: "epoch"
            case .positions: "position"
            }
        let length = (curve.steps.last ?? 0).saturatingSum(1)
        let key = curve.axis == .positions ? "position \(length)" : convention
        let index = further.firstIndex { $0.key == key } ?? further.count
        if index == further.count {
            let isTaken = further.contains { $0.convention == convention }
            further.append(
                Further(
                    key: key, name: isTaken ? "by \(convention) (\(length))" : "by \(convention)",
                    convention: convention))
            let assumption =
                curve.axis == .positions
                ? "\(curve.name) has \(curve.values.count) values and nothing says at which steps, "
                    + "so it is a run of its own, by position"
                : "\(curve.name) counts \(convention)s and the run does not, so it is a run of its "
                    + "own; --steps-per-epoch N joins them"
            assumptions.append(assumption)
            further[index].account.assumptions = [assumption]
        }
        let own = owners.name(
            of: curve, item: item, file: file, in: &further[index].book, key: key)
        let outcome = further[index].book.add(curve, named: own, steps: curve.steps, file: file)
        further[index].account.items += Self.items(outcome, item: item, file: file, name: own)
    }

    // MARK: - Single numbers

    private mutating func addScalar(
        _ value: Double, item: FoundItem, file: String, step: Int?
    ) -> [ImportItem] {
        let standard = CurveName.any(item.name)
        let name = Self.isStorable(standard) ? standard : item.name
        guard let step else {
            return [
                ImportItem(item, file: file, .leftOut("nothing says at which step it was measured"))
            ]
        }
        let isEpoch = ContentWords.epochs.contains(item.name.lowercased())
        if axis == .epochs, isEpoch, value == Double(step) {
            return [ImportItem(item, file: file, .stored(step: step, name: "", role: nil))]
        }
        guard Self.isStorable(name) else {
            return [ImportItem(item, file: file, .refused("its name cannot be that of a curve"))]
        }
        // In the progress-measures code the loss is that of before the update.
        let isBefore = convention == "progress_measures" && !isEpoch && step > 0
        let place = isBefore ? step - 1 : step
        let curve = FoundCurve(name: name, axis: axis, steps: [place], values: [value])
        let outcome = book.add(
            curve, named: name, steps: [place], file: "the single number in \(file)")
        return Self.items(outcome, item: item, file: file, name: name)
    }

    private static func isStorable(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= Value.longestName && !name.utf8.contains(0)
    }

    /// The fates of the values of one item; those that are left over were not of the curve.
    private static func items(
        _ outcome: CurveBook.Outcome, item: FoundItem, file: String, name: String, outside: Int = 0,
        impossible: Int? = nil
    ) -> [ImportItem] {
        var items: [ImportItem] = []
        func add(_ count: Int, _ fate: ImportItem.Fate) {
            if count > 0 { items.append(ImportItem(item, file: file, count: count, fate)) }
        }
        add(outcome.stored, .stored(step: nil, name: name, role: nil))
        for (other, count) in outcome.same.sorted(by: { $0.key < $1.key }) {
            add(count, .same(as: other))
        }
        add(outcome.overtaken, .leftOut("a later value of the same file has the same step"))
        for (other, count) in outcome.contradicted.sorted(by: { $0.key < $1.key }) {
            add(count, .leftOut("\(other) has another value at the same step"))
        }
        add(outside, .refused("its step \(impossible ?? 0) is no number of updates"))
        return items
    }
}

/// Which item each name of a curve stands for, so that two curves never become one.
private struct CurveOwners {
    /// For each file and name, and for each name, the item that came first.
    private var owners: [String: String] = [:]

    /// The name under which a curve is kept: its own, where another curve has the standard one and
    /// other values.
    mutating func name(
        of curve: FoundCurve, item: FoundItem, file: String, in book: inout CurveBook, key: String
    ) -> String {
        let place = "\(key)\u{1f}\(file)\u{1f}\(curve.name)"
        if let owner = owners[place] {
            return owner == item.name ? curve.name : item.name
        }
        owners[place] = item.name
        let any = "\(key)\u{1f}\(curve.name)"
        if let owner = owners[any], owner != item.name, curve.name != item.name,
            book.compare(curve, named: curve.name, steps: curve.steps).contradicts
        {
            return item.name
        }
        owners[any] = owners[any] ?? item.name
        return curve.name
    }
}
