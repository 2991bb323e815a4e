/* Direct mode: looks up what is remembered of a command, and whether it still holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "direct.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "facts.h"
#include "files.h"
#include "keep.h"
#include "process.h"
#include "recc.h"

/* 'C.UTF-8' is in libc; of any other, files decide that libc opens inside itself. */
static bool is_plain_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LANG"};
    static const char *const plain[] = {"", "C", "POSIX", "C.UTF-8", "C.utf8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        bool known = !value;
        for (size_t j = 0; !known && j < sizeof plain / sizeof *plain; j++)
            known = strcmp(value, plain[j]) == 0;
        if (!known)
            return false;
    }
    return true;
}

bool is_direct(const struct run *run)
{
    const char *libraries = getenv("LD_LIBRARY_PATH");
    return run->manifest && !(libraries && *libraries) && is_plain_locale() && !isatty(2);
}

/* Where this command's entries are. Contents of its sources are part of the name: of conftest.c there are hundreds. */
char *entry_path(const struct run *run)
{
    char *text = NULL, digest[DIGEST_SIZE];
    size_t size;
    FILE *file = checked(open_memstream(&text, &size));
    /* The first: a version, of what is remembered and how. */
    fprintf(file, "%d %s\n%s\n%d %d\n", 2, run->compiler, run->directory, needs_jobserver(run), is_one_stream());
    write_command(file, run);
    for (size_t i = 0; i < run->plan.sources.count; i++)
        fprintf(file, "%s\n", digest_file(run->plan.sources.word[i], digest) ? digest : "");
    fclose(file);
    digest_bytes(text, size, digest);
    free(text);
    return format("%s/index/%.40s", run->manifest, digest);
}

/* All facts of one entry hold; its outputs go into `run`. `line` is the entry's text. */
static bool holds(struct run *run, char *text, struct words *objects)
{
    char *line;
    run->plan.outputs.count = objects->count = 0;
    while ((line = strsep(&text, "\n")) && *line && *line != 'E') {
        char *value = line + 2, *name = strchr(line, '\t');
        if (!name)
            return false;
        *name++ = '\0';
        if (line[0] == 'O') {
            add_word(&run->plan.outputs, name);
            add_word(objects, value);
        } else if (line[0] == 'M')
            add_word(objects, value);
        else if (!fact_holds(line[0], value, name)) {
            /* Of the newest entry, which is tried first. */
            if (!run->changed)
                run->changed = format("changed: %s%s", name, line[0] == 'a' ? " (new)" : "");
            return false;
        }
    }
    return objects->count == run->plan.outputs.count + 2; /* else its end is missing */
}

/* Whether a compile is given all that it would write; clang writes some by their whole paths. */
static bool has_outputs(const struct run *run, const struct words *planned)
{
    bool all = true;
    for (size_t i = 0; run->plan.kind == RUN_COMPILE && i < planned->count; i++) {
        char *whole = absolute(run, planned->word[i]);
        all = all && (among(&run->plan.outputs, planned->word[i]) || among(&run->plan.outputs, whole));
        free(whole);
    }
    return all;
}

/* To be freed. */
static char *content_path(const struct run *run, const char *object)
{
    return format("%s/objects/%.*s", run->manifest, (int)strcspn(object, " "), object);
}

struct answer_of {
    const struct run *run;
    const struct words *objects;
};

/* Write the outputs. What is there, is what the compiler would have replaced. */
static bool bring_all(const void *data)
{
    const struct run *run = ((const struct answer_of *)data)->run;
    const struct words *objects = ((const struct answer_of *)data)->objects;
    bool brought = true;
    for (size_t i = 0; brought && i < run->plan.outputs.count; i++) {
        char *from = content_path(run, objects->word[i]);
        brought = bring(from, run->plan.outputs.word[i], strchr(objects->word[i], '!') != NULL);
        free(from);
    }
    return brought;
}

/* Where the mean of what commands like this one cost is. */
static char *cost_path(const struct run *run)
{
    return format("%s/cost.%s", run->manifest, strstr(run->compiler, "++") ? "c++" : "c");
}

