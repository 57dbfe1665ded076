internal import Checkpoints

/// The runs of MLflow's store in SQLite, as its tables have them.
struct MLflowDatabase {
    struct Run {
        let id: String
        let experiment: String
        var name: String
        var settings: [(name: String, value: String)] = []
        /// In the order in which they were logged.
        var metrics: [String: [Point]] = [:]
    }

    struct Point {
        let time: Int
        let step: Int?
        let value: Double?
    }

    private(set) var runs: [Run] = []
    /// The runs that MLflow keeps as deleted.
    private(set) var deletedCount = 0
    private var places: [String: Int] = [:]

    /// Nil where the file is the database of another program.
    init?(path: String, opening: DatabaseOpening) throws {
        let columns = ["run_uuid", "name", "lifecycle_stage", "experiment_id"]
        let isMLflow = try opening.visit(path, "runs", columns) { row in
            guard let id = row[0].string else { return }
            guard row[2].string != "deleted" else {
                deletedCount += 1
                return
            }
            places[id] = runs.count
            runs.append(
                Run(
                    id: id, experiment: row[3].integer.map { String($0) } ?? row[3].string ?? "",
                    name: row[1].string ?? id))
        }
        guard isMLflow else { return nil }
        try visitSettings("params", path: path, opening: opening, prefix: "")
        try visitSettings("tags", path: path, opening: opening, prefix: "tag.")
        let points = ["run_uuid", "key", "value", "timestamp", "step", "is_nan"]
        _ = try opening.visit(path, "metrics", points) { row in
            guard let place = row[0].string.flatMap({ places[$0] }), let key = row[1].string else {
                return
            }
            runs[place].metrics[key, default: []].append(
                Point(
                    time: row[3].integer ?? 0, step: row[4].integer,
                    value: Self.value(row[2], isNotANumber: row[5])))
        }
        for index in runs.indices {
            for key in runs[index].metrics.keys {
                runs[index].metrics[key]?.sort { $0.time < $1.time }
            }
        }
    }

    /// MLflow writes 0 and a mark for what is no number, and the largest number for infinity.
    private static func value(_ stored: ScalarValue, isNotANumber: ScalarValue) -> Double? {
        if isNotANumber == .boolean(true) || isNotANumber.integer == 1 { return .nan }
        guard let number = stored.real ?? stored.integer.map(Double.init) else { return nil }
        let isInfinite = abs(number) == Double.greatestFiniteMagnitude
        return isInfinite ? (number > 0 ? .infinity : -.infinity) : number
    }

    private mutating func visitSettings(
        _ table: String, path: String, opening: DatabaseOpening, prefix: String
    ) throws {
        _ = try opening.visit(path, table, ["run_uuid", "key", "value"]) { row in
            guard let place = row[0].string.flatMap({ places[$0] }), let key = row[1].string,
                let value = row[2].string
            else { return }
            if key == "mlflow.runName" { runs[place].name = value }
            guard !key.hasPrefix("mlflow.") else { return }
            runs[place].settings.append((prefix + key, value))
        }
    }
}

extension MLflowDatabase.Run {
    /// The SHA-256 of what the tables say about it: the file changes with every other run.
    var digest: String {
        var text = "\(id)\n"
        for (name, value) in settings.sorted(by: { ($0.name, $0.value) < ($1.name, $1.value) }) {
            text += "\(name)=\(value)\n"
        }
        for (name, points) in metrics.sorted(by: { $0.key < $1.key }) {
            text += name + "\n"
            for point in points {
                text += "\(point.step ?? -1) \((point.value ?? 0).bitPattern)\n"
            }
        }
        return Digest(of: Array(text.utf8)).description
    }

    /// Its curves and settings; what has no number or no whole step is left out.
    var items: (curves: [FoundItem], settings: [FoundItem]) {
        let names = metrics.keys.sorted()
        let curves = names.flatMap { name in
            GenericFolder.curve(
                name, among: names, steps: metrics[name]?.map(\.step) ?? [],
                values: metrics[name]?.map(\.value) ?? [])
        }
        return (
            curves, settings.map { FoundItem($0.name, .setting(Value(plain: $0.value))) }
        )
    }
}

extension GenericFolder {
    private static let databaseSuffixes = [".db", ".sqlite", ".sqlite3"]

    static func isDatabaseName(_ name: String) -> Bool {
        databaseSuffixes.contains { name.lowercased().hasSuffix($0) }
    }

    /// Takes the runs of MLflow's databases, with the artifacts that lie beside them; answers the files
    /// that are done with.
    mutating func readDatabases() throws -> Set<String> {
        var done: Set<String> = []
        for name in listing.files where Self.isDatabaseName(name) {
            let full = "\(path)/\(name)"
            guard DatabaseOpening.isDatabase(full) else { continue }
            done.insert(name)
            do {
                guard
                    let database = try MLflowDatabase(path: full, opening: reader.options.database)
                else {
                    reader.leaveOut(full, "it is a database of another program than MLflow")
                    continue
                }
                reader.leaveOut(
                    full,
                    "what else its tables have is MLflow's own bookkeeping"
                        + (database.deletedCount == 0
                            ? "" : ", and \(database.deletedCount) deleted runs"))
                for run in database.runs { try add(run, of: name) }
            } catch let error as UserError where error.kind != .usage {
                reader.refuse(full, error)
            }
        }
        return done
    }

    private mutating func add(_ run: MLflowDatabase.Run, of database: String) throws {
        let items = run.items
        var inner = GenericFolder(path, listing: FolderListing(), depth: depth, reader: reader)
        if !items.curves.isEmpty {
            inner.curves = [(database, [RowTable.Part(items: items.curves)])]
        }
        inner.settings = [(database, items.settings)]
        inner.givenName = run.name
        inner.runPart = run.id
        inner.knownDigests = [database: run.digest]
        for store in ["mlruns", "mlartifacts"] {
            let parts = [store, run.experiment, run.id, "artifacts"]
            guard let listing = try folder(parts) else { continue }
            let relative = parts.joined(separator: "/")
            try inner.readContainer(relative, listing)
            inner.reader.consume("\(path)/\(relative)")
        }
        try inner.makeRuns()
        reader = inner.reader
    }

    /// What lies in a folder below this one; nil where it is missing, or behind a link.
    private func folder(_ parts: [String]) throws -> FolderListing? {
        var (place, inside) = (path, listing)
        for part in parts {
            guard inside.folders.contains(part) else { return nil }
            place += "/" + part
            inside = try FolderListing(place)
        }
        return inside
    }
}
