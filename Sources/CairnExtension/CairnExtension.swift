internal import ArchiveQueries
internal import CSQLite
internal import CheckpointArchive
internal import Foundation

/// What SQLite calls when a program loads `cairn` as an extension.
///
/// The functions then work on the archive whose `index.sqlite` is open, or on the archive that
/// `CAIRN_ARCHIVE` names. An open index is made read-only for the connection. A program that
/// carries its own copy of SQLite is refused: two copies in one process would release each other's
/// file locks.
@_cdecl("sqlite3_cairn_init")
public func initializeCairn(
    _ connection: OpaquePointer?,
    _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ host: UnsafeRawPointer?
) -> Int32 {
    guard let connection, let host else { return SQLITE_ERROR }
    // Allocated by the host's SQLite, because the host frees it.
    let routines = host.assumingMemoryBound(to: sqlite3_api_routines.self)
    func fail(_ text: String) -> Int32 {
        let bytes = Array(text.utf8) + [0]
        if let copy = routines.pointee.malloc?(Int32(bytes.count)) {
            copy.copyMemory(from: bytes, byteCount: bytes.count)
            message?.pointee = copy.assumingMemoryBound(to: CChar.self)
        }
        return SQLITE_ERROR
    }
    guard sqlite_same_library(routines) != 0 else {
        return fail(
            "cairn: this program has its own copy of SQLite; use the system's sqlite3 or python3")
    }
    do {
        let place = try ExtensionArchive.find(for: connection)
        let archive = try Archive(opening: place.folder, access: .readOnly)
        _ = ArchiveFunctions(registeringOn: connection, archive: archive, remembers: false)
        if place.isOpenIndex {
            _ = sqlite3_exec(connection, "PRAGMA query_only = 1", nil, nil, nil)
        }
        // The Swift runtime cannot be unloaded: SQLite keeps the library, and so does the linker's
        // option `nodelete` after a load that fails.
        return SQLITE_OK | (1 << 8)
    } catch {
        return fail("cairn: \(error)")
    }
}

/// The entry point that SQLite looks for first, whatever the file is called.
@_cdecl("sqlite3_extension_init")
public func initializeExtension(
    _ connection: OpaquePointer?,
    _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ host: UnsafeRawPointer?
) -> Int32 { initializeCairn(connection, message, host) }
