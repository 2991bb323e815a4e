/* manifest [load|store DIRECTORY]: keeps what direct mode remembers in the action cache, between the builds of an element. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "process.h"
#include "recc.h"

/*
 * recc keeps files as what a command that does nothing has made. There are two such
 * actions: one that is named after the build directory, with all entries in one file;
 * and one for the contents that those name. What has not changed is not sent again.
 */
static bool keep(const char *directory, const struct words *files, bool store)
{
    struct words command = {0};
    char *name = format("%s/name", directory), *out = format("%s/keep.log", directory), here[PATH_MAX];
    FILE *file = getcwd(here, sizeof here) ? fopen(name, "we") : NULL;
    if (!file)
        return false;
    fprintf(file, "manifest 1 %s\n", here);
    fclose(file);
    struct words input = {0};
    add_word(&input, "name");
    write_lists(directory, &input, files);
    add_recc(&command);
    add_word(&command, PREFIX "/libexec/manifest");
    const char *settings[] = {
        "RECC_CONFIG_DIRECTORY", directory,
        "RECC_FORCE_REMOTE", "1",
        "RECC_WORKING_DIR_PREFIX", "manifest",
        "RECC_LOG_LEVEL", "error",
        "RECC_CACHE_ONLY", "1",
        "RECC_ACTION_SALT", "quasi-safe",
        "RECC_CACHE_UPLOAD_LOCAL_BUILD", store ? "1" : NULL,
        "RECC_SKIP_CACHE", store ? "1" : NULL,
        NULL,
    };
    int status = run_child(&(struct child){
        .command = command.word, .directory = directory, .in = "/dev/null", .out = out, .err = out, .set = settings});
    free(name);
    free(out);
    return status == 0;
}

/* A result that names more files than this is near what one message to a server may hold: 4 MiB. */
enum { AT_ONCE = 8000 };

static bool keep_contents(const char *directory, const struct words *contents, bool store)
{
    bool kept = true;
    for (size_t i = 0; kept && i < contents->count; i += AT_ONCE) {
        size_t left = contents->count - i;
        struct words some = {.word = contents->word + i, .count = left < AT_ONCE ? left : AT_ONCE};
        kept = keep(directory, &some, store);
    }
    return kept;
}

int lock_manifest(const char *directory, int how)
{
    char *path = format("%s/lock", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC | (how == LOCK_EX ? O_CREAT : 0), 0666);
    while (fd >= 0 && flock(fd, how) != 0 && errno == EINTR)
        ;
    free(path);
    return fd;
}

/* Names in a directory, without those that begin with a dot. */
static void list(const char *path, struct words *names)
{
    DIR *directory = opendir(path);
    struct dirent *file;
    while (directory && (file = readdir(directory)))
        if (file->d_name[0] != '.')
            add_word(names, file->d_name);
    if (directory)
        closedir(directory);
}

/* The contents that an entry names. */
static void add_contents(const char *entry, struct words *files)
{
    for (const char *line = entry; line; line = strchr(line, '\n'), line += line != NULL)
        if (line[0] == 'O' || line[0] == 'M') {
            char *name = format("objects/%.*s", (int)strcspn(line + 2, " \t"), line + 2);
            add_word(files, name);
            free(name);
        }
}

long long manifest_size(void)
{
    const char *size = getenv("BST_RECC_MANIFEST_SIZE");
    return (size ? atoll(size) : 512) * 1024 * 1024;
}

static long long size_of(const char *directory, const char *name)
{
    char *path = format("%s/%s", directory, name);
    struct stat status;
    long long size = stat(path, &status) == 0 ? status.st_size : 0;
    free(path);
    return size;
}

static void sort_once(struct words *words)
{
    size_t kept = 0;
    sort_words(words);
    for (size_t i = 0; i < words->count; i++)
        if (i == 0 || strcmp(words->word[i], words->word[kept - 1]) != 0)
            words->word[kept++] = words->word[i];
    words->count = kept;
}

