/* The programs that a compiler runs, with the libraries that they load: what a result depends on beside its inputs. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLCHAIN_H
#define TOOLCHAIN_H

#include "record.h"

/*
 * Name the programs that `compiler` runs, and digest them and their shared libraries. What
 * was found is kept in a file of `directory` for the next command; the file's own
 * stamps (inode, size, times) tell whether it still holds.
 *
 * An objection: a program that cannot be observed (a script), or, with `hermetic`, one
 * that no toolchain has.
 */
void find_toolchain(struct verdict *verdict, const char *compiler, const char *directory, bool clang, bool hermetic,
                    struct words *programs, char digest[]);

/* The same compiler by a name that recc takes for a compiler's; NULL if it has none. */
char *known_compiler(const char *compiler);

/* The first file `name` on PATH that can be executed; NULL if there is none. `own`: it may be a wrapper. */
char *find_program(const char *name, bool own);

#endif
