internal import Checkpoints
internal import Foundation

/// A folder of no published layout: its checkpoints, curves and settings, and those of the folders
/// below it that belong to the same runs.
struct GenericFolder {
    /// One state: a file, the shards of one, or a folder.
    struct Unit {
        /// The name that may say the step.
        let name: String
        var member: RunDraft.Member
        /// What else lies in the state's own folder.
        var curves: [RunDraft.CurveSource] = []
        var settings: [(path: String, items: [FoundItem])] = []
        var others: [String] = []
    }

    let path: String
    let listing: FolderListing
    let depth: Int
    var reader: FolderReader

    var units: [Unit] = []
    var curves: [(path: String, parts: [RowTable.Part])] = []
    var settings: [(path: String, items: [FoundItem])] = []
    /// The run's name, where the program that kept it says it.
    var givenName: String?
    /// What tells its runs from those of others with the same root.
    var runPart = ""
    /// Digests of files of which only a part went in.
    var knownDigests: [String: String] = [:]

    private static let containers: Set<String> = [
        "checkpoints", "ckpts", "ckpt", "checkpoint", "weights", "models", "saved_models",
        "snapshots", "states", "saved",
    ]
    private static let optimizerStems: Set<String> = ["optimizer", "optim", "optimizer_state"]
    private static let settingStems: Set<String> = [
        "config", "cfg", "hparams", "args", "params", "settings", "hyperparameters", "options",
        "hyper_parameters", "model_config", "adapter_config", "generation_config", "opts",
        "train_config", "training_config", "run_config", "arguments", "training_args", "overrides",
    ]
    /// JSON beyond this is no record of a run.
    static let largestJSON = 256 << 20

    init(_ path: String, listing: FolderListing, depth: Int, reader: FolderReader) {
        self.path = path
        self.listing = listing
        self.depth = depth
        self.reader = reader
    }

    mutating func read() throws {
        let done = try readTracker().union(try readDatabases())
        let files = listing.files.filter { !done.contains($0) }
        units += try states(of: files, below: "")
        try readTexts(files, below: "")
        var rest: [String] = []
        let versions = listing.folders.filter { $0.hasPrefix("version_") }
        if !versions.isEmpty { try readVersions(versions) }
        for name in listing.folders
        where !versions.contains(name) && !done.contains(name)
            && !reader.isConsumed("\(path)/\(name)")
        {
            if try !readPart(name) { rest.append(name) }
        }
        try makeRuns()
        for name in rest { try reader.read("\(path)/\(name)", depth: depth + 1) }
    }

    // MARK: - Files

    private static func isBookkeeping(_ stem: String) -> Bool {
        let lower = stem.lowercased()
        return ["scheduler", "training_args", "scaler", "sampler", "rng_state", "lr_scheduler"]
            .contains(lower) || lower.hasPrefix("rng_state") || lower.hasPrefix("random_states")
    }

    /// The states in some files of a folder.
    mutating func states(
        of files: [String], below folder: String
    ) throws -> [Unit] {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var found: [Unit] = []
        var shards: [String: Int] = [:]
        var optimizers: [(path: String, file: ForeignFile)] = []
        for name in files where FileFormat.holdsTensors(name) {
            let relative = prefix + name
            let stem = FileFormat.stem(name)
            if Self.isBookkeeping(stem) {
                reader.leaveOut("\(path)/\(relative)", "it is the trainer's own bookkeeping")
                continue
            }
            do {
                let (content, notes) = try FileFormat.value(
                    ofFile: "\(path)/\(relative)", hdf5: reader.options.hdf5)
                if let sweep = try LossSweep.runs(
                    content, path: "\(path)/\(relative)", name: stem)
                {
                    reader.add(sweep)
                    continue
                }
                if let table = content.elements.flatMap(RowTable.init(records:)), table.holdsCurves
                {
                    curves.append((relative, table.parts()))
                    continue
                }
                if Self.optimizerStems.contains(stem.lowercased()) {
                    let whole = Value.dictionary([.init(key: .text("optimizer"), value: content)])
                    optimizers.append(
                        (relative, try ForeignFile(path: "\(path)/\(relative)", content: whole)))
                    continue
                }
                let file = try ForeignFile(
                    path: "\(path)/\(relative)", content: content, notes: notes)
                if file.weights == nil, file.series.isEmpty, file.optimizer == nil {
                    curves.append((relative, [RowTable.Part(items: file.items)]))
                    continue
                }
                let numbers = NameNumbers(stem)
                let shard = numbers.withoutShard
                let member = RunDraft.Member(
                    path: relative, files: [relative], file: file,
                    name: NameNumbers(shard ?? stem))
                if let shard {
                    if let place = shards[shard] {
                        found[place].member.files.append(relative)
                        found[place].member.further.append((relative, file.items))
                        found[place].member.file = try found[place].member.file.joined(with: [file])
                        continue
                    }
                    shards[shard] = found.count
                }
                found.append(Unit(name: shard ?? stem, member: member))
            } catch let error as UserError where error.kind != .usage {
                reader.refuse("\(path)/\(relative)", error)
            }
        }
        try checkShards(&found, files: files, prefix: prefix)
        for (relative, file) in optimizers {
            guard found.count == 1 else {
                reader.leaveOut(
                    "\(path)/\(relative)",
                    "it is not certain to which weights this optimiser belongs")
                continue
            }
            found[0].member.files.append(relative)
            found[0].member.further.append((relative, file.items))
            found[0].member.file = try found[0].member.file.joined(with: [file])
        }
        return found
    }

