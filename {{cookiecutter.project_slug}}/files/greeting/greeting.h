/* Interface between the C and the C++ half of the example program. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREETING_H
#define GREETING_H

#ifdef __cplusplus
extern "C" {
#endif

/* The greeting for a name; valid until the next call. */
const char *greeting(const char *name);

#ifdef __cplusplus
}
#endif

#endif
