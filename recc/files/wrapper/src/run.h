/* Runs a planned command through recc. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_H
#define RUN_H

#include "record.h"

enum mode { OFF, LOCAL, CACHE_ONLY, REMOTE, VERIFY, UNKNOWN_MODE };

struct run {
    enum mode mode;
    const char *compiler;  /* its path */
    const char *logs;      /* directory of the log, and of what is temporary */
    const char *manifest;  /* directory of what is remembered of compiles; NULL: nothing */
    const char *directory; /* where the command runs */
    struct plan plan;
    char *own;    /* a directory for this command alone */
    char *mirror; /* below it: where recc works, so that nothing of it is ever in the build's directories */
    struct record scan;
    struct words inputs;
    struct words programs;
    char toolchain[65];
    long long started; /* ms */
    size_t journal;    /* its length before */
    long long cost;    /* ms of a compile, -1: not known */
    char *changed;     /* why what is remembered of it does not hold */
    unsigned check;    /* one in so many hits is compiled again; 0: none */
};

/* Run the command to its end, and leave as it does. */
void run_planned(struct run *run) __attribute__((noreturn));

/* Become the compiler, with a line in the log that says why nothing was cached. */
void run_alone(struct run *run, const char *why, const char *detail) __attribute__((noreturn));

/* What it has printed, and its messages; where they cannot be written, the compiler has to meet that itself. */
void print(struct run *run, const char *out, const char *err);

/* A directory for this command alone, if it has none yet. */
void make_own(struct run *run);

/* The command as it is, in the element's sandbox; with a record where one is asked for. Its wait status. */
int compile(const struct run *run, const char *observe, const char *out, const char *err);

/* It has run, and nothing of it is kept, for a reason. */
void end_uncached(struct run *run, const char *why, const char *detail, int status) __attribute__((noreturn));
void leave(const struct run *run, int status) __attribute__((noreturn));

/* In recc's place for 'local': compile in the element's sandbox under observation. */
int watch(char *const command[]);

/* Say what is wrong with its result, and what can be done: the element fails. `errors`: of recc, or NULL. */
void fail(struct run *run, const char *errors, const char *what, const char *path, const char *remedies) __attribute__((noreturn));

/* The files of the result that recc has brought: outputs, what it printed, its messages. */
void name_result(const struct run *run, struct words *result);

/* Compare what was compiled here with the result `there`; what differs goes to the file `path`. */
bool compare_results(const struct run *run, const struct words *there, const char *path, const char *out, const char *err);

/*
 * Before a hit is used: compile one in `run->check` again and compare. Returns if they are the same or if another compile
 * differs as well. `one_stream`: what it printed has its messages among it. `origin`: who gave it.
 */
void check_hit(struct run *run, const struct words *hit, bool one_stream, const char *origin);

/* Whether it uses make's jobserver: it says so where there is none, as in an executor's sandbox. */
bool needs_jobserver(const struct run *run);

/* What a compile includes; false: it fails. An objection where it asks for the time of a file. */
bool scan_compile(struct run *run, struct verdict *verdict);

/*
 * Whether gcc says in a result that it works without 'make', which an executor may lack, though there is one here.
 * Where that is all it says, and with 'make' it would say nothing, that is taken out and the result holds.
 */
bool lacked_make(const struct run *run, const char *messages);

/* Links: let the linker name inputs and outputs. */
void scan_link(struct run *run, struct verdict *verdict);
void name_link_outputs(struct run *run); /* as the scan has them */

/* The log. */
void write_log(const struct run *run, const char *word, const char *detail);
bool make_directories(char *path);
long long milliseconds(void);

#endif
