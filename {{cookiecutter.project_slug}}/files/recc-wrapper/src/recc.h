/* recc: looks results up, has them made and stores them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECC_H
#define RECC_H

#include "run.h"

struct answer {
    int status;       /* recc's wait status */
    const char *word; /* hit, local or remote */
    char digest[96];  /* of the action, or "" */
    char *errors;     /* what its log says of them, or NULL */
    bool missed;      /* it looked the action up, and there was none */
};

/* Ask recc for the command's result. Outputs and messages come into the run's own directory. */
void ask_recc(struct run *run, struct answer *answer);

#endif
