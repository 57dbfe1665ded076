package import Checkpoints

/// What the values of a result's column are, as the archive declares them.
package enum ColumnType: Sendable, Equatable {
    case boolean
    case integer
    case real
    case text
    /// Text from a small set, such as the ids of runs or the names of tensors.
    case name
    case bytes
    /// Whole numbers as a JSON array.
    case shape

    /// The type of columns that views compute, which SQLite cannot tell; `schema/` defines them.
    private static let computedTypes: [String: ColumnType] = [
        "analyses.stale": .boolean,
        "checkpoints.file": .name, "checkpoints.digest": .text,
        "checkpoints.has_optimizer_state": .boolean,
        "curvature_measures.measure": .name, "curvature_measures.tensor": .name,
        "curvature_measures.converged": .boolean,
        "files.file": .text, "files.checkpoint_count": .integer,
        "measurements.split": .name, "sharpness_measures.share_of_threshold": .real,
        "tags.step": .integer, "tensor_digests.digest": .text,
    ]

    /// Text columns of the tables that are as many as the rows, or long.
    private static let longTexts: Set<String> = [
        "run_document.configuration", "run_document.versions", "run_document.origin_path",
        "run_document.origin_digest", "file.path", "analysis.digest", "analysis.parameters",
        "analysis.context_digest", "measurement.text",
    ]

    /// The declared type of a column of a table; nil where it has none.
    static func declared(_ type: String, table: String?, column: String?) -> ColumnType? {
        let place = "\(table ?? "").\(column ?? "")"
        switch type.uppercased() {
        case "INTEGER", "INT": return column == "converged" ? .boolean : .integer
        case "REAL": return .real
        case "BLOB": return .bytes
        case "TEXT" where place == "tensor.shape": return .shape
        case "TEXT": return table == nil || longTexts.contains(place) ? .text : .name
        default: return nil
        }
    }

    /// The type of a column that a view computes; nil where the views that have it do not agree.
    static func computed(_ column: String, in views: Set<String>) -> ColumnType? {
        let types = Set(views.compactMap { computedTypes["\($0).\(column)"] })
        return types.count == 1 ? types.first : nil
    }

    /// The type that holds values of these types of settings; nil where none does.
    static func holding(settings types: Set<String>) -> ColumnType? {
        switch types.subtracting(["none"]) {
        case ["boolean"]: .boolean
        case ["integer"]: .integer
        case ["real"], ["integer", "real"]: .real
        case ["text"]: .name
        default: nil
        }
    }

    /// The narrowest type that holds every one of some values; nil where there are none, or numbers
    /// beside text or bytes.
    package static func holding(_ values: some Sequence<ScalarValue>) -> ColumnType? {
        var found: ColumnType?
        for value in values {
            let type: ColumnType
            switch value {
            case .null: continue
            case .boolean: type = .boolean
            case .integer: type = .integer
            case .real: type = .real
            case .text: type = .text
            case .blob: type = .bytes
            }
            switch (found, type) {
            case (nil, _): found = type
            case (.integer?, .real), (.real?, .integer): found = .real
            case (let known?, _) where known == type: break
            default: return nil
            }
        }
        return found
    }
}

extension SQLCursor {
    /// The declared type of each column; nil for what the statement computes.
    ///
    /// It comes from the archive's tables and views, for columns of `runs_wide` from the types of that
    /// setting in all runs, and never from the rows of the answer.
    package func columnTypes(in session: SQLSession) throws -> [ColumnType?] {
        try columns.indices.map { index in
            let origin = statement.origin(of: index)
            if let declared = origin.type {
                return ColumnType.declared(declared, table: origin.table, column: origin.column)
            }
            let name = columns[index]
            if origin.table == "hyperparameter", origin.column == "value",
                statement.columnsRead["runs_wide"]?.contains(name) == true
            {
                let types = try session.rows(
                    SQLCursor.settingTypes, parameters: ["name": .text(name)])
                return ColumnType.holding(settings: Set(types.compactMap { $0[0].string }))
            }
            let views = statement.columnsRead.filter { $0.value.contains(name) }.keys
            return ColumnType.computed(name, in: Set(views))
        }
    }

    private static let settingTypes = """
        SELECT DISTINCT type FROM hyperparameters
        WHERE name = :name OR 'hyperparameter_' || name = :name
        """
}
