#!/bin/sh
# Runs in an element's sandbox in 'local': stores a manifest of many entries, and loads it again.
# SPDX-License-Identifier: Apache-2.0
#
# usage: many.sh ENTRIES
# Prints MANY ENTRIES OBJECTS, as loaded; each entry has an output of its own.
set -eu
manifest=$(mktemp -d /dev/shm/rows-XXXXXX)
trap 'rm -rf "$manifest"' EXIT
mkdir "$manifest/index" "$manifest/objects"
awk -v n="$1" -v m="$manifest" 'BEGIN {
    for (i = 0; i < n; i++) {
        content = sprintf("%064x", i)
        entry = sprintf("%s/index/%040x", m, i)
        printf "E 5\nO %s\ta.o\nM %s\t-\nM %s\t-\n", content, content, content >entry
        close(entry)
        object = m "/objects/" content
        printf "%d", i >object
        close(object)
    }
}'
touch "$manifest/new"
/usr/recc/libexec/manifest store "$manifest"
rm -r "$manifest/index" "$manifest/objects" "$manifest/new"
/usr/recc/libexec/manifest load "$manifest"
# Waits for that.
/usr/recc/libexec/manifest store "$manifest"
count() { find "$manifest/$1" -type f | wc -l; }
echo "MANY $(count index) $(count objects)"
