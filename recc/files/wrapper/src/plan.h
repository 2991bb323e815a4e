/* What a command line of a compiler would do: decided from its words and the environment alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_H
#define PLAN_H

#include "words.h"

enum kind { RUN_ALONE, RUN_COMPILE, RUN_LINK, RUN_OTHER, RUN_CHECK /* in the log */ };

struct plan {
    enum kind kind;
    const char *reason;   /* RUN_ALONE: why, in a word */
    const char *detail;   /* RUN_ALONE: the word to blame, or NULL */
    bool observable;      /* RUN_ALONE, but what is seen of it tells all that it depends on: RUN_OTHER where it is seen */
    bool clang;           /* the compiler is one of clang's */
    struct words all;     /* the command, response files expanded */
    struct words sources;
    struct words outputs; /* of a compile: objects, then files beside them; of a link: none yet */
    struct words scan;    /* of a compile: the command that names what it includes; empty where nothing is preprocessed */
    bool assembles;       /* a compile: by a program of its own */
};

struct settings {
    const char *directory; /* where the command runs */
    const char *links;     /* which links: "lto", "all" or "none" */
    const char *exclude;   /* patterns of sources, separated by spaces */
    bool clang;
};

/* Plan `command`, whose first word is the compiler. It is all NUL before. */
void plan_command(struct plan *plan, char *const command[], char *const environment[], const struct settings *settings);

/* The command in short, as a shell would take it: compiler, outputs, sources. To be freed. */
char *plan_text(const struct plan *plan);

#endif
