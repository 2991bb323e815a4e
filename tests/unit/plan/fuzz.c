/* Plans random command lines and checks what must hold of every plan; never part of a user's tree. */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz SEED SECONDS CORPUS...  checks the table, then command lines made of the corpus's and the table's words
 * fuzz --plans CORPUS...       prints the plan of each command of the corpus
 *
 * tests/unit/test_plan.py builds it and runs it for two seconds. For longer, in an empty directory, since it writes
 * response files; SRC is recc/files/wrapper/src, TESTS this directory:
 *
 *     gcc -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -I"$SRC" -o fuzz \
 *         "$TESTS/fuzz.c" "$SRC"/{command,options,plan,words}.c
 *     ASAN_OPTIONS=detect_leaks=0 find "$TESTS/corpus" -type f -exec ./fuzz SEED SECONDS {} +
 *
 * Where clang has libFuzzer, the same checks of words separated by newlines:
 *
 *     clang -DLIBFUZZER -fsanitize=fuzzer,address,undefined …the rest as above
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "options.h"

static const struct option table[] = {
#define OPTION(name, how, effect, reason) {name, how, effect, reason},
#include "options.def"
};
enum { ENTRIES = sizeof table / sizeof *table, LONGEST = 400 };

static char *const environment[] = {"SOURCE_DATE_EPOCH=0", "PATH=/usr/bin", NULL};
static struct words command; /* the one being planned, for the message */

static void fail(const char *what)
{
    fprintf(stderr, "fuzz: %s:", what);
    for (size_t i = 0; i < command.count; i++)
        fprintf(stderr, " '%s'", command.word[i]);
    fputc('\n', stderr);
    abort();
}

#define HOLDS(condition) ((condition) ? (void)0 : fail(#condition))

static void clear(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->word[i]);
    free(words->word);
    *words = (struct words){0};
}

static bool takes_next(const struct option *option, const char *word)
{
    return option->how == SEPARATE || (option->how == EITHER && strcmp(word, option->name) == 0);
}

/* Every piece after a comma is an option of the assembler that the table has. */
static bool knows_pieces(const char *pieces)
{
    char *list = checked(strdup(pieces)), *rest = list, *piece;
    bool known = true;
    while (*pieces && known && (piece = strsep(&rest, ","))) {
        char *name = format("-Wa,%s", piece);
        const struct option *option = find_option(name);
        /* A comma at the end is followed by nothing. */
        known = (option && option->effect == OBJECT && strcmp(option->name, "-Wa,") != 0) || (!rest && !*piece);
        free(name);
    }
    free(list);
    return known;
}

/* Whether each word that stands where options stand is one that the table has. */
static bool knows_all(const struct words *all)
{
    for (size_t i = 1; i < all->count; i++) {
        const char *word = all->word[i];
        const struct option *option = find_option(word);
        if (word[0] != '-' || word[1] == '\0')
            continue;
        if (!option || (strncmp(word, "-Wa,", 4) == 0 && !knows_pieces(word + 4)))
            return false;
        if (takes_next(option, word) && ++i == all->count)
            return false;
    }
    return true;
}

/* What is left out of the scan: see plan.h. */
static void check_scan(const struct plan *plan)
{
    const struct words *scan = &plan->scan;
    if (scan->count == 0)
        return;
    HOLDS(strcmp(scan->word[0], plan->all.word[0]) == 0);
    HOLDS(strcmp(scan->word[scan->count - 1], "-M") == 0);
    for (size_t i = 1; i < scan->count; i++) {
        const char *word = scan->word[i];
        const struct option *option = word[0] == '-' && word[1] ? find_option(word) : NULL;
        HOLDS(word[0] != '-' || word[1] == '\0' || option);
        if (!option)
            continue;
        HOLDS(option->effect != OUTPUT && option->effect != ALONE);
        HOLDS(strcmp(option->name, "-c") != 0 && strcmp(option->name, "-S") != 0);
        HOLDS(strncmp(option->name, "-M", 2) != 0 || i == scan->count - 1);
        i += takes_next(option, word);
    }
}

