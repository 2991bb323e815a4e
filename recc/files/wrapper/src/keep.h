/* What direct mode remembers, kept between builds. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEEP_H
#define KEEP_H

/* How much is kept, in bytes. */
long long manifest_size(void);

/* Wait until it is loaded, and hold it as `how` says (LOCK_SH, LOCK_EX) until the descriptor that is returned is closed. */
int lock_manifest(const char *directory, int how);

/*
 * "load" the manifest of `directory`, in the background; "store" it, if there is anything new.
 * NULL: nothing, as recc has it done. An exit status.
 */
int keep_manifest(const char *what, const char *directory);

#endif
