/* Touches libm. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

int main(int argc, char *argv[])
{
    FILE *file = fopen(argv[argc - 1], "w");
    volatile double x = argc;
    fprintf(file, "%g\n", sin(x) + pow(x, 0.5));
    return fclose(file);
}
