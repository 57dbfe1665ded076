internal import Checkpoints
internal import Foundation

/// What the folder of a run has from a program that keeps runs: MLflow, Sacred or Hydra.
extension GenericFolder {
    /// Whether a folder is that of a run of such a program, whatever its name.
    static func isTracked(_ path: String, _ listing: FolderListing) -> Bool {
        isSacred(listing) || isHydra(path) || isMLflow(listing)
    }

    /// Takes that in; answers the entries of the folder that are done with.
    mutating func readTracker() throws -> Set<String> {
        if isHydraRun { try readHydra() }
        if Self.isSacred(listing) { return try readSacred() }
        if Self.isMLflow(listing) { return try readMLflow() }
        return []
    }

    private func content(_ name: String) throws -> Value {
        let full = "\(path)/\(name)"
        let file = try SourceFile(path: full)
        guard file.byteCount <= Self.largestJSON else {
            throw UserError.unreadable(full, "it is too large")
        }
        let bytes = try file.read(at: 0, count: file.byteCount)
        return name.hasSuffix(".json")
            ? try Value(jsonFile: full, bytes: bytes)
            : try YAMLText.value(ofFile: full, bytes: bytes)
    }

    // MARK: - Hydra

    private static let hydra = ".hydra"

    private static func isHydra(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(path)/\(hydra)/config.yaml")
    }

    private var isHydraRun: Bool { Self.isHydra(path) }

    /// The composed configuration; what was changed on the command line names the run.
    private mutating func readHydra() throws {
        let listing = try FolderListing("\(path)/\(Self.hydra)")
        for name in listing.files {
            let relative = "\(Self.hydra)/\(name)"
            do {
                switch name {
                case "config.yaml":
                    let items = try ContentSorter(
                        settings: try content(relative), source: "\(path)/\(relative)"
                    ).items
                    settings.append((relative, items))
                case "overrides.yaml":
                    let words = try content(relative).elements?.compactMap(\.textual) ?? []
                    if !words.isEmpty { givenName = words.joined(separator: ",") }
                    reader.leaveOut("\(path)/\(relative)", "config.yaml has its settings")
                default:
                    reader.leaveOut("\(path)/\(relative)", "it is Hydra's own bookkeeping")
                }
            } catch let error as UserError where error.kind != .usage {
                reader.refuse("\(path)/\(relative)", error)
            }
        }
    }

    // MARK: - Sacred

    private static func isSacred(_ listing: FolderListing) -> Bool {
        listing.files.contains("run.json") && listing.files.contains("config.json")
    }

    private mutating func readSacred() throws -> Set<String> {
        var done: Set<String> = []
        let run = try content("run.json")
        guard let experiment = run["experiment"], run["status"] != nil else { return [] }
        done.insert("run.json")
        if let name = experiment["name"]?.textual {
            givenName = "\(name)/\((path as NSString).lastPathComponent)"
        }
        let told = ["status", "result"].compactMap { key in
            run[key].map { Value.Entry(key: .text(key), value: $0) }
        }
        var items = try ContentSorter(
            settings: .dictionary(told), source: "\(path)/run.json"
        ).items
        items.append(
            FoundItem(
                "", .leftOut("it is Sacred's own bookkeeping"),
                count: max(1, (run.entries?.count ?? 0) - told.count)))
        settings.append(("run.json", items))
        guard listing.files.contains("metrics.json") else { return done }
        done.insert("metrics.json")
        let metrics = try content("metrics.json").entries ?? []
        let names = metrics.map(\.key.label)
        let curveItems = try metrics.flatMap { entry -> [FoundItem] in
            let steps = entry.value["steps"]?.elements ?? []
            let values = entry.value["values"]?.elements ?? []
            guard steps.count == values.count else {
                throw UserError.unreadable(
                    "\(path)/metrics.json",
                    "\(entry.key.label) has \(values.count) values and \(steps.count) steps")
            }
            return Self.curve(
                entry.key.label, among: names, steps: steps.map(\.whole),
                values: values.map(\.number))
        }
        curves.append(("metrics.json", [RowTable.Part(items: curveItems)]))
        return done
    }

    /// A curve of a tracker; points without a whole step or a number are left out.
    static func curve(
        _ name: String, among names: [String], steps: [Int?], values: [Double?]
    ) -> [FoundItem] {
        let standard = CurveName.any(name)
        let isAlone = names.filter { CurveName.any($0) == standard }.count == 1
        let points = zip(steps, values).compactMap { step, value in
            step.flatMap { step in value.map { (step, $0) } }
        }
        let curve = FoundCurve(
            name: isAlone ? standard : name, axis: .updates, steps: points.map(\.0),
            values: points.map(\.1))
        return [
            FoundItem(name, .curve(curve), count: points.count),
            FoundItem(
                name, .leftOut("it has no number, or no whole step"),
                count: values.count - points.count),
        ].filter { $0.count > 0 }
    }