    /// Refuses a state of which a part is missing.
    private mutating func checkShards(
        _ found: inout [Unit], files: [String], prefix: String
    ) throws {
        for name in files where name.hasSuffix(".index.json") {
            let listed = try json("\(path)/\(prefix + name)")?["weight_map"]?.entries ?? []
            let parts = Set(listed.compactMap { $0.value.textual })
            guard !parts.isEmpty else { continue }
            if let missing = parts.subtracting(files).sorted().first {
                found.removeAll { unit in
                    let isPart = parts.contains((unit.member.path as NSString).lastPathComponent)
                    if isPart {
                        for file in unit.member.files {
                            reader.refuse(
                                "\(path)/\(file)",
                                UserError.unreadable(
                                    file, "\(missing), another part of the same state, is missing"))
                        }
                    }
                    return isPart
                }
            } else if let place = found.firstIndex(where: { unit in
                parts.contains((unit.member.path as NSString).lastPathComponent)
            }) {
                found[place].others.append(prefix + name)
                reader.leaveOut("\(path)/\(prefix + name)", "it says which part holds which tensor")
            }
        }
    }

    private func json(_ path: String) throws -> Value? {
        let file = try SourceFile(path: path)
        guard file.byteCount <= Self.largestJSON else { return nil }
        return try Value(
            jsonFile: path, bytes: try file.read(at: 0, count: file.byteCount))
    }

    /// Curves and settings in files of text.
    mutating func readTexts(_ files: [String], below folder: String) throws {
        let prefix = folder.isEmpty ? "" : folder + "/"
        for name in files where !FileFormat.holdsTensors(name) && !name.hasSuffix(".index.json") {
            let relative = prefix + name
            let full = "\(path)/\(relative)"
            do {
                if CurveFile.holdsCurves(name) {
                    if let parts = try CurveFile.read(full) {
                        curves.append((relative, parts))
                    } else {
                        reader.leaveOut(full, "no column of it counts steps")
                    }
                } else if FileFormat.isSettings(name) {
                    try readSettings(name, relative: relative, full: full)
                } else {
                    reader.leaveOut(full, "files of this kind are not read")
                }
            } catch let error as UserError where error.kind != .usage {
                reader.refuse(full, error)
            }
        }
    }

    private mutating func readSettings(_ name: String, relative: String, full: String) throws {
        let stem = FileFormat.stem(name).lowercased()
        let file = try SourceFile(path: full)
        guard file.byteCount <= Self.largestJSON else {
            return reader.leaveOut(full, "it is too large for curves or settings")
        }
        let bytes = try file.read(at: 0, count: file.byteCount)
        let isSettings =
            Self.settingStems.contains(stem) || stem.hasSuffix("config") || stem.hasSuffix("args")
        if name.lowercased().hasSuffix(".json") {
            let value = try Value(jsonFile: full, bytes: bytes)
            if isSettings {
                settings.append(
                    (relative, try ContentSorter(settings: value, source: full).items))
                return
            }
            if let table = value.elements.flatMap(RowTable.init(records:)), table.holdsCurves {
                curves.append((relative, table.parts()))
                return
            }
            let items = try ContentSorter(value, source: full, stem: stem).items
            let hasCurves = items.contains { if case .curve = $0.content { true } else { false } }
            if hasCurves {
                curves.append((relative, [RowTable.Part(items: items)]))
            } else {
                reader.leaveOut(full, "it has neither curves nor the name of settings")
            }
        } else if isSettings {
            let value = try YAMLText.value(ofFile: full, bytes: bytes)
            settings.append((relative, try ContentSorter(settings: value, source: full).items))
        } else {
            reader.leaveOut(full, "it does not have the name of settings")
        }
    }

