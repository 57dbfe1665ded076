internal import Checkpoints
internal import Foundation

/// Reads a file or a folder and everything below it, and sorts the files into drafts of runs.
struct FolderReader {
    /// How deep a folder of folders is searched.
    static let deepestFolder = 12

    let root: String
    let options: ImportOptions
    private(set) var plan: ImportPlan
    private var drafts: [RunDraft] = []
    /// Folders whose content belongs to runs that were found elsewhere.
    private var consumed: Set<String> = []

    init(root: String, options: ImportOptions) {
        self.root = root
        self.options = options
        plan = ImportPlan(path: root)
    }

    // MARK: - Results

    mutating func add(_ draft: RunDraft) { drafts.append(draft) }

    mutating func add(_ runs: [ImportedRun]) { plan.runs += runs }

    mutating func consume(_ folder: String) { consumed.insert(folder) }

    func isConsumed(_ folder: String) -> Bool { consumed.contains(folder) }

    /// A file that is no part of any run.
    mutating func leaveOut(_ path: String, _ reason: String) {
        plan.others.items.append(
            ImportItem(
                file: relative(path), name: "", kind: .file, count: 1, fate: .leftOut(reason)))
    }

    mutating func refuse(_ path: String, _ error: any Error) {
        plan.others.items.append(
            ImportItem(
                file: relative(path), name: "", kind: .file, count: 1,
                fate: .refused(Self.cause(error))))
    }

    /// Everything that was found for a run that cannot be made.
    private mutating func refuse(_ draft: RunDraft, _ error: UserError) {
        let cause = Self.cause(error)
        func place(_ path: String) -> String { relative(draft.fullPath(path)) }
        plan.others.items += draft.account.items.map { item in
            ImportItem(
                file: place(item.file), name: item.name, kind: item.kind, count: item.count,
                fate: item.fate)
        }
        let found = draft.found
        plan.others.items += found.map { path, item in
            var fate = ImportItem.Fate.refused(cause)
            if case .leftOut(let reason) = item.content { fate = .leftOut(reason) }
            return ImportItem(item, file: place(path), fate)
        }
        if found.isEmpty { refuse(draft.root, error) }
    }

    private static func cause(_ error: any Error) -> String {
        guard let user = error as? any UserErrorConvertible else { return "\(error)" }
        return user.advice.isEmpty ? user.cause : "\(user.cause); \(user.advice)"
    }

    /// A path below the root, without the root.
    func relative(_ path: String) -> String {
        path == root
            ? "" : path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path
    }

    /// Puts the drafts together.
    consuming func finish() throws -> ImportPlan {
        for draft in drafts {
            do {
                var draft = draft
                if let name = options.name, drafts.count + plan.runs.count == 1 {
                    draft.name = name
                }
                plan.runs += try RunAssembler.runs(of: draft, options: options)
            } catch let error as UserError where error.kind != .usage {
                refuse(draft, error)
            }
        }
        tellApart()
        if let name = options.name, plan.runs.count == 1 {
            plan.runs[0].description.name = name
        } else if let name = options.name {
            let stem = (root as NSString).lastPathComponent
            for index in plan.runs.indices {
                let own = plan.runs[index].description.name
                let rest =
                    own == stem || own == FileFormat.stem(stem)
                    ? "" : own.hasPrefix(stem + "/") ? String(own.dropFirst(stem.count)) : "/" + own
                plan.runs[index].description.name =
                    own.hasPrefix(name) ? own : index == 0 && rest.isEmpty ? name : name + rest
            }
        }
        return plan
    }

    /// Gives runs of the same name those of their folders too, and runs of the same content in folders
    /// of different settings ids of their own.
    private mutating func tellApart() {
        let names = Dictionary(grouping: plan.runs.indices) { plan.runs[$0].description.name }
        for alike in names.values where alike.count > 1 {
            for index in alike {
                let path = relative(plan.runs[index].description.origin?.path ?? root)
                let (name, folder) = (
                    plan.runs[index].description.name, (path as NSString).deletingLastPathComponent
                )
                guard !folder.isEmpty, folder != "." else { continue }
                plan.runs[index].description.name = "\(folder)/\(name)"
            }
        }
        var known: [String: [Hyperparameter]] = [:]
        for index in plan.runs.indices {
            let run = plan.runs[index].description
            guard let first = known[run.id], first != run.hyperparameters else {
                known[run.id] = known[run.id] ?? run.hyperparameters
                continue
            }
            plan.runs[index].description.id = ImportedRun.id(
                digest: run.id, part: "\(run.hyperparameters)", configuration: run.configuration)
        }
    }