    // MARK: - MLflow

    private static func isMLflow(_ listing: FolderListing) -> Bool {
        listing.files.contains("meta.yaml")
            && (listing.folders.contains("metrics") || listing.folders.contains("params"))
    }

    private mutating func readMLflow() throws -> Set<String> {
        let meta = try content("meta.yaml")
        guard meta["run_id"] != nil || meta["run_uuid"] != nil else { return [] }
        guard meta["lifecycle_stage"]?.textual != "deleted" else {
            reader.leaveOut(path, "MLflow keeps it as deleted")
            return Set(listing.files + listing.folders)
        }
        reader.leaveOut("\(path)/meta.yaml", "it is MLflow's own bookkeeping")
        givenName = meta["run_name"]?.textual
        for relative in try files(below: "params") {
            let name = String(relative.dropFirst("params/".count))
            let value = Value(plain: try text(relative))
            settings.append((relative, [FoundItem(name, .setting(value))]))
        }
        for relative in try files(below: "tags") {
            let name = String(relative.dropFirst("tags/".count))
            if name == "mlflow.runName" { givenName = try text(relative) }
            guard !name.hasPrefix("mlflow.") else {
                reader.leaveOut("\(path)/\(relative)", "it is MLflow's own bookkeeping")
                continue
            }
            let item = FoundItem("tag.\(name)", .setting(Value(plain: try text(relative))))
            settings.append((relative, [item]))
        }
        try readMLflowMetrics()
        if listing.folders.contains("artifacts") {
            try readContainer("artifacts", try FolderListing("\(path)/artifacts"))
        }
        return ["meta.yaml", "params", "tags", "metrics", "artifacts"]
    }

    private mutating func readMLflowMetrics() throws {
        let files = try files(below: "metrics")
        let names = files.map { String($0.dropFirst("metrics/".count)) }
        var items: [FoundItem] = []
        var used: [String] = []
        for (relative, name) in zip(files, names) {
            do {
                items += try metric(relative, name: name, among: names)
                used.append(relative)
            } catch let error as UserError where error.kind != .usage {
                reader.refuse("\(path)/\(relative)", error)
            }
        }
        guard let first = used.first else { return }
        curves.append((first, [RowTable.Part(items: items)]))
        // The run is made of all of them.
        for relative in used.dropFirst() { settings.append((relative, [])) }
    }

    /// Lines of a time, a value and a step.
    private func metric(
        _ relative: String, name: String, among names: [String]
    ) throws -> [FoundItem] {
        var steps: [Int?] = []
        var values: [Double?] = []
        for line in try text(relative).split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            guard words.count >= 2 else {
                throw UserError.unreadable(
                    "\(path)/\(relative)", "its line \(steps.count + 1) is no value")
            }
            values.append(Double(words[1]))
            steps.append(words.count > 2 ? Int(words[2]) : 0)
        }
        return Self.curve(name, among: names, steps: steps, values: values)
    }

    private func text(_ relative: String) throws -> String {
        let file = try SourceFile(path: "\(path)/\(relative)")
        guard file.byteCount <= Self.largestJSON else {
            throw UserError.unreadable(file.path, "it is too large")
        }
        return String(decoding: try file.read(at: 0, count: file.byteCount), as: UTF8.self)
    }

    /// The files below a folder, whose own folders are parts of names.
    private func files(below folder: String, depth: Int = 0) throws -> [String] {
        guard depth < FolderReader.deepestFolder,
            depth > 0 || listing.folders.contains(folder)
        else { return [] }
        let inside = try FolderListing("\(path)/\(folder)")
        return inside.files.map { "\(folder)/\($0)" }
            + (try inside.folders.flatMap { try files(below: "\(folder)/\($0)", depth: depth + 1) })
    }
}

extension Value {
    /// A value that stands alone in a file of text.
    init(plain text: String) {
        let bare = text.trimmingCharacters(in: .whitespacesAndNewlines)
        switch bare {
        case "True", "true": self = .boolean(true)
        case "False", "false": self = .boolean(false)
        default:
            self =
                Int(bare).map(Value.integer) ?? Double(bare).map(Value.real) ?? .text(bare)
        }
    }
}
