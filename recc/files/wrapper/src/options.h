/* The options and variables of compilers that are known, as data: options.def and variables.def. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum how { FLAG, JOINED, SEPARATE, EITHER };
enum effect { OBJECT, INPUT, OUTPUT, SPECIAL, PRINT, ALONE, KEYED, LINK };

struct option {
    const char *name;
    enum how how;
    enum effect effect;
    const char *reason;
};

/* The entry of `word` (the longest whose name it begins with), also of -fX for -fno-X; NULL if it is not known. */
const struct option *find_option(const char *word);

/* Whether it is known to be part of what a result depends on. */
bool is_keyed(const char *variable);

/* The variable that makes a command run alone, or NULL; `link`: variables of links count as well. */
const char *dangerous_variable(char *const environment[], bool link);

#endif
