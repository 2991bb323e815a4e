/* Scans of a compile: what it includes, and whether it asks for the time of a file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "files.h"
#include "process.h"

static bool scan(const struct run *run, const struct words *command, const char *name, struct record *found)
{
    char *record = own_file(run, name);
    struct child child = {.program = run->compiler, .command = command->word, .in = "/dev/null", .out = "/dev/null",
                          .err = "/dev/null", .observe = record, .scan = true, .strict = true};
    bool scanned = run_child(&child) == 0;
    read_record(found, record);
    free(record);
    return scanned;
}

/* -M expands no macros in the text; -E does, and the library sees what they ask for. */
static void look_for_times(const struct run *run, struct verdict *verdict)
{
    struct words command = {0};
    struct record found;
    for (size_t i = 0; i + 1 < run->plan.scan.count; i++)
        add_word(&command, run->plan.scan.word[i]);
    add_word(&command, "-E");
    if (!scan(run, &command, "preprocessed", &found))
        object_to(verdict, "unobserved", "the preprocessor fails");
    if (find_reason(&found, "times"))
        object_to(verdict, "times", "__TIMESTAMP__");
}

bool scan_compile(struct run *run, struct verdict *verdict)
{
    bool scanned = run->plan.scan.count == 0 || scan(run, &run->plan.scan, "scan", &run->scan);
    /* Where it compiles here, it is observed. */
    if (scanned && run->mode != LOCAL && may_say_time(&run->plan, &run->scan))
        look_for_times(run, verdict);
    return scanned;
}
