# Ways to compile that benchmarks compare: by recc as others wire it, by a ccache in the working directory, and by the bare compiler.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh # sourced
bare=/usr/bin:/bin:/usr/sbin:/sbin
bundle=/usr/recc/bundle

recc() {
    driver=$1
    shift
    PATH=$bare RECC_CACHE_ONLY=1 RECC_CACHE_UPLOAD_LOCAL_BUILD=1 RECC_ACTION_SALT=alone RECC_DEPS_GLOBAL_PATHS=1 \
        RECC_NO_PATH_REWRITE=1 $bundle/lib/ld.so --library-path $bundle/lib --argv0 recc $bundle/bin/recc \
        "/usr/bin/$driver" "$@"
}
bare() {
    PATH=$bare "$@"
}
ccache() {
    PATH=$bare LD_LIBRARY_PATH=$PWD CCACHE_DIR=$PWD/ccache.d ./ccache "$@"
}
