/* Stands in for a compiler, and copies what that has made before: what no cache of compiles can undercut. */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * $FLOOR is the directory that holds what was made. With $FLOOR_RECORD set, what is not
 * there is compiled and put there; else it is compiled, and counted in /tmp/floor-misses.
 * Nothing is checked: a result is that of the same words and sources in the same directory.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUTS = 16 };

static char store[PATH_MAX];
static char outputs[OUTPUTS][PATH_MAX];
static int count;

static void add(unsigned long long key[2], const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        key[0] = (key[0] ^ (unsigned char)bytes[i]) * 0x100000001b3;
        key[1] = (key[1] + (unsigned char)bytes[i]) * 0x9e3779b97f4a7c15 ^ key[1] >> 29;
    }
}

static int is_source(const char *word)
{
    static const char *const kinds[] = {".c", ".cc", ".cpp", ".S", ".s"};
    size_t length = strlen(word);
    for (size_t i = 0; word[0] != '-' && i < sizeof kinds / sizeof *kinds; i++)
        if (length > strlen(kinds[i]) && strcmp(word + length - strlen(kinds[i]), kinds[i]) == 0)
            return 1;
    return 0;
}

static void add_source(unsigned long long key[2], const char *name)
{
    char buffer[65536];
    ssize_t size;
    int fd = open(name, O_RDONLY);
    while (fd >= 0 && (size = read(fd, buffer, sizeof buffer)) > 0)
        add(key, buffer, size);
    close(fd);
}

static void add_output(const char *name, const char *ending)
{
    const char *dot = ending ? strrchr(name, '.') : NULL;
    if (count < OUTPUTS)
        snprintf(outputs[count++], PATH_MAX, "%.*s%s", dot ? (int)(dot - name) : (int)strlen(name), name, ending ? ending : "");
}

static void name_outputs(char **words)
{
    const char *out = NULL, *source = NULL, *dependencies = NULL;
    int compiles = 0, depends = 0;
    for (char **word = words; *word; word++) {
        compiles |= strcmp(*word, "-c") == 0;
        depends |= strcmp(*word, "-MD") == 0 || strcmp(*word, "-MMD") == 0;
        if (strcmp(*word, "-o") == 0 && word[1])
            out = *++word;
        else if (strcmp(*word, "-MF") == 0 && word[1])
            dependencies = *++word;
        else if (strncmp(*word, "-Wp,-M", 6) == 0 && strchr(*word + 4, ','))
            dependencies = strchr(*word + 4, ',') + 1;
        else if (is_source(*word))
            source = *word;
    }
    if (out)
        add_output(out, NULL);
    else if (compiles && source)
        add_output(strrchr(source, '/') ? strrchr(source, '/') + 1 : source, ".o");
    else
        add_output("a.out", NULL);
    if (dependencies)
        add_output(dependencies, NULL);
    else if (depends)
        add_output(outputs[0], ".d");
}

/* 0: there is no such file. `number`: of an output; 'o', 'e': messages; 's': the status. */
static int copy(int number, const char *name, int to_store)
{
    char kept[PATH_MAX + 16], buffer[65536];
    ssize_t size;
    struct stat status;
    snprintf(kept, sizeof kept, "%s/%d", store, number);
    int from = open(to_store ? name : kept, O_RDONLY);
    if (from < 0 || fstat(from, &status) != 0)
        return 0;
    int to = number == 'o' ? 1 : number == 'e' ? 2 : open(to_store ? kept : name, O_WRONLY | O_CREAT | O_TRUNC, status.st_mode & 0777);
    while ((size = read(from, buffer, sizeof buffer)) > 0)
        if (write(to, buffer, size) != size)
            abort();
    if (to > 2)
        close(to);
    close(from);
    return 1;
}

/* Like the compiler; what it says goes into files of the store. */
static int compile(const char *compiler, char **words)
{
    char out[PATH_MAX + 16], err[PATH_MAX + 16];
    int status;
    snprintf(out, sizeof out, "%s/%d", store, 'o');
    snprintf(err, sizeof err, "%s/%d", store, 'e');
    pid_t child = fork();
    if (child == 0) {
        dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666), 1);
        dup2(open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666), 2);
        execv(compiler, words);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    unsigned long long key[2] = {0xcbf29ce484222325, 1};
    char here[PATH_MAX] = "", compiler[PATH_MAX], path[PATH_MAX + 16];
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0], *floor = getenv("FLOOR");
    int status, known = 1;

    snprintf(compiler, sizeof compiler, "/usr/bin/%s", name);
    if (!floor || !getcwd(here, sizeof here))
        return 127;
    add(key, here, strlen(here) + 1);
    for (int i = 0; i < argc; i++) {
        const char *word = i ? argv[i] : name;
        known &= strcmp(word, "-") != 0;
        add(key, word, strlen(word) + 1);
        if (is_source(word))
            add_source(key, word);
    }
    snprintf(store, sizeof store, "%s/%016llx%016llx", floor, key[0], key[1]);
    snprintf(path, sizeof path, "%s/status", store);
    name_outputs(argv + 1);
    FILE *file = known ? fopen(path, "r") : NULL;
    if (file && fscanf(file, "%d", &status) == 1) {
        for (int i = 0; i < count; i++)
            copy(i, outputs[i], 0);
        copy('o', NULL, 0);
        copy('e', NULL, 0);
        return status;
    }
    if (!known || !getenv("FLOOR_RECORD")) {
        file = fopen("/tmp/floor-misses", "a");
        fprintf(file, "floor_miss: %s\n", name);
        fclose(file);
        execv(compiler, argv);
        return 127;
    }
    mkdir(floor, 0777);
    mkdir(store, 0777);
    status = compile(compiler, argv);
    for (int i = 0; i < count; i++)
        copy(i, outputs[i], 1);
    copy('o', NULL, 0);
    copy('e', NULL, 0);
    file = fopen(path, "w");
    fprintf(file, "%d\n", status);
    return fclose(file) ? 127 : status;
}
