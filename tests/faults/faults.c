/* Faults of disk and clock for one program: LD_PRELOAD this, and write orders into the file that $FAULTS names.
 *
 * Orders, one a line; a new file in the old one's place counts from the next call on:
 *
 *   fsync hang         fsync and fdatasync do not return while this order stands
 *   write ENOSPC       write, pwrite, writev, ftruncate, fallocate fail; so EIO, EROFS, EDQUOT
 *   create ENOSPC      no new file, folder, link or name: what a disk without free inodes says
 *   open hang          any opening waits; `open EIO` fails
 *   stat hang          statvfs waits
 *   clock 94608000     CLOCK_REALTIME shows so many seconds more (a decimal number, also negative)
 *   kernel synchronised   adjtimex says that the clock is kept right
 *
 * Files are those below the folder that $FAULTS_FOLDER names. Any call takes `hang` or the name of an error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

/* The order for a kind of call, as its second word; 0 if there is none. No libc calls that are replaced below. */
static int order(const char *kind, char *word, size_t room) {
    const char *path = getenv("FAULTS");
    char text[4096];
    int kept = errno;
    if (!path) return 0;
    long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) { errno = kept; return 0; }
    long size = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    errno = kept;
    if (size <= 0) return 0;
    text[size] = 0;
    size_t length = strlen(kind);
    for (char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : 0) {
        if (strncmp(line, kind, length) || line[length] != ' ') continue;
        size_t many = strcspn(line + length + 1, "\n");
        if (many >= room) many = room - 1;
        memcpy(word, line + length + 1, many);
        word[many] = 0;
        return 1;
    }
    return 0;
}

static int number_of(const char *name) {
    static const struct { const char *name; int number; } known[] = {
        {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"EDQUOT", EDQUOT}, {"EACCES", EACCES}, {"EMFILE", EMFILE},
    };
    for (size_t n = 0; n < sizeof known / sizeof *known; n++)
        if (!strcmp(name, known[n].name)) return known[n].number;
    return EIO;
}

/* 0, or -1 with errno set; returns from `hang` when the order has gone. */
static int fault(const char *kind) {
    char word[64];
    while (order(kind, word, sizeof word)) {
        if (strcmp(word, "hang")) { errno = number_of(word); return -1; }
        struct timespec moment = {0, 20000000};
        syscall(SYS_nanosleep, &moment, 0);
    }
    return 0;
}

static int below(const char *path) {
    const char *folder = getenv("FAULTS_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    return folder && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int meant(int at, const char *path) {
    char whole[2 * PATH_MAX + 2], name[64];
    if (!path) return 0;
    if (path[0] == '/') return below(path);
    int kept = errno;
    ssize_t size;
    if (at == AT_FDCWD) {
        size = syscall(SYS_getcwd, whole, PATH_MAX) > 0 ? (ssize_t)strlen(whole) : -1;
    } else {
        snprintf(name, sizeof name, "/proc/self/fd/%d", at);
        size = readlink(name, whole, PATH_MAX);
    }
    errno = kept;
    if (size < 0) return 0;
    snprintf(whole + size, sizeof whole - size, "/%s", path);
    return below(whole);
}

static int meant_file(int file) {
    char whole[PATH_MAX + 1], name[64];
    int kept = errno;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t size = readlink(name, whole, PATH_MAX);
    errno = kept;
    if (size < 0) return 0;
    whole[size] = 0;
    return below(whole);
}

static int opening(int at, const char *path, int flags) {
    if (!meant(at, path)) return 0;
    if (fault("open")) return -1;
    if ((flags & O_TMPFILE) == O_TMPFILE) return fault("create");
    int kept = errno;
    if ((flags & O_CREAT) && syscall(SYS_faccessat, at, path, F_OK) < 0) { errno = kept; return fault("create"); }
    errno = kept;
    return 0;
}

#define MODE(flags) mode_t mode = 0; \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int open(const char *path, int flags, ...) {
    MODE(flags)
    return opening(AT_FDCWD, path, flags) ? -1 : REAL(open)(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    MODE(flags)
    return opening(AT_FDCWD, path, flags) ? -1 : REAL(open64)(path, flags, mode);
}
int openat(int at, const char *path, int flags, ...) {
    MODE(flags)
    return opening(at, path, flags) ? -1 : REAL(openat)(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
    MODE(flags)
    return opening(at, path, flags) ? -1 : REAL(openat64)(at, path, flags, mode);
}

#define ON_FILE(kind, type, name, parameters, arguments) \
    type name parameters { return meant_file(file) && fault(kind) ? -1 : REAL(name) arguments; }
#define NEW_NAME(name, parameters, path, arguments) \
    int name parameters { return meant(AT_FDCWD, path) && fault("create") ? -1 : REAL(name) arguments; }

ON_FILE("write", ssize_t, write, (int file, const void *from, size_t size), (file, from, size))
ON_FILE("write", ssize_t, pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at))
ON_FILE("write", ssize_t, pwrite64, (int file, const void *from, size_t size, off64_t at), (file, from, size, at))
ON_FILE("write", ssize_t, writev, (int file, const struct iovec *from, int count), (file, from, count))
ON_FILE("write", int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size))
ON_FILE("write", int, fallocate64, (int file, int mode, off64_t at, off64_t size), (file, mode, at, size))
ON_FILE("fsync", int, fsync, (int file), (file))
ON_FILE("fsync", int, fdatasync, (int file), (file))
ON_FILE("read", ssize_t, read, (int file, void *into, size_t size), (file, into, size))
ON_FILE("read", ssize_t, pread, (int file, void *into, size_t size, off_t at), (file, into, size, at))
ON_FILE("read", ssize_t, pread64, (int file, void *into, size_t size, off64_t at), (file, into, size, at))

/* Making a file shorter needs no room. */
int ftruncate(int file, off_t size) {
    struct stat status;
    int grows = meant_file(file) && !fstat(file, &status) && size > status.st_size;
    return grows && fault("write") ? -1 : REAL(ftruncate)(file, size);
}
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }

NEW_NAME(mkdir, (const char *path, mode_t mode), path, (path, mode))
NEW_NAME(link, (const char *from, const char *to), to, (from, to))
NEW_NAME(symlink, (const char *from, const char *to), to, (from, to))

int statvfs(const char *path, struct statvfs *into) {
    return meant(AT_FDCWD, path) && fault("stat") ? -1 : REAL(statvfs)(path, into);
}
int statvfs64(const char *path, struct statvfs64 *into) {
    return meant(AT_FDCWD, path) && fault("stat") ? -1 : REAL(statvfs64)(path, into);
}

int clock_gettime(clockid_t clock, struct timespec *into) {
    char word[64];
    int done = REAL(clock_gettime)(clock, into);
    if (!done && clock == CLOCK_REALTIME && order("clock", word, sizeof word)) {
        long long shift = (long long)(strtod(word, 0) * 1e9);
        long long now = into->tv_sec * 1000000000LL + into->tv_nsec + shift;
        into->tv_sec = now / 1000000000LL;
        into->tv_nsec = now % 1000000000LL;
    }
    return done;
}
int gettimeofday(struct timeval *into, void *zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    into->tv_sec = now.tv_sec;
    into->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *into) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *into) {
    char word[64];
    int kept = errno, done = REAL(adjtimex)(into);
    if (!order("kernel", word, sizeof word)) return done;
    errno = kept;
    if (!strcmp(word, "synchronised")) { into->status &= ~STA_UNSYNC; into->maxerror = 1000; return TIME_OK; }
    into->status |= STA_UNSYNC;
    return TIME_ERROR;
}
