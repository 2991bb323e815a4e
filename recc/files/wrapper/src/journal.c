/* The journal of files that are written: '+ INODE COMMAND' and, at its end, '- COMMAND'. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

const char *journal;

void note_writing(const char *command, ino_t inode)
{
    int fd = journal ? open(journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (fd < 0)
        return;
    char *line = inode ? format("+ %llu %s\n", (unsigned long long)inode, command) : format("- %s\n", command);
    if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        abort();
    close(fd);
    free(line);
}

size_t journal_length(void)
{
    struct stat status;
    return journal && stat(journal, &status) == 0 ? (size_t)status.st_size : 0;
}

bool was_shared(const char *command, ino_t inode, size_t since)
{
    char *text = journal ? read_file(journal, NULL) : NULL, *rest = text, *line;
    struct words writers = {0}; /* others that have not ended */
    bool shared = false;
    while (text && (line = strsep(&rest, "\n")) && rest) {
        unsigned long long written;
        int skip = 0;
        if (line >= text + since && writers.count > 0)
            shared = true;
        if (sscanf(line, "+ %llu %n", &written, &skip) == 1 && written == inode && strcmp(line + skip, command) != 0)
            add_word(&writers, line + skip);
        else if (line[0] == '-')
            for (size_t i = writers.count; i-- > 0;)
                if (strcmp(writers.word[i], line + 2) == 0)
                    writers.word[i] = writers.word[--writers.count];
    }
    free(text);
    return shared || writers.count > 0;
}