static void check(const char *links, const char *exclude)
{
    struct settings settings = {.directory = "/b", .links = links, .exclude = exclude, .clang = strstr(command.word[0], "clang")};
    struct plan plan = {0};
    char *text;

    alarm(20); /* one that hangs is killed */
    plan_command(&plan, command.word, environment, &settings);
    HOLDS(plan.all.count > 0 && strcmp(plan.all.word[0], command.word[0]) == 0);
    if (plan.kind == RUN_ALONE)
        HOLDS(plan.reason && *plan.reason);
    else {
        HOLDS(!plan.reason);
        HOLDS(knows_all(&plan.all));
    }
    if (plan.kind == RUN_COMPILE) {
        HOLDS(plan.sources.count >= 1 && plan.outputs.count >= plan.sources.count);
        for (size_t i = 0; i < plan.outputs.count; i++)
            for (size_t j = 0; j < plan.sources.count; j++)
                HOLDS(strcmp(plan.outputs.word[i], "-") != 0 && strcmp(plan.outputs.word[i], plan.sources.word[j]) != 0);
        for (size_t i = 0; i < plan.sources.count; i++)
            HOLDS(plan.sources.word[i][0] != '\0' && strcmp(plan.sources.word[i], "-") != 0);
        check_scan(&plan);
    }
    if (plan.kind == RUN_LINK)
        HOLDS(plan.sources.count == 0 && plan.outputs.count == 0);
    text = plan_text(&plan);
    HOLDS(text && !strpbrk(text, "\n\t"));
    free(text);
    clear(&plan.all);
    clear(&plan.sources);
    clear(&plan.outputs);
    clear(&plan.scan);
}

#ifdef LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = checked(strndup((const char *)data, size)), *rest = text, *word;
    clear(&command);
    add_word(&command, "gcc");
    while ((word = strsep(&rest, "\n")))
        if (word[0] != '@') /* no files of this machine */
            add_word(&command, word);
    check("all", "x*.c");
    free(text);
    return 0;
}
#else

/* One command of the corpus: a JSON list of strings. */
static void read_json(struct words *words, const char *line)
{
    while ((line = strchr(line, '"'))) {
        char *word = checked(strdup(line)), *end = word;
        for (line++; *line && *line != '"'; line++) {
            if (*line == '\\' && *++line != '"' && *line != '\\')
                fail("the corpus has an escape that is not known");
            *end++ = *line;
        }
        *end = '\0';
        add_word(words, word);
        free(word);
        line += *line == '"';
    }
}

static struct words *commands;
static size_t count;

static void read_corpus(const char *path)
{
    char *text = read_file(path, NULL), *rest = text, *line;
    while (text && (line = strsep(&rest, "\n"))) {
        if (line[0] != '[')
            continue;
        commands = checked(realloc(commands, (count + 1) * sizeof *commands));
        commands[count] = (struct words){0};
        read_json(&commands[count++], line);
    }
    free(text);
}

static void print_plans(const char *path)
{
    struct settings settings = {.directory = "/b", .links = "lto", .exclude = ""};
    static const char *const kinds[] = {"alone", "compile", "link"};
    printf("== %s\n", strrchr(path, '/') + 1);
    for (size_t i = 0; i < count; i++) {
        struct plan plan = {0};
        plan_command(&plan, commands[i].word, environment, &settings);
        printf("%s", kinds[plan.kind]);
        if (plan.kind == RUN_ALONE)
            printf(" %s %s", plan.reason, plan.detail ? plan.detail : "-");
        else
            for (size_t j = 0; j < plan.sources.count; j++)
                printf(" %s", plan.sources.word[j]);
        for (size_t j = 0; plan.kind == RUN_COMPILE && j < plan.outputs.count; j++)
            printf(" %s%s", j ? "" : "-> ", plan.outputs.word[j]);
        putchar('\n');
    }
}

static uint64_t state;

static size_t below(size_t limit)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
}

static const char *const odd[] = {
    "", "-", "--", "---", "@", "@r0", "@r1", "@r2", "@none", "-o", "-c", "-S", "-x", "none", "c", "c++", "assembler", "-xnone",
    "-MD", "-MMD", "-MF", "-MFd", "-MT", "-Wa,", "-Wa,-L", "-Wa,-I,x", "-Wa,-mtune=x,a.s", "-Wa,,", "-Wp,", "-Wp,-MD,x", "-Wp,-DA,b",
    "-Xassembler", "-gsplit-dwarf", "--coverage", "-flto", "-fno-lto", "a.c", "a.o", "b.S", "c.s", "d.i", ".c", "e", "f.", "d/g.cc",
    "/dev/stdin", "/dev/null", "-march=native", "-zz", "-fzz", "-fno-zz", "-fno-", "-f", "-m", "-W", "\xff", "caf\xc3\xa9.c", "-I",
    "-include", "-D", "x.so.1", "conftest.c", ".h", "'", "\\", "\n", "-E", "-v", "-B", "-O2", "-g", "-g0", "-o-", "-ofoo",
};

