/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of the guest: read what the host wrote, switch CPUs on and off. */
#include "init/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "init/host.h"
#include "init/machine.h"
#include "ktstr/topology.h"

#define KTHREADD_PID 2		/* always: rest_init() of Linux, init/main.c */

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

/* -ENOENT without an error text: this CPU cannot be switched. */
static int switch_cpu(const char *root, unsigned cpu, bool on, struct err *e)
{
	_cleanup_close_ int fd = -1;
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%u/online", root, cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || write(fd, on ? "1" : "0", 1) != 1)
		return err_sys(e, -errno, on ? "bring CPU %u up" : "take CPU %u offline", cpu);
	return 0;
}

void init_shape_gather(bool on)
{
	static const pid_t who[] = { 0, KTHREADD_PID };
	cpu_set_t cpus;

	if (on) {
		CPU_ZERO(&cpus);
		CPU_SET(0, &cpus);
	} else {
		memset(&cpus, 0xff, sizeof(cpus));
	}
	/* it saves time and no more; what is allowed all CPUs is not refused */
	for (size_t i = 0; i < ARRAY_SIZE(who); i++)
		(void)!sched_setaffinity(who[i], sizeof(cpus), &cpus);
}

int init_shape_offline(const char *root, const struct ktstr_topology *t, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < ktstr_topology_cpus(t) && r == 0; i++) {
		if (!ktstr_topology_cpu_is_offline(t, i))
			continue;
		r = switch_cpu(root, i, false, e);
		if (r == -ENOENT)
			r = err_set(e, -EOPNOTSUPP,
				    "take CPU %u offline: the kernel has no CPU hotplug", i);
	}
	return r;
}

int init_shape_bring_up(const char *root, const struct ktstr_topology *t, struct init_host *h,
			struct err *e)
{
	struct init_machine m = { .cpus = 1 };

	for (unsigned i = 1; i < ktstr_topology_cpus(t); i++) {
		int r;

		if (ktstr_topology_cpu_is_offline(t, i))
			continue;
		r = switch_cpu(root, i, true, e);
		if (r == -ENOENT)	/* beyond the kernel's NR_CPUS, or not hotpluggable */
			continue;
		if (r < 0)
			return r;
		m.cpus++;
		init_lifecycle(h, WIRE_PHASE_INIT, &m);
	}
	return 0;
}
