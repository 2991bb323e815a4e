/* Direct mode: turns what was observed of a command into an entry of what is remembered. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "direct.h"
#include "evidence.h"
#include "facts.h"
#include "files.h"
#include "keep.h"
#include "texts.h"

enum { ENTRIES = 8 /* for one command and its sources, the newest first */ };

static bool is_empty(const char *name)
{
    struct stat status;
    return stat(name, &status) == 0 && status.st_size == 0;
}

static int by_age(const void *one, const void *other)
{
    const char *const *a = one, *const *b = other;
    char related = relation(strchr(*a, '\t') + 1, strchr(*b, '\t') + 1);
    return related == 'i' ? 0 : related == 'o' ? -1 : related == 't' ? strcmp(*a, *b) : 1;
}

/* Print each fact once; of files with the same content, what '#pragma once' looks at: which is older, and which are one. */
static void write_facts(struct verdict *verdict, FILE *file, const struct words *facts)
{
    size_t next;
    for (size_t i = 0; i < facts->count; i = next) {
        const char *name = strchr(facts->word[i], '\t') + 1;
        size_t group = name - facts->word[i];
        for (next = i; next < facts->count && strncmp(facts->word[i], facts->word[next], group) == 0; next++)
            if (next == i || strcmp(facts->word[next - 1], facts->word[next]) != 0)
                fprintf(file, "%s\n", facts->word[next]);
        if (facts->word[i][0] != 'R' || is_empty(name))
            continue;
        qsort(facts->word + i, next - i, sizeof *facts->word, by_age);
        for (size_t j = i + 1; j < next; j++) {
            const char *older = strchr(facts->word[j - 1], '\t') + 1;
            char related = relation(older, name = strchr(facts->word[j], '\t') + 1);
            if (!related)
                object_to(verdict, "times", name);
            if (strcmp(older, name) != 0)
                fprintf(file, "%c %s\t%s\n", related, older, name);
        }
    }
}

/* So much is new; it is in memory, and must not fill that. */
static long long count_new(const struct run *run, long long more)
{
    char *path = format("%s/size", run->manifest), text[32] = "";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    long long sum = more;
    if (fd >= 0 && flock(fd, LOCK_EX) == 0 && pread(fd, text, sizeof text - 1, 0) >= 0) {
        sum += atoll(text);
        snprintf(text, sizeof text, "%lld\n", sum);
        if (pwrite(fd, text, strlen(text), 0) < 0)
            sum = LLONG_MAX;
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return sum;
}

/* Keep a file's content under the digest of what was copied. */
static bool keep(const struct run *run, const char *path, bool executable, char digest[DIGEST_SIZE])
{
    char *making = format("%s/objects/.%d", run->manifest, (int)getpid()), *to = NULL;
    int fd = open(making, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, executable ? 0777 : 0666);
    bool kept = fd >= 0 && copy(path, fd);
    kept = fd >= 0 && close(fd) == 0 && kept && digest_file(making, digest);
    if (kept) {
        struct stat status;
        to = format("%s/objects/%s%s", run->manifest, digest, executable ? "x" : "");
        if (stat(making, &status) == 0 && access(to, F_OK) != 0)
            count_new(run, status.st_size);
        kept = rename(making, to) == 0;
    }
    free(to);
    free(making);
    return kept;
}

/* What it has written and is there; '!': made anew, by a program that removes or replaces what is in the way. */
static void write_outputs(struct verdict *verdict, FILE *file, const struct run *run, const char *record,
                          const struct words *lines, const struct words *own)
{
    char digest[DIGEST_SIZE];
    for (size_t i = 0; i < own->count; i++) {
        const char *name = own->word[i];
        struct stat status;
        bool removed = false;
        bool there = lstat(name, &status) == 0, executable = there && status.st_mode & 0111;
        bool kept = there && S_ISREG(status.st_mode) && keep(run, name, executable, digest);
        /* Only now: while it was copied, another command may have begun to write it. */
        if (!is_left(lines, name, record, run->journal))
            object_to(verdict, "output", name);
        if (!there)
            continue;
        for (size_t j = 0; j < lines->count; j++)
            removed |= strchr("UM", lines->word[j][0]) && strcmp(name_of(lines->word[j]), name) == 0;
        if (holds_times(name))
            object_to(verdict, "times", name);
        if (!kept)
            object_to(verdict, "output", name);
        else
            fprintf(file, "O %s%s%s\t%s\n", digest, executable ? "x" : "", removed ? " !" : "", name);
    }
}

/* Put an entry before those that are there. */
static void add_entry(const struct run *run, const char *entry)
{
    char *path = entry_path(run), *old = read_file(path, NULL), *making = format("%s.%d", path, (int)getpid()), *end = old;
    char *news = format("%s/new", run->manifest);
    if (old && strncmp(old, "E ", 2) != 0)
        old[0] = '\0';
    for (int i = 1; end && i < ENTRIES; i++)
        end = strstr(end + 1, "\nE ");
    if (end && end != old)
        end[1] = '\0';
    FILE *file = fopen(making, "we");
    if (file) {
        fprintf(file, "%s%s", entry, old ? old : "");
        if (fclose(file) == 0 && rename(making, path) == 0)
            fclose(checked(fopen(news, "we")));
    }
    free(news);
    free(making);
    free(path);
    free(old);
}

void remember(struct run *run, struct verdict *verdict, const char *record, const char *out, const char *err)
{
    struct words lines = {0}, own = {0}, facts = {0};
    char *entry = NULL, digest[DIGEST_SIZE];
    size_t size;
    FILE *file;

    learn_cost(run);
    if (count_new(run, 0) >= manifest_size()) {
        add_entry(run, "ask\n");
        return;
    }
    read_lines(record, &lines);
    judge_evidence(verdict, &lines, &own, &facts);
    file = checked(open_memstream(&entry, &size));
    fprintf(file, "E %lld\n", run->cost);
    write_facts(verdict, file, &facts);
    if (!verdict->why[0])
        write_outputs(verdict, file, run, record, &lines, &own);
    fprintf(file, "M %s\t-\n", keep(run, out, false, digest) ? digest : "");
    fprintf(file, "M %s\t-\n", keep(run, err, false, digest) ? digest : "");
    fclose(file);
    /* What cannot be remembered is recc's the next time. */
    add_entry(run, verdict->why[0] ? "ask\n" : entry);
    free(entry);
}
