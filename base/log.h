/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_LOG_H
#define KTSTR_BASE_LOG_H
/*
 * Notices on stderr, one line each, "ktstr: ...". The level is the only
 * process-wide variable of the project. Thread: any.
 */
enum log_level {
	LOG_QUIET,		/* errors only */
	LOG_NOTICE,		/* what the user should know (default) */
	LOG_INFO,		/* what is being done (-v) */
	LOG_DEBUG,		/* everything (-vv) */
};

void log_set_level(enum log_level level);
enum log_level log_level(void);

__attribute__((format(printf, 1, 2))) void log_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_notice(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

#endif
