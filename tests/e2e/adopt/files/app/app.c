/* Gives the answer. */
/* SPDX-License-Identifier: Apache-2.0 */
int answer(void);

int main(void) { return answer(); }
