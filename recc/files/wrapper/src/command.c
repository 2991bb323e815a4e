/* Reads the words of a command, each by what the table of options says of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <stdio.h>
#include <string.h>

#include "options.h"

void refuse(struct seen *seen, const char *why, const char *blamed)
{
    if (!seen->why) {
        seen->why = why;
        seen->blamed = blamed;
    }
}

bool starts(const char *word, const char *with)
{
    return strncmp(word, with, strlen(with)) == 0;
}

static bool is_one_of(const char *word, const char *list)
{
    const char *found = list;
    size_t size = strlen(word);
    while (size > 0 && (found = strstr(found, word))) {
        if ((found == list || found[-1] == ' ') && (found[size] == ' ' || found[size] == '\0'))
            return true;
        found++;
    }
    return false;
}

const char *base(const char *path)
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
        if (!suffix || suffix == base(word))
            suffix = "";
        if (is_one_of(suffix, ".o .lo .a .so .obj") || strstr(base(word), ".so.")) {
            seen->linked = true;
            return;
        }
        if (is_one_of(suffix, ".c .cc .cp .cxx .cpp .CPP .c++ .C"))
            language = "c";
        else if (strcmp(suffix, ".S") == 0)
            language = "assembler-with-cpp";
        else if (is_one_of(suffix, ".i .ii"))
            language = "cpp-output";
        else if (strcmp(suffix, ".s") == 0)
            language = "assembler";
        else if (is_one_of(suffix, ".h .hh .H .hp .hxx .hpp .HPP .h++ .tcc"))
            language = "c-header";
        else
            language = "";
    }
    look_at_input(seen, word);
    if (!*word)
        refuse(seen, "unknown-file", word);
    else if (strstr(language, "header")) {
        refuse(seen, "not-supported", word);
        seen->header = seen->blamed == word;
    } else if (is_one_of(language, "c c++ assembler-with-cpp"))
        seen->preprocessed = true;
    else if (is_one_of(language, "cpp-output c++-cpp-output assembler"))
        seen->unprocessed = true;
    else
        refuse(seen, "unknown-file", word);
    if (starts(language, "assembler"))
        seen->assembled = true;
    else
        seen->compiled = true;
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

/* '-Wp,-MD,FILE', as Linux and its like have it. */
static bool names_depfile(const char *word)
{
    const char *file = starts(word, "-Wp,-MD,") ? word + 8 : starts(word, "-Wp,-MMD,") ? word + 9 : NULL;
    return file && *file && !strchr(file, ',');
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
    else if (strcmp(name, "-MF") == 0) {
        if (seen->depfile)
            refuse(seen, "other-output", word); /* which one it is, compilers decide in ways of their own */
        seen->depfile = argument;
    }
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
    else if (names_depfile(word)) {
        if (seen->depfile)
            refuse(seen, "other-output", word);
        seen->depends = seen->handed_on = true;
        seen->depfile = strchr(argument, ',') + 1;
    } else if (strcmp(name, "-Wp,") == 0)
        look_at_pieces(seen, "", argument, word);
    else if (!is_one_of(name, "-MP -MT -MQ"))
        refuse(seen, "unknown-option", word);
}

/* Whether the scan does without it: outputs, and what asks for them. */
static bool scan_leaves_out(const struct option *option, const char *word)
{
    return names_depfile(word) || option->effect == OUTPUT || is_one_of(option->name, "-c -S -MD -MMD -MP -MF -MT -MQ");
}

void look_at_words(struct seen *seen)
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
        /* Each of its pieces is looked up by itself. */
        option = find_option(starts(word, "-Wa,") ? "-Wa," : word);
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
            if (starts(word, "-m") && starts(argument, "native"))
                refuse(seen, "machine", word);
            if (is_one_of(word, "-g -g2 -g3 -ggdb -gdwarf -gdwarf-4 -gdwarf-5"))
                seen->debug = true;
            else if (is_one_of(word, "-g0 -g1 -ggdb0 -ggdb1 -gmlt -gline-tables-only -gline-directives-only"))
                seen->debug = false;
        }
        if (!scan_leaves_out(option, word)) {
            add_word(&plan->scan, word);
            if (two)
                add_word(&plan->scan, argument);
        }
        i += two;
    }
    add_word(&plan->scan, "-M");
}

