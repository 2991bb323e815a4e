/* Preloaded into a link before observe.c: lets the linker name its inputs and outputs, and write nothing. */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A link has no dependency scan: which libraries a linker takes, only itself can say.
 * So it runs once for its record alone. What it would write goes to /dev/null; the
 * record gets 'O NAME' for it. Link-time optimisation is left out: it takes the time.
 */

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interpose.h"

static bool linker;

static void append(const char *line)
{
    int fd = open(getenv("OBSERVE"), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        abort();
    close(fd);
}

/* Whether a process of this link has made it as a temporary file. */
static bool temporary(const char *name)
{
    char line[4500];
    int fd = open(getenv("OBSERVE"), O_RDONLY | O_CLOEXEC);
    int size = snprintf(line, sizeof line, "T %s\n", name);
    struct stat status;
    bool found = false;

    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
        char *text = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (text != MAP_FAILED) {
            found = memmem(text, status.st_size, line, size) != NULL;
            munmap(text, status.st_size);
        }
    }
    close(fd);
    return found;
}

static const char *before(const char *name, bool writes)
{
    char line[4500];
    if (!linker || !writes || strncmp(name, "/dev/", 5) == 0 || strcmp(name, getenv("OBSERVE")) == 0 || temporary(name))
        return name;
    snprintf(line, sizeof line, "O %s\n", name);
    append(line);
    return "/dev/null";
}

static void after(int directory, const char *name, int fd, bool writes)
{
    (void)directory, (void)name, (void)fd, (void)writes;
}

/* What an earlier link has made stays. */
#define KEEP(function, parameters, arguments)                                                            \
    int function parameters                                                                              \
    {                                                                                                    \
        NEXT(int, function, parameters);                                                                 \
        return temporary(name) ? next arguments : 0;                                                     \
    }
KEEP(unlink, (const char *name), (name))
KEEP(remove, (const char *name), (name))
KEEP(rename, (const char *name, const char *to), (name, to))
KEEP(chmod, (const char *name, mode_t mode), (name, mode))

__attribute__((constructor)) static void start(void)
{
    if (strcmp(program_invocation_short_name, "lto-wrapper") == 0)
        _exit(0);
    /* lld optimises inside itself, and writes where this cannot keep it from it. */
    if (strstr(program_invocation_short_name, "lld")) {
        append("X link lld\n");
        _exit(1);
    }
    linker = strstr(program_invocation_short_name, "ld") != NULL;
}
