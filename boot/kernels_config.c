/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel was configured with. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kconfig.h"
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

int kernel_config_extract(const char *vmlinux, const char *to, struct err *e)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	int r = file_map(vmlinux, &m, e);

	if (r < 0)
		return r;
	r = kconfig_extract(m.data, m.size, &text);
	if (r < 0)
		return err_sys(e, r, "%s: its config", vmlinux);
	return file_write_atomic(to, text.data, text.len, 0644, e);
}
