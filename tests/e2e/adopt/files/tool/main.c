/* Prints a number of the table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

extern const int table[];

int main(void) { return printf("%d\n", table[1]) < 0; }