    // MARK: - Folders below

    /// Takes a folder below that belongs to this one; false for one that is read by itself.
    mutating func readPart(_ name: String) throws -> Bool {
        let inside = try FolderListing("\(path)/\(name)")
        let own = (name as NSString).lastPathComponent
        if Self.isTracked("\(path)/\(name)", inside) { return false }
        let numbers = NameNumbers(own)
        let isStep =
            numbers.step != nil
            || !own.isEmpty && own.allSatisfy { ("0"..."9").contains($0) }
        if isStep, inside.files.contains(where: FileFormat.holdsTensors) {
            let before = (curves.count, settings.count)
            var found = try states(of: inside.files, below: name)
            try readTexts(inside.files, below: name)
            for folder in inside.folders {
                reader.leaveOut("\(path)/\(name)/\(folder)", "it lies in the folder of one state")
            }
            guard !found.isEmpty else { return true }
            // The name of the folder says the step, not that of the file in it.
            if found.count == 1 {
                let member = found[0].member
                found[0] = Unit(
                    name: own,
                    member: .init(
                        path: member.path, files: member.files, file: member.file, name: numbers,
                        further: member.further))
            }
            found[0].curves = curves.dropFirst(before.0).map {
                .init(path: $0.path, items: $0.parts.flatMap(\.items))
            }
            found[0].settings = Array(settings.dropFirst(before.1))
            curves.removeSubrange(before.0...)
            settings.removeSubrange(before.1...)
            units += found
            return true
        }
        if Self.containers.contains(own.lowercased()), units.isEmpty {
            try readContainer(name, inside)
            return true
        }
        return try readLogs(name, inside)
    }

    /// Takes a folder below whose content is that of this one.
    mutating func readContainer(_ name: String, _ inside: FolderListing) throws {
        units += try states(of: inside.files, below: name)
        try readTexts(inside.files, below: name)
        for folder in inside.folders {
            if try !readPart("\(name)/\(folder)") {
                try reader.read("\(path)/\(name)/\(folder)", depth: depth + 2)
            }
        }
    }

    /// The logs of Lightning, whose versions have no weights of their own, beside weights.
    private mutating func readLogs(_ name: String, _ inside: FolderListing) throws -> Bool {
        let versions = inside.folders.filter { $0.hasPrefix("version_") }
        guard !versions.isEmpty, !units.isEmpty, inside.files.isEmpty else { return false }
        for version in versions {
            let listing = try FolderListing("\(path)/\(name)/\(version)")
            guard listing.folders.isEmpty, !listing.files.contains(where: FileFormat.holdsTensors)
            else { return false }
        }
        // A later version goes before an earlier one.
        for version in versions.sorted(by: { ($0.count, $0) > ($1.count, $1) }) {
            let files = try FolderListing("\(path)/\(name)/\(version)").files
            try readTexts(files, below: "\(name)/\(version)")
        }
        return true
    }

    // MARK: - Runs

    mutating func makeRuns() throws {
        takeNameOfFolder()
        let groups = try grouped()
        let folderName = RunName.folder(path)
        let ancestors = reader.relative(path).split(separator: "/").map(String.init)
        let chief = (path as NSString).lastPathComponent
        var drafts: [RunDraft] = []
        for group in groups {
            let isSeries = group.count > 1 || groups.count == 1 && group[0].isFolder
            let stem = group[0].name
            let isTelling = RunName.isTelling(stem) && !isSeries && !group[0].isFolder
            let name = isTelling ? stem : groups.count == 1 ? folderName : nil
            let fallback = groups.count == 1 ? chief : "\(chief)/\(stem)"
            var draft = RunDraft(root: path, isFile: false, name: name ?? fallback)
            if groups.count > 1 { draft.part = group[0].pattern }
            draft.members = group.map(\.member)
            // The last checkpoint of a trainer knows all that the earlier ones know.
            for unit in group.reversed() {
                draft.curves += unit.curves
                draft.settings += unit.settings
                draft.otherFiles += unit.others
            }
            draft.namedSettings = RunName.settings(
                of: [isSeries ? "" : stem] + ancestors.reversed())
            drafts.append(draft)
        }
        try addCurves(to: &drafts, name: folderName ?? chief, ancestors: ancestors)
        if let givenName, drafts.count == 1 { drafts[0].name = givenName }
        if drafts.isEmpty {
            for (file, _) in settings {
                reader.leaveOut("\(path)/\(file)", "there is no run beside these settings")
            }
        }
        for draft in drafts {
            var draft = draft
            draft.settings += settings
            draft.part = runPart + draft.part
            draft.knownDigests = knownDigests
            reader.add(draft)
        }
    }

