/* What direct mode remembers, kept between builds. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEEP_H
#define KEEP_H

/* How much is kept, in bytes. */
long long manifest_size(void);

/* "load" or "store" the manifest of `directory`; NULL: nothing, as recc has it done. An exit status. */
int keep_manifest(const char *what, const char *directory);

#endif
