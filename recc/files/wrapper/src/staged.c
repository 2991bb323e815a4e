/* Digests of files that are as they were staged, for all commands of a build. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "staged.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *staged_digests;

/*
 * Such a file is known by the time of its last change, which only the file system sets:
 * whatever a build does to a file, by whatever name, gives it another. Its digest never
 * changes, so it stands at the place that its inode has in one sparse file, and no lock
 * is needed: what is half written there has a NUL in it.
 */
bool digest_once(const char *name, char digest[DIGEST_SIZE])
{
    enum { LENGTH = DIGEST_SIZE - 1 };
    static int known = -1;
    static struct stat root;
    struct stat status;
    if (!staged_digests || stat(name, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_ctim.tv_sec != STAGED / 1000000000 || status.st_ctim.tv_nsec != 0)
        return digest_file(name, digest);
    if (known < 0 && stat("/", &root) == 0)
        known = open(staged_digests, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (known < 0 || status.st_dev != root.st_dev)
        return digest_file(name, digest);
    off_t place = (off_t)status.st_ino * LENGTH;
    digest[LENGTH] = '\0';
    if (pread(known, digest, LENGTH, place) == LENGTH && strlen(digest) == LENGTH)
        return true;
    return digest_file(name, digest) && pwrite(known, digest, LENGTH, place) != 0;
}
