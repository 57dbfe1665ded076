// Loaded before the C library, it has the system tell of a page of the index's shared memory that cannot
// be had, as on a full file system whose blocks are smaller than a page.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static void lose(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = file < 0 ? -1 : readlink(link, path, sizeof path - 1);
    if (length > 4 && strncmp(path + length - 4, "-shm", 4) == 0) raise(SIGBUS);
}

#define MAP(name) \
    void *name(void *address, size_t length, int protection, int flags, int file, off64_t offset) { \
        void *(*real)(void *, size_t, int, int, int, off64_t) = \
            (void *(*)(void *, size_t, int, int, int, off64_t))dlsym(RTLD_NEXT, #name); \
        lose(file); \
        return real(address, length, protection, flags, file, offset); \
    }
MAP(mmap)
MAP(mmap64)
