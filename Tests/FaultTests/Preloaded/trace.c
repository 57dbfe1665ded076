// Loaded before the C library, it writes down what changes or syncs files below a folder, in order.
//
// CAIRN_TRACE_FOLDER  the folder
// CAIRN_TRACE         the file with the records: six words of 64 bits (what, inode, offset, and the
//                     lengths of what follows), a path, a second path, bytes
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MADE_FILE = 1, MADE_FOLDER, WROTE, TRUNCATED, RENAMED, REMOVED, SYNCED, SAID };

static const char *folder;
static int trace = -1;
// Held over each call and its record, so that records have the order of the calls.
static pthread_mutex_t order = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

__attribute__((constructor)) static void begin(void) {
    folder = getenv("CAIRN_TRACE_FOLDER");
    const char *path = getenv("CAIRN_TRACE");
    if (!folder || !path) return;
    int file = syscall(
        SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    // Out of the way of whoever closes all files.
    trace = (int)syscall(SYS_fcntl, file, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, file);
}

static void note(
    uint64_t what, uint64_t inode, uint64_t offset, const char *path, const char *other,
    const void *bytes, size_t length) {
    uint64_t head[6] = {
        what, inode, offset, path ? strlen(path) : 0, other ? strlen(other) : 0, length };
    struct iovec parts[4] = {
        {head, sizeof head}, {(void *)path, head[3]}, {(void *)other, head[4]},
        {(void *)bytes, length}};
    int code = errno;
    syscall(SYS_writev, trace, parts, 4);
    errno = code;
}

static int is_below(const char *path) {
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

// The absolute path, if it is below the folder.
static int resolve(int directory, const char *path, char *result) {
    if (trace < 0 || !path) return 0;
    if (path[0] == '/') {
        if (strlen(path) >= PATH_MAX) return 0;
        strcpy(result, path);
        return is_below(result);
    }
    if (directory == AT_FDCWD ? !getcwd(result, PATH_MAX) : !path_of(directory, result)) return 0;
    size_t length = strlen(result);
    if (length + strlen(path) + 2 > PATH_MAX) return 0;
    snprintf(result + length, PATH_MAX - length, "/%s", path);
    return is_below(result);
}

// The inode of an open file below the folder; 0 for others.
static uint64_t inode_of(int descriptor) {
    char path[PATH_MAX];
    struct stat status;
    if (trace < 0 || !path_of(descriptor, path) || !is_below(path)) return 0;
    return fstat(descriptor, &status) == 0 ? status.st_ino : 0;
}

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static mode_t mode_of(int flags, va_list list) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

static void note_opening(int directory, const char *path, int flags, int existed, int file) {
    char place[PATH_MAX];
    if (file < 0 || !resolve(directory, path, place)) return;
    uint64_t inode = inode_of(file);
    if (!existed && flags & O_CREAT) note(MADE_FILE, inode, 0, place, 0, 0, 0);
    if (existed && flags & O_TRUNC) note(TRUNCATED, inode, 0, 0, 0, 0, 0);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, name, const char *, int, ...); \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        pthread_mutex_lock(&order); \
        int existed = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0; \
        int file = real(path, flags, mode); \
        note_opening(AT_FDCWD, path, flags, existed, file); \
        pthread_mutex_unlock(&order); \
        return file; \
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
        pthread_mutex_lock(&order); \
        int existed = syscall(SYS_faccessat, directory, path, F_OK) == 0; \
        int file = real(directory, path, flags, mode); \
        note_opening(directory, path, flags, existed, file); \
        pthread_mutex_unlock(&order); \
        return file; \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

ssize_t write(int file, const void *bytes, size_t length) {
    REAL(ssize_t, write, int, const void *, size_t);
    pthread_mutex_lock(&order);
    uint64_t inode = inode_of(file);
    off_t offset = inode ? lseek(file, 0, SEEK_CUR) : 0;
    ssize_t written = real(file, bytes, length);
    if (written > 0 && inode) note(WROTE, inode, (uint64_t)offset, 0, 0, bytes, (size_t)written);
    if (written > 0 && file == STDOUT_FILENO && trace >= 0)
        note(SAID, 0, 0, 0, 0, bytes, (size_t)written);
    pthread_mutex_unlock(&order);
    return written;
}

#define WRITE_AT(name) \
    ssize_t name(int file, const void *bytes, size_t length, off64_t offset) { \
        REAL(ssize_t, name, int, const void *, size_t, off64_t); \
        pthread_mutex_lock(&order); \
        ssize_t written = real(file, bytes, length, offset); \
        uint64_t inode = written > 0 ? inode_of(file) : 0; \
        if (inode) note(WROTE, inode, (uint64_t)offset, 0, 0, bytes, (size_t)written); \
        pthread_mutex_unlock(&order); \
        return written; \
    }
WRITE_AT(pwrite)
WRITE_AT(pwrite64)

#define ON_FILE(what, name, parameters, arguments, types, offset) \
    int name parameters { \
        REAL(int, name, types); \
        pthread_mutex_lock(&order); \
        int result = real arguments; \
        uint64_t inode = result == 0 ? inode_of(file) : 0; \
        if (inode) note(what, inode, offset, 0, 0, 0, 0); \
        pthread_mutex_unlock(&order); \
        return result; \
    }
#define PAIR(...) __VA_ARGS__
ON_FILE(SYNCED, fsync, (int file), (file), int, 0)
ON_FILE(SYNCED, fdatasync, (int file), (file), int, 0)
ON_FILE(TRUNCATED, ftruncate, (int file, off64_t length), (file, length), PAIR(int, off64_t),
        (uint64_t)length)
ON_FILE(TRUNCATED, ftruncate64, (int file, off64_t length), (file, length), PAIR(int, off64_t),
        (uint64_t)length)

static int renaming(int result, int from_directory, const char *from, int to_directory, const char *to) {
    char old[PATH_MAX], new[PATH_MAX];
    if (result == 0 && resolve(from_directory, from, old) && resolve(to_directory, to, new))
        note(RENAMED, 0, 0, old, new, 0, 0);
    pthread_mutex_unlock(&order);
    return result;
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    pthread_mutex_lock(&order);
    return renaming(real(from, to), AT_FDCWD, from, AT_FDCWD, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    pthread_mutex_lock(&order);
    return renaming(
        real(from_directory, from, to_directory, to), from_directory, from, to_directory, to);
}

static int removing(int result, int directory, const char *path) {
    char place[PATH_MAX];
    if (result == 0 && resolve(directory, path, place)) note(REMOVED, 0, 0, place, 0, 0, 0);
    pthread_mutex_unlock(&order);
    return result;
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    pthread_mutex_lock(&order);
    return removing(real(path), AT_FDCWD, path);
}

int rmdir(const char *path) {
    REAL(int, rmdir, const char *);
    pthread_mutex_lock(&order);
    return removing(real(path), AT_FDCWD, path);
}

int unlinkat(int directory, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    pthread_mutex_lock(&order);
    return removing(real(directory, path, flags), directory, path);
}

static int making(int result, int directory, const char *path) {
    char place[PATH_MAX];
    struct stat status;
    if (result == 0 && resolve(directory, path, place) && stat(place, &status) == 0)
        note(MADE_FOLDER, status.st_ino, 0, place, 0, 0, 0);
    pthread_mutex_unlock(&order);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    pthread_mutex_lock(&order);
    return making(real(path, mode), AT_FDCWD, path);
}

int mkdirat(int directory, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t);
    pthread_mutex_lock(&order);
    return making(real(directory, path, mode), directory, path);
}
