/* Finds and digests the programs and shared libraries of a compiler. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "toolchain.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"

static const char *const parts[] = {"cc1", "cc1plus", "as", "collect2", "ld", "lto1", "lto-wrapper", "objcopy"};
enum { PARTS = sizeof parts / sizeof *parts };

char *find_program(const char *name, bool own)
{
    const char *set = getenv("PATH");
    char *path = format("%s%s/usr/bin:/bin", set ? set : "", set ? ":" : ""), *rest = path, *directory, *found = NULL;
    struct stat self, status;
    if (own || stat("/proc/self/exe", &self) != 0)
        self.st_ino = 0;
    while (!found && (directory = strsep(&rest, ":"))) {
        found = format("%s/%s", *directory ? directory : ".", name);
        if (access(found, X_OK) != 0 || stat(found, &status) != 0 || !S_ISREG(status.st_mode) ||
            (status.st_ino == self.st_ino && status.st_dev == self.st_dev)) {
            free(found);
            found = NULL;
        }
    }
    free(path);
    return found;
}

char *known_compiler(const char *compiler)
{
    static const char *const names[] = {"gcc", "g++", "cc", "c++", "clang", "clang++"};
    enum { NAMES = sizeof names / sizeof *names };
    const char *slash = strrchr(compiler, '/');
    char real[PATH_MAX], other[PATH_MAX];
    for (int i = 0; i < NAMES; i++)
        if (strcmp(slash + 1, names[i]) == 0)
            return checked(strdup(compiler));
    for (int i = 0; i < NAMES && realpath(compiler, real); i++) {
        char *path = format("%.*s/%s", (int)(slash - compiler), compiler, names[i]);
        if (realpath(path, other) && strcmp(real, other) == 0)
            return path;
        free(path);
    }
    return NULL;
}

/* The first line that a command prints; to be freed. */
static char *first_line(const char *command, const char *argument)
{
    char *line = NULL;
    size_t room = 0;
    int pipes[2];
    if (pipe(pipes) != 0)
        return NULL;
    if (vfork() == 0) {
        dup2(pipes[1], 1);
        close(pipes[0]);
        close(pipes[1]);
        execl(command, command, argument, NULL);
        _exit(127);
    }
    close(pipes[1]);
    FILE *file = checked(fdopen(pipes[0], "r"));
    if (getline(&line, &room, file) > 0)
        line[strcspn(line, "\n")] = '\0';
    while (fgetc(file) != EOF)
        ;
    fclose(file);
    return line;
}

static bool is_elf(const char *path)
{
    char magic[4] = "";
    FILE *file = fopen(path, "re");
    bool elf = file && fread(magic, sizeof magic, 1, file) == 1 && memcmp(magic, "\177ELF", 4) == 0;
    if (file)
        fclose(file);
    return elf;
}

/* What the loader would load for `program`, as it says itself. */
static void add_libraries(const char *program, struct words *files)
{
    char command[PATH_MAX + 64], *line = NULL, *path;
    size_t room = 0;
    FILE *loader;

    if (strchr(program, '\''))
        return;
    snprintf(command, sizeof command, "LD_TRACE_LOADED_OBJECTS=1 exec '%s' </dev/null 2>/dev/null", program);
    loader = checked(popen(command, "re"));
    while (getline(&line, &room, loader) > 0)
        if ((path = strchr(line, '/'))) {
            path[strcspn(path, " \n")] = '\0';
            if (!among(files, path))
                add_word(files, path);
        }
    free(line);
    pclose(loader);
}

/* Paths whose top no toolchain has: build directories, /tmp. */
static bool is_foreign(const char *path)
{
    static const char *const tops[] = {"/usr/", "/opt/", "/bin/", "/lib/", "/lib64/"};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        if (strncmp(path, tops[i], strlen(tops[i])) == 0)
            return false;
    return true;
}

/* `searched`: by which name each was found on PATH, where another may appear before it; empty for the others. */
static void name_programs(const char *compiler, bool clang, struct words *programs, struct words *searched)
{
    char real[PATH_MAX], option[64];
    if (realpath(compiler, real)) {
        add_word(programs, real);
        add_word(searched, "");
    }
    for (int i = 0; i < PARTS && !clang; i++) {
        snprintf(option, sizeof option, "-print-prog-name=%s", parts[i]);
        char *name = first_line(compiler, option), *found = NULL;
        if (name && !strchr(name, '/'))
            found = find_program(name, false);
        if (name && realpath(found ? found : name, real)) {
            add_word(programs, real);
            add_word(searched, found ? name : "");
        }
        free(found);
        free(name);
    }
}

