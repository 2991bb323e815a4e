/* Child processes that are as much a part of this one as the terminal and 'kill' can tell. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_H
#define PROCESS_H

#include <signal.h>
#include <stdbool.h>

struct child {
    const char *program;    /* its path; NULL: the first word of the command */
    char *const *command;   /* the name that it is called by, and its arguments */
    const char *directory;  /* where to run, or NULL */
    const char *in, *out, *err; /* files in the place of standard streams; NULL: as they are; two may be one */
    const char *observe;    /* record of the observing library, or NULL */
    bool scan;              /* what it asks for counts as read */
    bool strict;            /* it must not read what can be read only once */
    bool link_scan;         /* with the library that keeps a linker from writing */
    bool no_commands;       /* it may not start programs */
    bool idle;              /* it has all the time that others leave */
    const char *const *set; /* NAME, value, NAME, value, …, NULL; the value NULL removes it */
};

/* Removed when a signal ends this process. */
extern const char *own_directory;

/* Run a child to its end; its wait status. A signal that ends this process meanwhile ends the child first. */
int run_child(const struct child *child);

/* Let no signal end this process until they are let in again: `before` is for that. */
void hold_signals(sigset_t *before);

/*
 * Do `work` whole: no signal ends it, and it goes on where this process is killed, as an assembler
 * does whose driver is. Its result.
 */
bool do_whole(bool (*work)(const void *data), const void *data);

/* End as a child with this wait status has ended. */
void end_like(int status) __attribute__((noreturn));

/* Become this child. Returns only when that is impossible. */
void become(const struct child *child);

#endif
