/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules into an initramfs. */
#include "loop/modules.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "boot/kernels.h"
#include "init/init.h"

/* The guest loads them by name, so the order is in the name. */
int modules_pack(struct initramfs *fs, const struct kernel_modules *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->count; i++) {
		const struct kernel_module *one = &m->item[i];
		_cleanup_free_ char *guest = NULL;

		if (asprintf(&guest, INIT_MODULES_DIR "/%03zu-%s.ko", i, one->name) < 0) {
			guest = NULL;
			return err_sys(e, -ENOMEM, "module %s", one->name);
		}
		r = initramfs_add_bytes(fs, guest, one->bytes.data, one->bytes.len, 0444, e);
	}
	return r;
}
