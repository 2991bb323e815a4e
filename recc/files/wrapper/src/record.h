/* What the observing library has recorded of a command, and what follows from it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_H
#define RECORD_H

#include "plan.h"

struct entry {
    char tag;                      /* P, R, A, W, T, X, O: see observe.c and observe-link.c */
    long long mtime, size;         /* R */
    char *name;                    /* X: REASON DETAIL */
};

struct record {
    struct entry *entry; /* sorted by tag and name, each once */
    size_t count;
};

/* A reason for which a result must not come from a cache or go there; `why` is NULL where there is none. */
struct verdict {
    char why[32];
    char detail[512];
};

/* Set the first reason; later ones are ignored. */
void object_to(struct verdict *verdict, const char *why, const char *detail);

/* As a line of a record has it: REASON DETAIL. */
void object_as(struct verdict *verdict, const char *text);

void read_record(struct record *record, const char *path);
const struct entry *find_entry(const struct record *record, char tag, const char *name);

/* Whether there is an 'X REASON …'. */
bool find_reason(const struct record *record, const char *why);

/* Can a scan's inputs stand for the compile? */
void judge_scan(struct verdict *verdict, const struct plan *plan, const struct record *scan);

/* Whether it may ask for the time of a file, which no key tells. BuildStream stages all files with one time. */
bool may_say_time(const struct plan *plan, const struct record *scan);

/* Did the compile (or link) itself read, miss or write what its scan does not tell? `programs`: those it may run. */
void judge_compile(struct verdict *verdict, const struct plan *plan, const struct record *scan,
                   const struct record *compile, const struct words *programs);

#endif
