/* The compiler by whose name it is called, through recc as BST_RECC_MODE says. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "direct.h"
#include "journal.h"
#include "keep.h"
#include "process.h"
#include "run.h"
#include "staged.h"
#include "toolchain.h"

static void stop(const char *problem, const char *remedies)
{
    fprintf(stderr, "recc: %s\n%s", problem, remedies);
    exit(1);
}

static const char *variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static bool is_same(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The compiler must not find the wrappers, and PATH, part of every action, must be that of a build without recc. */
static void clean_path(void)
{
    const char *old = getenv("PATH");
    if (!old)
        return;
    char *path = checked(strdup(old)), *rest = path, *directory, *kept = checked(malloc(strlen(path) + 2)), *end = kept;
    while ((directory = strsep(&rest, ":"))) {
        const char *named = *directory ? directory : ".";
        if (is_same(named, PREFIX "/bin") || is_same(named, PREFIX "/session"))
            continue;
        end = stpcpy(end, end > kept ? ":" : "");
        end = stpcpy(end, directory);
    }
    *end = '\0';
    setenv("PATH", kept, 1);
    free(path);
    free(kept);
}

/* gcc looks for itself, and is called again, by the name that it is given. */
static char *own_name(char *called, char *compiler)
{
    char *found = strchr(called, '/') ? NULL : find_program(called, true);
    return found && strcmp(found, compiler) == 0 ? called : compiler;
}

static int run_plainly(const struct run *run, char *const command[])
{
    execv(run->compiler, command);
    perror(run->compiler);
    return 127;
}

static enum mode read_mode(const char *text)
{
    static const char *const names[] = {"off", "local", "cache-only", "remote", "verify"};
    for (int i = 0; i < UNKNOWN_MODE; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    return strncmp(text, "off: ", 5) == 0 ? OFF : UNKNOWN_MODE;
}

/* '1/N'; 'off', or nothing, is 0. */
static unsigned read_check(const char *text)
{
    const char *number = strncmp(text, "1/", 2) == 0 ? text + 2 : "";
    size_t size = strspn(number, "0123456789");
    unsigned check = size <= 9 && !number[size] ? atoi(number) : 0;
    if (!check && *text && strcmp(text, "off") != 0)
        stop(format("invalid BST_RECC_CHECK: '%s'.", text),
             "  1. Use 1/N, such as 1/200: one in N hits is compiled again and compared. Or off.\n");
    return check;
}

int main(int argc, char **argv)
{
    char self[PATH_MAX] = "", here[PATH_MAX];
    const char *mode = variable("BST_RECC_MODE", ""), *name;
    struct run run = {.started = milliseconds(), .logs = variable("BST_RECC_LOG_DIRECTORY", "/tmp/bst-recc")};
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);

    self[size > 0 ? size : 0] = '\0';
    name = base(self);
    if (strcmp(name, "watch") == 0)
        return watch(argv + 1);
    if (strcmp(name, "manifest") == 0)
        return keep_manifest(argv[1], argc == 3 ? argv[2] : NULL);
    clean_path();
    run.compiler = find_program(name, false);
    if (!run.compiler) {
        fprintf(stderr, "recc: no compiler '%s' in %s.\n", name, variable("PATH", "/bin:/usr/bin"));
        return 127;
    }
    run.mode = read_mode(mode);
    argv[0] = own_name(argv[0], (char *)run.compiler);
    if (run.mode == OFF)
        return run_plainly(&run, argv);
    if (run.mode == UNKNOWN_MODE && *mode)
        stop(format("invalid BST_RECC_MODE: '%s'.", mode), "  1. Use off, local, cache-only, remote or verify.\n");
    run.check = read_check(variable("BST_RECC_CHECK", ""));
    make_directories(checked(strdup(run.logs)));
    if (run.mode == LOCAL)
        journal = format("%s/journal", run.logs);
    if (run.mode == LOCAL && strcmp(variable("BST_RECC_MANIFEST", "on"), "off") != 0)
        run.manifest = format("%s/manifest", run.logs), staged_digests = format("%s/staged", run.logs);
    run.directory = getcwd(here, sizeof here) ? here : "";
    struct settings settings = {
        .directory = run.directory,
        .links = variable("BST_RECC_LINKS", "lto"),
        .exclude = variable("BST_RECC_EXCLUDE", ""),
        .clang = strstr(name, "clang") != NULL,
    };
    plan_command(&run.plan, argv, environ, &settings);
    if (!*mode)
        /* A build that has emptied the environment. */
        run.plan.kind = RUN_ALONE, run.plan.reason = "no-settings", run.plan.detail = "BST_RECC_MODE";
    else if (!*variable("RECC_REMOTE_PLATFORM_chrootRootDigest", ""))
        stop("the toolchain is not declared: RECC_REMOTE_PLATFORM_chrootRootDigest is not set.",
             "  1. Add to the element's build-depends: '- (@): recc.bst:include/gcc-for-recc.yml'\n"
             "  2. Or build it without recc: environment: {BST_RECC_MODE: 'off: REASON'}\n");
    else if (run.plan.kind == RUN_ALONE && run.plan.observable && is_direct(&run))
        run.plan.kind = RUN_OTHER;
    for (int stream = 0; stream < 3; stream++)
        if (run.plan.kind != RUN_ALONE && fcntl(stream, F_GETFD) < 0)
            run.plan.kind = RUN_ALONE, run.plan.reason = "output", run.plan.detail = "a closed stream";
    if (run.plan.kind == RUN_ALONE) {
        write_log(&run, run.plan.reason, run.plan.detail);
        return run_plainly(&run, argv);
    }
    run_planned(&run);
}