    /// The folder of one state says its step where the file in it does not.
    private mutating func takeNameOfFolder() {
        let name = NameNumbers((path as NSString).lastPathComponent)
        guard units.count == 1, name.step != nil, units[0].member.name.step == nil else { return }
        let member = units[0].member
        units[0].member = .init(
            path: member.path, files: member.files, file: member.file, name: name,
            further: member.further)
    }

    /// The units by run: those whose names differ in nothing but a step are one.
    private func grouped() throws -> [[Unit]] {
        var order: [String] = []
        var groups: [String: [Unit]] = [:]
        for unit in units {
            let key = unit.pattern
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(unit)
        }
        var found: [[Unit]] = []
        for key in order {
            guard let group = groups[key] else { continue }
            let isCertain = group.allSatisfy { $0.member.name.step != nil }
            let layouts = Set(group.map(\.layout))
            // Networks of different shapes whose names no word explains are no series.
            if !isCertain, group.count > 1, layouts.count > 1 {
                found += group.map { [$0] }
            } else {
                found.append(group)
            }
        }
        found = joiningSelections(found)
        // The first and last states, and others of the same network, belong to the one series.
        let named = found.indices.filter { found[$0].contains { $0.isNumbered } }
        let series =
            named.isEmpty ? found.indices.filter { found[$0].contains { $0.hasStep } } : named
        guard series.count == 1, found.count > 1 else { return found }
        var chief = found[series[0]]
        var rest: [[Unit]] = []
        for (index, group) in found.enumerated() where index != series[0] {
            let evidence = StepEvidence(
                file: "", clues: group[0].member.file.clues, name: group[0].member.name)
            let isEnd = evidence.isFirst || evidence.isLast
            let isLike =
                group[0].layout == chief[0].layout
                && RunName.settings(of: [group[0].name]).isEmpty
            if isEnd || isLike { chief += group } else { rest.append(group) }
        }
        return [chief] + rest
    }

    /// States that a trainer kept as the best or last belong to the series of the same network beside
    /// them, or make one.
    private func joiningSelections(_ groups: [[Unit]]) -> [[Unit]] {
        let selections = groups.indices.filter { groups[$0].allSatisfy(\.isSelection) }
        let series = groups.indices.filter { index in
            !selections.contains(index) && groups[index].contains(where: \.hasStep)
        }
        guard !selections.isEmpty, series.count <= 1, let chief = series.first ?? selections.first
        else { return groups }
        var joined = groups
        for index in selections where index != chief && groups[index][0].hasStep {
            guard groups[index].allSatisfy({ $0.layout == groups[chief][0].layout }) else {
                continue
            }
            joined[chief] += groups[index]
            joined[index] = []
        }
        return joined.filter { !$0.isEmpty }
    }
}

extension GenericFolder.Unit {
    fileprivate var pattern: String { NameNumbers(name).pattern }

    /// Whether its name has a number that could be a step.
    fileprivate var isNumbered: Bool { member.name.candidate != nil || !member.file.series.isEmpty }

    fileprivate var hasStep: Bool {
        isNumbered || member.file.clues.updates != nil
            || member.file.clues.epoch != nil
    }

    /// Whether its name says that it was chosen among the states of a run, and nothing else.
    fileprivate var isSelection: Bool {
        let words = name.lowercased().split { !$0.isLetter }.map(String.init)
        return words.contains(where: Self.choices.contains)
            && words.allSatisfy { Self.choices.contains($0) || Self.plainWords.contains($0) }
    }

    private static let choices: Set<String> = ["best", "last", "latest", "final"]
    private static let plainWords: Set<String> = [
        "model", "checkpoint", "ckpt", "weights", "state", "net", "epoch", "step", "iter", "v",
        "val", "valid", "test", "train", "eval", "loss", "acc", "accuracy", "score", "top", "ema",
    ]

    /// Whether the state has a folder of its own.
    fileprivate var isFolder: Bool { member.path.contains("/") }

    /// Names and shapes, to tell networks apart.
    fileprivate var layout: String {
        guard let weights = member.file.weights else { return "" }
        return weights.names.sorted().map { "\($0)\(weights.shape($0) ?? [])" }.joined(
            separator: "\n")
    }
}
