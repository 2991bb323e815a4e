/* Facts about files: what was observed of a command, in a form that can be checked later. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>

/* TAG VALUE NAME: see facts.c. */
bool fact_holds(char tag, const char *value, const char *name);

/*
 * Of two files of the same content, which '#pragma once' takes for one if their times agree (gcc) or if they
 * are one (clang): i, they are one; t, they are two of the same time; o, the first is older; NUL, another.
 */
char relation(const char *one, const char *other);

/* The value that the fact has now; NULL where it has none. Good until the next call. */
const char *fact_now(char tag, const char *name);

#endif
