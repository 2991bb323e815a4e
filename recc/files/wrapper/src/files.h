/* Files by the names that a command gives them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILES_H
#define FILES_H

#include "run.h"

/* A file of this command alone. To be freed. */
char *own_file(const struct run *run, const char *name);

/* `name` from the root on. To be freed. */
char *absolute(const struct run *run, const char *name);

/* `name` from the working directory on. To be freed. */
char *relative(const struct run *run, const char *name);

/* Where recc has the file that the command calls `name`. To be freed. */
char *mirrored(const struct run *run, const char *name);

/* Is the working directory one that an executor can have, under the name that the compiler writes down? */
void judge_directory(struct verdict *verdict, const struct run *run);

/* Can the sources be read twice? */
void judge_sources(struct verdict *verdict, const struct run *run);

/* Can the outputs be written as the compiler would write them? */
void judge_outputs(struct verdict *verdict, const struct run *run);

/* Name the inputs as recc needs them. */
void name_inputs(struct run *run);

/* Copy an output out of the mirror as the compiler would have written it; or into it. False: it could not be. */
bool bring_output(const struct run *run, size_t number);
bool keep_output(const struct run *run, size_t number);

/* Copy `from` to where a compiler would have written `name`; `anew`: it removes what is there. False: it could not be. */
bool bring(const char *from, const char *name, bool anew);
bool copy(const char *from, int to);

/* Whether what the command prints and its messages go to one place, where their order tells. */
bool is_one_stream(void);

/* Print what the command printed, and its messages. False: it could not be, or not in their order. */
bool show_streams(const char *out, const char *err);

#endif
