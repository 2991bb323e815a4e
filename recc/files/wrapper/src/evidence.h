/* What the observing library has recorded of a command, line by line, and what follows from it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "record.h"

void read_lines(const char *record, struct words *lines);

/* The file that a line tells of. */
const char *name_of(const char *line);

/*
 * `own`: the files that the command itself has made. `facts`: 'TAG VALUE<TAB>NAME' of all
 * else that it has met, sorted. An objection where that is not all that its result depends on.
 */
void judge_evidence(struct verdict *verdict, const struct words *lines, struct words *own, struct words *facts);

/*
 * Whether a file that the command has made is as it left it, there or removed; no other command has
 * written to it since the journal had the length `since`.
 */
bool is_left(const struct words *lines, const char *name, const char *record, size_t since);

#endif
