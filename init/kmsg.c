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

#define RECORD_MAX 8192

void init_kmsg_skip(int fd)
{
	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_END);
}

void init_kmsg_find(int fd, pid_t pid, char *text, size_t size)
{
	char record[RECORD_MAX], fault[32], killed[48];

	*text = '\0';
	/* "prog[93]: segfault at 0 ip ...", "Out of memory: Killed process 93 (prog) ..." */
	snprintf(fault, sizeof(fault), "[%d]", (int)pid);
	snprintf(killed, sizeof(killed), "Killed process %d ", (int)pid);
	while (fd >= 0) {
		ssize_t n = read(fd, record, sizeof(record) - 1);
		char *line;

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* records were lost: go on with the oldest */
		if (n <= 0)
			return;
		record[n] = '\0';
		line = strchr(record, ';');
		if (!line || (!strstr(line, fault) && !strstr(line, killed)))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, size, "%s", line + 1);
		return;
	}
}
