/* asks: meets files in every way that the observing library knows; the test looks at its record. */
/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <iconv.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t __readlink_chk(const char *name, char *target, size_t size, size_t room);
char *__realpath_chk(const char *name, char *target, size_t room);
int __xstat(int version, const char *name, struct stat *status);
int __open_2(const char *name, int flags);

static int visit(const char *name, const struct stat *status, int type, struct FTW *place)
{
    (void)name, (void)status, (void)type, (void)place;
    return 0;
}

/* Its argument says which: 'file' has a text, 'link' leads to it, there is neither 'none' nor 'new'. */
int main(int argc, char **argv)
{
    struct stat status;
    struct stat64 status64;
    struct statx more;
    struct dirent **names;
    glob_t found;
    char path[PATH_MAX], made[] = "mkostempXXXXXX";
    const char *call = argc == 2 ? argv[1] : "";
    int result = -1;
#define CALL(function, expression) \
    if (strcmp(call, #function) == 0) \
        result = (expression) ? 0 : 1
    CALL(open, open("file", O_RDONLY) >= 0);
    CALL(__open_2, __open_2("file", O_RDONLY) >= 0);
    CALL(open_append, open("file", O_WRONLY | O_APPEND) >= 0);
    CALL(open_update, open("file", O_RDWR) >= 0);
    CALL(open_empty, open("file", O_WRONLY | O_TRUNC) >= 0);
    CALL(open_directory, open("..", O_RDONLY) >= 0);
    CALL(openat, openat(AT_FDCWD, "file", O_RDONLY) >= 0);
    CALL(creat, creat("new", 0666) >= 0);
    CALL(fopen, fopen("file", "r") != NULL);
    CALL(fopen_append, fopen("file", "a") != NULL);
    CALL(fopen_write, fopen("file", "w") != NULL);
    CALL(freopen, freopen("file", "r", stdin) != NULL);
    CALL(freopen_write, freopen("new", "w", stdin) != NULL);
    CALL(mkostemp, mkostemp(made, O_CLOEXEC) >= 0);
    CALL(stat, stat("file", &status) == 0);
    CALL(stat_none, stat("none", &status) != 0);
    CALL(lstat, lstat("link", &status) == 0);
    CALL(__xstat, __xstat(1, "file", &status) == 0);
    CALL(__xstat_none, __xstat(1, "none", &status) != 0);
    CALL(access, access("file", R_OK) == 0);
    CALL(eaccess, eaccess("none", R_OK) != 0);
    CALL(euidaccess, euidaccess("file", R_OK) == 0);
    CALL(readlink, readlink("link", path, sizeof path) == 4);
    CALL(readlink_none, readlink("file", path, sizeof path) < 0);
    CALL(__readlink_chk, __readlink_chk("link", path, sizeof path, sizeof path) == 4);
    CALL(realpath, realpath("link", path) != NULL);
    CALL(__realpath_chk, __realpath_chk("link", path, sizeof path) != NULL);
    CALL(opendir, opendir(".") != NULL);
    CALL(unlink, unlink("file") == 0);
    CALL(remove, remove("none") != 0);
    CALL(rename, rename("file", "new") == 0);
    CALL(mkdir, mkdir("new", 0777) == 0);
    CALL(link, link("file", "new") == 0);
    CALL(symlink, symlink("file", "new") == 0);
    CALL(fstatat, fstatat(AT_FDCWD, "file", &status, 0) == 0);
    CALL(fstatat64, fstatat64(AT_FDCWD, "file", &status64, 0) == 0);
    CALL(statx, statx(AT_FDCWD, "file", 0, STATX_SIZE, &more) == 0);
    CALL(faccessat, faccessat(AT_FDCWD, "file", R_OK, 0) == 0);
    CALL(readlinkat, readlinkat(AT_FDCWD, "link", path, sizeof path) == 4);
    CALL(canonicalize_file_name, canonicalize_file_name("link") != NULL);
    CALL(scandir, scandir(".", &names, NULL, alphasort) > 0);
    CALL(nftw, nftw(".", visit, 1, 0) == 0);
    CALL(glob, glob("f*", 0, NULL, &found) == 0);
    CALL(iconv_open, iconv_open("UTF-8", "LATIN1") != NULL);
    CALL(chdir, chdir("/") == 0);
    CALL(fchdir, fchdir(open("/", O_RDONLY)) == 0);
    CALL(renameat, renameat(AT_FDCWD, "file", AT_FDCWD, "new") == 0);
    CALL(renameat2, renameat2(AT_FDCWD, "file", AT_FDCWD, "new", 0) == 0);
    CALL(unlinkat, unlinkat(AT_FDCWD, "file", 0) == 0);
    CALL(linkat, linkat(AT_FDCWD, "file", AT_FDCWD, "new", 0) == 0);
    CALL(symlinkat, symlinkat("file", AT_FDCWD, "new") == 0);
    CALL(mkdirat, mkdirat(AT_FDCWD, "new", 0777) == 0);
    CALL(truncate, truncate("file", 1) == 0);
    CALL(truncate_empty, truncate("file", 0) == 0);
    CALL(connect, connect(0, (struct sockaddr *)path, 0) != 0);
    return result;
}
