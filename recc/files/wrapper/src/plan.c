/* Decides what a command line of a compiler would do. What is not known runs alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "options.h"

/* What configure scripts compile to probe the system has contents that never come again; from RANDOM on, random names. */
static const char *const probes[] = {
    "conft*st*.*", "*/CMakeFiles/_CMake*", "*/CMakeFiles/*/CompilerId*", "*/Modules/CMake*CompilerABI.*",
    "/tmp/cg*/dummy.*", "*/CMakeFiles/CMakeScratch/*", "meson-private/*", "*/meson-private/*",
};
enum { RANDOM = 4 };

static bool is_probe(const struct plan *plan, const char *directory, size_t first)
{
    char inside[4096];
    size_t i, j;
    snprintf(inside, sizeof inside, "%s/", directory);
    for (i = first; i < sizeof probes / sizeof *probes; i++) {
        if (probes[i][0] == '*' && fnmatch(probes[i], inside, 0) == 0)
            return true;
        for (j = 0; j < plan->sources.count; j++) {
            const char *source = plan->sources.word[j];
            if (fnmatch(probes[i], strchr(probes[i], '/') ? source : base(source), 0) == 0)
                return true;
        }
    }
    return false;
}

static const char *excluded(const struct plan *plan, const char *patterns)
{
    char *list = checked(strdup(patterns)), *rest = list, *pattern;
    const char *found = NULL;
    while (!found && (pattern = strtok_r(rest, " \t\n", &rest))) {
        char below[4096];
        size_t i;
        snprintf(below, sizeof below, "*/%s", pattern);
        for (i = 0; i < plan->sources.count; i++) {
            const char *source = plan->sources.word[i];
            if (fnmatch(pattern, source, 0) == 0 || fnmatch(below, source, 0) == 0)
                found = source;
        }
    }
    free(list);
    return found;
}

static void add_output(struct plan *plan, const char *name, const char *suffix)
{
    const char *dot = strrchr(base(name), '.');
    char path[4096];
    size_t stem = dot && dot != base(name) ? (size_t)(dot - name) : strlen(name);
    snprintf(path, sizeof path, "%.*s%s", (int)stem, name, suffix);
    add_word(&plan->outputs, path);
}

static bool is_hidden(const char *name)
{
    return strrchr(base(name), '.') == base(name);
}

/* What writes more, or less, than the names below. */
static void judge_names(struct seen *seen)
{
    bool beside = seen->depends || seen->notes || seen->split;

    if ((seen->output && strcmp(seen->output, "-") == 0) || (seen->depfile && strcmp(seen->depfile, "-") == 0))
        refuse(seen, "output", "standard output");
    if (seen->plan->sources.count > 1 && (seen->output || seen->depfile))
        refuse(seen, "other-output", seen->output ? "-o" : "-MF");
    if (seen->depfile && !seen->depends)
        refuse(seen, "other-output", "-MF");
    if (seen->assembly && seen->split)
        refuse(seen, "other-output", "-gsplit-dwarf");
    /* clang leaves the file out where it has no use for it. */
    if (seen->plan->clang && seen->split && (!seen->debug || seen->lto || seen->unprocessed || seen->assembled))
        refuse(seen, "other-output", "-gsplit-dwarf");
    /* recc takes the name of clang's file away. */
    if (seen->plan->clang && seen->handed_on)
        refuse(seen, "other-output", "-Wp,-MD");
    if (seen->assembly && seen->assembled)
        refuse(seen, "other-output", "-S");
    /* '.foo' is a name to one, and a suffix to another. */
    if (seen->output && is_hidden(seen->output) && beside)
        refuse(seen, "other-output", "-o");
    if (seen->depends && seen->preprocessed && seen->unprocessed)
        refuse(seen, "other-output", "-MD");
    if (seen->notes && seen->compiled && seen->assembled)
        refuse(seen, "other-output", "--coverage");
    seen->depends &= seen->preprocessed;
    seen->notes &= seen->compiled;
}

/* The files that a compile writes, by the rules of gcc's manual ('-o', '-MD', '-dumpbase') and clang's. */
static void name_outputs(struct seen *seen)
{
    struct plan *plan = seen->plan;
    size_t i;

    if (seen->output)
        add_word(&plan->outputs, seen->output);
    else
        for (i = 0; i < plan->sources.count; i++)
            add_output(plan, base(plan->sources.word[i]), seen->assembly ? ".s" : ".o");
    for (i = 0; i < plan->sources.count; i++) {
        const char *named = seen->output ? seen->output : base(plan->sources.word[i]);
        if (seen->depends && seen->depfile)
            add_word(&plan->outputs, seen->depfile);
        else if (seen->depends)
            add_output(plan, named, ".d");
        if (seen->notes)
            add_output(plan, named, ".gcno");
        if (seen->split)
            add_output(plan, named, ".dwo");
    }
    /* What was read would be gone when it is compiled again. */
    for (i = 0; i < plan->outputs.count * plan->sources.count; i++)
        if (strcmp(plan->outputs.word[i % plan->outputs.count], plan->sources.word[i / plan->outputs.count]) == 0)
            refuse(seen, "other-output", plan->sources.word[i / plan->outputs.count]);
}

