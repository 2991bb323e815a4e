/* Inputs and outputs: whether an executor can have them, and how they get there and back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *own_file(const struct run *run, const char *name)
{
    return format("%s/%s", run->own, name);
}

char *absolute(const struct run *run, const char *name)
{
    return format("%s%s%s", name[0] == '/' ? "" : run->directory, name[0] == '/' ? "" : "/", name);
}

char *relative(const struct run *run, const char *name)
{
    char *path = normal(absolute(run, name)), *text = NULL;
    const char *here = run->directory;
    size_t same = 0, i, size;
    FILE *file = checked(open_memstream(&text, &size));
    for (i = 0; path[i] && path[i] == here[i]; i++)
        if (here[i] == '/')
            same = i;
    if (here[i] == '\0' && path[i] == '/')
        same = i;
    for (i = same; here[i]; i++)
        if (here[i] == '/')
            fputs("../", file);
    fputs(path + same + 1, file);
    fclose(file);
    free(path);
    return text;
}

char *mirrored(const struct run *run, const char *name)
{
    char *path = absolute(run, name), *there = format("%s/root%s", run->own, path);
    free(path);
    return there;
}

/* The length of '/top' of an absolute path. */
static size_t top(const char *path)
{
    return 1 + strcspn(path + 1, "/");
}

void judge_directory(struct verdict *verdict, const struct run *run)
{
    static const char *const none[] = {"/dev", "/proc", "/sys", "/run"};
    const char *named = getenv("PWD"), *real = run->directory;
    struct stat one, other;

    if (real[0] != '/' || real[1] == '\0')
        object_to(verdict, "directory", real);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strlen(none[i]) == top(real) && strncmp(real, none[i], top(real)) == 0)
            object_to(verdict, "directory", real);
    if (!is_text(real) || strpbrk(real, ",:=\n"))
        object_to(verdict, "name", real);
    /* Compilers believe $PWD where it is the same directory. */
    if (named && strcmp(named, real) != 0 && stat(named, &one) == 0 && stat(".", &other) == 0 &&
        one.st_dev == other.st_dev && one.st_ino == other.st_ino)
        object_to(verdict, "directory", named);
}

/* Where the last part of an absolute path begins. */
static size_t base_offset(const char *path)
{
    size_t offset = strlen(path);
    while (path[offset - 1] != '/')
        offset--;
    return offset;
}

/*
 * Its directory must be there, without a symbolic link on the way; it itself new, or a file that has something in it,
 * and that clang, which does not make it anew, can write to.
 */
static bool is_ordinary(const struct run *run, const char *name)
{
    char *path = absolute(run, name), real[PATH_MAX];
    size_t directory = base_offset(path);
    struct stat status;
    bool ordinary = path[directory] && (lstat(path, &status) != 0 ||
                                        (S_ISREG(status.st_mode) && status.st_size > 0 &&
                                         (!run->plan.clang || (status.st_mode & S_IWUSR))));
    path[directory - 1] = '\0';
    /* 'd/../b.o' needs a directory that an executor does not have. */
    ordinary = ordinary && !strstr(name + strspn(name, "./"), "/../");
    ordinary = ordinary && realpath(*path ? path : "/", real) && strcmp(real, normal(path)) == 0;
    /* Elsewhere an executor has directories of its own. */
    ordinary = ordinary && top(real) == top(run->directory) && strncmp(real, run->directory, top(real)) == 0;
    free(path);
    return ordinary;
}

void judge_sources(struct verdict *verdict, const struct run *run)
{
    struct stat status;
    for (size_t i = 0; i < run->plan.sources.count; i++)
        if (stat(run->plan.sources.word[i], &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) &&
            strcmp(run->plan.sources.word[i], "/dev/null") != 0)
            object_to(verdict, "special-file", run->plan.sources.word[i]);
}

void judge_outputs(struct verdict *verdict, const struct run *run)
{
    const struct words *outputs = &run->plan.outputs;
    for (size_t i = 0; i < outputs->count; i++) {
        if (!is_ordinary(run, outputs->word[i]))
            object_to(verdict, "output", outputs->word[i]);
        if (!is_text(outputs->word[i]) || strpbrk(outputs->word[i], ",\\\n"))
            object_to(verdict, "name", outputs->word[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(outputs->word[i], outputs->word[j]) == 0)
                object_to(verdict, "other-output", outputs->word[i]);
    }
}

static void add_input(struct run *run, const char *name)
{
    char *path = absolute(run, name), target[256], *resolved;
    size_t size = top(path);
    char *directory = checked(strndup(path, size));
    /* /lib/x is /usr/lib/x where /lib is a link: in an input root it would be a directory in its place. */
    ssize_t length = path[size] ? readlink(directory, target, sizeof target - 1) : -1;
    if (length > 0) {
        target[length] = '\0';
        resolved = format("/%s%s", target + (target[0] == '/'), path + size);
        add_word(&run->inputs, resolved);
        free(resolved);
    } else
        add_word(&run->inputs, path);
    free(directory);
    free(path);
}

void name_inputs(struct run *run)
{
    for (size_t i = 0; i < run->scan.count; i++) {
        const struct entry *entry = &run->scan.entry[i];
        bool written = find_entry(&run->scan, 'W', entry->name) || find_entry(&run->scan, 'T', entry->name) ||
                       find_entry(&run->scan, 'O', entry->name);
        /* A linker need not be the toolchain's: -fuse-ld chooses among those that are there. */
        if (!written && (entry->tag == 'R' || (entry->tag == 'P' && run->plan.kind == RUN_LINK)))
            add_input(run, entry->name);
    }
    for (size_t i = 0; i < run->plan.sources.count; i++)
        add_input(run, run->plan.sources.word[i]);
}
