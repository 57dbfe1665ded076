internal import CSQLite
internal import CheckpointArchive
internal import Checkpoints

/// One read-only connection to an SQLite file and what guards it.
///
/// It belongs to the thread that made it; only its `Interruption` may be used from others.
final class SQLiteConnection {
    /// The handle; valid as long as this object lives.
    let handle: OpaquePointer
    let watch: StatementWatch
    let statementGuard = StatementGuard()

    /// Opens the file for reading only, with every option that widens what SQL can do turned off.
    init(readingFrom path: String, watch: StatementWatch) throws {
        self.watch = watch
        var pointer: OpaquePointer?
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI
        let code = sqlite3_open_v2(IndexAddress.uri(readingFrom: path), &pointer, flags, nil)
        guard let pointer, code == SQLITE_OK else {
            let reason = pointer.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(pointer)
            throw UserError.missing(subject: path, cause: "it cannot be opened: \(reason)")
        }
        handle = pointer
        _ = sqlite3_extended_result_codes(handle, 1)
        _ = sqlite3_busy_timeout(handle, 10_000)
        _ = sqlite_set_option(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
        _ = sqlite_set_option(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        _ = sqlite_set_option(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0)
        // Only the archive's writer folds the write-ahead log, under its lock.
        _ = sqlite_set_option(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        // "text" in double quotes that names no column is an error instead of a silent string.
        _ = sqlite_set_option(handle, SQLITE_DBCONFIG_DQS_DML, 0)
        // No single value may take the memory of the machine.
        _ = sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 256 << 20)
        _ = sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1 << 20)
        _ = sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000)
        statementGuard.install(on: handle)
        watch.install(on: handle)
    }

    deinit {
        // Cursors keep the connection alive, so no statement is open here.
        sqlite3_close_v2(handle)
    }

    /// Runs Cairn's own statement outside the guard and gives its rows.
    func ownRows(_ sql: String, _ values: [ScalarValue] = []) throws -> [[ScalarValue]] {
        statementGuard.isActive = false
        defer { statementGuard.isActive = true }
        let statement = try SQLiteStatement(connection: self, sql: sql)
        for (index, value) in values.enumerated() { statement.bind(value, at: index + 1) }
        var rows: [[ScalarValue]] = []
        while try statement.step() { rows.append(statement.row()) }
        return rows
    }
}
