// Loaded before the C library, it makes calls of the operating system fail.
//
// CAIRN_FAULT_FOLDER  only calls on files below this folder count
// CAIRN_FAULT_CALL    write, sync, rename, link, open, mmap, close, unlink, mkdir, flock or truncate
// CAIRN_FAULT_NUMBER  the call that fails, counted from 1; 0 for none
// CAIRN_FAULT_ERROR   the error number it fails with
// CAIRN_FAULT_LASTING 1: all later ones fail as well
// CAIRN_FAULT_COUNT   a file that gets the number of calls, when the process ends
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *folder, *call, *count_file;
static size_t folder_length;
static long number, error_number, is_lasting;
static atomic_long count;

static long setting(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void begin(void) {
    folder = getenv("CAIRN_FAULT_FOLDER");
    folder_length = folder ? strlen(folder) : 0;
    call = getenv("CAIRN_FAULT_CALL");
    count_file = getenv("CAIRN_FAULT_COUNT");
    number = setting("CAIRN_FAULT_NUMBER");
    error_number = setting("CAIRN_FAULT_ERROR");
    is_lasting = setting("CAIRN_FAULT_LASTING");
}

__attribute__((destructor)) static void end(void) {
    if (!count_file) return;
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", (long)count);
    int file = syscall(SYS_openat, AT_FDCWD, count_file, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (file < 0) return;
    syscall(SYS_write, file, text, (size_t)length);
    syscall(SYS_close, file);
}

static int is_below(const char *path) {
    return strncmp(path, folder, folder_length) == 0
        && (path[folder_length] == '/' || path[folder_length] == 0);
}

static int is_ours(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static int is_named(int directory, const char *path) {
    if (!path) return 0;
    if (path[0] == '/') return is_below(path);
    if (directory != AT_FDCWD) return is_ours(directory);
    char current[PATH_MAX];
    return getcwd(current, sizeof current) && is_below(current);
}

// Whether this call is one that fails.
static int fails(void) {
    long present = atomic_fetch_add(&count, 1) + 1;
    if (!number || !(present == number || (is_lasting && present > number))) return 0;
    errno = (int)error_number;
    return 1;
}

#define CHOSEN(name) (folder && call && strcmp(call, name) == 0)
#define FAILS_AT(name, directory, path) (CHOSEN(name) && is_named(directory, path) && fails())
#define FAILS_ON(name, descriptor) (CHOSEN(name) && is_ours(descriptor) && fails())

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static mode_t mode_of(int flags, va_list list) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, name, const char *, int, ...); \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return FAILS_AT("open", AT_FDCWD, path) ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPEN_AT(name) \
    int name(int directory, const char *path, int flags, ...) { \
        REAL(int, name, int, const char *, int, ...); \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return FAILS_AT("open", directory, path) ? -1 : real(directory, path, flags, mode); \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

ssize_t write(int file, const void *bytes, size_t length) {
    REAL(ssize_t, write, int, const void *, size_t);
    return FAILS_ON("write", file) ? -1 : real(file, bytes, length);
}

#define WRITE_AT(name) \
    ssize_t name(int file, const void *bytes, size_t length, off64_t offset) { \
        REAL(ssize_t, name, int, const void *, size_t, off64_t); \
        return FAILS_ON("write", file) ? -1 : real(file, bytes, length, offset); \
    }
WRITE_AT(pwrite)
WRITE_AT(pwrite64)

#define ON_FILE(kind, name) \
    int name(int file) { \
        REAL(int, name, int); \
        return FAILS_ON(kind, file) ? -1 : real(file); \
    }
ON_FILE("sync", fsync)
ON_FILE("sync", fdatasync)

// The file is closed even where the call says that something failed, as with close(2).
int close(int file) {
    REAL(int, close, int);
    int is_failing = FAILS_ON("close", file);
    int result = real(file);
    if (!is_failing) return result;
    errno = (int)error_number;
    return -1;
}

#define TRUNCATE(name) \
    int name(int file, off64_t length) { \
        REAL(int, name, int, off64_t); \
        return FAILS_ON("truncate", file) ? -1 : real(file, length); \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int flock(int file, int operation) {
    REAL(int, flock, int, int);
    return FAILS_ON("flock", file) ? -1 : real(file, operation);
}

#define MAP(name) \
    void *name(void *start, size_t length, int protection, int flags, int file, off64_t offset) { \
        REAL(void *, name, void *, size_t, int, int, int, off64_t); \
        return file >= 0 && FAILS_ON("mmap", file) \
            ? MAP_FAILED : real(start, length, protection, flags, file, offset); \
    }
MAP(mmap)
MAP(mmap64)

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return FAILS_AT("rename", AT_FDCWD, to) ? -1 : real(from, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    return FAILS_AT("rename", to_directory, to) ? -1 : real(from_directory, from, to_directory, to);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    REAL(int, renameat2, int, const char *, int, const char *, unsigned);
    return FAILS_AT("rename", to_directory, to)
        ? -1 : real(from_directory, from, to_directory, to, flags);
}

int link(const char *from, const char *to) {
    REAL(int, link, const char *, const char *);
    return FAILS_AT("link", AT_FDCWD, to) ? -1 : real(from, to);
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    return FAILS_AT("unlink", AT_FDCWD, path) ? -1 : real(path);
}

int unlinkat(int directory, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    return FAILS_AT("unlink", directory, path) ? -1 : real(directory, path, flags);
}

int rmdir(const char *path) {
    REAL(int, rmdir, const char *);
    return FAILS_AT("unlink", AT_FDCWD, path) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    return FAILS_AT("mkdir", AT_FDCWD, path) ? -1 : real(path, mode);
}

int mkdirat(int directory, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t);
    return FAILS_AT("mkdir", directory, path) ? -1 : real(directory, path, mode);
}
