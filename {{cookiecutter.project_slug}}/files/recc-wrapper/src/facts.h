/* Facts about files: what was observed of a command, in a form that can be checked later. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>

/* TAG VALUE NAME: see facts.c. */
bool fact_holds(char tag, const char *value, const char *name);

/* The value that the fact has now; NULL where it has none. Good until the next call. */
const char *fact_now(char tag, const char *name);

#endif
