/* Facts about files, and whether they hold. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "staged.h"
#include "words.h"

/* Of the names in a directory. */
static bool digest_directory(const char *name, char digest[DIGEST_SIZE])
{
    DIR *directory = opendir(name);
    struct dirent *file;
    struct words names = {0};
    char *text = NULL;
    size_t size;
    if (!directory)
        return false;
    while ((file = readdir(directory)))
        add_word(&names, file->d_name);
    closedir(directory);
    sort_words(&names);
    FILE *list = checked(open_memstream(&text, &size));
    for (size_t i = 0; i < names.count; i++)
        fprintf(list, "%s%c", names.word[i], '\0');
    fclose(list);
    digest_bytes(text, size, digest);
    free(text);
    return true;
}

/* As realpath(); of many files in few directories. */
static const char *real_path(const char *name, char value[PATH_MAX])
{
    static char last[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(name, '/');
    size_t length = slash ? slash - name : 0;
    struct stat status;
    if (length == 0 || length >= sizeof last || slash[1] == '\0' || slash[1] == '.' || lstat(name, &status) != 0 ||
        S_ISLNK(status.st_mode))
        return realpath(name, value);
    if (strncmp(name, last, length) != 0 || last[length] != '\0') {
        snprintf(last, sizeof last, "%.*s", (int)length, name);
        if (!realpath(last, real))
            last[0] = '\0';
    }
    if (!last[0] || snprintf(value, PATH_MAX, "%s%s", strcmp(real, "/") == 0 ? "" : real, slash) >= PATH_MAX)
        return realpath(name, value);
    return value;
}

/*
 *   R   a file's digest
 *   a   '-': there is nothing
 *   s   what is there: f, o for another kind, the path without symbolic links of a directory, since
 *       gcc searches only one of two that are the same
 *   l   where a symbolic link leads; '-': it is none
 *   p   the path without symbolic links
 *   d   digest of the names in a directory
 *   i, t, o   another file of the same content: see relation()
 */
const char *fact_now(char tag, const char *name)
{
    static char value[PATH_MAX];
    struct stat status;
    ssize_t size;
    switch (tag) {
    case 'R':
        return digest_once(name, value) ? value : NULL;
    case 'a':
        return stat(name, &status) != 0 ? "-" : NULL;
    case 's':
        if (stat(name, &status) != 0 || S_ISDIR(status.st_mode))
            return realpath(name, value);
        return S_ISREG(status.st_mode) ? "f" : "o";
    case 'l':
        size = readlink(name, value, sizeof value - 1);
        value[size > 0 ? size : 0] = '\0';
        return size > 0 ? value : errno == EINVAL ? "-" : NULL;
    case 'p':
        return real_path(name, value);
    case 'd':
        return digest_directory(name, value) ? value : NULL;
    }
    return NULL;
}

char relation(const char *one, const char *other)
{
    struct stat a, b;
    if (stat(one, &a) != 0 || stat(other, &b) != 0)
        return '\0';
    if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return 'i';
    if (a.st_mtim.tv_sec != b.st_mtim.tv_sec)
        return a.st_mtim.tv_sec < b.st_mtim.tv_sec ? 'o' : '\0';
    if (a.st_mtim.tv_nsec != b.st_mtim.tv_nsec)
        return a.st_mtim.tv_nsec < b.st_mtim.tv_nsec ? 'o' : '\0';
    /* By another name one of them might become the other. */
    return a.st_nlink == 1 && b.st_nlink == 1 ? 't' : '\0';
}

bool fact_holds(char tag, const char *value, const char *name)
{
    if (strchr("ito", tag))
        return relation(value, name) == tag;
    const char *now = fact_now(tag, name);
    return now && strcmp(now, value) == 0;
}
