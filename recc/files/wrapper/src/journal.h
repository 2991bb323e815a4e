/* Which command of a build writes which file, and when: two that write the same one at once make nothing to remember. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The journal of this build; NULL where nothing is remembered. The observing library writes to it as well. */
extern const char *journal;

/* A command, by its name, opens a file to write it; or, with 0, has written all. */
void note_writing(const char *command, ino_t inode);

/* The journal's length now. */
size_t journal_length(void);

/* Whether another command was writing this file at some time since the journal had that length. */
bool was_shared(const char *command, ino_t inode, size_t since);

#endif
