/* SPDX-License-Identifier: GPL-2.0-only */
/* Notices on stderr: one write per line, so that lines of threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int level = LOG_NOTICE;

void log_set_level(enum log_level l)
{
	level = l;
}

enum log_level log_level(void)
{
	return (enum log_level)level;
}

static void emit(enum log_level l, const char *fmt, va_list ap)
{
	char line[2048];
	int n, m;

	if (l > (enum log_level)level)
		return;
	n = snprintf(line, sizeof(line), "ktstr: ");
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	if (m < 0)
		return;
	n += m;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* stderr is all we have; if it is gone there is nobody to tell */
	(void)!write(STDERR_FILENO, line, (size_t)n);
}

#define LOG_FN(name, l)				\
	void name(const char *fmt, ...)		\
	{					\
		va_list ap;			\
						\
		va_start(ap, fmt);		\
		emit(l, fmt, ap);		\
		va_end(ap);			\
	}

LOG_FN(log_error, LOG_QUIET)
LOG_FN(log_notice, LOG_NOTICE)
LOG_FN(log_info, LOG_INFO)
LOG_FN(log_debug, LOG_DEBUG)
