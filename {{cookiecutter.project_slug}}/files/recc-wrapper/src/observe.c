/* Preloaded into compilers: records every file that they open, find absent or write. */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A compiler's own dependency scan (-M) lists what was included. A result depends on
 * more: files that __has_include or #pragma once opened, .incbin, what an error
 * message quotes. So the programs themselves are asked. Each process appends lines to
 * the file that $OBSERVE names:
 *
 *   P PROGRAM                       it is observed
 *   R MTIME CTIME SIZE NAME         opened for reading; times in nanoseconds
 *   A NAME                          not there
 *   W NAME                          opened for writing
 *   T NAME                          made as a temporary file
 *   X REASON DETAIL                 something that no record can stand for
 *
 * One write a line, so that processes do not mix; no memory and no lock, since the
 * driver forks with vfork.
 */

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "interpose.h"

static int record_fd = -1;
static bool strict, scan;

static void record(const char *form, ...)
{
    char line[4500];
    int error = errno, size;
    va_list list;

    if (record_fd < 0)
        return;
    va_start(list, form);
    size = vsnprintf(line, sizeof line, form, list);
    va_end(list);
    if (size >= (int)sizeof line || memchr(line, '\n', size - 1))
        size = snprintf(line, sizeof line, "X name a newline, or too long\n");
    if (write(record_fd, line, size) != size)
        abort();
    errno = error;
}

/* What says nothing: the record itself, make's jobserver, some devices. */
static bool harmless(const char *name)
{
    return strcmp(name, getenv("OBSERVE")) == 0 || strstr(name, "/GMfifo") || strcmp(name, "/dev/null") == 0 ||
           strcmp(name, "/dev/urandom") == 0 || strcmp(name, "/dev/random") == 0;
}

/* What can be read only once is left to the compile that counts. */
static const char *before(const char *name, bool writes)
{
    struct stat status;
    if (strict && !writes && stat(name, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) &&
        !harmless(name)) {
        record("X special-file %s\n", name);
        /* A signal makes LLVM's programs remove what they have begun to write. */
        raise(SIGTERM);
    }
    return name;
}

#define NANOSECONDS(time) ((long long)(time).tv_sec * 1000000000 + (time).tv_nsec)

static void after(int directory, const char *name, int fd, bool writes)
{
    int error = errno;
    struct stat status;

    if (record_fd < 0)
        return;
    if (directory != AT_FDCWD && name[0] != '/')
        record("X name a file opened below a directory: %s\n", name);
    else if (fd < 0)
        record("A %s\n", name);
    else if (fstat(fd, &status) != 0 || S_ISDIR(status.st_mode) || harmless(name))
        ;
    else if (!S_ISREG(status.st_mode) || strncmp(name, "/proc/", 6) == 0 || strncmp(name, "/dev/", 5) == 0)
        record("X special-file %s\n", name);
    else if (writes)
        record("W %s\n", name);
    else
        record("R %lld %lld %lld %s\n", NANOSECONDS(status.st_mtim), NANOSECONDS(status.st_ctim),
               (long long)status.st_size, name);
    errno = error;
}

/* clang answers __has_embed without opening: a file that is there is an input like one that was read. */
#define STAT(function)                                                                                   \
    int function(const char *restrict name, struct stat *restrict status)                                \
    {                                                                                                    \
        NEXT(function, (const char *, struct stat *));                                                   \
        int result = next(name, status);                                                                 \
        if (scan && result == 0 && S_ISREG(status->st_mode))                                             \
            record("R %lld %lld %lld %s\n", NANOSECONDS(status->st_mtim), NANOSECONDS(status->st_ctim),  \
                   (long long)status->st_size, name);                                                    \
        return result;                                                                                   \
    }
STAT(stat)
int stat64(const char *restrict name, struct stat64 *restrict status)
{
    return stat(name, (struct stat *)status); /* the same where files may be large */
}

#define MKSTEMP(function, parameters, arguments)                                                         \
    int function parameters                                                                              \
    {                                                                                                    \
        NEXT(function, parameters);                                                                      \
        int fd = next arguments;                                                                         \
        if (fd >= 0)                                                                                     \
            record("T %s\n", name);                                                                      \
        return fd;                                                                                       \
    }
MKSTEMP(mkstemp, (char *name), (name))
MKSTEMP(mkstemp64, (char *name), (name))
MKSTEMP(mkstemps, (char *name, int suffix), (name, suffix))
MKSTEMP(mkstemps64, (char *name, int suffix), (name, suffix))

/* A plugin is code: what it is decides what the compile makes. */
void *dlopen(const char *name, int flags)
{
    static void *(*next)(const char *, int);
    struct stat status;
    if (!next)
        next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    if (name && strchr(name, '/') && stat(name, &status) == 0)
        record("R %lld %lld %lld %s\n", NANOSECONDS(status.st_mtim), NANOSECONDS(status.st_ctim),
               (long long)status.st_size, name);
    return next(name, flags);
}

/* Compilers ask for it to expand __TIMESTAMP__, which is the time of a file. */
struct tm *localtime(const time_t *moment)
{
    static struct tm *(*next)(const time_t *);
    if (!next)
        next = (struct tm * (*)(const time_t *)) dlsym(RTLD_NEXT, "localtime");
    record("X times __TIMESTAMP__\n");
    return next(moment);
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("OBSERVE");
    char program[4096];
    ssize_t size;
    int fd;

    if (!path || (fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0)
        return;
    /* Out of the way of programs that expect the first free number. */
    record_fd = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    close(fd);
    strict = getenv("OBSERVE_STRICT") != NULL;
    scan = getenv("OBSERVE_SCAN") && strstr(program_invocation_short_name, "clang");
    /* A compile ends with what started it, as where the shell kills a whole group. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    record("P %s\n", program);
}
