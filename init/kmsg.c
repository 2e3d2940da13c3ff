/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log, Documentation/ABI/testing/dev-kmsg: one record per read(),
 * "PRIORITY,SEQUENCE,TIME,FLAGS;TEXT\n".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/guest.h"

void init_kmsg_skip(int fd)
{
	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_END);
}

char *init_kmsg_next(int fd, char record[INIT_KMSG_MAX])
{
	while (fd >= 0) {
		ssize_t n = read(fd, record, INIT_KMSG_MAX - 1);
		char *line;

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* records were lost: go on with the oldest */
		if (n <= 0)
			return NULL;
		record[n] = '\0';
		line = strchr(record, ';');
		if (!line)
			continue;
		line[strcspn(line, "\n")] = '\0';
		return line + 1;
	}
	return NULL;
}

void init_kmsg_find(int fd, pid_t pid, char *text, size_t size)
{
	char record[INIT_KMSG_MAX], fault[32], killed[48], *line;

	*text = '\0';
	/* "prog[93]: segfault at 0 ip ...", "Out of memory: Killed process 93 (prog) ..." */
	snprintf(fault, sizeof(fault), "[%d]", (int)pid);
	snprintf(killed, sizeof(killed), "Killed process %d ", (int)pid);
	while ((line = init_kmsg_next(fd, record))) {
		if (!strstr(line, fault) && !strstr(line, killed))
			continue;
		snprintf(text, size, "%s", line);
		return;
	}
}
