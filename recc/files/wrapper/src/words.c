/* Lists of words; response files as compilers read them (libiberty's expandargv). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void *checked(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

char *format(const char *form, ...)
{
    char *made;
    va_list list;
    va_start(list, form);
    if (vasprintf(&made, form, list) < 0)
        abort();
    va_end(list);
    return made;
}

void add_word(struct words *words, const char *word)
{
    if (words->count + 1 >= words->room) {
        words->room = words->room ? 2 * words->room : 32;
        words->word = checked(realloc(words->word, words->room * sizeof *words->word));
    }
    words->word[words->count++] = checked(strdup(word));
    words->word[words->count] = NULL;
}

bool among(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->word[i], word) == 0)
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void sort_words(struct words *words)
{
    if (words->count > 0)
        qsort(words->word, words->count, sizeof *words->word, by_text);
}

char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    char *text = NULL, buffer[65536];
    size_t length = 0, got;
    if (!file)
        return NULL;
    do {
        got = fread(buffer, 1, sizeof buffer, file);
        text = checked(realloc(text, length + got + 1));
        memcpy(text + length, buffer, got);
        length += got;
    } while (got > 0);
    fclose(file);
    text[length] = '\0';
    if (size)
        *size = length;
    return text;
}

/*
 * Whether all compilers read a backslash alike. gcc before 15 and clang: what follows is itself, everywhere. gcc from
 * 15 on: as in sh.
 */
static bool is_plain_escape(char quote, char next)
{
    return next != '\n' && (quote == '\0' || (quote == '"' && next && strchr("$`\"\\", next)));
}

/* Split at white space; quotes of both kinds, and backslashes. False: compilers differ. */
static bool split(const char *text, struct words *words, struct expansion *expansion)
{
    bool plain = true;
    char *word = checked(malloc(strlen(text) + 1));
    while (*text) {
        size_t size = 0;
        char quote = '\0';
        if (strchr(" \t\n\v\f\r", *text)) {
            text++;
            continue;
        }
        for (; *text && (quote || !strchr(" \t\n\v\f\r", *text)); text++) {
            if (*text == '\\') {
                plain &= is_plain_escape(quote, *++text);
                if (!*text)
                    break;
                word[size++] = *text;
            } else if (*text == quote)
                quote = '\0';
            else if (!quote && (*text == '\'' || *text == '"'))
                quote = *text;
            else
                word[size++] = *text;
        }
        word[size] = '\0';
        expand(word, words, expansion);
    }
    free(word);
    return plain;
}

static void blame(struct expansion *expansion, const char *why, const char *word)
{
    if (!expansion->why) {
        expansion->why = why;
        expansion->word = checked(strdup(word));
    }
}

void expand(const char *word, struct words *words, struct expansion *expansion)
{
    struct stat status;
    char *text;
    if (word[0] != '@' || stat(word + 1, &status) != 0 || S_ISDIR(status.st_mode)) {
        add_word(words, word);
        return;
    }
    if (!S_ISREG(status.st_mode)) {
        blame(expansion, "standard-input", word);
        return;
    }
    /* One that names itself: gcc gives up after so many. */
    if (++expansion->files > 2000) {
        blame(expansion, "not-supported", word);
        return;
    }
    text = read_file(word + 1, NULL);
    if (!text) {
        add_word(words, word);
        return;
    }
    if (!split(text, words, expansion))
        blame(expansion, "not-supported", word);
    free(text);
}

bool is_text(const char *word)
{
    const unsigned char *c = (const unsigned char *)word;
    while (*c) {
        int more = *c < 0x80 ? 0 : *c >= 0xC2 && *c < 0xE0 ? 1 : (*c & 0xF0) == 0xE0 ? 2 : *c >= 0xF0 && *c < 0xF5 ? 3 : -1;
        bool overlong = (*c == 0xE0 && c[1] < 0xA0) || (*c == 0xF0 && c[1] < 0x90);
        bool no_character = (*c == 0xED && c[1] >= 0xA0) || (*c == 0xF4 && c[1] >= 0x90);
        if (more < 0 || overlong || no_character)
            return false;
        for (c++; more > 0; more--, c++)
            if ((*c & 0xC0) != 0x80)
                return false;
    }
    return true;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path) * 0;
}

void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *normal(char *path)
{
    char *to = path, *part, *rest = path + 1;
    while ((part = strsep(&rest, "/"))) {
        if (strcmp(part, "..") == 0)
            while (to > path && *--to != '/')
                ;
        else if (*part && strcmp(part, ".") != 0) {
            size_t size = strlen(part);
            *to++ = '/';
            memmove(to, part, size);
            to += size;
        }
    }
    *to = '\0';
    return path;
}
