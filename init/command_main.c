/* SPDX-License-Identifier: GPL-2.0-only */
/* What surrounds a command in the guest: its arguments, PATH, busybox, a greeting. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/util.h"
#include "init/command.h"
#include "init/guest.h"
#include "init/host.h"
#include "init/init.h"
#include "init/machine.h"
#include "init/strings.h"

void init_path_set(void)
{
	_cleanup_free_ char *path = NULL;
	struct file_map m = FILE_MAP_INIT;

	(void)file_map(INIT_PATH_DIRS, &m, NULL);
	if (asprintf(&path, "%.*s%s" INIT_USUAL_PATH ":" INIT_APPLETS_DIR, (int)m.size,
		     m.size ? (const char *)m.data : "", m.size ? ":" : "") < 0)
		path = NULL;
	setenv("PATH", path ? path : INIT_USUAL_PATH, 1);
	file_unmap(&m);
}

/* In a folder of their own, last in PATH: whatever else is there goes first. */
static void install_applets(struct init_host *host)
{
	static const char *const argv[] = { "busybox", "--install", "-s", INIT_APPLETS_DIR, NULL };
	const struct spawn program = {
		.path = INIT_BUSYBOX, .argv = (char *const *)argv, .in = -1, .out = -1, .err = -1,
	};
	int status = 0, r;
	pid_t pid;

	if (access(INIT_BUSYBOX, X_OK) < 0)
		return;
	(void)mkdir(INIT_APPLETS_DIR, 0755);
	r = spawn(&program, &pid);
	if (r == 0 && (waitpid(pid, &status, 0) < 0 || status))
		r = -EIO;
	if (r < 0)
		init_log(host, "busybox --install: %s, status %d", strerrordesc_np(-r), status);
	/* for scripts; one that came along stays */
	(void)!symlink(INIT_BUSYBOX, "/bin/sh");
}

static void make_motd(const struct init_machine *m, char *text, size_t size)
{
	struct utsname u;

	uname(&u);
	snprintf(text, size, "ktstr: Linux %s, %u CPUs (%u nodes, %u LLCs, %u cores each, "
		 "%u threads each), %llu MiB of memory\n"
		 "ktstr: Ctrl-A X ends the machine, Ctrl-A A is Ctrl-A\n", u.release, m->cpus,
		 m->numa_nodes, m->llcs, m->cores, m->threads,
		 (unsigned long long)(m->ram_kib ? m->ram_kib : m->memory_kib) / 1024);
}

int init_command_main(struct init_host *host, const struct init_machine *m,
		      const struct init_sched_plan *sched, bool terminal, struct err *e)
{
	static const char *const shell[] = { INIT_BUSYBOX, "sh" };
	struct file_map args = FILE_MAP_INIT;
	_cleanup_free_ char **argv = NULL;
	bool own = file_map(INIT_COMMAND_ARGS, &args, NULL) < 0 || !args.size;
	char motd[512];
	struct init_command q = { .terminal = terminal, .sched = sched };
	int r = -ENOMEM;

	install_applets(host);
	setenv("HOME", "/", 1);
	if (own) {
		make_motd(m, motd, sizeof(motd));
		q.motd = motd;
		setenv("PS1", "ktstr:\\w\\$ ", 1);
	}
	argv = init_strings(&args, shell, own ? ARRAY_SIZE(shell) : 0);
	q.argv = argv;
	if (argv)
		r = init_command_run(&q, host, e);
	else
		err_sys(e, r, "command");
	file_unmap(&args);
	return r;
}
