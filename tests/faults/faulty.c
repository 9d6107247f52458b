/* Preloaded: the FAULT_AT-th call that changes a file below FAULT_ROOT fails once with error FAULT_ERROR, or kills the
   process if that is 0. Counted over all processes in the file FAULT_COUNT: writes, and with FAULT_ALL syncs, renames and
   new folders too. FAULT_CLOCK seconds are added to the time of day. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long *counter(void) {
    static long *shared = NULL;
    if (shared == NULL) {
        const char *path = getenv("FAULT_COUNT");
        int handle = path ? open(path, O_RDWR) : -1;
        if (handle < 0) return NULL;
        void *place = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
        close(handle);
        if (place == MAP_FAILED) return NULL;
        shared = place;
    }
    return shared;
}

static int fails(const char *path) {
    const char *root = getenv("FAULT_ROOT"), *at = getenv("FAULT_AT"), *error = getenv("FAULT_ERROR");
    if (root == NULL || at == NULL || error == NULL || strncmp(path, root, strlen(root)) != 0) return 0;
    long *shared = counter();
    if (shared == NULL || __atomic_add_fetch(shared, 1, __ATOMIC_SEQ_CST) != atol(at)) return 0;
    if (atoi(error) == 0) raise(SIGKILL);
    errno = atoi(error);
    return 1;
}

static int fails_at(int handle) {
    struct stat status;
    char link[64], path[PATH_MAX];
    if (fstat(handle, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return fails(path);
}

static int all(void) { return getenv("FAULT_ALL") != NULL; }

#define NEXT(name) (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

ssize_t write(int handle, const void *data, size_t size) {
    return fails_at(handle) ? -1 : (NEXT(write))(handle, data, size);
}
ssize_t pwrite(int handle, const void *data, size_t size, off_t offset) {
    return fails_at(handle) ? -1 : (NEXT(pwrite))(handle, data, size, offset);
}
ssize_t pwrite64(int handle, const void *data, size_t size, off64_t offset) {
    return fails_at(handle) ? -1 : (NEXT(pwrite64))(handle, data, size, offset);
}
ssize_t writev(int handle, const struct iovec *parts, int count) {
    return fails_at(handle) ? -1 : (NEXT(writev))(handle, parts, count);
}
int fsync(int handle) { return all() && fails_at(handle) ? -1 : (NEXT(fsync))(handle); }
int rename(const char *from, const char *to) { return all() && fails(to) ? -1 : (NEXT(rename))(from, to); }
int mkdir(const char *path, mode_t mode) { /* of one that is there, nothing can fail */
    struct stat status;
    return all() && stat(path, &status) != 0 && fails(path) ? -1 : (NEXT(mkdir))(path, mode);
}

static long shift(void) {
    const char *seconds = getenv("FAULT_CLOCK");
    return seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (NEXT(clock_gettime))(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += shift();
    return result;
}
time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now != NULL) *now = found.tv_sec;
    return found.tv_sec;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = (NEXT(gettimeofday))(now, zone);
    if (result == 0) now->tv_sec += shift();
    return result;
}
