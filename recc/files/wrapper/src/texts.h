/* What the texts of inputs say that no digest of theirs tells. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEXTS_H
#define TEXTS_H

#include "record.h"

bool is_system(const char *name);

/* Whether a source, or what the scan has read, says it; `system`: toolchain and system as well. */
bool any_input(const struct plan *plan, const struct record *scan, bool system, bool (*says)(const char *text));

/* What a text says: it compares times, may ask for the time of a file, has the assembler read files. */
bool compares_times(const char *text);
bool says_time(const char *text);
bool assembles_files(const char *text);

/* Whether messages may quote other files: an input has line directives. */
bool quotes_others(const struct plan *plan, const struct record *scan);

/* Whether a file has the compiler compare the times of others. */
bool asks_for_times(const char *name);

/* A precompiled header or module of clang's: it is valid only while its headers have their times. */
bool holds_times(const char *name);

#endif
