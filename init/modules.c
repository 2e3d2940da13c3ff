/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules, in the order of their names; finit_module(2). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "init/guest.h"
#include "init/host.h"

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* What the numbers mean here is more than their texts say. */
static const char *reason(int err)
{
	switch (err) {
	case ENOEXEC:
		return "damaged, or of another kernel";
	case EOPNOTSUPP:
		return "the CPU lacks what it drives";
	case ENODEV:
		return "there is nothing that it drives";
	default:
		return strerrordesc_np(err);
	}
}

static int load(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST)
		return 0;
	return errno;
}

void init_modules_load(const char *dir, struct init_host *h)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_file, alphasort);

	if (n < 0 && errno != ENOENT) {
		init_log(h, "the modules' folder cannot be read");
		return;
	}
	for (int i = 0; i < n; i++) {
		char path[512];
		int err;

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		err = load(path);
		if (err)
			init_log(h, "module %.200s: %s (%s)", list[i]->d_name, reason(err),
				 strerrorname_np(err));
		free(list[i]);
	}
	free(list);
}
