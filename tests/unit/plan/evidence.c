/* evidence RECORD: prints what the wrapper concludes from a record; evidence TAG VALUE NAME: whether that fact holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "evidence.h"
#include "facts.h"

static void print(const char *title, const struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        printf("%s: %s\n", title, words->word[i]);
}

int main(int argc, char **argv)
{
    struct words lines = {0}, own = {0}, facts = {0};
    struct verdict verdict = {0};

    if (argc == 4) {
        puts(fact_holds(argv[1][0], argv[2], argv[3]) ? "yes" : "no");
        return 0;
    }
    if (argc != 2)
        return 2;
    read_lines(argv[1], &lines);
    judge_evidence(&verdict, &lines, &own, &facts);
    printf("verdict: %s %s\n", verdict.why[0] ? verdict.why : "-", verdict.detail);
    print("own", &own);
    print("fact", &facts);
    return 0;
}
