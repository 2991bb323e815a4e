/* Every way that libc has to open a file, with a hook before and one after it; to be included once. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INTERPOSE_H
#define INTERPOSE_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "observe.h"

/* What to open in the place of `name`. */
static const char *before(const char *name, bool writes);
/* `fd` is what open returned, with its error still in errno. */
static void after(int directory, const char *name, int fd, bool writes);

#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY)
#define MODE(flags)                                                                                      \
    va_list list;                                                                                        \
    va_start(list, flags);                                                                               \
    int mode = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0;                                  \
    va_end(list)
#define OPEN(function)                                                                                   \
    int function(const char *name, int flags, ...)                                                       \
    {                                                                                                    \
        MODE(flags);                                                                                     \
        NEXT(int, function, (const char *, int, ...));                                                   \
        int fd = next(before(name, WRITES(flags)), flags, mode);                                         \
        after(AT_FDCWD, name, fd, WRITES(flags));                                                        \
        return fd;                                                                                       \
    }
#define OPEN_2(function)                                                                                 \
    int function(const char *name, int flags)                                                            \
    {                                                                                                    \
        NEXT(int, function, (const char *, int));                                                        \
        int fd = next(before(name, WRITES(flags)), flags);                                               \
        after(AT_FDCWD, name, fd, WRITES(flags));                                                        \
        return fd;                                                                                       \
    }
#define OPENAT(function)                                                                                 \
    int function(int directory, const char *name, int flags, ...)                                        \
    {                                                                                                    \
        MODE(flags);                                                                                     \
        NEXT(int, function, (int, const char *, int, ...));                                              \
        int fd = next(directory, before(name, WRITES(flags)), flags, mode);                              \
        after(directory, name, fd, WRITES(flags));                                                       \
        return fd;                                                                                       \
    }
#define OPENAT_2(function)                                                                               \
    int function(int directory, const char *name, int flags)                                             \
    {                                                                                                    \
        NEXT(int, function, (int, const char *, int));                                                   \
        int fd = next(directory, before(name, WRITES(flags)), flags);                                    \
        after(directory, name, fd, WRITES(flags));                                                       \
        return fd;                                                                                       \
    }
#define CREAT(function)                                                                                  \
    int function(const char *name, mode_t mode)                                                          \
    {                                                                                                    \
        NEXT(int, function, (const char *, mode_t));                                                     \
        int fd = next(before(name, true), mode);                                                         \
        after(AT_FDCWD, name, fd, true);                                                                 \
        return fd;                                                                                       \
    }
#define FREOPEN(function)                                                                                \
    FILE *function(const char *name, const char *mode, FILE *old)                                        \
    {                                                                                                    \
        NEXT(FILE *, function, (const char *, const char *, FILE *));                                    \
        bool writes = mode[0] != 'r' || strchr(mode, '+');                                               \
        FILE *file = next(name ? before(name, writes) : NULL, mode, old);                                \
        if (name)                                                                                        \
            after(AT_FDCWD, name, file ? fileno(file) : -1, writes);                                     \
        return file;                                                                                     \
    }
#define FOPEN(function)                                                                                  \
    FILE *function(const char *name, const char *mode)                                                   \
    {                                                                                                    \
        NEXT(FILE *, function, (const char *, const char *));                                            \
        bool writes = mode[0] != 'r' || strchr(mode, '+');                                               \
        FILE *file = next(before(name, writes), mode);                                                   \
        after(AT_FDCWD, name, file ? fileno(file) : -1, writes);                                         \
        return file;                                                                                     \
    }

/* Which one a compiler calls depends on how it was built. */
OPEN(open)
OPEN(open64)
OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT(openat)
OPENAT(openat64)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)
CREAT(creat)
CREAT(creat64)
FOPEN(fopen)
FOPEN(fopen64)
FREOPEN(freopen)
FREOPEN(freopen64)

#endif
