/* Touches OpenMP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <omp.h>
#include <stdio.h>

int main(int argc, char *argv[])
{
    FILE *file = fopen(argv[argc - 1], "w");
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 100; i++)
        sum += i;
    fprintf(file, "%d of %d\n", sum, omp_get_max_threads());
    return fclose(file) || sum != 4950;
}
