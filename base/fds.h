/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_FDS_H
#define KTSTR_BASE_FDS_H
/*
 * The process's limit of open files (RLIMIT_NOFILE). Most systems start
 * programs with a soft limit of 1024 for the sake of select(), and a hard one
 * far above. Thread: any.
 */
struct err;

/*
 * Room for n more open files: raises the soft limit when it is too low, which
 * holds for the whole process and is not taken back. -EMFILE with the numbers
 * when the hard limit does not allow it.
 */
int fds_reserve(unsigned n, struct err *e);

#endif
