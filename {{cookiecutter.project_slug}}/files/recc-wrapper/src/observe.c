/* Preloaded into compilers and linkers: makes every file that they read an input of the action. */
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
 *
 * A link has no scan of its own: the linker runs twice. With OBSERVE=link-scan it
 * lists what it opens and writes nothing, and link-time optimisation is left out.
 * $OBSERVE_LINK_INPUTS and $OBSERVE_LINK_OUTPUTS then hold the files that it read
 * and would have written, separated by commas. With OBSERVE=refuse-link the link
 * fails if it reads or writes another file.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum { IDLE, SCAN, LINK_SCAN, REPORT, REFUSE } role;
static int link_step;                   /* a process of a link: driver, linker, optimiser */
static int linker;                      /* LINK_SCAN: the linker itself */
static int rule_fd = -1;                /* the scan's standard output */
static char **names;                    /* SCAN: files opened; else: files known from the scan */
static size_t count, room;
static int argument_count;
static char **arguments;

static void add(const char *name)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* some linkers have threads */

    pthread_mutex_lock(&lock);
    if (count == room) {
        room = room ? 2 * room : 512;
        names = realloc(names, room * sizeof *names);
        if (!names)
            abort();
    }
    names[count] = strdup(name);
    if (!names[count++])
        abort();
    pthread_mutex_unlock(&lock);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names that the compiler driver gives to files between its steps. */
static int temporary(const char *name)
{
    const char *directory = getenv("TMPDIR");
    size_t size;
    if (!directory || !*directory)
        directory = "/tmp";
    size = strlen(directory);
    return strncmp(name, directory, size) == 0 && strncmp(name + size, "/cc", 3) == 0;
}

/* Append lines to a file with one write, so that parallel processes do not mix them. */
static void append(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, size) != (ssize_t)size)
        abort();
    close(fd);
}