static char *random_word(void)
{
    const struct option *entry = &table[below(ENTRIES)];
    const struct words *known = &commands[below(count)];
    const char *end = odd[below(sizeof odd / sizeof *odd)];
    char *word;
    switch (below(6)) {
    case 0:
        return format("%s", entry->name);
    case 1:
        return format("%s%s", entry->name, end);
    case 2:
        return format("%s", known->word[below(known->count)]);
    case 3: /* a bit of another */
        word = format("%s", known->word[below(known->count)]);
        if (*word)
            word[below(strlen(word))] ^= (char)(1 << below(8));
        return word;
    case 4:
        word = format("%s%s", odd[below(sizeof odd / sizeof *odd)], end);
        word[below(strlen(word) + 1)] = '\0';
        return word;
    default:
        return format("%s", end);
    }
}

static void write_response(void)
{
    char name[] = "r0";
    name[1] = (char)('0' + below(3));
    FILE *file = checked(fopen(name, "we"));
    for (size_t words = below(6); words > 0; words--) {
        char *word = random_word();
        fprintf(file, "%s%s%s", below(8) ? "" : "'", word, below(9) ? " " : "\\\n");
        free(word);
    }
    fclose(file);
}

static void make_command(void)
{
    const struct words *known = &commands[below(count)];
    size_t changes = below(6), i;

    clear(&command);
    add_word(&command, below(4) ? "gcc" : "clang");
    for (i = 1; i < known->count && below(40); i++)
        add_word(&command, known->word[i]);
    while (changes-- > 0 && command.count < LONGEST) {
        size_t place = 1 + below(command.count);
        char *word = random_word();
        if (place < command.count && below(2)) {
            free(command.word[place]);
            command.word[place] = word;
            continue;
        }
        add_word(&command, word);
        free(word);
        /* From the end to its place. */
        for (i = command.count - 1; i > place; i--) {
            char *other = command.word[i];
            command.word[i] = command.word[i - 1];
            command.word[i - 1] = other;
        }
    }
}

static enum kind kind_of(const char *word, const char *next)
{
    char *words[] = {"gcc", "-c", "a.c", (char *)word, (char *)next, NULL};
    struct settings settings = {.directory = "/b", .links = "lto", .exclude = ""};
    struct plan plan = {0};
    enum kind kind;
    clear(&command);
    for (size_t i = 0; words[i]; i++)
        add_word(&command, words[i]);
    plan_command(&plan, words, environment, &settings);
    kind = plan.kind;
    if (strstr(word, "no-such-option"))
        HOLDS(kind == RUN_ALONE && (strcmp(plan.reason, "unknown-option") == 0 || find_option(word)));
    clear(&plan.all);
    clear(&plan.sources);
    clear(&plan.outputs);
    clear(&plan.scan);
    return kind;
}

/* Each entry alone has the effect that it names. */
static void check_table(void)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        const struct option *entry = &table[i];
        const char *next = entry->how == SEPARATE ? "x" : NULL;
        enum kind kind = kind_of(entry->name, entry->how == EITHER ? "x" : next);
        HOLDS(find_option(entry->name) != NULL && strcmp(find_option(entry->name)->name, entry->name) == 0);
        HOLDS(i == 0 || strcmp(table[i - 1].name, entry->name) < 0);
        HOLDS(entry->effect != KEYED && entry->effect != LINK);
        if (entry->effect == OBJECT || entry->effect == INPUT || entry->effect == OUTPUT)
            HOLDS(kind == RUN_COMPILE);
        if (entry->effect == PRINT || entry->effect == ALONE)
            HOLDS(kind == RUN_ALONE);
        if (entry->how == SEPARATE || entry->how == EITHER)
            HOLDS(kind_of(entry->name, NULL) == RUN_ALONE);
        if (entry->how == FLAG) {
            char *longer = format("%s-no-such-option", entry->name);
            const struct option *found = find_option(longer);
            HOLDS(!found || found->how == JOINED || found->how == EITHER);
            if (!found)
                HOLDS(kind_of(longer, NULL) == RUN_ALONE);
            free(longer);
        }
    }
}

int main(int argc, char **argv)
{
    bool plans = argc > 2 && strcmp(argv[1], "--plans") == 0;
    time_t end;
    unsigned long rounds = 0;

    if (argc < 4 && !plans)
        return 2;
    for (int i = plans ? 2 : 3; i < argc; i++) {
        if (plans)
            count = 0;
        read_corpus(argv[i]);
        if (plans)
            print_plans(argv[i]);
    }
    if (plans)
        return 0;
    if (count == 0)
        fail("the corpus is empty");
    check_table();
    state = strtoull(argv[1], NULL, 10);
    for (end = time(NULL) + atoi(argv[2]); time(NULL) < end; rounds++) {
        if (rounds % 50 == 0)
            write_response();
        make_command();
        check(below(3) ? "lto" : "all", below(5) ? "" : "slow.c d/*.cc");
    }
    printf("fuzz: %lu commands\n", rounds);
    return 0;
}
#endif
