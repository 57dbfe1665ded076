internal import CSQLite
internal import Checkpoints

/// A `TableFunction` registered with SQLite, and the C callbacks that reach it.
///
/// SQLite owns the objects: the module is released when the connection closes, a table when its
/// schema is dropped, a cursor at the end of its scan. All of it happens on the connection's
/// thread.
final class VirtualTableModule {
    fileprivate let function: TableFunction
    fileprivate let watch: StatementWatch?
    /// SQLite keeps the address as long as the module is registered.
    private let callbacks: UnsafeMutablePointer<sqlite3_module>

    init(_ function: TableFunction, watch: StatementWatch?) {
        self.function = function
        self.watch = watch
        callbacks = .allocate(capacity: 1)
        callbacks.initialize(to: Self.makeCallbacks())
    }

    deinit {
        callbacks.deinitialize(count: 1)
        callbacks.deallocate()
    }

    /// Makes the table usable on a connection without CREATE VIRTUAL TABLE.
    func register(on connection: OpaquePointer) {
        _ = sqlite3_create_module_v2(
            connection, function.description.name, callbacks,
            Unmanaged.passRetained(self).toOpaque()
        ) { data in
            if let data { Unmanaged<VirtualTableModule>.fromOpaque(data).release() }
        }
    }

    private static func makeCallbacks() -> sqlite3_module {
        var module = sqlite3_module()
        // No xCreate: the table exists under its own name only, nobody can create others.
        module.xConnect = { connection, data, _, _, table, message in
            guard let data, let table else { return SQLITE_ERROR }
            let owner = Unmanaged<VirtualTableModule>.fromOpaque(data)
            let code = sqlite3_declare_vtab(
                connection, owner.takeUnretainedValue().function.declaration)
            guard code == SQLITE_OK else { return code }
            let header = UnsafeMutablePointer<sqlite_table_header>.allocate(capacity: 1)
            header.initialize(
                to: sqlite_table_header(base: sqlite3_vtab(), object: owner.retain().toOpaque()))
            table.pointee = UnsafeMutableRawPointer(header).assumingMemoryBound(
                to: sqlite3_vtab.self)
            return SQLITE_OK
        }
        module.xDisconnect = { table in
            guard let table else { return SQLITE_OK }
            VirtualTableModule.owner(of: table).release()
            UnsafeMutableRawPointer(table).assumingMemoryBound(to: sqlite_table_header.self)
                .deallocate()
            return SQLITE_OK
        }
        module.xBestIndex = { table, information in
            guard let table, let information else { return SQLITE_ERROR }
            let function = VirtualTableModule.owner(of: table).takeUnretainedValue().function
            switch function.plan(&information.pointee) {
            case .possible: return SQLITE_OK
            case .impossibleOrder: return SQLITE_CONSTRAINT
            case .missing(let argument):
                VirtualTableModule.setMessage(
                    "\(function.description.name) needs its argument \(argument): "
                        + function.description.signature, of: table)
                return SQLITE_ERROR
            }
        }
        module.xOpen = { table, cursor in
            guard let table, let cursor else { return SQLITE_ERROR }
            let state = VirtualTableCursor(
                module: VirtualTableModule.owner(of: table).takeUnretainedValue())
            let header = UnsafeMutablePointer<sqlite_cursor_header>.allocate(capacity: 1)
            header.initialize(
                to: sqlite_cursor_header(
                    base: sqlite3_vtab_cursor(), object: Unmanaged.passRetained(state).toOpaque()))
            cursor.pointee = UnsafeMutableRawPointer(header).assumingMemoryBound(
                to: sqlite3_vtab_cursor.self)
            return SQLITE_OK
        }
        module.xClose = { cursor in
            guard let cursor else { return SQLITE_OK }
            VirtualTableCursor.owner(of: cursor).release()
            UnsafeMutableRawPointer(cursor).assumingMemoryBound(to: sqlite_cursor_header.self)
                .deallocate()
            return SQLITE_OK
        }
        module.xFilter = { cursor, _, _, count, values in
            guard let cursor else { return SQLITE_ERROR }
            let state = VirtualTableCursor.owner(of: cursor).takeUnretainedValue()
            return state.attempt(on: cursor.pointee.pVtab) {
                try state.filter((0..<Int(count)).map { ScalarValue(values?[$0]) })
            }
        }
        module.xNext = { cursor in
            guard let cursor else { return SQLITE_ERROR }
            VirtualTableCursor.owner(of: cursor).takeUnretainedValue().row += 1
            return SQLITE_OK
        }
        module.xEof = { cursor in
            guard let cursor else { return 1 }
            return VirtualTableCursor.owner(of: cursor).takeUnretainedValue().isAtEnd ? 1 : 0
        }
        module.xColumn = { cursor, context, column in
            guard let cursor else { return SQLITE_ERROR }
            let state = VirtualTableCursor.owner(of: cursor).takeUnretainedValue()
            return state.attempt(on: cursor.pointee.pVtab) {
                try state.value(in: Int(column)).setResult(of: context)
            }
        }
        module.xRowid = { cursor, row in
            guard let cursor else { return SQLITE_ERROR }
            row?.pointee = Int64(VirtualTableCursor.owner(of: cursor).takeUnretainedValue().row)
            return SQLITE_OK
        }
        return module
    }