static long long typical_cost(const struct run *run)
{
    char *path = cost_path(run), *text = read_file(path, NULL);
    long long cost = text ? atoll(text) : 0;
    free(text);
    free(path);
    return cost;
}

static bool is_cheap(const struct run *run)
{
    const char *limit = getenv("BST_RECC_ASK_ABOVE");
    return run->plan.kind != RUN_COMPILE ||
           (run->cost >= 0 ? run->cost : typical_cost(run)) < (limit ? atoll(limit) : 300);
}

void learn_cost(const struct run *run)
{
    char *path = cost_path(run);
    long long known = typical_cost(run);
    FILE *file = run->plan.kind == RUN_COMPILE ? fopen(path, "we") : NULL;
    if (file) {
        fprintf(file, "%lld\n", known ? (3 * known + run->cost) / 4 : run->cost);
        fclose(file);
    }
    free(path);
}

static void check_objects(struct run *run, const struct words *objects)
{
    struct words hit = {0};
    for (size_t i = 0; run->check && i < objects->count; i++)
        add_word(&hit, content_path(run, objects->word[i]));
    check_hit(run, &hit, is_one_stream(), "manifest");
}

/* `messages`: the contents of its messages, which are still to be shown. */
static bool answer_directly(struct run *run, char ***messages)
{
    struct words objects = {0};
    struct words planned = run->plan.outputs;
    char *path = entry_path(run), *text = read_file(path, NULL), *entry = text;
    bool answered = false;

    run->plan.outputs = (struct words){0};
    run->cost = text && strncmp(text, "ask", 3) == 0 ? LLONG_MAX : -1;
    while (!answered && entry && strncmp(entry, "E ", 2) == 0) {
        char *next = strstr(entry, "\nE "), *facts = strchr(entry, '\n');
        struct verdict verdict = {0};
        run->cost = atoll(entry + 2);
        if (next)
            *next++ = '\0';
        answered = facts && holds(run, facts + 1, &objects) && has_outputs(run, &planned);
        if (answered)
            judge_outputs(&verdict, run);
        answered = answered && !verdict.why[0];
        if (answered) {
            check_objects(run, &objects);
            answered = do_whole(bring_all, &(struct answer_of){run, &objects});
        }
        entry = next;
    }
    if (answered)
        utimensat(AT_FDCWD, path, NULL, 0); /* used: the last to be dropped */
    free(text);
    free(path);
    *messages = objects.word + run->plan.outputs.count;
    run->plan.outputs = planned; /* in the order in which a miss names them */
    return answered;
}

void run_directly(struct run *run)
{
    char **messages;
    /* Until it is loaded. */
    close(lock_manifest(run->manifest, LOCK_SH));
    if (answer_directly(run, &messages)) {
        print(run, content_path(run, messages[0]), content_path(run, messages[1]));
        write_log(run, "hit", "manifest");
        if (run->own)
            leave(run, 0);
        exit(0);
    }
    make_directories(format("%s/index", run->manifest));
    make_directories(format("%s/objects", run->manifest));
    if (is_cheap(run))
        compile_directly(run);
}

void compile_directly(struct run *run)
{
    struct verdict verdict = {0};
    make_own(run);
    char *record = own_file(run, "record"), *out = own_file(run, "out");
    char *err = is_one_stream() ? out : own_file(run, "err");
    long long began = milliseconds();
    int status = compile(run, record, out, err);
    err = err == out ? "/dev/null" : err;
    print(run, out, err);
    if (status == 0) {
        run->cost = milliseconds() - began;
        remember(run, &verdict, record, out, err);
    } else if (run->plan.kind == RUN_OTHER)
        object_to(&verdict, run->plan.reason, "");
    if (verdict.why[0])
        end_uncached(run, verdict.why, verdict.detail, status);
    write_log(run, status == 0 ? "local" : "failed", status == 0 ? run->changed : NULL);
    leave(run, status);
}
