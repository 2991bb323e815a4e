/* Runs a command through recc, or as without it; decides which result counts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "direct.h"
#include "files.h"
#include "journal.h"
#include "process.h"
#include "recc.h"
#include "texts.h"
#include "toolchain.h"

void leave(const struct run *run, int status)
{
    note_writing(own_file(run, "record"), 0);
    remove_tree(run->own);
    end_like(status);
}

void run_alone(struct run *run, const char *why, const char *detail)
{
    run->plan.kind = RUN_ALONE;
    write_log(run, why, detail);
    if (run->own)
        remove_tree(run->own);
    become(&(struct child){.program = run->compiler, .command = run->plan.all.word});
    perror(run->compiler);
    exit(127);
}

int compile(const struct run *run, const char *observe, const char *out, const char *err)
{
    return run_child(&(struct child){
        .program = run->compiler, .command = run->plan.all.word, .observe = observe, .out = out, .err = err});
}

void print(struct run *run, const char *out, const char *err)
{
    if (!show_streams(out, err))
        run_alone(run, "output", "standard output");
}

static bool bring_all(const void *data)
{
    const struct run *run = data;
    for (size_t i = 0; i < run->plan.outputs.count; i++)
        if (!bring_output(run, i))
            return false;
    return true;
}

/* Messages and outputs of a result that recc has brought; false: one is missing. */
static bool take(const struct run *run)
{
    char *out = own_file(run, "out"), *err = own_file(run, "err");
    return do_whole(bring_all, run) && show_streams(out, err);
}

void end_uncached(struct run *run, const char *why, const char *detail, int status)
{
    run->plan.kind = RUN_ALONE;
    write_log(run, why, detail);
    leave(run, status);
}

static const char remedies[] =
    "  1. Toolchain insufficient: it lacks a file that the compile needs. Build toolchain-audit.bst; its log names the gap.\n"
    "  2. Toolchain overlapped: another build dependency replaces or adds files in the compiler's directories.\n"
    "     Run bst-recc doctor with the name of this element.\n"
    "  3. Compile not deterministic (random names, time, -flto): build it twice with recc_mode off and compare.\n"
    "     With -flto, -frandom-seed=NAME makes gcc deterministic.\n"
    "  4. Remote execution failed by itself (not available, a full disk): the compiler's own messages are missing above.\n"
    "     bst-recc cache use --stop builds without a team's cache.\n";
static const char without_recc[] =
    "  To build this element without recc: environment: {BST_RECC_MODE: 'off: REASON'}, then bst build --retry-failed;\n"
    "  its links alone: {BST_RECC_LINKS: none}\n";

void fail(struct run *run, const char *errors, const char *what, const char *path, const char *solutions)
{
    char *text = plan_text(&run->plan);
    write_log(run, "error", NULL);
    fprintf(stderr, "recc: this %s %s: %s\n", run->plan.kind == RUN_LINK ? "link" : "compile", what, text);
    fflush(stderr);
    copy(path, 2);
    fprintf(stderr, "%s%s%s", errors ? errors : "", solutions, without_recc);
    leave(run, 1 << 8);
}

/* recc gave a result, of which nothing is there yet. */
static void end_with_result(struct run *run, const struct answer *answer)
{
    char *err = own_file(run, "err"), *record = own_file(run, "record");
    struct verdict verdict = {0};
    struct record observed;
    struct words result = {0};
    struct stat messages;

    if (run->plan.kind == RUN_LINK && lacked_make(run, err))
        end_uncached(run, "program", "make", compile(run, NULL, NULL, NULL));
    name_result(run, &result);
    if (run->mode == VERIFY) {
        char *own_out = own_file(run, "own-out"), *own_err = own_file(run, "own-err"), *difference = own_file(run, "difference");
        int status = compile(run, record, own_out, own_err);
        read_record(&observed, record);
        print(run, own_out, own_err);
        judge_compile(&verdict, &run->plan, &run->scan, &observed, &run->programs);
        if (status != 0 || verdict.why[0])
            end_uncached(run, verdict.why[0] ? verdict.why : "other-output", verdict.detail, status);
        if (!compare_results(run, &result, difference, own_out, own_err))
            fail(run, answer->errors, "differs in the toolchain's own sandbox", difference, remedies);
        write_log(run, "verified", answer->digest);
        leave(run, 0);
    }
    if (stat(err, &messages) == 0 && messages.st_size > 0 && (isatty(2) || quotes_others(&run->plan, &run->scan)))
        end_uncached(run, "messages", "of a file that is not an input", compile(run, NULL, NULL, NULL));
    if (strcmp(answer->word, "hit") == 0)
        check_hit(run, &result, false, answer->digest);
    if (!take(run))
        end_uncached(run, "other-output", "a file that the compiler did not write", compile(run, NULL, NULL, NULL));
    write_log(run, answer->word, answer->digest);
    leave(run, 0);
}

