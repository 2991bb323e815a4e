/* Starts recc, and reads its log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "recc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "files.h"
#include "journal.h"
#include "options.h"
#include "process.h"

#define BUNDLE PREFIX "/bundle/"

static void write_list(FILE *file, const char *name, const struct words *words)
{
    fprintf(file, "%s=", name);
    for (size_t i = 0; i < words->count; i++)
        fprintf(file, "%s%s", i ? "," : "", words->word[i]);
    putc('\n', file);
}

void write_lists(const char *directory, const struct words *inputs, const struct words *outputs)
{
    char *path = format("%s/recc.conf", directory);
    FILE *file = checked(fopen(path, "we"));
    write_list(file, "deps_override", inputs);
    write_list(file, "output_files_override", outputs);
    fclose(file);
    free(path);
}

void add_recc(struct words *command)
{
    static const char *const words[] = {BUNDLE "lib/ld.so", "--library-path", BUNDLE "lib", "--argv0", "recc", BUNDLE "bin/recc"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add_word(command, words[i]);
}

static void write_settings(const struct run *run, const struct words *outputs)
{
    write_lists(run->own, &run->inputs, outputs);
    if (run->mode == LOCAL) {
        char *programs = own_file(run, "programs");
        FILE *file = checked(fopen(programs, "we"));
        for (size_t i = 0; i < run->programs.count; i++)
            fprintf(file, "%s\n", run->programs.word[i]);
        fclose(file);
        free(programs);
    }
}

static void read_digest(struct answer *answer, const char *text)
{
    const char *bracket = strchr(text, '['), *sign;
    if (bracket && (sign = strchr(bracket, '=')) && sign < strchr(bracket, ']'))
        bracket = sign; /* [actionDigest=…] */
    if (bracket)
        snprintf(answer->digest, sizeof answer->digest, "%.*s", (int)strcspn(bracket + 1, "]\n"), bracket + 1);
}

static void read_errors(struct answer *answer, char *text)
{
    char *line;
    while ((line = strsep(&text, "\n"))) {
        char *all = strstr(line, "[ERROR]") ? format("%s%s\n", answer->errors ? answer->errors : "", line) : NULL;
        if (all) {
            free(answer->errors);
            answer->errors = all;
        }
    }
}

static const char failed_lookup[] = "Error while querying action cache";

/*
 * While its server is gone, each lookup takes as long as casd retries: the first that fails
 * is an element's last, and what follows compiles as after a miss.
 */
