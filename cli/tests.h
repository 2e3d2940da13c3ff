/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_TESTS_H
#define KTSTR_CLI_TESTS_H
/* The tests of this program or of another one, as a list of values. Thread: control. */
struct cli;
struct err;
struct testlist;

/* binary NULL: the tests of cli; otherwise the binary is asked. */
int cli_tests(const struct cli *cli, const char *binary, struct testlist *ret, struct err *e);

#endif
