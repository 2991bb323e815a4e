/* Preloaded into compilers: other names of functions that ask, and functions that no known compiler calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <iconv.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe.h"

/* As programs call them that were built with checks of buffers, or for a glibc before 2.33. */
ssize_t __readlink_chk(const char *name, char *target, size_t size, size_t room)
{
    return size <= room ? readlink(name, target, size) : (abort(), -1);
}

char *__realpath_chk(const char *name, char *target, size_t room)
{
    return room >= PATH_MAX ? realpath(name, target) : (abort(), NULL);
}

#define XSTAT(function, structure)                                                                       \
    int function(int version, const char *name, struct structure *status)                                \
    {                                                                                                    \
        NEXT(int, function, (int, const char *, struct structure *));                                    \
        int result = next(version, name, status);                                                        \
        asked(name, result, (struct stat *)status);                                                      \
        return result;                                                                                   \
    }
int __xstat(int version, const char *name, struct stat *status);
int __lxstat(int version, const char *name, struct stat *status);
int __xstat64(int version, const char *name, struct stat64 *status);
int __lxstat64(int version, const char *name, struct stat64 *status);
XSTAT(__xstat, stat)
XSTAT(__lxstat, stat)
XSTAT(__xstat64, stat64)
XSTAT(__lxstat64, stat64)

/* What is done below a directory, all at once or elsewhere is not recorded, so nothing of the command is kept. */
#define OTHER(type, function, parameters, arguments, reason)                                             \
    type function parameters                                                                             \
    {                                                                                                    \
        NEXT(type, function, parameters);                                                                \
        record("Y %s %s\n", reason, #function);                                                          \
        return next arguments;                                                                           \
    }
OTHER(int, fstatat, (int fd, const char *restrict name, struct stat *restrict status, int flags),
      (fd, name, status, flags), "name")
OTHER(int, fstatat64, (int fd, const char *restrict name, struct stat64 *restrict status, int flags),
      (fd, name, status, flags), "name")
OTHER(int, statx, (int fd, const char *restrict name, int flags, unsigned mask, struct statx *restrict status),
      (fd, name, flags, mask, status), "name")
OTHER(int, faccessat, (int fd, const char *name, int how, int flags), (fd, name, how, flags), "name")
OTHER(ssize_t, readlinkat, (int fd, const char *restrict name, char *restrict target, size_t size),
      (fd, name, target, size), "name")
OTHER(char *, canonicalize_file_name, (const char *name), (name), "name")
OTHER(int, scandir, (const char *restrict name, struct dirent ***restrict names,
      int (*choose)(const struct dirent *), int (*compare)(const struct dirent **, const struct dirent **)),
      (name, names, choose, compare), "name")
OTHER(int, nftw, (const char *name, __nftw_func_t call, int depth, int flags), (name, call, depth, flags), "name")
OTHER(int, glob, (const char *restrict pattern, int flags, int (*error)(const char *, int), glob_t *restrict found),
      (pattern, flags, error, found), "name")
OTHER(int, fchdir, (int fd), (fd), "name")
/* libc itself opens tables for it. */
OTHER(iconv_t, iconv_open, (const char *to, const char *from), (to, from), "environment")
OTHER(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), "other-output")
OTHER(int, renameat2, (int from, const char *old, int to, const char *new, unsigned flags),
      (from, old, to, new, flags), "other-output")
OTHER(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags), "other-output")
OTHER(int, linkat, (int from, const char *old, int to, const char *new, int flags),
      (from, old, to, new, flags), "other-output")
OTHER(int, symlinkat, (const char *old, int to, const char *new), (old, to, new), "other-output")
OTHER(int, mkdirat, (int fd, const char *name, mode_t mode), (fd, name, mode), "other-output")
OTHER(int, connect, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size), "special-file")

/* lto-wrapper empties what it no longer needs. */
#define TRUNCATE(function, offset)                                                                       \
    int function(const char *name, offset size)                                                          \
    {                                                                                                    \
        NEXT(int, function, (const char *, offset));                                                     \
        struct stat status;                                                                              \
        if (size == 0 && stat(name, &status) == 0) {                                                     \
            record("W %s\n", name);                                                                      \
            record("i %llu %s\n", (unsigned long long)status.st_ino, name);                              \
        } else                                                                                           \
            record("Y other-output %s\n", #function);                                                    \
        return next(name, size);                                                                         \
    }
TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)
