/* Looks options and variables up in what is known of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
#define OPTION(name, how, effect, reason) {name, how, effect, reason},
#include "options.def"
};

static const struct {
    const char *name;
    enum effect effect;
} variables[] = {
#define VARIABLE(name, effect) {name, effect},
#include "variables.def"
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
enum { LONGEST_OPTION = 64 };

struct prefix {
    const char *text;
    size_t size;
};

static int compare(const void *key, const void *entry)
{
    const struct prefix *prefix = key;
    const char *name = ((const struct option *)entry)->name;
    int order = strncmp(prefix->text, name, prefix->size);
    return order ? order : -(name[prefix->size] != '\0');
}

static const struct option *longest(const char *word)
{
    size_t whole = strlen(word);
    struct prefix prefix = {word, whole < LONGEST_OPTION ? whole : LONGEST_OPTION};
    for (; prefix.size > 0; prefix.size--) {
        const struct option *found = bsearch(&prefix, options, LENGTH(options), sizeof options[0], compare);
        if (found && (prefix.size == whole || found->how == JOINED || found->how == EITHER))
            return found;
    }
    return NULL;
}

const struct option *find_option(const char *word)
{
    const struct option *found = longest(word);
    char positive[LONGEST_OPTION];

    if (found || strlen(word) < 2 || strlen(word) >= sizeof positive || !strchr("fmW", word[1]) ||
        strncmp(word + 2, "no-", 3) != 0)
        return found;
    positive[0] = '-';
    positive[1] = word[1];
    strcpy(positive + 2, word + 5);
    found = longest(positive);
    return found && found->effect == OBJECT ? found : NULL;
}

/* Whether 'NAME=VALUE' is the variable that `name` stands for, perhaps with a '*' at its end. */
static bool is_variable(const char *variable, const char *name)
{
    size_t size = strcspn(variable, "="), known = strlen(name);
    return name[known - 1] == '*' ? strncmp(variable, name, known - 1) == 0
                                  : known == size && strncmp(variable, name, size) == 0;
}

bool is_keyed(const char *variable)
{
    for (size_t i = 0; i < LENGTH(variables); i++)
        if (variables[i].effect != ALONE && is_variable(variable, variables[i].name))
            return true;
    return false;
}

/* Elsewhere empty is as good as unset. To gcc an empty COMPILER_PATH is the working directory. */
static bool counts_empty(const char *variable)
{
    static const char *const names[] = {"COMPILER_PATH=", "DEPENDENCIES_OUTPUT=", "SUNPRO_DEPENDENCIES=", "GCC_"};
    for (size_t i = 0; i < LENGTH(names); i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

const char *dangerous_variable(char *const environment[], bool link)
{
    for (; *environment; environment++) {
        const char *value = strchr(*environment, '=');
        if (!value || (!value[1] && !counts_empty(*environment)))
            continue;
        if (strcmp(*environment, "LANGUAGE=C") == 0) /* of libtool: messages as they are */
            continue;
        for (size_t i = 0; i < LENGTH(variables); i++)
            if ((variables[i].effect == ALONE || (link && variables[i].effect == LINK)) &&
                is_variable(*environment, variables[i].name))
                return variables[i].name;
    }
    return NULL;
}
