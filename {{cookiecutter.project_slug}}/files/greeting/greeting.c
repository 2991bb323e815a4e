/* The C half of the example program: composes the greeting. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "greeting.h"

#include <stdio.h>

const char *greeting(const char *name)
{
    static char text[80];
    snprintf(text, sizeof text, "Hello, %s!", name);
    return text;
}
