/* A table, as a generator would write it. */
/* SPDX-License-Identifier: Apache-2.0 */
const int table[] = {23, 42};
