/* Preloaded into compilers: makes every file that a compile reads an input of its action. */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * recc learns a compile's inputs from the compiler's dependency scan (-M), which
 * lists the files that were included. A result can depend on others:
 *
 * - files that the preprocessor opened without including them: __has_include,
 *   and the second of two identical headers with #pragma once (GCC bug 108108);
 * - files that only the compile itself opens: .incbin, profiles, plugins.
 *
 * In the scan this library therefore lists, as a second rule, every file that
 * the compiler has opened. In the compile it watches for files that the scan did
 * not open: their names go to $OBSERVE_HIDDEN, and with OBSERVE=refuse the
 * compile fails at once, so that recc stores nothing.
 *
 * Between the two, $OBSERVE_INPUTS holds what the scan opened.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum { IDLE, SCAN, REPORT, REFUSE } role;
static int rule_fd = -1;                /* the scan's standard output */
static char **names;                    /* SCAN: files opened; else: files known from the scan */
static size_t count, room;
static int argument_count;
static char **arguments;

static void add(const char *name)
{
    if (count == room) {
        room = room ? 2 * room : 512;
        names = realloc(names, room * sizeof *names);
        if (!names)
            abort();
    }
    names[count] = strdup(name);
    if (!names[count++])
        abort();
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Append lines to a file with one write, so that parallel processes do not mix them. */
static void append(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, size) != (ssize_t)size)
        abort();
    close(fd);
}

/* Read what the scan opened. Without a scan there is nothing to compare with. */
static int load(const char *path)
{
    char line[8192];
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        add(line);
    }
    fclose(file);
    qsort(names, count, sizeof *names, compare);
    return count > 0;
}

static int known(const char *name)
{
    int i;
    for (i = 1; i < argument_count; i++) {
        const char *argument = arguments[i];
        /* Handed on by the driver: declared, or made by this compile. Response
           files are in the action, as recc rewrites them. */
        if (strcmp(argument + (argument[0] == '@'), name) == 0)
            return 1;
    }
    return bsearch(&name, names, count, sizeof *names, compare) != NULL;
}

/* Response files as recc rewrites them for the scan, under random names. */
#define RECC_TEMPORARY "/tmp/recc-rsp-"

static void opened(const char *name)
{
    const char *hidden = getenv("OBSERVE_HIDDEN");

    if (role == SCAN) {
        if (strncmp(name, RECC_TEMPORARY, sizeof RECC_TEMPORARY - 1) != 0)
            add(name);
        return;
    }
    if (known(name))
        return;
    if (hidden) {
        char line[8192];
        int size = snprintf(line, sizeof line, "%s\n", name);
        int mode = role;
        role = IDLE;
        append(hidden, line, size < (int)sizeof line ? (size_t)size : sizeof line - 1);
        role = mode;
    }
    if (role == REFUSE)
        _exit(1);
}

static void check(const char *name, int fd)
{
    int error = errno;
    struct stat status;

    if (role != IDLE && fd >= 0 && strncmp(name, "/proc/", 6) != 0 && fstat(fd, &status) == 0 &&
        S_ISREG(status.st_mode))
        opened(name);
    errno = error;
}

#define READS(flags) (((flags) & O_ACCMODE) == O_RDONLY)

#define OPEN(function)                                                       \
    int function(const char *name, int flags, ...)                           \
    {                                                                        \
        static int (*next)(const char *, int, ...);                          \
        int fd, mode;                                                        \
        va_list list;                                                        \
        va_start(list, flags);                                               \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0;        \
        va_end(list);                                                        \
        if (!next)                                                           \
            next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #function); \
        fd = next(name, flags, mode);                                        \
        if (READS(flags))                                                    \
            check(name, fd);                                                 \
        return fd;                                                           \
    }

#define OPEN_2(function)                                                     \
    int function(const char *name, int flags)                                \
    {                                                                        \
        static int (*next)(const char *, int);                               \
        int fd;                                                              \
        if (!next)                                                           \
            next = (int (*)(const char *, int))dlsym(RTLD_NEXT, #function);  \
        fd = next(name, flags);                                              \
        if (READS(flags))                                                    \
            check(name, fd);                                                 \
        return fd;                                                           \
    }

#define OPENAT(function)                                                     \
    int function(int directory, const char *name, int flags, ...)            \
    {                                                                        \
        static int (*next)(int, const char *, int, ...);                     \
        int fd, mode;                                                        \
        va_list list;                                                        \
        va_start(list, flags);                                               \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0;        \
        va_end(list);                                                        \
        if (!next)                                                           \
            next = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #function); \
        fd = next(directory, name, flags, mode);                             \
        if (READS(flags))                                                    \
            check(name, fd);                                                 \
        return fd;                                                           \
    }

#define FOPEN(function)                                                      \
    FILE *function(const char *name, const char *mode)                       \
    {                                                                        \
        static FILE *(*next)(const char *, const char *);                    \
        FILE *file;                                                          \
        if (!next)                                                           \
            next = (FILE * (*)(const char *, const char *))dlsym(RTLD_NEXT, #function); \
        file = next(name, mode);                                             \
        if (file && mode[0] == 'r' && !strchr(mode, '+'))                    \
            check(name, fileno(file));                                       \
        return file;                                                         \
    }

/* glibc has each under several names; which one a compiler calls depends on how it was built. */
OPEN(open)
OPEN(open64)
OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT(openat)
OPENAT(openat64)
FOPEN(fopen)
FOPEN(fopen64)

/* A plugin is code: what it is decides what the compile makes. */
void *dlopen(const char *name, int flags)
{
    static void *(*next)(const char *, int);
    if (!next)
        next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    if (role != IDLE && name && strchr(name, '/') && access(name, R_OK) == 0)
        opened(name);
    return next(name, flags);
}

__attribute__((constructor)) static void start(int argc, char **argv)
{
    const char *mode = getenv("OBSERVE");
    const char *inputs = getenv("OBSERVE_INPUTS");
    int i;

    if (!mode || !inputs || strcmp(program_invocation_short_name, "recc") == 0)
        return;
    argument_count = argc;
    arguments = argv;
    for (i = 1; i < argc; i++)
        if (strcmp(argv[i], "-M") == 0 || strcmp(argv[i], "-MM") == 0) {
            /* The compiler closes its standard output before this library's end. */
            rule_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
            role = SCAN;
            return;
        }
    if (load(inputs))
        role = strcmp(mode, "refuse") == 0 ? REFUSE : REPORT;
}

/* Write what was opened: as a rule for recc, as a list for the compile to come. */
__attribute__((destructor)) static void stop(void)
{
    const char *inputs = getenv("OBSERVE_INPUTS");
    char *rule = NULL, *list = NULL;
    size_t rule_size, list_size, i;
    FILE *rule_file, *list_file;

    if (role != SCAN || count == 0)
        return;
    role = IDLE;
    rule_file = open_memstream(&rule, &rule_size);
    list_file = open_memstream(&list, &list_size);
    if (!rule_file || !list_file)
        abort();
    fputs("opened:", rule_file);
    for (i = 0; i < count; i++) {
        const char *c;
        fprintf(list_file, "%s\n", names[i]);
        fputs(" \\\n ", rule_file);
        for (c = names[i]; *c; c++) {
            if (strchr(" \t#", *c))
                putc('\\', rule_file);
            else if (*c == '$')
                putc('$', rule_file);
            putc(*c, rule_file);
        }
    }
    putc('\n', rule_file);
    fclose(rule_file);
    fclose(list_file);
    append(inputs, list, list_size);
    if (write(rule_fd, rule, rule_size) != (ssize_t)rule_size)
        abort();
}
