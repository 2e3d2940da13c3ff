/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding and mapping the window. */
#include "loop/vmcore_window.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"

#define DEVICES "/sys/bus/pci/devices/*"
/* Vendor and device of ivshmem, from its specification. */
#define VENDOR 0x1af4
#define DEVICE 0x1110

static unsigned long read_number(const char *dir, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[256], text[32] = "";

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	return strtoul(text, NULL, 0);
}

static int map(const char *dir, struct vmcore_window *ret, struct err *e)
{
	_cleanup_close_ int fd = -1;
	char path[256];
	struct stat st;
	void *p;

	snprintf(path, sizeof(path), "%s/resource2", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, -errno, "map %s", path);
	*ret = (struct vmcore_window){ p, (uint64_t)st.st_size };
	return 0;
}

int vmcore_window_open(struct vmcore_window *ret, struct err *e)
{
	glob_t g;
	int r = err_set(e, -ENODEV, "there is no window for the core");

	if (glob(DEVICES, 0, NULL, &g))
		return r;
	for (size_t i = 0; i < g.gl_pathc && r == -ENODEV; i++) {
		if (read_number(g.gl_pathv[i], "vendor") != VENDOR ||
		    read_number(g.gl_pathv[i], "device") != DEVICE)
			continue;
		err_clear(e);
		r = map(g.gl_pathv[i], ret, e);
	}
	globfree(&g);
	return r;
}

void vmcore_window_close(struct vmcore_window *w)
{
	munmap(w->data, w->bytes);
}
