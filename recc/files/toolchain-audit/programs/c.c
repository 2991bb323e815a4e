/* Touches libc: output, memory, time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char *argv[])
{
    FILE *file = fopen(argc > 1 ? argv[1] : "/dev/null", "w");
    char *copy = strdup("ok");
    time_t now = time(NULL);
    if (!file || !copy || !gmtime(&now) || INT32_MAX != INT_MAX)
        return errno ? errno : 1;
    fprintf(file, "%s\n", copy);
    free(copy);
    return fclose(file);
}
