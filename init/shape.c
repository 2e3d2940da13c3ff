/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of the guest: read what the host wrote, take CPUs offline. */
#include "init/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "ktstr/topology.h"

int init_shape_load(const char *path, struct ktstr_topology **ret, struct err *e)
{
	struct file_map m = FILE_MAP_INIT;
	_cleanup_free_ char *text = NULL;
	char why[256];
	int r;

	if (access(path, F_OK) < 0)
		return -ENOENT;
	r = file_map(path, &m, e);
	if (r < 0)
		return r;
	text = strndup((const char *)m.data, m.size);
	file_unmap(&m);
	*ret = text ? ktstr_topology_parse(text, why, sizeof(why)) : NULL;
	if (*ret)
		return 0;
	return text ? err_set(e, -EINVAL, "%s: %s", path, why) : err_sys(e, -ENOMEM, "%s", path);
}

static int take_offline(const char *root, unsigned cpu, struct err *e)
{
	_cleanup_close_ int fd = -1;
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%u/online", root, cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, -EOPNOTSUPP, "take CPU %u offline: the kernel has no CPU hotplug",
			       cpu);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return err_sys(e, -errno, "take CPU %u offline", cpu);
	return 0;
}

int init_shape_apply(const char *root, const struct ktstr_topology *t, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < ktstr_topology_cpus(t) && r == 0; i++)
		if (ktstr_topology_cpu_is_offline(t, i))
			r = take_offline(root, i, e);
	return r;
}
