/* Outputs: written as the compiler would write them, and kept. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "journal.h"

bool copy(const char *from, int to)
{
    char buffer[65536];
    ssize_t size = -1;
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (size = read(fd, buffer, sizeof buffer)) > 0)
        for (char *rest = buffer; size > 0;) {
            ssize_t written = write(to, rest, size);
            if (written < 0) {
                close(fd);
                return false;
            }
            rest += written;
            size -= written;
        }
    if (fd >= 0)
        close(fd);
    return size == 0;
}

static bool show(const char *path, int fd)
{
    /* Who no longer reads, is the compiler's to meet. */
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    bool shown = copy(path, fd);
    signal(SIGPIPE, old);
    return shown;
}

bool is_one_stream(void)
{
    struct stat out, err;
    return fstat(1, &out) == 0 && fstat(2, &err) == 0 && out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

bool show_streams(const char *out, const char *err)
{
    struct stat a, b;
    bool both = stat(out, &a) == 0 && stat(err, &b) == 0 && a.st_size > 0 && b.st_size > 0;
    return !(both && is_one_stream()) && show(out, 1) && show(err, 2);
}

bool bring(const char *from, const char *name, bool anew)
{
    /* A limit on its size: the compile itself must meet that. */
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    struct stat status;
    char *writer = format("%d", (int)getpid());
    /* Before it is emptied or gone: the command that has made it may look at it meanwhile. */
    if (stat(name, &status) == 0)
        note_writing(writer, status.st_ino);
    if (anew)
        unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | (anew ? O_EXCL : O_TRUNC), 0666);
    if (fd >= 0 && fstat(fd, &status) == 0)
        note_writing(writer, status.st_ino);
    bool brought = fd >= 0 && stat(from, &status) == 0 && copy(from, fd);
    if (brought && (status.st_mode & 0111)) {
        mode_t mask = umask(0);
        umask(mask);
        brought = fchmod(fd, 0777 & ~mask) == 0;
    }
    brought = fd >= 0 && close(fd) == 0 && brought;
    signal(SIGXFSZ, old);
    note_writing(writer, 0);
    free(writer);
    return brought;
}

bool bring_output(const struct run *run, size_t number)
{
    const char *name = run->plan.outputs.word[number];
    bool link = run->plan.kind == RUN_LINK, object = link || number < (run->plan.sources.count ? run->plan.sources.count : 1);
    char *from = mirrored(run, name);
    /* Assemblers and linkers make their output anew; compilers write over the other files. */
    bool brought = bring(from, name, object);
    free(from);
    return brought;
}

bool keep_output(const struct run *run, size_t number)
{
    const char *name = run->plan.outputs.word[number];
    char *to = mirrored(run, name), *slash = strrchr(to, '/');
    struct stat status;
    *slash = '\0';
    make_directories(to);
    *slash = '/';
    int fd = stat(name, &status) == 0 ? open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    bool kept = fd >= 0 && copy(name, fd) && fchmod(fd, status.st_mode & 0777) == 0;
    if (fd >= 0)
        close(fd);
    free(to);
    return kept;
}
