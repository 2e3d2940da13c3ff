/* SPDX-License-Identifier: GPL-2.0-only */
/* Where reports go. */
#include "cli/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/report_get.h"

/*
 * A device, a pipe, /dev/stdout: nothing may be renamed over it, and what it
 * leads to may have content that others wrote.
 */
static bool is_special(const char *path)
{
	struct stat st;

	if (!strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6))
		return true;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* Our own streams have a place in their files, which opening them again would lose. */
static int open_special(const char *path)
{
	if (!strcmp(path, "/dev/stdout"))
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (!strcmp(path, "/dev/stderr"))
		return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int write_special(const char *path, const char *text, size_t n, struct err *e)
{
	_cleanup_close_ int fd = open_special(path);
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "open %s", path);
	r = file_write_all(fd, text, n);
	return r < 0 ? err_sys(e, r, "write %s", path) : 0;
}

/* A symbolic link stays, the file it leads to is replaced. */
static int write_regular(const char *path, const char *text, size_t n, struct err *e)
{
	_cleanup_free_ char *target = realpath(path, NULL);

	return file_write_atomic(target ? target : path, text, n, 0644, e);
}

static int write_file(const char *option, const char *path,
		      void (*report)(FILE *, const struct json_object *),
		      const struct json_object *record)
{
	_cleanup_free_ char *text = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int r;

	if (f)
		report(f, record);
	if (!f || fclose(f) || !text)
		return cli_error("--%s %s: out of memory", option, path);
	/* what was printed so far must not come after, when both go to one place */
	fflush(stdout);
	r = is_special(path) ? write_special(path, text, n, &e) :
	    write_regular(path, text, n, &e);
	return r < 0 ? cli_error("--%s: %s", option, err_text(&e)) : 0;
}

/* Would path take a file in the end? What is seen here may change until then. */
static int check_file(const char *path, bool device_is_fine, struct err *e)
{
	_cleanup_free_ char *target = realpath(path, NULL), *folder = NULL;
	struct stat st;
	char *slash;

	if (device_is_fine && is_special(path) && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
		return 0;	/* opening it may have effects, and asking says little */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "is no regular file");
	folder = strdup(target ? target : path);
	if (!folder)
		return err_set(e, -ENOMEM, "out of memory");
	slash = strrchr(folder, '/');
	if (slash && !slash[1])
		return err_sys(e, -EISDIR, "no name of a file");
	if (slash)
		slash[slash == folder] = '\0';
	if (access(slash ? folder : ".", W_OK | X_OK) < 0)
		return err_sys(e, -errno, "its folder");
	if (slash && stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_sys(e, -ENOTDIR, "its folder");
	return 0;
}

int deliver_check(struct cli_options *o, struct err *e)
{
	const char *dump = o->config.dump, *vmcore = o->config.vmcore;
	const struct {
		const char *option, **path;
		bool device_is_fine;
	} files[] = {
		{ "json", &o->json_file, true },
		{ "junit", &o->junit_file, true },
		{ "html", &o->html_file, true },
		{ "trace", &o->trace_file, true },
		/* the run renames over these */
		{ "dump", &dump, false },
		{ "vmcore", &vmcore, false },
	};
	struct err later = ERR_INIT;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *path = *files[i].path;
		struct err *why = r < 0 ? &later : e;	/* the first one is told */
		int r2 = path ? check_file(path, files[i].device_is_fine, why) : 0;

		if (r2 == 0)
			continue;
		if (r == 0)
			r = err_ctx(e, r2, "--%s %s", files[i].option, path);
		*files[i].path = NULL;
	}
	return r;
}

static bool wants_color(const struct cli_options *o)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (o->color != REPORT_COLOR_AUTO)
		return o->color == REPORT_COLOR_ALWAYS;
	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb");
}

int deliver_formats(const struct cli_options *o, const struct json_object *record)
{
	int r = 0;

	if (o->json)
		report_json(stdout, record);
	else if (o->tap)
		report_tap(stdout, record);
	if (o->json_file)
		r = write_file("json", o->json_file, report_json, record);
	if (o->junit_file)
		r |= write_file("junit", o->junit_file, report_junit, record);
	if (o->html_file)
		r |= write_file("html", o->html_file, report_html, record);
	if (o->trace_file)
		r |= write_file("trace", o->trace_file, report_trace, record);
	return r;
}

void deliver_text(const struct cli_options *o, const struct json_object *record)
{
	report_text(stdout, record, o->verbose, wants_color(o));
}

int deliver_all(const struct cli_options *o, const struct json_object *record)
{
	bool text = !o->json && !o->tap;

	if (text)
		deliver_text(o, record);
	/* on a terminal the report says it already */
	if (report_run_verdict(record) == VERDICT_ERROR &&
	    !(text && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO)))
		cli_error("%s", report_reason(record));
	return deliver_formats(o, record);
}
