/* SPDX-License-Identifier: GPL-2.0-only */
/* Reaping: every child is waited for by its status, none is left to SIG_IGN. */
#include "init/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"
#include "base/util.h"

void init_reap(struct init_proc *const *proc, size_t n)
{
	int status;
	pid_t who;

	while ((who = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < n; i++) {
			if (!init_proc_runs(proc[i]) || proc[i]->pid != who)
				continue;
			proc[i]->exited = true;
			proc[i]->status = status;
		}
	}
}

void init_reap_ack(int sigfd)
{
	struct signalfd_siginfo si;

	while (read(sigfd, &si, sizeof(si)) == sizeof(si))
		;
}

/* The first bytes of /proc/PID/NAME; false when there are none. */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* "PID (COMM) STATE PPID ...": COMM may hold anything, so look from the end. */
static bool read_stat(pid_t pid, char *ret_state, pid_t *ret_parent)
{
	char text[512];
	const char *end;
	int parent;

	if (!read_proc(pid, "stat", text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %c %d", ret_state, &parent) != 2)
		return false;
	*ret_parent = parent;
	return true;
}

/* Kill our children but keep, dead ones that nobody has reaped included; how many there are. */
static unsigned kill_children(pid_t keep)
{
	pid_t self = getpid(), pid, parent;
	DIR *proc = opendir("/proc");
	struct dirent *d;
	unsigned n = 0;
	char state;

	while (proc && (d = readdir(proc))) {
		pid = (pid_t)strtol(d->d_name, NULL, 10);
		if (pid <= 0 || pid == keep || !read_stat(pid, &state, &parent) || parent != self)
			continue;
		kill(pid, SIGKILL);
		n++;
	}
	if (proc)
		closedir(proc);
	return n;
}

static bool have_children(void)
{
	siginfo_t si;

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

unsigned init_reap_rest(int sigfd, struct init_proc *keep, unsigned timeout_ms)
{
	uint64_t end = units_now_ns() + timeout_ms * NSEC_PER_MSEC;

	for (;;) {
		struct pollfd p = { .fd = sigfd, .events = POLLIN };
		uint64_t now = units_now_ns();
		unsigned left;

		init_reap_ack(sigfd);
		init_reap(&keep, keep != NULL);
		if (!have_children())
			return 0;
		left = kill_children(keep && init_proc_runs(keep) ? keep->pid : 0);
		if (!left && keep && init_proc_runs(keep))
			return 0;
		if (now >= end)
			return MAX(left, 1u);
		poll(&p, 1, (int)((end - now) / NSEC_PER_MSEC) + 1);
	}
}

void init_reap_describe(pid_t pid, char *text, size_t size)
{
	char state, wchan[128];
	pid_t parent;

	*text = '\0';
	if (!read_stat(pid, &state, &parent))
		return;
	/* "0" when it runs or the kernel does not tell */
	if (read_proc(pid, "wchan", wchan, sizeof(wchan)) && wchan[0] != '0')
		snprintf(text, size, "state %c, in %s", state, wchan);
	else
		snprintf(text, size, "state %c", state);
}

void init_signal_name(int signo, char text[16])
{
	const char *name = sigabbrev_np(signo);

	if (name)
		snprintf(text, 16, "SIG%s", name);
	else
		snprintf(text, 16, "SIG%d", signo);
}

void init_status_describe(int status, char *text, size_t size)
{
	char name[16];

	if (WIFSIGNALED(status)) {
		init_signal_name(WTERMSIG(status), name);
		snprintf(text, size, "died of %s", name);
	} else {
		snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
	}
}
