/* Lists of words, files read whole, and what else every part needs. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
    char **word; /* NULL at the end, once there is one */
    size_t count, room;
};

void *checked(void *memory); /* `memory`, unless there was none */
char *format(const char *form, ...) __attribute__((format(printf, 1, 2)));
void add_word(struct words *words, const char *word);
bool among(const struct words *words, const char *word);
void sort_words(struct words *words);

/* A file's bytes, with a NUL after them; NULL where it cannot be read. */
char *read_file(const char *path, size_t *size);

/* A path from '/', with '.' and '..' resolved by the text alone, in place. */
char *normal(char *path);

void remove_tree(const char *path);

/* What was met in response files. */
struct expansion {
    int files;              /* so many have been read */
    const char *why, *word; /* why the command must run alone, and the response file to blame */
};

/* Add `word`, or the words of the response file that it names. */
void expand(const char *word, struct words *words, struct expansion *expansion);

/* Whether it is UTF-8, which REAPI's texts must be. */
bool is_text(const char *word);

#endif
