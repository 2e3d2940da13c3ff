/* SPDX-License-Identifier: GPL-2.0-only */
/* One binary, two roles: decided before anything else happens. */
#include "cli/cli.h"
#include "init/init.h"
#include "ktstr/test.h"

int ktstr_main(int argc, char **argv, const struct ktstr_test *const *tests, size_t count)
{
	const struct cli cli = { .tests = tests, .test_count = count };
	const char *role = init_role();

	if (role)
		init_main(role, tests, count);
	return cli_main(&cli, argc, argv);
}