    // MARK: - Files

    /// Reads the root where it is a file.
    mutating func readFile() throws {
        let name = (root as NSString).lastPathComponent
        let folder = (root as NSString).deletingLastPathComponent
        let stem = FileFormat.stem(name)
        let telling =
            RunName.isTelling(stem)
            ? stem
            : RunName.folder(folder.isEmpty ? FileManager.default.currentDirectoryPath : folder)
        var draft = RunDraft(root: root, isFile: true, name: telling ?? stem)
        if CurveFile.holdsCurves(name) {
            guard let parts = try CurveFile.read(root) else {
                throw UserError.unreadable(
                    root, "it has no column that counts steps (step, iteration, epoch, …)",
                    advice: "name the column that counts updates step")
            }
            return add(parts, of: "", draft: draft)
        }
        if GenericFolder.isDatabaseName(name), DatabaseOpening.isDatabase(root) {
            throw UserError.unreadable(
                root, "it is a database, whose runs have files beside it",
                advice: "import its folder")
        }
        if NameNumbers(name).withoutShard != nil, name.contains("-of-") {
            throw UserError.unreadable(
                root, "it is one of several parts of a state", advice: "import its folder")
        }
        let (content, notes) = try FileFormat.value(ofFile: root, hdf5: options.hdf5)
        if let sweep = try LossSweep.runs(
            content, path: root, name: options.name ?? draft.name)
        {
            return add(sweep)
        }
        if let table = content.elements.flatMap(RowTable.init(records:)), table.holdsCurves {
            return add(table.parts(), of: "", draft: draft)
        }
        let file = try ForeignFile(path: root, content: content, notes: notes)
        if file.weights == nil, file.series.isEmpty {
            draft.curves = [.init(path: "", items: file.items)]
        } else {
            draft.members = [
                .init(path: "", files: [""], file: file, name: NameNumbers(stem))
            ]
        }
        draft.namedSettings = RunName.settings(of: [stem])
        add(draft)
    }

    /// Makes a run of each part of a table.
    mutating func add(_ parts: [RowTable.Part], of path: String, draft: RunDraft) {
        for (index, part) in parts.enumerated() {
            var draft = draft
            draft.curves = [.init(path: path, items: part.items)]
            if parts.count > 1 {
                let words = part.identity.map { entry in
                    entry.value.textual ?? "\(entry.key.label)\(entry.value.json())"
                }
                let label = words.isEmpty ? String(index) : words.joined(separator: "_")
                draft.part = "\(draft.part)\(index)"
                draft.name += "/\(label.prefix(100))"
            }
            if let name = part.name { draft.name = name }
            draft.namedSettings += RunName.settings(of: [
                FileFormat.stem((draft.fullPath(path) as NSString).lastPathComponent)
            ])
            add(draft)
        }
    }

    // MARK: - Folders

    /// Reads the root where it is a folder.
    mutating func readFolder() throws { try read(root, depth: 0) }

    /// Reads a folder and those below it.
    mutating func read(_ path: String, depth: Int) throws {
        guard depth < Self.deepestFolder else {
            return leaveOut(path, "it is more than \(Self.deepestFolder) folders deep")
        }
        do {
            if let run = try RunFolder.read(path) { return add([run]) }
            let listing = try FolderListing(path)
            // Orbax: JAX's checkpoints in a store of its own.
            if listing.files.contains("manifest.ocdbt") {
                throw UserError.unreadable(
                    path, "it is a checkpoint of Orbax, whose store of values is not read",
                    advice: "load it in JAX and save its arrays as safetensors, .npz or MessagePack"
                )
            }
            if listing.files.contains("cfg.json"),
                let draft = try GroupRunFolder.draft(path, listing: listing)
            {
                let used = Set(draft.files)
                for file in listing.files where !used.contains(file) {
                    leaveOut("\(path)/\(file)", "it is no part of the published layout")
                }
                return add(draft)
            }
            var generic = GenericFolder(path, listing: listing, depth: depth, reader: self)
            try generic.read()
            self = generic.reader
        } catch let error as UserError where depth > 0 && error.kind != .usage {
            refuse(path, error)
        }
    }
}

