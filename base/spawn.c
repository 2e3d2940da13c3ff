/* SPDX-License-Identifier: GPL-2.0-only */
/* posix_spawn(), which tells a failed exec from a program that failed. */
#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

static int add_stream(posix_spawn_file_actions_t *actions, int fd, int as, int flags)
{
	return fd >= 0 ? posix_spawn_file_actions_adddup2(actions, fd, as) :
			 posix_spawn_file_actions_addopen(actions, as, "/dev/null", flags, 0);
}

static int set_attr(posix_spawnattr_t *attr, bool group)
{
	const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			  (group ? POSIX_SPAWN_SETPGROUP : 0);
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setsigmask(attr, &none);
	r = r ? r : posix_spawnattr_setsigdefault(attr, &all);
	return r ? r : posix_spawnattr_setflags(attr, (short)flags);
}

static int start(const struct spawn *s, posix_spawn_file_actions_t *actions,
		 posix_spawnattr_t *attr, pid_t *ret)
{
	int r = set_attr(attr, s->group);

	r = r ? r : add_stream(actions, s->in, STDIN_FILENO, O_RDONLY);
	r = r ? r : add_stream(actions, s->out, STDOUT_FILENO, O_WRONLY);
	r = r ? r : add_stream(actions, s->err, STDERR_FILENO, O_WRONLY);
	return r ? r : posix_spawnp(ret, s->path ? s->path : s->argv[0], actions, attr, s->argv,
				    environ);
}

int spawn(const struct spawn *s, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r == 0) {
		r = start(s, &actions, &attr, ret);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}
