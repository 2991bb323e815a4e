/* Links: the linker itself names what it reads and would write. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "process.h"
#include "toolchain.h"

void name_link_outputs(struct run *run)
{
    for (size_t i = 0; i < run->scan.count; i++)
        if (run->scan.entry[i].tag == 'O')
            add_word(&run->plan.outputs, run->scan.entry[i].name);
}

bool needs_jobserver(const struct run *run)
{
    const char *flags = getenv("MAKEFLAGS");
    bool there = flags && strstr(flags, "jobserver");
    return there && run->plan.kind != RUN_COMPILE &&
           (among(&run->plan.all, "-flto") || among(&run->plan.all, "-flto=jobserver"));
}

/* '-flto=auto' or '-flto=N': its parts are compiled by 'make', and without that one by one, with a warning. */
static bool wants_make(const struct run *run)
{
    const char *how = "";
    for (size_t i = 0; i < run->plan.all.count; i++)
        if (strncmp(run->plan.all.word[i], "-flto=", 6) == 0 || strcmp(run->plan.all.word[i], "-flto") == 0)
            how = run->plan.all.word[i] + 5;
    return strcmp(how, "=auto") == 0 || (how[0] == '=' && atoi(how + 1) > 1);
}

bool lacked_make(const struct run *run, const char *messages)
{
    static const char warning[] = "lto-wrapper: warning: using serial compilation of ", note[] = "lto-wrapper: note: see the ";
    char *text = read_file(messages, NULL), *make = find_program("make", false), *second = text ? strchr(text, '\n') : NULL;
    bool lacked = make && text && strstr(text, "using serial compilation");
    if (lacked && wants_make(run) && strncmp(text, warning, strlen(warning)) == 0 && second &&
        strncmp(++second, note, strlen(note)) == 0 && strchr(second, '\n') == text + strlen(text) - 1)
        lacked = truncate(messages, 0) != 0; /* it said nothing else */
    free(make);
    free(text);
    return lacked;
}

void scan_link(struct run *run, struct verdict *verdict)
{
    char *record = own_file(run, "scan");
    /* It fails, since the linker is kept from writing. */
    run_child(&(struct child){.program = run->compiler, .command = run->plan.all.word, .in = "/dev/null",
                              .out = "/dev/null", .err = "/dev/null", .observe = record, .link_scan = true});
    read_record(&run->scan, record);
    name_link_outputs(run);
    if (run->plan.outputs.count == 0)
        object_to(verdict, "link", "nothing learnt of it");
    judge_outputs(verdict, run);
    free(record);
}
