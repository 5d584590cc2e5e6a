/* Stands between the program and the disk, for the files whose path holds NEWSWIRED_TEST_DISK_OF. What it does is read
 * from the file NEWSWIRED_TEST_DISK at each call, a line each:
 *
 *   write 5     every write fails with that errno
 *   sync 5      every fsync fails with it
 *   read 5      every read fails with it
 *   tear 40     the 40th write from the beginning writes half of what it was given, and the process is killed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long writes;

/* The number behind a word in the file, or 0. */
static long order(const char *word) {
    char text[256];
    const char *path = getenv("NEWSWIRED_TEST_DISK");
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
    if (file < 0)
        return 0;
    long length = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    if (length <= 0)
        return 0;
    text[length] = 0;
    const char *found = strstr(text, word);
    return found ? strtol(found + strlen(word), NULL, 10) : 0;
}

static int is_meant(int fd) {
    char link[64], path[4096];
    const char *of = getenv("NEWSWIRED_TEST_DISK_OF");
    if (!of || fd < 3)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strstr(path, of) != NULL;
}

static int fails(int fd, const char *word) {
    if (!is_meant(fd))
        return 0;
    long number = order(word);
    if (number)
        errno = (int)number;
    return number != 0;
}

static int tears(int fd) {
    if (!is_meant(fd))
        return 0;
    long at = order("tear ");
    return at && atomic_fetch_add(&writes, 1) + 1 == at;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(write);
    if (fails(fd, "write "))
        return -1;
    if (tears(fd)) {
        real(fd, bytes, length / 2);
        raise(SIGKILL);
    }
    return real(fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    REAL(pwrite64);
    if (fails(fd, "write "))
        return -1;
    if (tears(fd)) {
        real(fd, bytes, length / 2, at);
        raise(SIGKILL);
    }
    return real(fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

int fsync(int fd) {
    REAL(fsync);
    return fails(fd, "sync ") ? -1 : real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return fails(fd, "sync ") ? -1 : real(fd);
}

ssize_t read(int fd, void *bytes, size_t length) {
    REAL(read);
    return fails(fd, "read ") ? -1 : real(fd, bytes, length);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) {
    REAL(pread64);
    return fails(fd, "read ") ? -1 : real(fd, bytes, length, at);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at) { return pread64(fd, bytes, length, at); }
