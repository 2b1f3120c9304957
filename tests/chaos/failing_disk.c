/* Preloaded into one git of a test: its n-th call that changes the disk fails, or ends it and the plait that started it.

   PLAIT_FAULT_AT      which call, from 1
   PLAIT_FAULT_ERROR   the number of the error; 0: SIGKILL to this process and its parent, -1: to this process alone
   PLAIT_FAULT_MARK    a file that is made when it happens */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int calls;

/* Whether the call that is about to happen is the one that fails. */
static int fails(void) {
    const char *at = getenv("PLAIT_FAULT_AT");
    if (at == NULL || ++calls != atoi(at)) return 0;
    int mark = REAL(open)(getenv("PLAIT_FAULT_MARK"), O_CREAT | O_WRONLY, 0600);
    if (mark >= 0) close(mark);
    int error = atoi(getenv("PLAIT_FAULT_ERROR"));
    if (error > 0) { errno = error; return 1; }
    if (error == 0) kill(getppid(), SIGKILL);
    kill(getpid(), SIGKILL);
    return 1;
}

static int is_file(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    return (flags & O_CREAT) && fails() ? -1 : real(path, flags, mode);
}

static mode_t mode_of(int flags, va_list rest) { return flags & O_CREAT ? va_arg(rest, mode_t) : 0; }

int open(const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t mode = mode_of(flags, rest); va_end(rest);
    return opened(REAL(open), path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t mode = mode_of(flags, rest); va_end(rest);
    return opened(REAL(open64), path, flags, mode);
}
ssize_t write(int fd, const void *data, size_t size) { return is_file(fd) && fails() ? -1 : REAL(write)(fd, data, size); }
int rename(const char *from, const char *to) { return fails() ? -1 : REAL(rename)(from, to); }
int link(const char *from, const char *to) { return fails() ? -1 : REAL(link)(from, to); }
int unlink(const char *path) { return fails() ? -1 : REAL(unlink)(path); }
int mkdir(const char *path, mode_t mode) { return fails() ? -1 : REAL(mkdir)(path, mode); }
int fsync(int fd) { return fails() ? -1 : REAL(fsync)(fd); }