/* The element's sandbox has compiled, in recc's name. */
static void end_watched(struct run *run, const struct answer *answer, const char *report)
{
    char *text = read_file(report, NULL), why[32] = "", detail[512] = "", *out = own_file(run, "watched-out"), *err = own_file(run, "watched-err");
    int status = 1 << 8;
    if (text)
        sscanf(text, "%d %31[^\n]\n%511[^\n]", &status, why, detail);
    if (strcmp(why, "special-file") == 0)
        run_alone(run, why, detail);
    print(run, out, err);
    if (status != 0)
        write_log(run, "failed", NULL);
    else {
        bool remembered = is_direct(run);
        if (remembered) {
            struct verdict verdict = {0};
            char *record = own_file(run, "record");
            run->cost = milliseconds() - run->started;
            remember(run, &verdict, record, out, err);
            remembered = !verdict.why[0];
        }
        if (why[0] && strcmp(why, "-") != 0 && !remembered)
            end_uncached(run, why, detail, status);
        char *asked = format("%s%s%s", answer->digest, run->changed && answer->digest[0] ? " " : "", run->changed ? run->changed : "");
        write_log(run, remembered || answer->status == 0 ? "local" : "error", asked);
    }
    leave(run, status);
}

/* recc gave none: compile here, and see whose fault it was. */
static void end_without_result(struct run *run, const struct answer *answer)
{
    char *record = own_file(run, "record"), *err = own_file(run, "err");
    struct verdict verdict = {0};
    struct record observed;
    int status;

    if (run->mode == CACHE_ONLY || run->mode == LOCAL) {
        status = compile(run, NULL, NULL, NULL);
        write_log(run, status != 0 ? "failed" : answer->missed ? "local" : "error", answer->digest);
        leave(run, status);
    }
    status = compile(run, record, NULL, NULL);
    if (status != 0) {
        write_log(run, "failed", NULL);
        leave(run, status);
    }
    read_record(&observed, record);
    judge_compile(&verdict, &run->plan, &run->scan, &observed, &run->programs);
    if (run->plan.kind == RUN_LINK)
        object_to(&verdict, "link", "fails in the sandbox of the toolchain");
    if (verdict.why[0])
        end_uncached(run, verdict.why, verdict.detail, status);
    fail(run, answer->errors, "works here but fails in the toolchain's own sandbox", err, remedies);
}

void make_own(struct run *run)
{
    if (run->own)
        return;
    run->own = format("%s/XXXXXX", run->logs);
    if (!mkdtemp(run->own)) {
        run->own = NULL;
        run_alone(run, "output", run->logs);
    }
    own_directory = run->own;
    run->journal = journal_length();
}

void run_planned(struct run *run)
{
    struct verdict verdict = {0};
    struct answer answer;
    char *report, *known = known_compiler(run->compiler);

    if (run->mode != LOCAL && !known)
        object_to(&verdict, "program", run->compiler);
    if (run->mode != LOCAL && needs_jobserver(run))
        object_to(&verdict, "environment", "MAKEFLAGS");
    judge_directory(&verdict, run);
    judge_sources(&verdict, run);
    if (run->plan.kind != RUN_OTHER)
        judge_outputs(&verdict, run);
    if (verdict.why[0])
        run_alone(run, verdict.why, verdict.detail);
    if (is_direct(run))
        run_directly(run);
    find_toolchain(&verdict, run->compiler, run->logs, run->plan.clang, run->mode != LOCAL, &run->programs, run->toolchain);
    if (verdict.why[0])
        run_alone(run, verdict.why, verdict.detail);

    make_own(run);
    run->mirror = mirrored(run, run->directory);
    make_directories(run->mirror);
    if (run->mode != LOCAL)
        run->compiler = known;
    if (run->plan.kind == RUN_LINK)
        scan_link(run, &verdict);
    bool scanned = run->plan.kind != RUN_COMPILE || scan_compile(run, &verdict);
    judge_scan(&verdict, &run->plan, &run->scan);
    if (verdict.why[0] && strcmp(verdict.why, "special-file") != 0 && is_direct(run))
        compile_directly(run);
    if (verdict.why[0] && (scanned || strcmp(verdict.why, "special-file") == 0))
        run_alone(run, verdict.why, verdict.detail);
    if (!scanned) {
        int status = compile(run, NULL, NULL, NULL);
        if (status == 0)
            end_uncached(run, "unobserved", "the scan fails", status);
        write_log(run, "failed", NULL);
        leave(run, status);
    }
    name_inputs(run);
    ask_recc(run, &answer);
    if (access(report = own_file(run, "report"), F_OK) == 0)
        end_watched(run, &answer, report);
    if (answer.status == 0)
        end_with_result(run, &answer);
    end_without_result(run, &answer);
    exit(1);
}