/* More than the system takes on one command line; response files hold any number of words. */
static bool is_too_long(const struct words *words)
{
    size_t sum = 0, i;
    for (i = 0; i < words->count; i++) {
        size_t size = strlen(words->word[i]) + 1;
        sum += size + sizeof words->word[i];
        if (size >= 128 * 1024 || sum > 1024 * 1024)
            return true;
    }
    return false;
}

void plan_command(struct plan *plan, char *const command[], char *const environment[], const struct settings *settings)
{
    struct seen seen = {.plan = plan};
    struct expansion expansion = {0};
    const char *variable, *source;
    bool clock = true;
    size_t i;

    plan->clang = settings->clang;
    add_word(&plan->all, command[0]);
    for (i = 1; command[i]; i++)
        expand(command[i], &plan->all, &expansion);
    if (expansion.why)
        refuse(&seen, expansion.why, expansion.word);
    if (expansion.files > 0 && is_too_long(&plan->all))
        refuse(&seen, "not-supported", "response files too long for a command line");
    look_at_words(&seen);
    if (seen.compile) {
        judge_names(&seen);
        name_outputs(&seen);
    }
    if (!seen.preprocessed)
        plan->scan.count = 0;
    plan->assembles = seen.compile && !seen.assembly && !plan->clang;

    for (i = 0; environment[i]; i++)
        if (starts(environment[i], "SOURCE_DATE_EPOCH=") && environment[i][18])
            clock = false;
    variable = dangerous_variable(environment, !seen.compile);
    source = excluded(plan, settings->exclude);
    plan->reason = seen.why;
    plan->detail = seen.blamed;
    if (seen.prints || (!seen.compile && (plan->sources.count > 0 || !seen.linked)))
        plan->reason = "no-compile", plan->detail = NULL;
    else if (seen.compile && (plan->sources.count == 0 || seen.linked))
        plan->reason = "no-compile", plan->detail = NULL;
    else if (is_probe(plan, settings->directory, 0))
        plan->reason = "probe", plan->detail = NULL;
    else if (source)
        plan->reason = "excluded", plan->detail = source;
    else if (!seen.compile && strcmp(settings->links, "all") != 0 &&
             (strcmp(settings->links, "lto") != 0 || !seen.lto))
        plan->reason = "link", plan->detail = NULL;
    else if (!seen.compile && seen.lto && plan->clang)
        plan->reason = "link", plan->detail = NULL; /* its linkers optimise inside themselves */
    else if (!plan->reason && variable)
        plan->reason = "environment", plan->detail = variable;
    else if (!plan->reason && clock)
        plan->reason = "clock"; /* __DATE__ and __TIME__ would be those of the compile */
    plan->kind = plan->reason ? RUN_ALONE : seen.compile ? RUN_COMPILE : RUN_LINK;
    /* Reasons for which recc cannot have it; kbuild tries options on /dev/null. */
    plan->observable = !source && !clock && !dangerous_variable(environment, true) &&
                       !is_probe(plan, settings->directory, RANDOM) &&
                       (strcmp(settings->links, "none") != 0 || seen.compile || !seen.linked) &&
                       (!seen.why || seen.header ||
                        strcmp(seen.why, "other-output") == 0 || strcmp(seen.why, "output") == 0 ||
                        (strcmp(seen.why, "special-file") == 0 && strcmp(seen.blamed, "/dev/null") == 0));
}

static void print_word(FILE *file, const char *word)
{
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-=@%^:,";
    if (*word && strspn(word, plain) == strlen(word)) {
        fprintf(file, " %s", word);
        return;
    }
    fputs(" '", file);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", file);
        else
            putc((unsigned char)*word < ' ' ? '?' : *word, file);
    putc('\'', file);
}

char *plan_text(const struct plan *plan)
{
    char *text = NULL;
    size_t size, i;
    FILE *file = checked(open_memstream(&text, &size));

    fputs(base(plan->all.word[0]), file);
    if (plan->sources.count > 0 || plan->outputs.count > 0) {
        if (plan->outputs.count > 0) {
            fputs(" -o", file);
            print_word(file, plan->outputs.word[0]);
        }
        if (plan->sources.count > 0)
            fputs(" -c", file);
        for (i = 0; i < plan->sources.count; i++)
            print_word(file, plan->sources.word[i]);
    } else
        for (i = 1; i < plan->all.count; i++)
            print_word(file, plan->all.word[i]);
    fclose(file);
    return text;
}