static void stamp(char *text, size_t size, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        memset(&status, 0, sizeof status);
    snprintf(text, size, "%llu %llu %lld %lld.%ld %lld.%ld", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino, (long long)status.st_size, (long long)status.st_mtim.tv_sec,
             status.st_mtim.tv_nsec, (long long)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

static bool is_found_by(const char *name, const char *path)
{
    char real[PATH_MAX], *found = find_program(name, false);
    bool same = found && realpath(found, real) && strcmp(real, path) == 0;
    free(found);
    return same;
}

/* Read what an earlier command has found: the digest, then 'P|L STAMP\tPATH\tNAME' for each file. */
static bool recall(const char *memory, struct words *programs, struct words *files, char *digest)
{
    char *text = read_file(memory, NULL), *rest = text, *line, now[256];
    bool holds = text && (line = strsep(&rest, "\n")) && rest && strlen(line) == DIGEST_SIZE - 1;
    if (holds)
        strcpy(digest, line);
    while (holds && (line = strsep(&rest, "\n")) && rest) {
        char *path = strchr(line, '\t'), *name = path ? strchr(path + 1, '\t') : NULL;
        holds = name != NULL;
        if (!holds)
            break;
        *path++ = *name++ = '\0';
        stamp(now, sizeof now, path);
        holds = strcmp(now, line + 2) == 0 && (!*name || is_found_by(name, path));
        if (line[0] == 'P')
            add_word(programs, path);
        add_word(files, path);
    }
    free(text);
    return holds;
}

static void discover(const char *compiler, bool clang, const char *memory, struct words *programs, struct words *files,
                     char *digest)
{
    char *key = NULL, *kept = NULL, *path, now[256], content[DIGEST_SIZE];
    size_t size, kept_size, i, count;
    struct words searched = {0};
    FILE *keys = checked(open_memstream(&key, &size)), *stamps = checked(open_memstream(&kept, &kept_size));

    programs->count = files->count = 0;
    name_programs(compiler, clang, programs, &searched);
    for (i = 0; i < programs->count; i++)
        add_word(files, programs->word[i]);
    count = files->count;
    for (i = 0; i < count; i++)
        add_libraries(files->word[i], files);
    for (i = 0; i < files->count; i++) {
        stamp(now, sizeof now, files->word[i]);
        fprintf(stamps, "%c %s\t%s\t%s\n", i < count ? 'P' : 'L', now, files->word[i], i < count ? searched.word[i] : "");
        if (!digest_file(files->word[i], content))
            strcpy(content, "absent");
        fprintf(keys, "%s %s\n", content, files->word[i]);
    }
    fclose(keys);
    fclose(stamps);
    digest_bytes(key, size, digest);
    path = format("%s.%d", memory, (int)getpid());
    /* Other libraries may appear in its directories. */
    FILE *file = getenv("LD_LIBRARY_PATH") ? NULL : fopen(path, "we");
    if (file) {
        fprintf(file, "%s\n%s", digest, kept);
        if (fclose(file) == 0)
            rename(path, memory);
    }
    free(path);
    free(key);
    free(kept);
}

void find_toolchain(struct verdict *verdict, const char *compiler, const char *directory, bool clang, bool hermetic,
                    struct words *programs, char digest[])
{
    const char *libraries = getenv("LD_LIBRARY_PATH");
    char name[DIGEST_SIZE], *memory, *key;
    struct words files = {0};
    key = format("%s\n%s\n%s", compiler, getenv("PATH") ? getenv("PATH") : "", libraries ? libraries : "");
    digest_bytes(key, strlen(key), name);
    memory = format("%s/toolchain.%.16s", directory, name);
    if (!recall(memory, programs, &files, digest))
        discover(compiler, clang, memory, programs, &files, digest);
    for (size_t i = 0; i < programs->count; i++)
        if (!is_elf(programs->word[i]))
            object_to(verdict, "program", programs->word[i]);
    for (size_t i = 0; hermetic && i < files.count; i++)
        if (is_foreign(files.word[i]))
            object_to(verdict, "program", files.word[i]);
    free(memory);
    free(key);
}
