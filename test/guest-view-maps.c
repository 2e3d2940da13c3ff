/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of guest-view that tell, as notes, what bpftool says of maps in the guest:
 *
 *	bpftool MAP TEXT
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "ktstr/test.h"

/* A child whose output can be read; 0: none. */
static pid_t start(char *const argv[], int *ret_fd)
{
	pid_t pid;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return 0;
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fd[1]);
	*ret_fd = fd[0];
	return MAX(pid, 0);
}

/* All of it, or up to the first line's end. */
static void read_text(int fd, char *text, size_t size, bool line)
{
	size_t n = 0;
	ssize_t got;

	text[0] = '\0';
	while (n < size - 1 && !(line && strchr(text, '\n')) &&
	       (got = read(fd, text + n, size - 1 - n)) > 0)
		text[n += (size_t)got] = '\0';
}

static void note_map(struct ktstr_t *t, const char *name)
{
	char *const argv[] = { "bpftool", "map", "dump", "name", (char *)name, NULL };
	char text[4000] = "";
	int fd = -1;
	pid_t pid = start(argv, &fd);

	if (pid) {
		read_text(fd, text, sizeof(text), false);
		waitpid(pid, NULL, 0);
	}
	close_fd(&fd);
	ktstr_note(t, "bpftool %s %s", name, text);
}

static void note_maps(struct ktstr_t *t, bool scheduler)
{
	static const char *const names[] = {
		"entries_hash", "entries_array", "entries_percpu", ".data.args", ".bss.state",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		note_map(t, names[i]);
	if (scheduler)
		note_map(t, "fixture_ops");
}

/* Without sched_ext: the fixture's maps alone. */
static pid_t start_maps(struct ktstr_t *t)
{
	char *const argv[] = { "/staging/schedulers/fixture/scheduler", "maps", NULL };
	char text[100] = "";
	int fd = -1;
	pid_t pid = start(argv, &fd);

	if (pid)
		read_text(fd, text, sizeof(text), true);
	close_fd(&fd);
	ktstr_check(t, !strcmp(text, "fixture: maps are there\n"), "the loader says \"%s\"", text);
	return pid;
}

/* The maps of the scheduler staged as fixture, and then the host takes its view. */
KTSTR_TEST(maps, .tags = "manual")
{
	const bool scheduler = access("/sys/kernel/sched_ext", F_OK) == 0;
	pid_t pid = 0;
	int r;

	if (scheduler) {
		r = ktstr_scheduler_start(t, "fixture", "work", NULL);
		ktstr_check(t, r == 0, "start: %s", strerror(-r));
	} else {
		pid = start_maps(t);
	}
	note_maps(t, scheduler);
	r = ktstr_dump(t, "beside bpftool");
	ktstr_check(t, r == 0, "ktstr_dump: %s", strerror(-r));
	if (pid) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
}

/* The same with the scheduler of --scheduler, and a panic at which the host takes its view. */
KTSTR_TEST(maps_and_panic, .tags = "manual")
{
	int fd, r;

	note_maps(t, true);
	/* an answer of PID 1: it has sent the notes on */
	r = ktstr_scheduler_start(t, "nobody", NULL);
	ktstr_check(t, r == -EBUSY, "start: %s", strerror(-r));
	fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
	ktstr_check(t, fd >= 0 && write(fd, "c", 1) == 1, "sysrq-trigger");
}
