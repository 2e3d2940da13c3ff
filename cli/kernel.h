/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_KERNEL_H
#define KTSTR_CLI_KERNEL_H
/* Between the files of the command "ktstr kernel". Thread: control. */
struct cli_options;
struct err;
struct kernel;

/* Actions: an exit status, or negative errno with *e. */
int cli_kernel_build(const struct cli_options *o, const char *arg, struct err *e);
int cli_kernel_check(const struct cli_options *o, const char *spec, struct err *e);

/* The name of action i; NULL behind the last. */
const char *cli_kernel_action(size_t i);

/* What --json prints of a kernel; a line with its key else. */
void cli_kernel_print(const struct cli_options *o, const struct kernel *k);

#endif
