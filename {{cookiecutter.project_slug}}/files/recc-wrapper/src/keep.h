/* What direct mode remembers, kept between builds. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEEP_H
#define KEEP_H

/* "load" or "store" the manifest of `directory`. An exit status. */
int keep_manifest(const char *what, const char *directory);

#endif
