/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel was configured with. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "boot/kernels_private.h"

char kernel_config_value(const struct kernel *k, const char *option)
{
	_cleanup_fclose_ FILE *f = k->config ? fopen(k->config, "re") : NULL;
	size_t n = strlen(option);
	char line[512];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, option, n) && line[n] == '=')
			return line[n + 1];
	return 'n';
}
