/* Direct mode: a command is answered by what was seen of it before, if all that it depended on is as it was. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIRECT_H
#define DIRECT_H

#include "run.h"

/* Whether all that this command depends on can be seen. */
bool is_direct(const struct run *run);

/* Where this command's entries are. To be freed. */
char *entry_path(const struct run *run);

/*
 * Answer the command from what is remembered; or run it, where that can be expected to take
 * less time than to ask recc (BST_RECC_ASK_ABOVE, in ms). Returns to ask recc.
 */
void run_directly(struct run *run);

/* Compile it here, keep what is observed of it, and leave as it does. */
void compile_directly(struct run *run) __attribute__((noreturn));

/* Keep what was observed of it, and what it took. An objection where that does not tell all that its result depends on. */
void remember(struct run *run, struct verdict *verdict, const char *record, const char *out, const char *err);

/* What it took is what others like it will take. */
void learn_cost(const struct run *run);

#endif
