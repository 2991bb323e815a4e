/* Compares what was compiled here with what the toolchain's own sandbox gave. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

static bool same_files(const char *one, const char *other)
{
    size_t a_size, b_size;
    char *a = read_file(one, &a_size), *b = read_file(other, &b_size);
    bool same = a && b ? a_size == b_size && memcmp(a, b, a_size) == 0 : a == b;
    free(a);
    free(b);
    return same;
}

/* Compare what was compiled here with what was in the mirror before: what differs goes to the file `path`. */
bool compare_results(const struct run *run, const char *path, const char *out, const char *err)
{
    FILE *file = checked(fopen(path, "we"));
    char *remote_out = own_file(run, "out"), *remote_err = own_file(run, "err");
    bool same = true;
    for (size_t i = 0; i < run->plan.outputs.count; i++) {
        char *there = mirrored(run, run->plan.outputs.word[i]);
        if (!same_files(run->plan.outputs.word[i], there)) {
            fprintf(file, "recc: '%s' differs\n", run->plan.outputs.word[i]);
            same = false;
        }
        free(there);
    }
    if (!same_files(out, remote_out) || !same_files(err, remote_err)) {
        fprintf(file, "recc: the messages differ; in the toolchain's own sandbox they are:\n%s", read_file(remote_err, NULL));
        same = false;
    }
    free(remote_out);
    free(remote_err);
    fclose(file);
    return same;
}