static void give_up(const struct run *run, const char *lost, const struct answer *answer)
{
    int made = open(lost, O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    char *path = format("%s/build-log", run->logs);
    int log = made < 0 ? -1 : open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (log >= 0) {
        dprintf(log, "recc: the cache does not answer; this element goes on without it\n%s", answer->errors ? answer->errors : "");
        close(log);
    }
    if (made >= 0)
        close(made);
    free(path);
}

static void read_recc_log(struct answer *answer, const char *directory)
{
    DIR *files = opendir(directory);
    struct dirent *file;
    while (files && (file = readdir(files))) {
        char *path = format("%s/%s", directory, file->d_name), *text = read_file(path, NULL), *found;
        free(path);
        if (!text)
            continue;
        if ((found = strstr(text, "Action Cache hit for"))) {
            answer->word = "hit";
            read_digest(answer, found);
        } else if ((found = strstr(text, "Executing action remotely..."))) {
            answer->word = "remote";
            read_digest(answer, found);
        } else if (strstr(text, "Action not cached") && !strstr(text, failed_lookup)) {
            answer->missed = true;
            if ((found = strstr(text, "Action cache updated for")))
                read_digest(answer, found);
        }
        read_errors(answer, text);
        free(text);
    }
    if (files)
        closedir(files);
}

void write_command(FILE *file, const struct run *run)
{
    for (size_t i = 0; i < run->plan.all.count; i++)
        fprintf(file, "%c%s", '\0', run->plan.all.word[i]);
    for (char **variable = environ; *variable; variable++)
        if (is_keyed(*variable))
            fprintf(file, "%c%s", '\0', *variable);
}

/*
 * What a result of the element's sandbox depends on beside inputs and directory: recc
 * takes neither words nor variables of a command into the key that it does not take
 * for a compiler's.
 */
static char *key_of(const struct run *run)
{
    char *text = NULL, digest[DIGEST_SIZE];
    size_t size;
    FILE *file = checked(open_memstream(&text, &size));
    fprintf(file, "%s", run->toolchain);
    write_command(file, run);
    fclose(file);
    digest_bytes(text, size, digest);
    free(text);
    return format("quasi-safe %s", digest);
}

void ask_recc(struct run *run, struct answer *answer)
{
    bool local = run->mode == LOCAL, optional = local || run->mode == CACHE_ONLY;
    char *lost = format("%s/lost", run->logs);
    char *logs = own_file(run, "recc"), *out = own_file(run, "out"), *err = own_file(run, "err");
    char *salt = local ? key_of(run) : NULL, *above = checked(strdup(run->directory)), *nonce;
    struct words outputs = {0}, command = {0};
    int levels = 0;

    *answer = (struct answer){.word = "error", .status = 1 << 8};
    if (optional && access(lost, F_OK) == 0)
        return;
    for (size_t i = 0; i < run->plan.outputs.count; i++) {
        char *output = relative(run, run->plan.outputs.word[i]);
        int up = 0;
        while (strncmp(output + 3 * up, "../", 3) == 0)
            up++;
        levels = up > levels ? up : levels;
        add_word(&outputs, output);
        free(output);
    }
    /* recc puts the working directory as far below this as the outputs climb. */
    while (levels-- > 0)
        *strrchr(above, '/') = '\0';
    nonce = format("%lld.%d", milliseconds(), (int)getpid());
    const char *settings[] = {
        "RECC_CONFIG_DIRECTORY", run->own,
        "RECC_FORCE_REMOTE", "1",
        "RECC_DEPS_GLOBAL_PATHS", "1",
        "RECC_NO_PATH_REWRITE", "1",
        "RECC_WORKING_DIR_PREFIX", above + 1,
        "RECC_LOG_LEVEL", "info",
        "RECC_LOG_DIRECTORY", logs,
        /* Never store, and never believe, that a command fails: it may have been killed. */
        "RECC_CACHE_UPLOAD_FAILED_BUILD", "",
        "RECC_IGNORE_FAILURE_RESULT", "1",
        "RECC_CACHE_ONLY", optional ? "1" : NULL,
        "RECC_CACHE_UPLOAD_LOCAL_BUILD", local ? "1" : NULL,
        /* Part of an action's digest: results of one salt never answer a lookup with another. */
        "RECC_ACTION_SALT", salt,
        /* Makes the action unlike any other: nothing is taken from the cache. */
        "RECC_REMOTE_ENV_BST_RECC_VERIFICATION", run->mode == VERIFY ? nonce : NULL,
        "BST_RECC_OWN", run->own,
        "OBSERVE_JOURNAL", journal,
        "BST_RECC_WATCHED", run->directory,
        "BST_RECC_COMPILER", run->compiler,
        "BST_RECC_CLANG", run->plan.clang ? "1" : NULL,
        NULL,
    };
    add_recc(&command);
    if (local)
        add_word(&command, PREFIX "/libexec/watch");
    add_word(&command, local ? run->plan.all.word[0] : run->compiler);
    for (size_t i = 1; i < run->plan.all.count; i++)
        add_word(&command, run->plan.all.word[i]);

    mkdir(logs, 0777);
    write_settings(run, &outputs);
    answer->status = run_child(&(struct child){.command = command.word,
                                               .directory = run->mirror, .in = "/dev/null", .out = out,
                                               .err = err, .no_commands = !local, .set = settings});
    read_recc_log(answer, logs);
    if (optional && answer->errors && strstr(answer->errors, failed_lookup)) {
        answer->status = 1 << 8;
        give_up(run, lost, answer);
    }
}
