/* Preloaded into compilers: records what they ask of files that they do not open, and which programs they start. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "observe.h"

/* A program learns whether `name` is there. clang answers __has_embed by that alone: in its scan it is an input. */
void asked(const char *name, int result, const struct stat *status)
{
    if (strncmp(name, "/proc/self/", 11) == 0)
        ; /* of what is open: that is recorded */
    else if (result != 0)
        record("a %s\n", name);
    else if (scan && status && S_ISREG(status->st_mode))
        record_read(name, status);
    else
        record("s %s\n", name);
}

#define STAT(function, structure)                                                                        \
    int function(const char *restrict name, struct structure *restrict status)                           \
    {                                                                                                    \
        NEXT(int, function, (const char *, struct structure *));                                         \
        int result = next(name, status);                                                                 \
        asked(name, result, (struct stat *)status); /* the same where files may be large */              \
        return result;                                                                                   \
    }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)

#define ASK(function)                                                                                    \
    int function(const char *name, int how)                                                              \
    {                                                                                                    \
        NEXT(int, function, (const char *, int));                                                        \
        int result = next(name, how);                                                                    \
        asked(name, result, NULL);                                                                       \
        return result;                                                                                   \
    }
ASK(access)
ASK(eaccess)
ASK(euidaccess)

ssize_t readlink(const char *restrict name, char *restrict target, size_t size)
{
    NEXT(ssize_t, readlink, (const char *, char *, size_t));
    ssize_t length = next(name, target, size);
    if (length < 0)
        record(errno == EINVAL ? "l -\t%s\n" : "a %s\n", name);
    else if (strncmp(name, "/proc/", 6) != 0)
        record("l %.*s\t%s\n", (int)length, target, name);
    return length;
}

void record_link(const char *name)
{
    char target[PATH_MAX];
    if (readlink(name, target, sizeof target) < 0)
        (void)0; /* none is recorded as well */
}

char *realpath(const char *restrict name, char *restrict target)
{
    NEXT(char *, realpath, (const char *, char *));
    char *found = next(name, target);
    if (found)
        record("p %s\t%s\n", found, name);
    else
        record("a %s\n", name);
    return found;
}

DIR *opendir(const char *name)
{
    NEXT(DIR *, opendir, (const char *));
    DIR *directory = next(name);
    record("%c %s\n", directory ? 'd' : 'a', name);
    return directory;
}

/* What changes files otherwise than by writing. */
#define CHANGE(function, parameters, arguments, form, changed)                                           \
    int function parameters                                                                              \
    {                                                                                                    \
        NEXT(int, function, parameters);                                                                 \
        note_there(changed);                                                                             \
        int result = next arguments;                                                                     \
        record(form, changed);                                                                           \
        return result;                                                                                   \
    }
CHANGE(unlink, (const char *name), (name), result == 0 ? "U %s\n" : "a %s\n", name)
CHANGE(remove, (const char *name), (name), result == 0 ? "U %s\n" : "a %s\n", name)
int rename(const char *from, const char *to)
{
    NEXT(int, rename, (const char *, const char *));
    int result = next(from, to);
    if (result == 0) {
        record("U %s\n", from);
        record("M %s\n", to);
    }
    return result;
}
CHANGE(mkdir, (const char *name, mode_t mode), (name, mode), "Y other-output %s\n", name)
CHANGE(link, (const char *from, const char *to), (from, to), "Y other-output %s\n", to)
CHANGE(symlink, (const char *from, const char *to), (from, to), "Y other-output %s\n", to)

/* Names would mean something else from here on. 'make' goes where it is. */
int chdir(const char *name)
{
    NEXT(int, chdir, (const char *));
    struct stat here, there;
    if (stat(".", &here) != 0 || stat(name, &there) != 0 || here.st_ino != there.st_ino || here.st_dev != there.st_dev)
        record("Y name a change of directory: %s\n", name);
    return next(name);
}

