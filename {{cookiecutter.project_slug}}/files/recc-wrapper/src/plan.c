/* Decides what a command line of a compiler would do. What is not known runs alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

/* What the words of one command have said so far. */
struct seen {
    struct plan *plan;
    const char *why, *blamed; /* the first word that must run alone */
    const char *language;     /* -x */
    const char *output, *depfile;
    bool compile, assembly, depends, notes, split, lto, prints, linked, preprocessed;
};

static void refuse(struct seen *seen, const char *why, const char *blamed)
{
    if (!seen->why) {
        seen->why = why;
        seen->blamed = blamed;
    }
}

static bool starts(const char *word, const char *with)
{
    return strncmp(word, with, strlen(with)) == 0;
}

static bool is_one_of(const char *word, const char *list)
{
    const char *found = list;
    size_t size = strlen(word);
    while ((found = strstr(found, word))) {
        if (size > 0 && (found == list || found[-1] == ' ') && (found[size] == ' ' || found[size] == '\0'))
            return true;
        found++;
    }
    return false;
}

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A file that a word names for reading: standard input and devices cannot be read twice. */
static void look_at_input(struct seen *seen, const char *name)
{
    if (strcmp(name, "-") == 0 || starts(name, "/dev/std") || starts(name, "/dev/fd/") || starts(name, "/proc/"))
        refuse(seen, "standard-input", name);
    else if (starts(name, "/dev/"))
        refuse(seen, "special-file", name);
}

static void look_at_file(struct seen *seen, const char *word)
{
    const char *suffix = strrchr(base(word), '.');
    const char *language = seen->language;

    if (!language) {
        if (!suffix)
            suffix = "";
        if (is_one_of(suffix, ".o .lo .a .so .obj") || strstr(base(word), ".so.")) {
            seen->linked = true;
            return;
        }
        if (is_one_of(suffix, ".c .cc .cp .cxx .cpp .CPP .c++ .C .S .sx"))
            language = "c";
        else if (is_one_of(suffix, ".i .ii .s"))
            language = "assembler";
        else if (is_one_of(suffix, ".h .hh .H .hp .hxx .hpp .HPP .h++ .tcc"))
            language = "c-header";
        else
            language = "";
    }
    look_at_input(seen, word);
    if (strstr(language, "header"))
        refuse(seen, "not-supported", word);
    else if (is_one_of(language, "c c++ assembler-with-cpp"))
        seen->preprocessed = true;
    else if (!is_one_of(language, "cpp-output c++-cpp-output assembler"))
        refuse(seen, "unknown-file", word);
    add_word(&seen->plan->sources, word);
}

/* Options handed on to the assembler, or to the preprocessor, after a comma each. */
static void look_at_pieces(struct seen *seen, const char *prefix, const char *pieces, const char *word)
{
    char piece[256];
    while (*pieces) {
        size_t size = strcspn(pieces, ",");
        const struct option *option = NULL;
        if (size > 0 && strlen(prefix) + size < sizeof piece) {
            snprintf(piece, sizeof piece, "%s%.*s", prefix, (int)size, pieces);
            option = find_option(piece);
        }
        if (!option || option->effect != OBJECT || option->how == SEPARATE)
            refuse(seen, "unknown-option", word);
        pieces += size + (pieces[size] == ',');
    }
}

/* An option of those that the plan depends on; `argument`: the rest of the word, or the next one. */
static void look_at_special(struct seen *seen, const struct option *option, const char *word, const char *argument)
{
    const char *name = option->name;
    if (strcmp(name, "-c") == 0)
        seen->compile = true;
    else if (strcmp(name, "-S") == 0)
        seen->compile = seen->assembly = true;
    else if (strcmp(name, "-x") == 0)
        seen->language = strcmp(argument, "none") == 0 ? NULL : argument;
    else if (is_one_of(name, "-MD -MMD"))
        seen->depends = true;
    else if (strcmp(name, "-MF") == 0)
        seen->depfile = argument;
    else if (is_one_of(name, "-flto -flto="))
        seen->lto = true;
    else if (strcmp(name, "-fno-lto") == 0)
        seen->lto = false;
    else if (strcmp(name, "-gsplit-dwarf") == 0)
        seen->split = true;
    else if (is_one_of(name, "--coverage -coverage -ftest-coverage"))
        seen->notes = true;
    else if (strcmp(name, "-Wa,") == 0)
        look_at_pieces(seen, "-Wa,", argument, word);
    else if (strcmp(name, "-Xassembler") == 0)
        look_at_pieces(seen, "-Wa,", argument, argument);
    else if (strcmp(name, "-Wp,") == 0)
        look_at_pieces(seen, "", argument, word);
    else if (!is_one_of(name, "-MP -MT -MQ"))
        refuse(seen, "unknown-option", word);
}

