/* What the two halves of the observing library share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_H
#define OBSERVE_H

#include <stdbool.h>
#include <sys/stat.h>

#define NANOSECONDS(time) ((long long)(time).tv_sec * 1000000000 + (time).tv_nsec)

/* In a function that stands in for `function`: the one that it would be. */
#define NEXT(type, function, parameters)                                                                 \
    static type(*next) parameters;                                                                       \
    if (!next)                                                                                           \
    next = (type(*) parameters)dlsym(RTLD_NEXT, #function)

/* Hidden, as all of it that interposes nothing: no program may meet these names. */
#pragma GCC visibility push(hidden)
extern bool scan; /* a dependency scan: what it asks for counts as read */
void record(const char *form, ...) __attribute__((format(printf, 1, 2)));
void record_read(const char *name, const struct stat *status);
void asked(const char *name, int result, const struct stat *status); /* is it there? `status`: with a scan */
void record_libraries(void); /* those that are loaded */
void record_link(const char *name);
void note_there(const char *name);
#pragma GCC visibility pop

#endif