/* Entries into DIRECTORY/manifest, each after its name, as many as there is room for: those of this build first. */
static void pack(const char *directory, struct words *contents)
{
    long long room = manifest_size();
    struct words names = {0};
    char *index = format("%s/index", directory), *path = format("%s/manifest", directory);
    FILE *file = checked(fopen(path, "we"));
    list(index, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *entry = format("%s/%s", index, names.word[i]), *dated;
        struct stat status = {0};
        stat(entry, &status);
        long long used = (long long)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
        dated = format("%020lld %s", LLONG_MAX - used, names.word[i]);
        free(names.word[i]);
        names.word[i] = dated;
        free(entry);
    }
    sort_once(&names);
    for (size_t i = 0; i < names.count && room > 0; i++) {
        const char *name = strchr(names.word[i], ' ') + 1;
        char *entry = format("%s/%s", index, name), *text = read_file(entry, NULL);
        size_t known = contents->count;
        if (text && !strchr(name, '.')) {
            fprintf(file, "N %s\n%s", name, text);
            add_contents(text, contents);
            room -= strlen(text);
            while (known < contents->count)
                room -= size_of(directory, contents->word[known++]);
        }
        free(text);
        free(entry);
    }
    fclose(file);
    sort_once(contents);
}

static void unpack(const char *directory, struct words *contents)
{
    char *path = format("%s/manifest", directory), *text = read_file(path, NULL), *entry = text;
    while (entry && strncmp(entry, "N ", 2) == 0) {
        char *next = strstr(entry, "\nN "), *body = strchr(entry, '\n');
        if (next)
            *next++ = '\0';
        if (!body)
            break;
        *body++ = '\0';
        char *name = format("%s/index/%s", directory, entry + 2);
        FILE *file = strchr(entry + 2, '/') ? NULL : fopen(name, "we");
        if (file) {
            fprintf(file, "%s%s", body, next ? "\n" : "");
            fclose(file);
            add_contents(body, contents);
        }
        free(name);
        entry = next;
    }
    free(text);
    free(path);
    sort_once(contents);
}

static void load(const char *directory)
{
    struct words manifest = {0}, contents = {0};
    make_directories(format("%s/index", directory));
    make_directories(format("%s/objects", directory));
    add_word(&manifest, "manifest");
    if (keep(directory, &manifest, false))
        unpack(directory, &contents);
    keep_contents(directory, &contents, false);
}

/* What another build has stored meanwhile. */
static void merge(const char *directory, const char *kind)
{
    struct words names = {0};
    char *from = format("%s/other/%s", directory, kind);
    list(from, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *old = format("%s/%s", from, names.word[i]), *new = format("%s/%s/%s", directory, kind, names.word[i]);
        if (access(new, F_OK) != 0)
            rename(old, new);
        free(old);
        free(new);
    }
    free(from);
}

/* The build log names it, for who asks what has changed. */
static void tell(const char *path)
{
    char digest[DIGEST_SIZE];
    struct stat status;
    if (digest_file(path, digest) && stat(path, &status) == 0)
        printf("recc: manifest %s/%lld\n", digest, (long long)status.st_size);
}

int keep_manifest(const char *what, const char *directory)
{
    if (!what)
        return 0;
    struct words manifest = {0}, contents = {0};
    if (strcmp(what, "load") == 0) {
        /* Behind the build's back; whoever would read it waits for the lock, which ends with the process. */
        make_directories(checked(strdup(directory)));
        int lock = lock_manifest(directory, LOCK_EX);
        if (lock < 0 || fork() == 0)
            load(directory);
        return 0;
    }
    lock_manifest(directory, LOCK_EX);
    char *news = format("%s/new", directory);
    if (access(news, F_OK) != 0)
        return 0;
    char *other = format("%s/other", directory);
    load(other);
    merge(directory, "index");
    merge(directory, "objects");
    pack(directory, &contents);
    add_word(&manifest, "manifest");
    if (contents.count == 0 || !keep_contents(directory, &contents, true) || !keep(directory, &manifest, true))
        return 1;
    tell(format("%s/manifest", directory));
    return 0;
}
