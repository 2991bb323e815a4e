/* Preloaded into compilers: records every file that they open, find absent or write. */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A compiler's own dependency scan (-M) lists what was included. A result depends on
 * more: files that __has_include or #pragma once opened, .incbin, what an error
 * message quotes. So the programs themselves are asked. Each process appends lines to
 * the file that $OBSERVE names:
 *
 *   P PROGRAM                       it is observed
 *   R MTIME SIZE NAME               opened for reading; the time in nanoseconds
 *   A NAME                          not there
 *   W NAME                          opened for writing
 *   i INODE NAME                    which file that was
 *   T NAME                          made as a temporary file
 *   B NAME                          loaded as a library
 *   r DIRECTORY/                    where a program or library has the loader look
 *   X REASON DETAIL                 something that no record can stand for
 *
 * and, from observe-asked.c and observe-other.c, where nothing is opened:
 *
 *   a NAME                          not there
 *   s NAME                          there
 *   l TARGET<TAB>NAME               where a symbolic link leads; '-': it is none
 *   p TARGET<TAB>NAME               a path without symbolic links
 *   d NAME                          a directory that is listed
 *   U NAME                          removed
 *   M NAME                          renamed to
 *   E PROGRAM                       started
 *   F PROGRAM                       but not successfully
 *   Y REASON DETAIL                 as X, but only for who trusts these lines alone
 *
 * One write a line, so that processes do not mix; no memory and no lock, since the
 * driver forks with vfork.
 */

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "interpose.h"
#include "observe.h"

static int record_fd = -1;
static bool strict, clang;
bool scan;

void record(const char *form, ...)
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

/* In the journal of all commands: see journal.c. */
static void note(ino_t inode)
{
    static int (*next)(const char *, int, ...);
    const char *path = getenv("OBSERVE_JOURNAL");
    if (!next)
        next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    int fd = path ? next(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (fd < 0)
        return;
    char line[4500];
    int size = snprintf(line, sizeof line, "+ %llu %s\n", (unsigned long long)inode, getenv("OBSERVE"));
    if (write(fd, line, size) != size)
        abort();
    close(fd);
}

/* Before it is emptied or gone: who has just made it may look at it meanwhile. */
void note_there(const char *name)
{
    int error = errno;
    struct statx status;
    /* Not stat(): that would be recorded. */
    if (syscall(SYS_statx, AT_FDCWD, name, 0, STATX_INO | STATX_TYPE, &status) == 0 && S_ISREG(status.stx_mode))
        note(status.stx_ino);
    errno = error;
}

/* What can be read only once is left to the compile that counts. */
static const char *before(const char *name, bool writes)
{
    struct stat status;
    if (writes && record_fd >= 0 && !harmless(name))
        note_there(name);
    if (strict && !writes && stat(name, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) &&
        !harmless(name)) {
        record("X special-file %s\n", name);
        /* A signal makes LLVM's programs remove what they have begun to write. */
        raise(SIGTERM);
    }
    return name;
}

void record_read(const char *name, const struct stat *status)
{
    record("R %lld %lld %s\n", NANOSECONDS(status->st_mtim), (long long)status->st_size, name);
}

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
    else if (fstat(fd, &status) != 0 || harmless(name))
        ;
    else if (S_ISDIR(status.st_mode))
        record("s %s\n", name); /* in the place of a header, which compilers then look for further on */
    else if (!S_ISREG(status.st_mode) || strncmp(name, "/proc/", 6) == 0 || strncmp(name, "/dev/", 5) == 0)
        record("X special-file %s\n", name);
    else if (writes) {
        if (status.st_size > 0) /* what it held has stayed */
            record_read(name, &status);
        record("W %s\n", name);
        record("i %llu %s\n", (unsigned long long)status.st_ino, name);
        note(status.st_ino);
    } else {
        record_read(name, &status);
        /* clang asks /proc by which name it has opened a file, and warns of other capitals in that. */
        if (clang)
            record_link(name);
    }
    errno = error;
}

#define MKSTEMP(function, parameters, arguments)                                                         \
    int function parameters                                                                              \
    {                                                                                                    \
        NEXT(int, function, parameters);                                                                 \
        int fd = next arguments;                                                                         \
        if (fd >= 0)                                                                                     \
            record("T %s\n", name);                                                                      \
        return fd;                                                                                       \
    }
MKSTEMP(mkstemp, (char *name), (name))
MKSTEMP(mkstemp64, (char *name), (name))
MKSTEMP(mkstemps, (char *name, int suffix), (name, suffix))
MKSTEMP(mkstemps64, (char *name, int suffix), (name, suffix))
MKSTEMP(mkostemp, (char *name, int flags), (name, flags))
MKSTEMP(mkostemp64, (char *name, int flags), (name, flags))
MKSTEMP(mkostemps, (char *name, int suffix, int flags), (name, suffix, flags))
MKSTEMP(mkostemps64, (char *name, int suffix, int flags), (name, suffix, flags))

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
    clang = strstr(program_invocation_short_name, "clang");
    scan = clang && getenv("OBSERVE_SCAN");
    /* A compile ends with what started it, as where the shell kills a whole group. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    record("P %s\n", program);
    record_libraries();
}
