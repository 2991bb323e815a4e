/* plan -- COMPILER ARGUMENTS: prints what the wrapper would do with this command, and why. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"

static void print(const char *title, const struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        printf("%s: %s\n", title, words->word[i]);
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"alone", "compile", "link", "other"};
    const char *links = getenv("BST_RECC_LINKS"), *exclude = getenv("BST_RECC_EXCLUDE");
    char here[4096];
    struct plan plan = {0};

    if (argc < 3 || strcmp(argv[1], "--") != 0) {
        fprintf(stderr, "plan: usage: plan -- COMPILER ARGUMENTS...\n");
        return 2;
    }
    struct settings settings = {
        .directory = getcwd(here, sizeof here) ? here : "",
        .links = links ? links : "lto",
        .exclude = exclude ? exclude : "",
        .clang = strstr(argv[2], "clang") != NULL,
    };
    plan_command(&plan, argv + 2, environ, &settings);
    printf("plan: %s\n", kinds[plan.kind]);
    if (plan.kind == RUN_ALONE)
        printf("reason: %s\ndetail: %s\n", plan.reason, plan.detail ? plan.detail : "-");
    print("source", &plan.sources);
    if (plan.kind != RUN_ALONE)
        print("output", &plan.outputs);
    return 0;
}
