/* Reads what the observing library has recorded, as evidence of all that a result depends on. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "facts.h"
#include "journal.h"
#include "texts.h"

void read_lines(const char *path, struct words *lines)
{
    char *text = read_file(path, NULL), *rest = text, *line;
    while (text && (line = strsep(&rest, "\n")) && rest)
        if (strlen(line) > 2)
            add_word(lines, line);
    free(text);
}

/* What a compiler starts, and nothing that decides by itself what it reads: scripts, say. */
static bool is_known_program(const char *path)
{
    static const char *const patterns[] = {"*gcc*", "*g++*", "*c++*", "*cc", "*clang*", "cc1", "cc1plus", "*as", "ld*", "*-ld*",
                                           "lld", "collect2", "lto1", "lto-wrapper", "*objcopy", "make"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (fnmatch(patterns[i], base(path), 0) == 0)
            return true;
    return false;
}

/* Every program that was started has answered, and each is one that is known. */
static void judge_programs(struct verdict *verdict, const struct words *lines)
{
    int started = 1, answered = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->word[i];
        started += (line[0] == 'E') - (line[0] == 'F');
        answered += line[0] == 'P';
        if (line[0] == 'P' && !is_known_program(line + 2))
            object_to(verdict, "program", line + 2);
        if (line[0] == 'X' || line[0] == 'Y')
            object_as(verdict, line + 2);
    }
    if (started != answered)
        object_to(verdict, "unobserved", "a program that it runs");
}

/* The name of a line's file. */
const char *name_of(const char *line)
{
    const char *name = line + 2, *tab;
    int skip = 0;
    if (line[0] == 'R')
        sscanf(line, "R %*d %*d %n", &skip), name = line + skip;
    if (line[0] == 'i')
        sscanf(line, "i %*u %n", &skip), name = line + skip;
    if ((line[0] == 'l' || line[0] == 'p') && (tab = strchr(name, '\t')))
        name = tab + 1;
    return name;
}

/* Files that the command itself has made; one that it read before it wrote it is lost. */
static void name_own(struct verdict *verdict, const struct words *lines, struct words *own)
{
    for (size_t i = 0; i < lines->count; i++) {
        const char *name = name_of(lines->word[i]);
        if (!strchr("WTM", lines->word[i][0]) || among(own, name))
            continue;
        for (size_t j = 0; j < i; j++)
            if (lines->word[j][0] == 'R' && strcmp(name_of(lines->word[j]), name) == 0)
                object_to(verdict, "hidden-input", name);
        add_word(own, name);
    }
    for (size_t i = 0; i < lines->count; i++)
        /* GMfifo: a jobserver of make's. */
        if (lines->word[i][0] == 'U' && !among(own, name_of(lines->word[i])) && !strstr(lines->word[i], "/GMfifo"))
            object_to(verdict, "other-output", name_of(lines->word[i]));
}

static void add_fact(struct words *facts, char tag, const char *name)
{
    const char *now = fact_now(tag, name);
    if (now) {
        char *fact = format("%c %s\t%s", tag, now, name);
        add_word(facts, fact);
        free(fact);
    }
}

/* Where the loader looks before it finds a library: what appears there would be loaded in its place. */
static void name_library_places(struct verdict *verdict, const struct words *lines, struct words *facts)
{
    static const char *const files[] = {"/etc/ld.so.cache", "/etc/ld.so.preload"};
    /* Directories that it prefers, in glibc of today and before 2.37. */
    static const char *const preferred[] = {"glibc-hwcaps", "tls", "haswell", "avx512_1", "x86_64", "aarch64", "atomics"};
    struct words places = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        add_fact(facts, access(files[i], F_OK) == 0 ? 'R' : 'a', files[i]);
    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->word[i];
        char *place = checked(strndup(line + 2, base(line) - line - 2));
        if (strchr("Br", line[0]) && !among(&places, place))
            add_word(&places, place);
        free(place);
    }
    for (size_t i = 0; i < places.count; i++)
        for (size_t j = 0; j < sizeof preferred / sizeof *preferred; j++) {
            char *name = format("%s%s", places.word[i], preferred[j]);
            add_fact(facts, 'a', name);
            if (access(name, F_OK) == 0)
                object_to(verdict, "program", name);
            free(name);
        }
    for (size_t i = 0; i < lines->count; i++)
        for (size_t j = 0; lines->word[i][0] == 'B' && j < places.count; j++) {
            char *name = format("%s%s", places.word[j], base(lines->word[i]));
            add_fact(facts, access(name, F_OK) == 0 ? 'R' : 'a', name);
            free(name);
        }
}

/* 'make', which runs the parts of a link, lists it; others put files there all the time. */
static bool is_temporary_directory(const struct words *lines, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < lines->count; i++)
        if (lines->word[i][0] == 'T' && strncmp(lines->word[i] + 2, name, length) == 0 &&
            base(lines->word[i]) == lines->word[i] + 2 + length + 1)
            return true;
    return false;
}

/* TAG VALUE<TAB>NAME of what was there before the command and is there still, each once, sorted. */
static void name_facts(struct verdict *verdict, const struct words *lines, const struct words *own, struct words *facts)
{
    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->word[i], *name = name_of(line), *now;
        char tag = strchr("PB", line[0]) ? 'R' : line[0] == 'A' ? 'a' : line[0];
        struct stat status;
        if (!strchr("Raslpd", tag) || among(own, name) || (tag == 'd' && is_temporary_directory(lines, name)))
            continue;
        if (strchr(name, '\t') || strchr(name, '\n'))
            object_to(verdict, "name", name);
        now = fact_now(tag, name);
        if (!now) {
            object_to(verdict, "times", name); /* it has changed meanwhile */
            continue;
        }
        if (line[0] == 'R') {
            long long mtime = 0, size = 0;
            sscanf(line, "R %lld %lld", &mtime, &size);
            if (stat(name, &status) != 0 || status.st_size != size ||
                (long long)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec != mtime)
                object_to(verdict, "times", name);
            if (asks_for_times(name) || holds_times(name))
                object_to(verdict, "times", name);
        } else if ((tag == 'l' || tag == 'p') && strncmp(line + 2, now, name - line - 3) != 0)
            object_to(verdict, "times", name);
        char *fact = format("%c %s\t%s", tag, now, name);
        add_word(facts, fact);
        free(fact);
    }
    name_library_places(verdict, lines, facts);
    sort_words(facts);
}

bool is_left(const struct words *lines, const char *name, const char *record, size_t since)
{
    struct stat status;
    unsigned long long inode = 0;
    bool renamed = false, gone = false;
    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->word[i];
        if (!strchr("WMTUi", line[0]) || strcmp(name_of(line), name) != 0)
            continue;
        if (line[0] == 'i')
            inode = strtoull(line + 2, NULL, 10);
        gone = line[0] == 'U';
        renamed = line[0] == 'M';
    }
    if (lstat(name, &status) != 0)
        return gone;
    return !gone && (renamed || inode == status.st_ino) && !was_shared(record, status.st_ino, since);
}

void judge_evidence(struct verdict *verdict, const struct words *lines, struct words *own, struct words *facts)
{
    judge_programs(verdict, lines);
    name_own(verdict, lines, own);
    name_facts(verdict, lines, own, facts);
}