/* Compilers ask for it to expand __TIMESTAMP__, which is the time of a file. */
struct tm *localtime(const time_t *moment)
{
    NEXT(struct tm *, localtime, (const time_t *));
    record("X times __TIMESTAMP__\n");
    return next(moment);
}

/* Where the loader looks for what `owner` needs. */
static void record_places(const char *owner, const char *places)
{
    static const char origin[] = "$ORIGIN";
    for (size_t size; *places; places += size + (places[size] == ':')) {
        size = strcspn(places, ":");
        size_t skip = strncmp(places, origin, strlen(origin)) == 0 ? strlen(origin) : 0;
        if ((!skip && places[0] != '/') || memchr(places + skip, '$', size - skip))
            record("Y program one with places of its own for libraries: %s\n", owner);
        else
            record("r %.*s%.*s/\n", skip ? (int)(strrchr(owner, '/') - owner) : 0, owner,
                   (int)(size - skip), places + skip);
    }
}

static int record_library(struct dl_phdr_info *library, size_t size, void *program)
{
    (void)size;
    /* Of the program itself: empty; of what the kernel lays there: no path. */
    const char *name = library->dlpi_name, *strings = "";
    if ((name[0] && name[0] != '/') || strncmp(name, PREFIX "/", sizeof PREFIX) == 0)
        return 0;
    if (name[0])
        record("B %s\n", name);
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Dyn) *first = (const void *)(library->dlpi_addr + library->dlpi_phdr[i].p_vaddr), *entry;
        if (library->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        for (entry = first; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_STRTAB) /* where it has been loaded, on most machines */
                strings = (const char *)(entry->d_un.d_ptr + (entry->d_un.d_ptr < library->dlpi_addr ? library->dlpi_addr : 0));
        for (entry = first; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_RUNPATH || entry->d_tag == DT_RPATH)
                record_places(name[0] ? name : program, strings + entry->d_un.d_val);
    }
    return 0;
}

void record_libraries(void)
{
    char program[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    dl_iterate_phdr(record_library, program);
}

/* A plugin is code: what it is decides what the compile makes. */
void *dlopen(const char *name, int flags)
{
    NEXT(void *, dlopen, (const char *, int));
    struct stat status;
    if (name && strchr(name, '/') && stat(name, &status) == 0)
        record_read(name, &status);
    void *library = next(name, flags);
    record_libraries();
    return library;
}

/* Where a program is looked for on PATH, as execvp does. */
static void started(const char *program)
{
    const char *path = getenv("PATH");
    record("E %s\n", program);
    while (!strchr(program, '/') && path) {
        char name[PATH_MAX];
        size_t size = strcspn(path, ":");
        snprintf(name, sizeof name, "%.*s%s%s", (int)size, path, size ? "/" : "", program);
        if (access(name, X_OK) == 0)
            break;
        path = path[size] ? path + size + 1 : NULL;
    }
}

#define SPAWN(function)                                                                                  \
    int function(pid_t *restrict pid, const char *restrict name, const posix_spawn_file_actions_t *actions, \
                 const posix_spawnattr_t *restrict attributes, char *const argv[restrict], char *const envp[restrict]) \
    {                                                                                                    \
        NEXT(int, function, (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, \
                             char *const[], char *const[]));                                             \
        started(name);                                                                                   \
        int error = next(pid, name, actions, attributes, argv, envp);                                    \
        if (error != 0)                                                                                  \
            record("F %s\n", name);                                                                      \
        return error;                                                                                    \
    }
SPAWN(posix_spawn)
SPAWN(posix_spawnp)

#define EXEC(function, parameters, arguments)                                                            \
    int function parameters                                                                              \
    {                                                                                                    \
        NEXT(int, function, parameters);                                                                 \
        started(name);                                                                                   \
        int result = next arguments;                                                                     \
        record("F %s\n", name);                                                                          \
        return result;                                                                                   \
    }
EXEC(execv, (const char *name, char *const argv[]), (name, argv))
EXEC(execvp, (const char *name, char *const argv[]), (name, argv))
EXEC(execve, (const char *name, char *const argv[], char *const envp[]), (name, argv, envp))
