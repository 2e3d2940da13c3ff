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

bool init_reap(pid_t pid, int *ret_status)
{
	bool found = false;
	int status;
	pid_t who;

	while ((who = waitpid(-1, &status, WNOHANG)) > 0) {
		if (who != pid)
			continue;
		*ret_status = status;
		found = true;
	}
	return found;
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

/* Kill our living children; returns how many there are. */
static unsigned kill_children(void)
{
	pid_t self = getpid(), pid, parent;
	DIR *proc = opendir("/proc");
	struct dirent *d;
	unsigned n = 0;
	char state;

	while (proc && (d = readdir(proc))) {
		pid = (pid_t)strtol(d->d_name, NULL, 10);
		if (pid <= 0 || !read_stat(pid, &state, &parent) || parent != self)
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

unsigned init_reap_rest(int sigfd, unsigned timeout_ms)
{
	uint64_t end = units_now_ns() + timeout_ms * NSEC_PER_MSEC;
	int status;

	for (;;) {
		struct pollfd p = { .fd = sigfd, .events = POLLIN };
		uint64_t now = units_now_ns();
		unsigned left;

		init_reap_ack(sigfd);
		init_reap(-1, &status);
		if (!have_children())
			return 0;
		left = kill_children();
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
