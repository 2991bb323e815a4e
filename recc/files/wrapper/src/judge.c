/* Judges from records whether a result may be cached: whether its key tells all that it depends on. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "staged.h"
#include "texts.h"

static int by_size(const void *a, const void *b)
{
    const struct entry *one = *(const struct entry *const *)a, *other = *(const struct entry *const *)b;
    return (one->size > other->size) - (one->size < other->size);
}

static bool same_content(const struct entry *one, const struct entry *other)
{
    size_t a_size, b_size;
    char *a = read_file(one->name, &a_size), *b = read_file(other->name, &b_size);
    bool same = a && b && a_size == b_size && memcmp(a, b, a_size) == 0;
    free(a);
    free(b);
    return same;
}

/* Where an input root has it; to be freed. */
static char *place(const char *name)
{
    char here[PATH_MAX] = "";
    return normal(name[0] == '/' ? checked(strdup(name)) : format("%s/%s", getcwd(here, sizeof here) ? here : "", name));
}

/* One file here, and two in an input root. */
static bool is_split(const struct entry *one, const struct entry *other)
{
    struct stat a, b;
    if (stat(one->name, &a) != 0 || stat(other->name, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return false;
    char *here = place(one->name), *there = place(other->name);
    bool split = strcmp(here, there) != 0;
    free(here);
    free(there);
    return split;
}

/*
 * Times are not in the key, and equal in another sandbox, where each name is a file of its own. '#pragma once'
 * tells files of equal content apart by them: gcc by their times, clang by whether they are one.
 */
static void judge_times(struct verdict *verdict, const struct plan *plan, const struct record *scan)
{
    const struct entry **inputs = checked(malloc((scan->count + 1) * sizeof *inputs));
    size_t count = 0, i, j;
    bool differ = false;

    for (i = 0; i < scan->count; i++)
        if (scan->entry[i].tag == 'R')
            inputs[count++] = &scan->entry[i];
    qsort(inputs, count, sizeof *inputs, by_size);
    for (i = 1; i < count; i++) {
        differ |= inputs[i]->mtime != inputs[0]->mtime;
        for (j = i; inputs[i]->size > 0 && j-- > 0 && inputs[j]->size == inputs[i]->size;)
            if (plan->clang ? is_split(inputs[i], inputs[j])
                            : inputs[i]->mtime != inputs[j]->mtime && same_content(inputs[i], inputs[j]))
                object_to(verdict, "times", inputs[i]->name);
    }
    free(inputs);
    if (differ && any_input(plan, scan, false, compares_times))
        object_to(verdict, "times", "#pragma GCC dependency");
}

bool may_say_time(const struct plan *plan, const struct record *scan)
{
    bool young = false, says = false;
    for (size_t i = 0; i < scan->count; i++)
        young |= scan->entry[i].tag == 'R' && scan->entry[i].mtime != STAGED;
    for (size_t i = 0; i < plan->all.count; i++)
        says |= says_time(plan->all.word[i]);
    return young && (says || any_input(plan, scan, true, says_time));
}

static void judge_unrecordable(struct verdict *verdict, const struct record *record)
{
    for (size_t i = 0; i < record->count; i++)
        if (record->entry[i].tag == 'X')
            object_as(verdict, record->entry[i].name);
}

/* Whether 'link/..' leads elsewhere than the text says: in an input root there are no such links. */
static bool climbs_out_of_link(const char *name)
{
    char path[4096];
    for (const char *up = name; (up = strstr(up, "/../")); up++) {
        struct stat status;
        snprintf(path, sizeof path, "%.*s", (int)(up - name), name);
        if (up > name && lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
            return true;
    }
    return false;
}

/* A device or what a link leads to it: no executor has it. */
static bool is_elsewhere(const char *name)
{
    char real[PATH_MAX];
    struct stat status;
    return !is_system(name) && lstat(name, &status) == 0 && S_ISLNK(status.st_mode) && realpath(name, real) &&
           (strncmp(real, "/dev/", 5) == 0 || strncmp(real, "/proc/", 6) == 0 || strncmp(real, "/sys/", 5) == 0);
}

void judge_scan(struct verdict *verdict, const struct plan *plan, const struct record *scan)
{
    char precompiled[4096];
    size_t i;

    judge_unrecordable(verdict, scan);
    for (i = 0; plan->scan.count > 0 && i < plan->sources.count; i++)
        if (!find_entry(scan, 'R', plan->sources.word[i]))
            object_to(verdict, "unobserved", plan->sources.word[i]);
    for (i = 0; i < scan->count; i++) {
        const char *name = scan->entry[i].name;
        /* The scan does without them. Never twice the same, and an executor without it gives other messages. */
        snprintf(precompiled, sizeof precompiled, "%s.gch", name);
        if (plan->kind == RUN_COMPILE && strchr("RA", scan->entry[i].tag) && access(precompiled, F_OK) == 0)
            object_to(verdict, "not-supported", precompiled);
        if (scan->entry[i].tag != 'R')
            continue;
        if (!is_text(name) || strpbrk(name, ",\\\n") || climbs_out_of_link(name))
            object_to(verdict, "name", name);
        if (is_elsewhere(name))
            object_to(verdict, "special-file", name);
    }
    if (plan->kind == RUN_COMPILE)
        judge_times(verdict, plan, scan);
    for (i = 0; i < plan->all.count; i++)
        if (assembles_files(plan->all.word[i]))
            object_to(verdict, "hidden-input", plan->all.word[i]);
    if (any_input(plan, scan, true, assembles_files))
        object_to(verdict, "hidden-input", "of the assembler");
}

void judge_compile(struct verdict *verdict, const struct plan *plan, const struct record *scan,
                   const struct record *compile, const struct words *programs)
{
    bool assembled = !plan->assembles;

    judge_unrecordable(verdict, compile);
    for (size_t i = 0; i < compile->count; i++) {
        const struct entry *entry = &compile->entry[i];
        const char *name = entry->name;
        size_t size = strlen(name);
        bool own = find_entry(compile, 'W', name) || find_entry(compile, 'T', name);

        if (entry->tag == 'R' && !own && !find_entry(scan, 'R', name) && !among(&plan->sources, name))
            object_to(verdict, "hidden-input", name);
        if (entry->tag == 'A' && !own && !find_entry(scan, 'A', name) && plan->kind == RUN_COMPILE)
            object_to(verdict, "messages", name);
        if (entry->tag == 'W' && !among(&plan->outputs, name) && access(name, F_OK) == 0)
            object_to(verdict, "other-output", name);
        if (entry->tag == 'P' && plan->kind == RUN_COMPILE) {
            assembled |= size >= 2 && strcmp(name + size - 2, "as") == 0;
            if (!among(programs, name))
                object_to(verdict, "program", name);
        }
    }
    if (plan->kind == RUN_COMPILE && !assembled)
        object_to(verdict, "unobserved", "as");
}
