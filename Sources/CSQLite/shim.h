// The extension header redirects every call through a pointer unless this is defined; Swift sees
// no macros, so calls go to the shared library, and `sqlite_same_library` checks that it is one.
#define SQLITE_CORE 1
#include <sqlite3.h>
#include <sqlite3ext.h>

/// `sqlite3_db_config` is variadic, which Swift does not import.
static inline int sqlite_set_option(sqlite3 *connection, int option, int enabled) {
    return sqlite3_db_config(connection, option, enabled, (int *)0);
}

/// `SQLITE_TRANSIENT` is a cast of -1 to a function pointer, which Swift does not import.
static inline int sqlite_bind_copied_text(
    sqlite3_stmt *statement, int index, const char *text, int byte_count) {
    return sqlite3_bind_text(statement, index, text, byte_count, SQLITE_TRANSIENT);
}
static inline int sqlite_bind_copied_blob(
    sqlite3_stmt *statement, int index, const void *bytes, int byte_count) {
    return sqlite3_bind_blob(statement, index, bytes, byte_count, SQLITE_TRANSIENT);
}
static inline void sqlite_result_copied_text(
    sqlite3_context *context, const char *text, int byte_count) {
    sqlite3_result_text(context, text, byte_count, SQLITE_TRANSIENT);
}
static inline void sqlite_result_copied_blob(
    sqlite3_context *context, const void *bytes, int byte_count) {
    sqlite3_result_blob(context, bytes, byte_count, SQLITE_TRANSIENT);
}

/// Whether a host that loads an extension runs on the SQLite that this code is linked with.
static inline int sqlite_same_library(const sqlite3_api_routines *host) {
    return host->open_v2 == sqlite3_open_v2;
}

/// SQLite reads the first member; the second is the Swift object behind the table.
typedef struct { sqlite3_vtab base; void *object; } sqlite_table_header;
/// SQLite reads the first member; the second is the Swift object behind the cursor.
typedef struct { sqlite3_vtab_cursor base; void *object; } sqlite_cursor_header;
