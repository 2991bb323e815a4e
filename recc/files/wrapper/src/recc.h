/* recc: looks results up, has them made and stores them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECC_H
#define RECC_H

#include <stdio.h>

#include "run.h"

struct answer {
    int status;       /* recc's wait status */
    const char *word; /* hit, local or remote */
    char digest[96];  /* of the action, or "" */
    char *errors;     /* what its log says of them, or NULL */
    bool missed;      /* it looked the action up, and there was none */
};

/* Print the command's words, and the variables that count. */
void write_command(FILE *file, const struct run *run);

/* How recc is started. */
void add_recc(struct words *command);

/* Its inputs and outputs, in a file of `directory`, since a variable holds no more than 128 KiB. */
void write_lists(const char *directory, const struct words *inputs, const struct words *outputs);

/* Ask recc for the command's result. Outputs and messages come into the run's own directory. */
void ask_recc(struct run *run, struct answer *answer);

#endif