/* Whether the scan does without it: outputs, and what asks for them. */
static bool scan_leaves_out(const struct option *option)
{
    return option->effect == OUTPUT || is_one_of(option->name, "-c -S -MD -MMD -MP -MF -MT -MQ");
}

static void look_at_words(struct seen *seen)
{
    struct plan *plan = seen->plan;
    size_t i;

    add_word(&plan->scan, plan->all.word[0]);
    for (i = 1; i < plan->all.count; i++) {
        const char *word = plan->all.word[i], *argument;
        const struct option *option;
        bool two;

        if (!is_text(word))
            refuse(seen, "name", "bytes that are no UTF-8");
        if (word[0] != '-' || word[1] == '\0') {
            look_at_file(seen, word);
            add_word(&plan->scan, word);
            continue;
        }
        option = find_option(word);
        if (!option) {
            refuse(seen, "unknown-option", word);
            continue;
        }
        two = option->how == SEPARATE || (option->how == EITHER && strcmp(word, option->name) == 0);
        argument = two ? plan->all.word[i + 1] : word + strlen(option->name);
        if (!argument) {
            refuse(seen, "unknown-option", word);
            continue;
        }
        if (two && !is_text(argument))
            refuse(seen, "name", "bytes that are no UTF-8");
        switch (option->effect) {
        case SPECIAL:
            look_at_special(seen, option, word, argument);
            break;
        case OUTPUT:
            if (seen->output)
                refuse(seen, "other-output", word);
            seen->output = argument;
            break;
        case INPUT:
            look_at_input(seen, argument);
            break;
        case PRINT:
            seen->prints = true;
            break;
        case ALONE:
            refuse(seen, option->reason, word);
            break;
        default:
            if (strcmp(argument, "native") == 0)
                refuse(seen, "machine", word);
        }
        if (!scan_leaves_out(option)) {
            add_word(&plan->scan, word);
            if (two)
                add_word(&plan->scan, argument);
        }
        i += two;
    }
    add_word(&plan->scan, "-M");
}

/* What configure scripts compile to probe the system has random names or contents that never come again. */
static const char *const probes[] = {
    "conft*st*.*", "*/conft*st*.*", "/tmp/cg*/dummy.*", "*/CMakeFiles/CMakeScratch/*", "*/CMakeFiles/_CMake*",
    "*/CMakeFiles/*/CompilerId*", "*/Modules/CMake*CompilerABI.*", "meson-private/*", "*/meson-private/*",
};

static bool is_probe(const struct plan *plan, const char *directory)
{
    char inside[4096];
    size_t i, j;
    snprintf(inside, sizeof inside, "%s/", directory);
    for (i = 0; i < sizeof probes / sizeof *probes; i++) {
        if (probes[i][0] == '*' && fnmatch(probes[i], inside, 0) == 0)
            return true;
        for (j = 0; j < plan->sources.count; j++)
            if (fnmatch(probes[i], plan->sources.word[j], 0) == 0)
                return true;
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
    if (plan->sources.count > 1 && (seen->output || seen->depfile))
        refuse(seen, "other-output", seen->output ? "-o" : "-MF");
    if (seen->depfile && !seen->depends)
        refuse(seen, "other-output", "-MF");
    if (seen->assembly && seen->split)
        refuse(seen, "other-output", "-gsplit-dwarf");
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
}

void plan_command(struct plan *plan, char *const command[], char *const environment[], const struct settings *settings)
{
    struct seen seen = {.plan = plan};
    const char *special = NULL, *variable, *source;
    bool clock = true;
    size_t i;

    add_word(&plan->all, command[0]);
    for (i = 1; command[i]; i++)
        expand(command[i], &plan->all, &special, 0);
    if (special)
        refuse(&seen, "standard-input", special);
    look_at_words(&seen);
    if (seen.compile)
        name_outputs(&seen);
    if (!seen.preprocessed)
        plan->scan.count = 0;
    plan->assembles = seen.compile && !seen.assembly && !settings->clang;

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
    else if (is_probe(plan, settings->directory))
        plan->reason = "probe", plan->detail = NULL;
    else if (source)
        plan->reason = "excluded", plan->detail = source;
    else if (!seen.compile && strcmp(settings->links, "all") != 0 &&
             (strcmp(settings->links, "lto") != 0 || !seen.lto))
        plan->reason = "link", plan->detail = NULL;
    else if (!seen.compile && seen.lto && settings->clang)
        plan->reason = "link", plan->detail = NULL; /* its linkers optimise inside themselves */
    else if (!plan->reason && variable)
        plan->reason = "environment", plan->detail = variable;
    else if (!plan->reason && clock)
        plan->reason = "clock"; /* __DATE__ and __TIME__ would be those of the compile */
    plan->kind = plan->reason ? RUN_ALONE : seen.compile ? RUN_COMPILE : RUN_LINK;
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
