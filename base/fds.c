/* SPDX-License-Identifier: GPL-2.0-only */
/* Room for open files. */
#include "base/fds.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/util.h"

/* Open files now; without /proc 0, and what is too much fails later by itself. */
static unsigned count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3;	/* ".", ".." and the folder itself */
}

int fds_reserve(unsigned n, struct err *e)
{
	const rlim_t need = (rlim_t)count_open() + n;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return err_sys(e, -errno, "limit of open files");
	if (l.rlim_cur >= need)
		return 0;
	if (l.rlim_max < need)
		return err_set(e, -EMFILE, "%llu open files are needed, the limit is %llu: raise it "
			       "(ulimit -Hn, LimitNOFILE=)", (unsigned long long)need,
			       (unsigned long long)l.rlim_max);
	l.rlim_cur = need;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		return err_sys(e, -errno, "raise the limit of open files to %llu",
			       (unsigned long long)need);
	return 0;
}
