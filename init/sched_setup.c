/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host packed about schedulers becomes a plan; files that switch a built-in one. */
#include "init/sched_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "init/host.h"
#include "init/init.h"
#include "init/scx.h"
#include "init/strings.h"

/*
 * A scheduler that forgets its tasks must not keep us from seeing that: sched_ext
 * has no say over real-time tasks. Children begin as ordinary ones.
 */
static void leave_its_reach(struct init_host *h)
{
	const struct sched_param p = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p) < 0)
		init_log(h, "PID 1 stays in the scheduler's reach: %s", strerrordesc_np(errno));
}

/* 0: none, or nonsense. */
static unsigned read_limit(void)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	char text[16];

	if (file_map(INIT_SCHED_LIMIT, &m, NULL) < 0)
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)MIN(m.size, sizeof(text) - 1),
		 (const char *)m.data);
	return (unsigned)strtoul(text, NULL, 10);
}

int init_sched_setup(struct init_sched_setup *s, struct init_host *h, struct err *e)
{
	static const char *const program[] = { INIT_SCHED_PATH };
	bool under_test = access(INIT_SCHED_PATH, F_OK) == 0;
	int r;

	*s = (struct init_sched_setup){
		.plan = {
			.path = under_test ? INIT_SCHED_PATH : NULL,
			.hold = access(INIT_SCHED_HOLD, F_OK) == 0,
			.staged = INIT_STAGED_DIR, .sysfs = SCX_SYSFS, .sysrq = SCX_SYSRQ,
			.events = -1, .kmsg = -1,
		},
		.args = FILE_MAP_INIT,
	};
	if (!under_test && access(INIT_STAGED_DIR, F_OK) < 0)
		return 0;
	r = file_map(INIT_SCHED_ARGS, &s->args, e);
	if (r < 0 && r != -ENOENT)
		return r;
	s->argv = init_strings(&s->args, program, ARRAY_SIZE(program));
	if (!s->argv)
		return err_sys(e, -ENOMEM, "arguments of the scheduler");
	s->plan.argv = s->argv;
	s->plan.attach_ms = read_limit();
	s->plan.events = scx_events_open();
	if (s->plan.events < 0)
		return err_sys(e, s->plan.events, "uevents of sched_ext");
	s->plan.kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	s->wanted = true;
	leave_its_reach(h);
	return 0;
}

void init_sched_setup_fini(struct init_sched_setup *s)
{
	close_fd(&s->plan.events);
	close_fd(&s->plan.kmsg);
	free(s->argv);
	file_unmap(&s->args);
}

/* As the shell's echo does it: the value with a newline in one write. */
static int write_value(const char *path, const char *value, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	_cleanup_(buf_fini) struct buf line = BUF_INIT;
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "write %s > %s", value, path);
	buf_fmt(&line, "%s\n", value);
	r = buf_ok(&line) ? file_write_all(fd, line.data, line.len) : -ENOMEM;
	return r < 0 ? err_sys(e, r, "write %s > %s", value, path) : 0;
}

int init_sched_commands(const char *list, struct err *e)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	_cleanup_free_ char **item = NULL;
	int r = file_map(list, &m, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	item = init_strings(&m, NULL, 0);
	if (!item)
		return err_sys(e, -ENOMEM, "%s", list);
	r = 0;
	for (char **p = item; r == 0 && p[0] && p[1]; p += 2)
		r = write_value(p[0], p[1], e);
	return r;
}
