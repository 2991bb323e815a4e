/* Compares what was compiled here with what the toolchain's own sandbox, or the cache, gave. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "files.h"
#include "journal.h"
#include "process.h"

static bool same_files(const char *one, const char *other)
{
    size_t a_size, b_size;
    char *a = read_file(one, &a_size), *b = read_file(other, &b_size);
    bool same = a && b ? a_size == b_size && memcmp(a, b, a_size) == 0 : a == b;
    free(a);
    free(b);
    return same;
}

void name_result(const struct run *run, struct words *result)
{
    for (size_t i = 0; i < run->plan.outputs.count; i++)
        add_word(result, mirrored(run, run->plan.outputs.word[i]));
    add_word(result, own_file(run, "out"));
    add_word(result, own_file(run, "err"));
}

bool compare_results(const struct run *run, const struct words *there, const char *path, const char *out, const char *err)
{
    FILE *file = checked(fopen(path, "we"));
    char *const *name = run->plan.outputs.word, *const *messages = there->word + run->plan.outputs.count;
    bool same = true;
    for (size_t i = 0; i < run->plan.outputs.count; i++)
        if (!same_files(name[i], there->word[i])) {
            fprintf(file, "recc: '%s' differs\n", name[i]);
            same = false;
        }
    if (!same_files(out, messages[0]) || !same_files(err, messages[1])) {
        fprintf(file, "recc: the messages differ:\n%s%s", read_file(messages[0], NULL), read_file(messages[1], NULL));
        same = false;
    }
    fclose(file);
    return same;
}

static bool is_chosen(const struct run *run, const struct words *hit)
{
    unsigned number;
    if (!run->check || getrandom(&number, sizeof number, 0) != sizeof number || number % run->check != 0)
        return false;
    for (size_t i = 0; i < hit->count; i++)
        if (access(hit->word[i], R_OK) != 0)
            return false; /* what lacks a file is no hit */
    return true;
}

/* Compile, in place, and compare with the result `there`, and with the wait status that it has. */
static bool compiles_alike(const struct run *run, const char *name, const struct words *there, bool one_stream, int *status)
{
    char *record = own_file(run, "record"), *difference = format("%s/%s", run->own, name);
    char *out = format("%s-out", difference), *err = one_stream ? out : format("%s-err", difference);
    int expected = *status;
    /* Where commands are remembered, the others must see what this one writes. */
    *status = run_child(&(struct child){.program = run->compiler, .command = run->plan.all.word, .out = out, .err = err,
                                        .observe = journal ? record : NULL, .idle = true});
    return compare_results(run, there, difference, out, one_stream ? "/dev/null" : err) && *status == expected;
}

static const char *judge_hit(const struct run *run, const struct words *hit, bool one_stream)
{
    struct words first = {0};
    int status = 0;
    if (compiles_alike(run, "first", hit, one_stream, &status))
        return "same";
    for (size_t i = 0; i < run->plan.outputs.count; i++) {
        add_word(&first, format("%s/first.%zu", run->own, i));
        if (access(run->plan.outputs.word[i], F_OK) == 0 && !bring(run->plan.outputs.word[i], first.word[i], true))
            return "differs";
    }
    add_word(&first, own_file(run, "first-out"));
    add_word(&first, one_stream ? "/dev/null" : own_file(run, "first-err"));
    return compiles_alike(run, "second", &first, one_stream, &status) ? "differs" : "varies";
}

void check_hit(struct run *run, const struct words *hit, bool one_stream, const char *origin)
{
    static const char remedies[] =
        "  1. Toolchain overlapped: another build dependency replaces or adds files in the compiler's directories.\n"
        "     Run bst-recc doctor with the name of this element.\n"
        "  2. Wrong result in the cache: somebody else could write to it, or this is a bug of recc's. Empty the action\n"
        "     cache and delete what was built from it: docs/trust.md, 'Malice', has the commands.\n"
        "  3. Compile not deterministic, although two of them gave the same: build it with recc_mode verify.\n";
    long long began = milliseconds();
    if (!is_chosen(run, hit))
        return;
    make_own(run);
    const char *found = judge_hit(run, hit, one_stream);
    struct run check = *run;
    check.plan.kind = RUN_CHECK;
    check.started = began;
    write_log(&check, found, origin);
    run->started += milliseconds() - began; /* no part of the hit */
    if (strcmp(found, "differs") == 0)
        fail(run, NULL, format("differs from its hit in the cache (%s)", origin), own_file(run, "first"), remedies);
}
