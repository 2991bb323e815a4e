/* Files that are as BuildStream has staged them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGED_H
#define STAGED_H

#include <stdbool.h>

#include "digest.h"

/* The time that BuildStream gives to all files that it stages, in nanoseconds: 2011-11-11 11:11:11. */
#define STAGED (1321009871LL * 1000000000)

/* Where their digests are kept for a build; NULL: nowhere. */
extern const char *staged_digests;

/* As digest_file; of a file that is as it was staged, its file system is asked once in a build. */
bool digest_once(const char *name, char digest[DIGEST_SIZE]);

#endif
