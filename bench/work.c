/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fixed amount of work for a guest: on each CPU two processes that send a byte to and
 * fro, which is two system calls and a context switch each, and arithmetic in between.
 */
#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

#define ROUNDS 2500
/* Additions in each round: about as long as the two switches. */
#define ADDITIONS 10000

static void pin(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

static bool pass_on(int from, int to)
{
	char byte;

	return read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1;
}

static bool compute(void)
{
	volatile unsigned sum = 0;

	for (unsigned i = 0; i < ADDITIONS; i++)
		sum += i;
	return sum;
}

/* Either end: each round ends with our own byte coming back, or theirs going on. */
static bool rounds(int in, int out)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		if (!pass_on(in, out) || !compute())
			return false;
	return true;
}

static bool work(unsigned cpu)
{
	int there[2], back[2], status = 0;
	bool done;
	pid_t pid;

	pin(cpu);
	if (pipe(there) < 0 || pipe(back) < 0 || write(there[1], "", 1) != 1)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(rounds(there[0], back[1]) ? 0 : 1);
	done = pid > 0 && rounds(back[0], there[1]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && done;
}

bool work_all(unsigned cpus)
{
	bool all = true;
	int status = 0;

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(work(cpu) ? 0 : 1);
		all = all && pid > 0;
	}
	while (wait(&status) > 0 || errno == EINTR)
		all = all && status == 0;
	return all;
}
