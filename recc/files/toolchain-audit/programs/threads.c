/* Touches POSIX threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>

static void *run(void *file)
{
    fputs("ok\n", file);
    return NULL;
}

int main(int argc, char *argv[])
{
    pthread_t thread;
    FILE *file = fopen(argv[argc - 1], "w");
    if (pthread_create(&thread, NULL, run, file) || pthread_join(thread, NULL))
        return 1;
    return fclose(file);
}
