/* judge SCAN COMPILE PROGRAMS -- COMMAND...: prints how the wrapper judges a command by two records of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "texts.h"

static void print(const char *title, const struct verdict *verdict)
{
    printf("%s: %s %s\n", title, verdict->why[0] ? verdict->why : "-", verdict->detail);
}

int main(int argc, char **argv)
{
    struct settings settings = {.directory = "/b", .links = "all", .exclude = ""};
    struct plan plan = {0};
    struct record scan, compile;
    struct verdict by_scan = {0}, by_compile = {0};
    struct words programs = {0};
    char *program;

    if (argc < 6 || strcmp(argv[4], "--") != 0)
        return 2;
    settings.clang = strstr(argv[5], "clang") != NULL;
    plan_command(&plan, argv + 5, environ, &settings);
    if (plan.kind == RUN_ALONE)
        return 3;
    while ((program = strsep(&argv[3], ":")))
        add_word(&programs, program);
    read_record(&scan, argv[1]);
    read_record(&compile, argv[2]);
    judge_scan(&by_scan, &plan, &scan);
    judge_compile(&by_compile, &plan, &scan, &compile, &programs);
    print("scan", &by_scan);
    print("compile", &by_compile);
    printf("time: %s\n", may_say_time(&plan, &scan) ? "yes" : "no");
    printf("quotes: %s\n", quotes_others(&plan, &scan) ? "yes" : "no");
    return 0;
}