/// The names of runs, and what names of files and folders say about them.
enum RunName {
    private static let plain: Set<String> = [
        "model", "params", "history", "run", "weights", "metrics", "log", "logs", "results",
        "state", "data", "pytorch_model", "adapter_model", "trainer_state", "training_history",
        "checkpoints", "ckpts", "output", "outputs", "lightning_logs", "tb_logs", "events",
        "optimizer", "training_log", "train_log", "progress",
    ]

    /// Whether a name says more than what kind of thing it names.
    static func isTelling(_ name: String) -> Bool {
        let bare = name.lowercased().trimmingCharacters(
            in: CharacterSet(charactersIn: "0123456789_-. "))
        let hasSettings = !settings(of: [name]).isEmpty
        if name.lowercased().hasPrefix("events.out.tfevents") { return false }
        return hasSettings
            || !isStepAlone(name)
                && (!plain.contains(bare) && bare != "version" && !bare.isEmpty
                    && NameNumbers(name).withoutShard == nil)
    }

    /// Whether a name has nothing but a step: `step_3`, `epoch=1-step=20`.
    private static func isStepAlone(_ name: String) -> Bool {
        let numbers = NameNumbers(name)
        guard numbers.step != nil else { return false }
        let words = Set(name.lowercased().split { !$0.isLetter }.map(String.init))
        return words.isSubset(of: Set(numbers.numbers.map(\.label)))
            && numbers.numbers.allSatisfy {
                [.updates, .epochs, .other].contains($0.meaning) || $0.label.isEmpty
            }
    }

    /// The name that the folder of a file gives.
    static func folder(_ path: String) -> String? {
        let name = (path as NSString).lastPathComponent
        let isStep = NameNumbers(name).step != nil
        guard name.isEmpty || isStep || !isTelling(name) else { return name }
        let parent = ((path as NSString).deletingLastPathComponent as NSString).lastPathComponent
        guard !parent.isEmpty, parent != "/", parent != "." else {
            return name.isEmpty || name == "/" ? nil : name
        }
        return isStep ? parent : "\(parent)/\(name)"
    }

    /// Words that tell files apart and say nothing about training.
    private static let labels: Set<String> = [
        "run", "version", "part", "exp", "experiment", "replica", "v", "job", "worker", "rank",
        "stage", "split", "init", "block", "blocks", "group",
    ]

    /// The settings that names give: `p97_wd0.1`, `seed3`, `lr=0.1,seed=2`.
    static func settings(of names: [String]) -> [(setting: Hyperparameter, evidence: String)] {
        names.flatMap { name in
            let characters = Array(name)
            return NameNumbers(name).numbers.compactMap {
                number -> (setting: Hyperparameter, evidence: String)? in
                guard number.meaning == .setting, !labels.contains(number.label),
                    isApart(number, in: characters)
                else { return nil }
                let value: ScalarValue =
                    number.whole.map { .integer($0) } ?? .real(number.value)
                return (Hyperparameter(number.label, value), name)
            }
        }
    }

    /// Whether a number and its word stand between separators.
    private static func isApart(_ number: NameNumbers.Number, in name: [Character]) -> Bool {
        let end = number.range.upperBound
        guard end == name.count || !name[end].isLetter else { return false }
        var start = number.range.lowerBound
        while start > 0, !name[start - 1].isLetter, !name[start - 1].isNumber { start -= 1 }
        while start > 0, name[start - 1].isLetter { start -= 1 }
        return start == 0 || !name[start - 1].isNumber
    }
}
