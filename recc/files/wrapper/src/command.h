/* What the words of one command say. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMAND_H
#define COMMAND_H

#include "plan.h"

struct seen {
    struct plan *plan;
    const char *why, *blamed; /* the first word that must run alone */
    const char *language;     /* -x */
    const char *output, *depfile;
    bool compile, assembly, depends, notes, split, debug, lto, prints, linked;
    bool header;    /* to be precompiled: that is the reason */
    bool handed_on; /* the preprocessor is told to write a depfile */
    /* Of some source, whether it is: */
    bool preprocessed, unprocessed, compiled, assembled;
};

/* Run alone, for a reason; the first one counts. */
void refuse(struct seen *seen, const char *why, const char *blamed);

/* Look at all words of the plan's command; names its sources and its scan. */
void look_at_words(struct seen *seen);

bool starts(const char *word, const char *with);
const char *base(const char *path); /* its last part */

#endif
