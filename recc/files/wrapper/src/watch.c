/* In recc's place for 'local': compiles in the element's sandbox, and judges whether recc may store the result. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "evidence.h"
#include "files.h"
#include "journal.h"
#include "process.h"

int watch(char *const command[])
{
    struct settings settings = {.directory = getenv("BST_RECC_WATCHED"), .links = "all", .exclude = ""};
    struct run run = {.logs = "", .directory = settings.directory, .own = getenv("BST_RECC_OWN"),
                      .compiler = getenv("BST_RECC_COMPILER")};
    struct verdict verdict = {0};
    struct record observed;
    struct words lines = {0};

    journal = getenv("OBSERVE_JOURNAL");
    /* recc does not end what it has started. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!run.own || !run.compiler || !settings.directory || chdir(settings.directory) != 0)
        return 127;
    settings.clang = getenv("BST_RECC_CLANG") != NULL;
    plan_command(&run.plan, command, environ, &settings);
    char *scan = own_file(&run, "scan"), *record = own_file(&run, "record"), *report = own_file(&run, "report");
    char *out = own_file(&run, "watched-out"), *err = own_file(&run, "watched-err");
    if (run.plan.kind == RUN_ALONE)
        return 127; /* with other variables than its scan */
    read_record(&run.scan, scan);
    if (run.plan.kind == RUN_LINK)
        name_link_outputs(&run);
    char *programs = own_file(&run, "programs"), *list = read_file(programs, NULL), *program;
    while (list && (program = strsep(&list, "\n")) && list)
        add_word(&run.programs, program);

    size_t since = journal_length();
    int status = run_child(&(struct child){.program = run.compiler, .command = run.plan.all.word, .observe = record,
                                           .strict = true, .out = out, .err = err});
    read_record(&observed, record);
    if (status == 0 || find_reason(&observed, "special-file"))
        judge_compile(&verdict, &run.plan, &run.scan, &observed, &run.programs);
    read_lines(record, &lines);
    for (size_t i = 0; status == 0 && i < run.plan.outputs.count; i++)
        if (!keep_output(&run, i) || !is_left(&lines, run.plan.outputs.word[i], record, since))
            object_to(&verdict, "other-output", run.plan.outputs.word[i]);
    FILE *file = checked(fopen(report, "we"));
    fprintf(file, "%d %s\n%s\n", status, verdict.why[0] ? verdict.why : "-", verdict.detail);
    fclose(file);
    /* recc stores what succeeds. */
    if (status != 0 || verdict.why[0])
        return 1;
    copy(out, 1);
    copy(err, 2);
    return 0;
}
