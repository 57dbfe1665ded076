internal import CSQLite

/// Lets statements read and nothing else.
///
/// SQLite asks it about every action while it compiles a statement. It is the second fence: the
/// connection's handle is opened for reading only.
final class StatementGuard {
    /// What the last refused statement tried, as the end of a sentence; nil when nothing was
    /// refused.
    private(set) var refusal: String?
    /// The columns of each table and view that the last compiled statement reads.
    private(set) var columnsRead: [String: Set<String>] = [:]
    /// Off while the session prepares its own connection.
    var isActive = true

    /// Pragmas that describe the schema and take a name.
    private static let describingPragmas: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
        "foreign_key_list", "function_list", "module_list", "collation_list", "pragma_list",
        "compile_options", "database_list",
    ]
    /// Pragmas that are harmless as long as nothing is assigned to them.
    private static let readablePragmas: Set<String> = [
        "user_version", "schema_version", "application_id", "encoding", "page_count", "page_size",
        "freelist_count", "journal_mode", "query_only", "data_version",
    ]
    /// Functions that reach code or memory outside the database.
    private static let refusedFunctions: Set<String> = ["load_extension", "fts3_tokenizer"]

    func reset() {
        refusal = nil
        columnsRead = [:]
    }

    /// Has SQLite ask about each action of the connection's statements.
    ///
    /// The guard must outlive the connection.
    func install(on connection: OpaquePointer) {
        sqlite3_set_authorizer(
            connection,
            { context, action, first, second, _, _ in
                guard let context else { return SQLITE_DENY }
                let statementGuard = Unmanaged<StatementGuard>.fromOpaque(context)
                    .takeUnretainedValue()
                let allowed = statementGuard.allows(
                    action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
                return allowed ? SQLITE_OK : SQLITE_DENY
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func allows(_ action: Int32, _ first: String?, _ second: String?) -> Bool {
        guard isActive else { return true }
        switch action {
        case SQLITE_READ:
            if let first, let second { columnsRead[first, default: []].insert(second) }
            return true
        case SQLITE_SELECT, SQLITE_RECURSIVE: return true
        case SQLITE_FUNCTION:
            let name = (second ?? "").lowercased()
            guard Self.refusedFunctions.contains(name) else { return true }
            refusal = "it calls \(name)"
        case SQLITE_UPDATE where first == "sqlite_master" || first == "sqlite_temp_master":
            // SQLite compiles, and never runs, such an update while it declares a table-valued
            // function. A statement's own update of the schema is refused by the handle.
            return true
        case SQLITE_PRAGMA:
            let name = (first ?? "").lowercased()
            if Self.describingPragmas.contains(name) { return true }
            if Self.readablePragmas.contains(name), second == nil { return true }
            refusal = "it uses PRAGMA \(name)"
        default:
            refusal = "it \(Self.description(of: action))"
        }
        return false
    }

    private static func description(of action: Int32) -> String {
        switch action {
        case SQLITE_INSERT: "inserts rows"
        case SQLITE_UPDATE: "updates rows"
        case SQLITE_DELETE: "deletes rows"
        case SQLITE_ATTACH: "attaches a file"
        case SQLITE_DETACH: "detaches a file"
        case SQLITE_TRANSACTION, SQLITE_SAVEPOINT: "controls a transaction"
        case SQLITE_ANALYZE, SQLITE_REINDEX: "rewrites an index"
        case SQLITE_CREATE_INDEX, SQLITE_CREATE_TABLE, SQLITE_CREATE_TRIGGER, SQLITE_CREATE_VIEW,
            SQLITE_CREATE_VTABLE, SQLITE_CREATE_TEMP_INDEX, SQLITE_CREATE_TEMP_TABLE,
            SQLITE_CREATE_TEMP_TRIGGER, SQLITE_CREATE_TEMP_VIEW:
            "creates something"
        case SQLITE_DROP_INDEX, SQLITE_DROP_TABLE, SQLITE_DROP_TRIGGER, SQLITE_DROP_VIEW,
            SQLITE_DROP_VTABLE, SQLITE_DROP_TEMP_INDEX, SQLITE_DROP_TEMP_TABLE,
            SQLITE_DROP_TEMP_TRIGGER, SQLITE_DROP_TEMP_VIEW:
            "drops something"
        case SQLITE_ALTER_TABLE: "alters a table"
        default: "does more than read"
        }
    }
}
