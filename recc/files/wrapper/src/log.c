/* Writes what became of each command: for the summary, and into the build's own log as it happens. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

enum { WIDTH = 1000, DETAIL = 200 };

long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool make_directories(char *path)
{
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return false;
    }
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

/* One write, so that parallel commands do not mix. */
static void append(const struct run *run, const char *name, const char *line)
{
    char *path = format("%s/%s", run->logs, name);
    /* 'build-log' leads to the session's own output, if there is a session. */
    int flags = strcmp(name, "log") == 0 ? O_CREAT : 0;
    int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | flags, 0666);
    if (fd >= 0) {
        if (write(fd, line, strlen(line)) < 0)
            (void)0; /* a log that is full or gone must not fail a compile */
        close(fd);
    }
    free(path);
}

/* As one line of no more than `width` bytes, cut at a character. */
static void flatten(char *text, size_t width)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = '?';
    if (strlen(text) > width) {
        size_t end = width - 3;
        while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
            end--;
        strcpy(text + end, "...");
    }
}

/* The command with names from the working directory on, which are shorter; all of it where it is no compile. */
static char *short_text(const struct run *run, const char *word)
{
    struct plan plan = {.all = run->plan.all};
    if (strcmp(word, "no-compile") == 0)
        return plan_text(&plan);
    for (size_t i = 0; i < run->plan.sources.count; i++)
        add_word(&plan.sources, relative(run, run->plan.sources.word[i]));
    for (size_t i = 0; i < run->plan.outputs.count; i++)
        add_word(&plan.outputs, relative(run, run->plan.outputs.word[i]));
    return plan_text(&plan);
}

void write_log(const struct run *run, const char *word, const char *detail)
{
    static const char *const kinds[] = {"alone", "compile", "link", "other", "check"};
    const char *kind = kinds[run->plan.kind];
    long long ms = milliseconds() - run->started;
    char *text = short_text(run, word), *shown = checked(strdup(detail && *detail ? detail : "-")), *line;
    char *directory = checked(strdup(run->directory));

    flatten(text, WIDTH);
    flatten(shown, DETAIL);
    flatten(directory, strlen(directory));
    line = format("%s\t%s\t%s\t%lld\t%s\t%s\n", kind, word, shown, ms, directory, text);
    append(run, "log", line);
    free(line);
    if (run->plan.kind == RUN_COMPILE || run->plan.kind == RUN_LINK) {
        line = format("recc: %s %s %s %lld ms in %s: %s", kind, word, shown, ms, directory, text);
        flatten(line, WIDTH);
        char *whole = format("%s\n", line);
        append(run, "build-log", whole);
        free(whole);
        free(line);
    }
    free(directory);
    free(shown);
    free(text);
}