    fileprivate static func owner(
        of table: UnsafeMutablePointer<sqlite3_vtab>
    ) -> Unmanaged<VirtualTableModule> {
        let header = UnsafeMutableRawPointer(table).assumingMemoryBound(
            to: sqlite_table_header.self)
        return Unmanaged.fromOpaque(header.pointee.object)
    }

    /// Leaves a message where SQLite looks for it; SQLite frees it.
    fileprivate static func setMessage(
        _ text: String, of table: UnsafeMutablePointer<sqlite3_vtab>
    ) {
        sqlite3_free(table.pointee.zErrMsg)
        let bytes = Array(text.utf8) + [0]
        guard let copy = sqlite3_malloc(Int32(bytes.count)) else { return }
        copy.copyMemory(from: bytes, byteCount: bytes.count)
        table.pointee.zErrMsg = copy.assumingMemoryBound(to: CChar.self)
    }
}

/// One scan of a table function: the arguments it was started with and the row it is at.
private final class VirtualTableCursor {
    let module: VirtualTableModule
    var row = 0
    private var arguments: [ScalarValue] = []
    private var rows = TableRows.none

    init(module: VirtualTableModule) { self.module = module }

    var isAtEnd: Bool { row >= rows.count }

    func filter(_ arguments: [ScalarValue]) throws {
        try module.watch?.check()
        self.arguments = arguments
        rows = .none
        row = 0
        rows = try module.function.rows(arguments)
    }

    func value(in column: Int) throws -> ScalarValue {
        let visible = module.function.columns.count
        if column < visible { return try rows.value(row, column) }
        let argument = column - visible
        return argument < arguments.count ? arguments[argument] : .null
    }

    /// Runs a body and turns its error into SQLite's code and message.
    func attempt(on table: UnsafeMutablePointer<sqlite3_vtab>?, _ body: () throws -> Void) -> Int32
    {
        do {
            try body()
            return SQLITE_OK
        } catch is Interrupted {
            return SQLITE_INTERRUPT
        } catch {
            if let table {
                VirtualTableModule.setMessage(
                    functionMessage(module.function.description.name, error), of: table)
            }
            return SQLITE_ERROR
        }
    }

    static func owner(
        of cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>
    ) -> Unmanaged<VirtualTableCursor> {
        let header = UnsafeMutableRawPointer(cursor).assumingMemoryBound(
            to: sqlite_cursor_header.self)
        return Unmanaged.fromOpaque(header.pointee.object)
    }
}
