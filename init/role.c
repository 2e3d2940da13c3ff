/* SPDX-License-Identifier: GPL-2.0-only */
/* Host or guest? Decided without /proc and /sys: nothing is mounted yet. */
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "init/init.h"

const char *init_role(void)
{
	const char *role = getpid() == 1 ? getenv(INIT_ROLE_ENV) : NULL;
	struct statfs root;

	if (!role || !*role)
		return NULL;
	/*
	 * PID 1 of a container may have our variable too. It must not get its
	 * machine's file systems mounted over and its namespace rebooted; the
	 * root of an initramfs is always one of these.
	 */
	if (statfs("/", &root) < 0 ||
	    (root.f_type != RAMFS_MAGIC && root.f_type != TMPFS_MAGIC))
		return NULL;
	return role;
}
