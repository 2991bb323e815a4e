/* What the texts of inputs say that no digest of theirs tells. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "texts.h"

/* Toolchain and system: never searched for directives, which only tell of messages. */
bool is_system(const char *name)
{
    return strncmp(name, "/usr/", 5) == 0;
}

/* '#line 3 "x"' or '# 3 "x"' at the beginning of a line. */
static bool has_line_directive(const char *text)
{
    for (const char *c = text; c && (c = strchr(c, '#')); c++) {
        const char *back = c, *next = c + 1;
        while (back > text && (back[-1] == ' ' || back[-1] == '\t'))
            back--;
        next += strspn(next, " \t");
        if ((back == text || back[-1] == '\n') && (isdigit((unsigned char)*next) || strncmp(next, "line", 4) == 0))
            return true;
    }
    return false;
}

static bool file_says(const char *name, bool (*says)(const char *text))
{
    char *text = read_file(name, NULL);
    bool found = text && says(text);
    free(text);
    return found;
}

/* A source, or what the scan has read; `system`: toolchain and system as well. */
bool any_input(const struct plan *plan, const struct record *scan, bool system, bool (*says)(const char *text))
{
    for (size_t i = 0; i < plan->sources.count; i++)
        if (file_says(plan->sources.word[i], says))
            return true;
    for (size_t i = 0; i < scan->count; i++) {
        const struct entry *entry = &scan->entry[i];
        if (entry->tag == 'R' && (system || !is_system(entry->name)) && file_says(entry->name, says))
            return true;
    }
    return false;
}

bool quotes_others(const struct plan *plan, const struct record *scan)
{
    return any_input(plan, scan, false, has_line_directive);
}

/* '#pragma GCC dependency' compares the times of two files. */
bool compares_times(const char *text)
{
    return strstr(text, "GCC dependency") != NULL;
}

bool holds_times(const char *name)
{
    char begin[4] = "";
    FILE *file = fopen(name, "re");
    bool found = file && fread(begin, sizeof begin, 1, file) == 1 && memcmp(begin, "CPCH", sizeof begin) == 0;
    if (file)
        fclose(file);
    return found;
}

bool asks_for_times(const char *name)
{
    return !is_system(name) && file_says(name, compares_times);
}

/* __TIMESTAMP__, or, with what texts before have said, pieces that '##' can make it of. */
bool says_time(const char *text)
{
    static const char name[] = "__TIMESTAMP__";
    enum { LENGTH = sizeof name - 1, SHORTEST = 3 };
    static bool seen[LENGTH][LENGTH + 1]; /* the piece that begins there and is so long */
    bool reached[LENGTH + 1] = {true};
    size_t length;
    for (; *text; text += length ? length : 1) {
        for (length = 0; isalnum((unsigned char)text[length]) || text[length] == '_'; length++)
            ;
        for (size_t begin = 0; length >= SHORTEST && begin + length <= LENGTH; begin++)
            if (text[0] == name[begin] && memcmp(text, name + begin, length) == 0)
                seen[begin][length] = true;
    }
    for (size_t begin = 0; begin < LENGTH; begin++)
        for (size_t end = begin + 1; reached[begin] && end <= LENGTH; end++)
            reached[end] |= seen[begin][end - begin] || (end - begin < SHORTEST && strspn(name + begin, "_") >= end - begin);
    return reached[LENGTH];
}

/* What the assembler reads: an executor's /dev and /proc answer as well, with something else. */
bool assembles_files(const char *text)
{
    for (const char *at = text; (at = strstr(at, ".inc")); at++) {
        const char *name = at + 4 + (strncmp(at + 4, "lude", 4) == 0 ? 4 : 0);
        if (strncmp(at + 4, "bin", 3) == 0 || (name > at + 4 && name[strspn(name, " \t\\")] == '"'))
            return true;
    }
    return false;
}
