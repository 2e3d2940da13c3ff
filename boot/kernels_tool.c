/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that an import runs: dpkg-deb, zstd, xz, ... */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "boot/kernels_private.h"

extern char **environ;

static void take_fd_or_null(posix_spawn_file_actions_t *actions, int fd, int as, int flags)
{
	if (fd >= 0)
		posix_spawn_file_actions_adddup2(actions, fd, as);
	else
		posix_spawn_file_actions_addopen(actions, as, "/dev/null", flags, 0);
}

/* Its signals are as they are for a command. */
int kernel_tool_start(char *const argv[], const struct kernel_tool_fds *fds, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	take_fd_or_null(&actions, fds->in, STDIN_FILENO, O_RDONLY);
	take_fd_or_null(&actions, fds->out, STDOUT_FILENO, O_WRONLY);
	take_fd_or_null(&actions, fds->err, STDERR_FILENO, O_WRONLY);
	r = posix_spawnp(ret_pid, argv[0], &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

bool kernel_tool_failed(pid_t pid)
{
	int status = 0, r;

	while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	/* ECHILD: the program ignores SIGCHLD; what the tool made shows how it went */
	return r == pid && status;
}

bool kernel_tool_exists(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, R_OK) == 0;
	while (path && *path) {
		size_t n = strcspn(path, ":");
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%.*s/%s", (int)n, path, name) < 0) {
			file = NULL;
			return false;
		}
		if (access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}
