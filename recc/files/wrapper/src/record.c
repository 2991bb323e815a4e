/* Reads what the observing library has recorded of a command. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void object_to(struct verdict *verdict, const char *why, const char *detail)
{
    if (verdict->why[0])
        return;
    snprintf(verdict->why, sizeof verdict->why, "%s", why);
    snprintf(verdict->detail, sizeof verdict->detail, "%s", detail);
}

void object_as(struct verdict *verdict, const char *text)
{
    char *why = checked(strdup(text)), *space = strchr(why, ' ');
    if (space)
        *space = '\0';
    object_to(verdict, why, space ? space + 1 : "");
    free(why);
}

static int order(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    return one->tag != other->tag ? one->tag - other->tag : strcmp(one->name, other->name);
}

void read_record(struct record *record, const char *path)
{
    char *text = read_file(path, NULL), *line, *rest = text;
    size_t room = 0, kept = 0, i;

    record->entry = NULL;
    record->count = 0;
    while (text && (line = strsep(&rest, "\n")) && rest) {
        struct entry *entry;
        int skip = 2;
        if (strlen(line) < 2)
            continue;
        if (record->count == room) {
            room = room ? 2 * room : 1024;
            record->entry = checked(realloc(record->entry, room * sizeof *record->entry));
        }
        entry = &record->entry[record->count++];
        *entry = (struct entry){.tag = line[0]};
        if (entry->tag == 'R')
            sscanf(line, "R %lld %lld %n", &entry->mtime, &entry->size, &skip);
        entry->name = checked(strdup(line + skip));
    }
    free(text);
    if (record->count > 0)
        qsort(record->entry, record->count, sizeof *record->entry, order);
    for (i = 0; i < record->count; i++)
        if (i == 0 || order(&record->entry[i], &record->entry[i - 1]) != 0)
            record->entry[kept++] = record->entry[i];
    record->count = kept;
}

bool find_reason(const struct record *record, const char *why)
{
    for (size_t i = 0; i < record->count; i++)
        if (record->entry[i].tag == 'X' && strncmp(record->entry[i].name, why, strlen(why)) == 0)
            return true;
    return false;
}

const struct entry *find_entry(const struct record *record, char tag, const char *name)
{
    struct entry key = {.tag = tag, .name = (char *)name};
    return record->count == 0 ? NULL : bsearch(&key, record->entry, record->count, sizeof key, order);
}