/* Append to a list of names in a file, with `separator` before each; a name that holds it becomes two of them. */
static void list(const char *path, char separator, char *const *entries, size_t number)
{
    char *text = NULL;
    size_t size, i;
    FILE *file = path ? open_memstream(&text, &size) : NULL;

    if (!path)
        return;
    if (!file)
        abort();
    for (i = 0; i < number; i++) {
        putc(separator, file);
        if (strchr(entries[i], separator))
            putc(separator, file);
        else
            fputs(entries[i], file);
    }
    fclose(file);
    append(path, text, size);
    free(text);
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

/* Whether `name` is absolute and leads to `relative` from the current directory. */
static int is_here(const char *name, const char *relative)
{
    char here[4096];
    size_t size = name[0] == '/' && getcwd(here, sizeof here) ? strlen(here) : 0;
    return size > 0 && strncmp(name, here, size) == 0 && name[size] == '/' && strcmp(relative, name + size + 1) == 0;
}

static int known(const char *name)
{
    int i;
    for (i = 1; i < argument_count; i++) {
        const char *argument = arguments[i];
        int response = argument[0] == '@';
        /* Handed on by the driver: declared, or made by this compile. Response
           files are in the action, as recc rewrites them. */
        if (strcmp(argument + response, name) == 0)
            return 1;
        /* clang opens them by their absolute names. */
        if (response && is_here(name, argument + 1))
            return 1;
    }
    return bsearch(&name, names, count, sizeof *names, compare) != NULL;
}

static void add_hidden(const char *name)
{
    const char *hidden = getenv("OBSERVE_HIDDEN");
    char line[8192];
    int size = snprintf(line, sizeof line, "%s\n", name);
    int mode = role;

    if (!hidden)
        return;
    role = IDLE;
    append(hidden, line, size < (int)sizeof line ? (size_t)size : sizeof line - 1);
    role = mode;
}

static int ends(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

/* Response files as recc rewrites them for the scan, under random names. */
#define RECC_TEMPORARY "/tmp/recc-rsp-"

static void opened(const char *name)
{
    if (link_step && temporary(name))
        return;
    if (role == SCAN || role == LINK_SCAN) {
        /* clang believes a precompiled header only where its headers have the very
           times that they had: not in another sandbox. */
        if (ends(name, ".gch") || ends(name, ".pch"))
            add_hidden(name);
        if (strncmp(name, RECC_TEMPORARY, sizeof RECC_TEMPORARY - 1) != 0)
            add(name);
        return;
    }
    if (known(name))
        return;
    add_hidden(name);
    if (role == REFUSE) {
        /* A signal makes LLVM's programs remove what they have begun to write. */
        if (strstr(program_invocation_short_name, "clang") || strstr(program_invocation_short_name, "lld"))
            raise(SIGTERM);
        _exit(1);
    }
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

/* What to open for writing in place of `name`: in a link scan, nothing that stays. */
static const char *written(const char *name)
{
    if (role != LINK_SCAN || !linker || temporary(name) || strncmp(name, "/dev/", 5) == 0)
        return name;
    role = IDLE; /* for the writing of the lists */
    list(getenv("OBSERVE_LINK_OUTPUTS"), ',', (char *const *)&name, 1);
    list(getenv("OBSERVE_INPUTS"), '\n', (char *const *)&name, 1);
    role = LINK_SCAN;
    return "/dev/null";
}

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
        fd = next(READS(flags) ? name : written(name), flags, mode);         \
        if (READS(flags) || link_step)                                       \
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
        fd = next(directory, READS(flags) ? name : written(name), flags, mode); \
        if (READS(flags) || link_step)                                       \
            check(name, fd);                                                 \
        return fd;                                                           \
    }

#define FOPEN(function)                                                      \
    FILE *function(const char *name, const char *mode)                       \
    {                                                                        \
        static FILE *(*next)(const char *, const char *);                    \
        FILE *file;                                                          \
        int reads = mode[0] == 'r' && !strchr(mode, '+');                    \
        if (!next)                                                           \
            next = (FILE * (*)(const char *, const char *))dlsym(RTLD_NEXT, #function); \
        file = next(reads ? name : written(name), mode);                     \
        if (file && (reads || link_step))                                    \
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

/* A link scan leaves what is there: output files of an earlier link. */
#define KEEP(function, parameters, arguments)                                \
    int function parameters                                                  \
    {                                                                        \
        static int (*next) parameters;                                       \
        if (role == LINK_SCAN && !temporary(name))                           \
            return 0;                                                        \
        if (!next)                                                           \
            next = (int (*) parameters)dlsym(RTLD_NEXT, #function);          \
        return next arguments;                                               \
    }

KEEP(unlink, (const char *name), (name))
KEEP(remove, (const char *name), (name))
KEEP(rename, (const char *name, const char *to), (name, to))
KEEP(chmod, (const char *name, mode_t mode), (name, mode))

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
    char program[4096];
    ssize_t size;
    int i;

    if (!mode || !inputs || strcmp(program_invocation_short_name, "recc") == 0)
        return;
    argument_count = argc;
    arguments = argv;
    link_step = strstr(mode, "link") != NULL;
    if (strcmp(mode, "link-scan") == 0) {
        if (strcmp(program_invocation_short_name, "lto-wrapper") == 0)
            _exit(0);
        /* It optimises inside itself, and writes its output where this scan cannot
           keep it from doing so. An empty name says that nothing was learnt. */
        if (strstr(program_invocation_short_name, "lld")) {
            append(getenv("OBSERVE_LINK_INPUTS"), ",,", 2);
            _exit(1);
        }
        linker = strstr(program_invocation_short_name, "ld") != NULL;
        /* -B and -fuse-ld choose programs that need not be the toolchain's. */
        size = readlink("/proc/self/exe", program, sizeof program - 1);
        if (size > 0) {
            program[size] = '\0';
            add(program);
        }
        role = LINK_SCAN;
        return;
    }
    for (i = 1; i < argc; i++)
        if (strcmp(argv[i], "-M") == 0 || strcmp(argv[i], "-MM") == 0) {
            /* The compiler closes its standard output before this library's end. */
            rule_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
            role = SCAN;
            return;
        }
    if (load(inputs))
        role = strncmp(mode, "refuse", 6) == 0 ? REFUSE : REPORT;
}

/* /lib/x is /usr/lib/x where /lib is a link: in an input root it would be a directory in its place. */
static char *below_root_link(char *name)
{
    char *rest = name[0] == '/' ? strchr(name + 1, '/') : NULL;
    char top[64], target[256], *resolved;
    ssize_t size;

    if (!rest || rest - name >= (ssize_t)sizeof top)
        return name;
    memcpy(top, name, rest - name);
    top[rest - name] = '\0';
    size = readlink(top, target, sizeof target);
    if (size <= 0 || size == sizeof target)
        return name;
    if (asprintf(&resolved, "/%.*s%s", (int)size, target + (target[0] == '/'), rest) < 0)
        abort();
    return resolved;
}

/* Write what was opened: for recc, as a rule or a list, and for the compile or link to come. */
__attribute__((destructor)) static void stop(void)
{
    int scan = role;
    size_t unique = 0;
    char *rule = NULL;
    size_t rule_size, i;
    FILE *rule_file;

    if ((scan != SCAN && scan != LINK_SCAN) || count == 0)
        return;
    role = IDLE;
    list(getenv("OBSERVE_INPUTS"), '\n', names, count);
    if (scan == LINK_SCAN) {
        qsort(names, count, sizeof *names, compare);
        for (i = 0; i < count; i++)
            if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
                names[unique++] = names[i];
        count = unique;
        for (i = 0; i < count; i++)
            names[i] = below_root_link(names[i]);
        list(getenv("OBSERVE_LINK_INPUTS"), ',', names, count);
        return;
    }
    rule_file = open_memstream(&rule, &rule_size);
    if (!rule_file)
        abort();
    fputs("opened:", rule_file);
    for (i = 0; i < count; i++) {
        const char *c;
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
    if (write(rule_fd, rule, rule_size) != (ssize_t)rule_size)
        abort();
}
