/* SHA-256 of bytes and of files. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_SIZE = 65 }; /* hexadecimal, with the NUL */

void digest_bytes(const void *bytes, size_t size, char digest[DIGEST_SIZE]);

/* Of a file's content: from its attribute where BuildStream's file system vouches for it. False: it cannot be read. */
bool digest_file(const char *path, char digest[DIGEST_SIZE]);

#endif
