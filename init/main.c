/* SPDX-License-Identifier: GPL-2.0-only */
/* PID 1 of the guest. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "init/command.h"
#include "init/guest.h"
#include "init/init.h"
#include "init/link.h"
#include "init/machine.h"
#include "init/sched_setup.h"
#include "init/shape.h"
#include "init/supervise.h"
#include "ktstr/topology.h"

#define FILES_MAX 65536		/* workers have a pipe each */

static void set_up_process(void)
{
	const struct rlimit files = { FILES_MAX, FILES_MAX };

	(void)!chdir("/");
	init_path_set();
	setrlimit(RLIMIT_NOFILE, &files);
}

/* The whole file as a string, "" when there is none. */
static char *read_names(struct init_host *h)
{
	struct file_map m = FILE_MAP_INIT;
	struct err e = ERR_INIT;
	char *names;
	int r = file_map(INIT_TESTS_PATH, &m, &e);

	if (r < 0 && r != -ENOENT)
		init_log(h, "%s", err_text(&e));
	names = r < 0 || !m.size ? strdup("") : strndup((const char *)m.data, m.size);
	file_unmap(&m);
	return names;
}

struct guest {
	struct init_machine machine;
	struct ktstr_topology *shape;	/* NULL: the host did not tell */
};

struct job {
	const char *role;
	const struct ktstr_test *const *tests;
	size_t count;
};

static int run_tests(struct init_link *l, const struct guest *g, const struct job *job,
		     const struct init_sched_plan *sched, struct err *e)
{
	_cleanup_close_ int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *names = read_names(&l->host);
	const struct init_plan plan = {
		.tests = job->tests, .count = job->count, .names = names,
		.machine = &g->machine, .topology = g->shape, .kmsg_fd = kmsg, .sched = sched,
	};

	if (!names)
		return err_sys(e, -ENOMEM, "names of the tests");
	return init_supervise(&plan, &l->host, e);
}

static int with_scheduler(struct init_link *l, const struct guest *g, const struct job *job,
			  struct err *e)
{
	_cleanup_(init_sched_setup_fini) struct init_sched_setup setup;
	int r = init_sched_setup(&setup, &l->host, e);
	const struct init_sched_plan *sched = setup.wanted ? &setup.plan : NULL;

	if (r < 0)
		return r;
	if (!strcmp(job->role, INIT_ROLE_TEST))
		return run_tests(l, g, job, sched, e);
	return init_command_main(&l->host, &g->machine, sched,
				 !strcmp(job->role, INIT_ROLE_TERMINAL), e);
}

/* A scheduler that the kernel has is switched on before, and off behind, by files. */
static int between_commands(struct init_link *l, const struct guest *g, const struct job *job,
			    struct err *e)
{
	struct wire_sched failed = { .event = WIRE_SCHED_COMMAND };
	struct err off = ERR_INIT;
	int r = init_sched_commands(INIT_SCHED_ENABLE, e);

	if (r < 0) {
		l->host.send(&l->host, WIRE_SCHED, &failed, sizeof(failed), err_text(e),
			     strlen(err_text(e)));
		return INIT_EXIT_ERROR;
	}
	r = with_scheduler(l, g, job, e);
	if (init_sched_commands(INIT_SCHED_DISABLE, &off) < 0)
		init_log(&l->host, "--sched-disable: %s", err_text(&off));
	return r;
}

static int apply_shape(const struct ktstr_topology *shape, struct init_host *h, struct err *e)
{
	int r = 0;

	if (getenv(INIT_LATE_ENV)) {
		init_shape_gather(true);
		r = init_shape_bring_up("", shape, h, e);
		init_shape_gather(false);
	}
	return r < 0 ? r : init_shape_offline("", shape, e);
}

/* Everything between the first mounts and READY. */
static int prepare(struct init_link *l, struct guest *g, struct err *e)
{
	int r = init_marker_check(e);

	if (r < 0)
		return r;
	r = init_shape_load(INIT_SHAPE_PATH, &g->shape, e);
	if (r == 0)
		r = apply_shape(g->shape, &l->host, e);
	else if (r == -ENOENT)
		r = 0;
	if (r < 0)
		return r;
	init_machine_probe("", &g->machine);
	init_mounts_rest(&l->host);
	init_modules_load(INIT_MODULES_DIR, &l->host);
	return 0;
}

static _Noreturn void guest_main(const struct job *job)
{
	struct guest g = { 0 };
	struct err e = ERR_INIT;
	struct init_link l;
	int code;

	init_link_open(&l, INIT_COM2, getenv(INIT_RING_ENV));
	unsetenv(INIT_ROLE_ENV);
	init_machine_probe("", &g.machine);
	init_lifecycle(&l.host, WIRE_PHASE_INIT, &g.machine);
	if (prepare(&l, &g, &e) < 0) {
		init_log(&l.host, "%s", err_text(&e));
		init_console("%s", err_text(&e));
		code = INIT_EXIT_ERROR;
	} else {
		init_lifecycle(&l.host, WIRE_PHASE_READY, &g.machine);
		code = between_commands(&l, &g, job, &e);
		if (code < 0)
			init_log(&l.host, "%s", err_text(&e));
	}
	init_link_report(&l);
	init_exit(&l.host, code < 0 ? INIT_EXIT_ERROR : code);
	init_lifecycle(&l.host, WIRE_PHASE_POWEROFF, &g.machine);
	init_poweroff(&l.tty);
}

_Noreturn void init_main(const char *role, const struct ktstr_test *const *tests, size_t count)
{
	static const char *const roles[] = {
		INIT_ROLE_TEST, INIT_ROLE_COMMAND, INIT_ROLE_TERMINAL,
	};
	const struct job job = { .role = role, .tests = tests, .count = count };
	struct init_tty none = INIT_TTY_INIT;
	struct err e = ERR_INIT;

	if (init_mounts_first(&e) < 0) {
		init_console("%s", err_text(&e));
		init_poweroff(&none);
	}
	set_up_process();
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (!strcmp(role, roles[i]))
			guest_main(&job);
	if (!strcmp(role, INIT_ROLE_OUTER))
		init_outer_main();
	init_console("%s=%s: no such role", INIT_ROLE_ENV, role);
	init_poweroff(&none);
}
