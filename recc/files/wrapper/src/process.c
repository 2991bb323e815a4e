/* Runs child processes, and hands signals on to them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal.h"
#include "words.h"

static const int handed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
enum { HANDED_ON = sizeof handed_on / sizeof *handed_on, PATIENCE = 2 /* seconds */ };
const char *own_directory;
static volatile pid_t running;
static volatile sig_atomic_t caught;

static void hand_on(int number)
{
    int error = errno;
    if (number == SIGALRM)
        kill(-running, SIGKILL);
    else if (running > 0) {
        caught = number;
        kill(-running, number);
        alarm(PATIENCE);
    }
    errno = error;
}

/* recc runs a command by itself where nothing is in the cache; here that is for its caller to do. */
static void forbid_commands(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    /* Where the kernel cannot, a command is run in vain in an empty directory. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void redirect(int number, const char *path, int flags)
{
    int fd = path ? open(path, flags | O_CLOEXEC, 0600) : -1;
    if (path && (fd < 0 || dup2(fd, number) < 0))
        _exit(127);
}

void become(const struct child *child)
{
    const char *program = child->program ? child->program : child->command[0];
    redirect(0, child->in, O_RDONLY);
    redirect(1, child->out, O_WRONLY | O_CREAT | O_TRUNC);
    if (child->err && child->err == child->out)
        dup2(1, 2);
    else
        redirect(2, child->err, O_WRONLY | O_CREAT | O_TRUNC);
    if (child->directory && chdir(child->directory) != 0)
        _exit(127);
    for (const char *const *set = child->set; set && set[0]; set += 2) {
        if (set[1])
            setenv(set[0], set[1], 1);
        else
            unsetenv(set[0]);
    }
    if (child->observe) {
        int fd = open(child->observe, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
            _exit(127);
        close(fd);
        setenv("OBSERVE", child->observe, 1);
        if (journal)
            setenv("OBSERVE_JOURNAL", journal, 1);
        if (child->scan)
            setenv("OBSERVE_SCAN", "1", 1);
        if (child->strict)
            setenv("OBSERVE_STRICT", "1", 1);
        setenv("LD_PRELOAD", child->link_scan ? PREFIX "/lib/observe-link.so:" PREFIX "/lib/observe.so" : PREFIX "/lib/observe.so", 1);
    }
    if (child->idle)
        setpriority(PRIO_PROCESS, 0, 19);
    if (child->no_commands) {
        int fd = open(program, O_RDONLY | O_CLOEXEC);
        forbid_commands();
        fexecve(fd, child->command, environ);
    } else
        execv(program, child->command);
}

void hold_signals(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    for (int i = 0; i < HANDED_ON; i++)
        sigaddset(&held, handed_on[i]);
    sigprocmask(SIG_BLOCK, &held, before);
}

bool do_whole(bool (*work)(const void *data), const void *data)
{
    sigset_t before;
    int status = 1;
    hold_signals(&before);
    pid_t worker = fork();
    if (worker == 0)
        _exit(work(data) ? 0 : 1);
    while (worker > 0 && waitpid(worker, &status, 0) < 0 && errno == EINTR)
        ;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status == 0;
}

int run_child(const struct child *child)
{
    struct sigaction action = {.sa_handler = hand_on}, old[HANDED_ON];
    sigset_t before, unused;
    int status, i;

    hold_signals(&before);
    running = fork();
    if (running < 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return 127 << 8;
    }
    if (running == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        sigprocmask(SIG_SETMASK, &before, NULL);
        become(child);
        _exit(127);
    }
    setpgid(running, running);
    for (i = 0; i < HANDED_ON; i++) {
        sigaction(handed_on[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(handed_on[i], &action, NULL);
    }
    sigaction(SIGALRM, &action, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    while (waitpid(running, &status, 0) < 0 && errno == EINTR)
        ;
    hold_signals(&unused);
    alarm(0);
    if (caught)
        kill(-running, SIGKILL); /* what it has started and left */
    running = 0;
    for (i = 0; i < HANDED_ON; i++)
        sigaction(handed_on[i], &old[i], NULL);
    signal(SIGALRM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (caught) {
        if (own_directory)
            remove_tree(own_directory);
        end_like(caught);
    }
    return status;
}

void end_like(int status)
{
    if (WIFSIGNALED(status)) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
