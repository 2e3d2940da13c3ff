/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a kernel to build comes from: a tree, a tarball, Debian's package. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/util.h"
#include "boot/kernels_source.h"

#define END_BYTES 4096		/* of a tarball: checksums and sizes are there */
#define DEBIAN_DIR "/usr/src"
#define DEBIAN_PACKAGE "linux-source-6.12"

void kernel_source_fini(struct kernel_source *s)
{
	free(s->path);
	free(s->version);
	buf_fini(&s->identity);
	*s = (struct kernel_source){ 0 };
}

/* --- versions ------------------------------------------------------------- */

/* "SUBLEVEL = 117" at the start of a line; "" when there is none. */
static void make_variable(const char *text, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name);

	*ret = '\0';
	for (const char *p = text; p; p = strchr(p, '\n'), p += p ? 1 : 0) {
		const char *v = p + n;

		if (strncmp(p, name, n))
			continue;
		v += strspn(v, " \t");
		if (*v++ != '=')
			continue;
		v += strspn(v, " \t");
		snprintf(ret, size, "%.*s", (int)strcspn(v, " \t\n#"), v);
		return;
	}
}

/* "6.12.117" of the top Makefile. */
static char *parse_version(const char *makefile)
{
	char version[8], patch[8], sub[8], extra[64];
	char *ret;

	make_variable(makefile, "VERSION", version, sizeof(version));
	make_variable(makefile, "PATCHLEVEL", patch, sizeof(patch));
	make_variable(makefile, "SUBLEVEL", sub, sizeof(sub));
	make_variable(makefile, "EXTRAVERSION", extra, sizeof(extra));
	if (!isdigit((unsigned char)*version) || !isdigit((unsigned char)*patch))
		return NULL;
	for (char *p = extra; *p; p++)		/* it goes into a file name */
		if (!isalnum((unsigned char)*p) && !strchr("._+-", *p))
			*p = '_';
	if (asprintf(&ret, "%s.%s%s%s%s", version, patch, *sub ? "." : "", sub, extra) < 0)
		return NULL;
	return ret;
}

/* --- programs ------------------------------------------------------------- */

/* All that a program prints; false when it fails. */
static bool read_output(char *const argv[], struct buf *out)
{
	struct spawn tool = { .argv = argv, .in = -1, .out = -1, .err = -1 };
	int pipe_fds[2];
	ssize_t n = -1;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return false;
	tool.out = pipe_fds[1];
	if (spawn(&tool, &pid) < 0) {
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return false;
	}
	close(pipe_fds[1]);
	for (char *at; (at = buf_reserve(out, 4096)); out->len += (size_t)n) {
		n = read(pipe_fds[0], at, 4096);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		n = MAX(n, 0);
	}
	close(pipe_fds[0]);
	buf_u8(out, 0);
	return !kernel_tool_failed(pid) && n == 0 && buf_ok(out);
}

/* --- a tree --------------------------------------------------------------- */

/* A commit tells what is in a tree, as long as nothing was changed since. */
static void identify_tree(struct kernel_source *s)
{
	char *const commit[] = { "git", "-C", s->path, "rev-parse", "HEAD", NULL };
	char *const changes[] = { "git", "-C", s->path, "status", "--porcelain",
				  "--untracked-files=no", NULL };
	_cleanup_(buf_fini) struct buf head = BUF_INIT, status = BUF_INIT;
	_cleanup_free_ char *git = kernel_path_if_exists(s->path, ".git");

	s->changes = true;
	buf_str(&s->identity, s->path);
	if (!git || !read_output(commit, &head) || !read_output(changes, &status) ||
	    status.len > 1)
		return;
	s->changes = false;
	buf_reset(&s->identity);
	buf_str(&s->identity, (const char *)head.data);
}

static int open_tree(struct kernel_source *s, struct err *e)
{
	static const char *const built[] = { ".config", "include/config", "vmlinux" };
	_cleanup_free_ char *makefile = kernel_path_if_exists(s->path, "Makefile");
	_cleanup_free_ char *kconfig = kernel_path_if_exists(s->path, "Kconfig");
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	_cleanup_free_ char *text = NULL;
	int r;

	if (!makefile || !kconfig)
		return err_set(e, -ENOENT, "%s: not a kernel source tree: no %s in it", s->path,
			       makefile ? "Kconfig" : "Makefile");
	/* the kernel's Makefile refuses to build elsewhere, then */
	for (size_t i = 0; i < ARRAY_SIZE(built); i++) {
		_cleanup_free_ char *old = kernel_path_if_exists(s->path, built[i]);

		if (old)
			return err_set(e, -EINVAL, "%s: something was built in it (%s): take that "
				       "with ktstr kernel import %s, or remove it with make -C %s "
				       "mrproper", s->path, built[i], s->path, s->path);
	}
	r = file_map(makefile, &m, e);
	if (r < 0)
		return r;
	text = strndup((const char *)m.data ?: "", m.size);
	s->version = text ? parse_version(text) : NULL;
	if (!s->version)
		return err_set(e, -EINVAL, "%s: no kernel version in it", makefile);
	identify_tree(s);
	return 0;
}

/* --- a tarball ------------------------------------------------------------ */

static int open_tarball(struct kernel_source *s, off_t size, struct err *e)
{
	char *const argv[] = { "tar", "-xO", "-f", s->path, "--wildcards", "--occurrence=1",
			       "--no-wildcards-match-slash", "*/Makefile", NULL };
	_cleanup_close_ int fd = open(s->path, O_RDONLY | O_CLOEXEC);
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	char end[END_BYTES];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, -errno, "open %s", s->path);
	n = pread(fd, end, sizeof(end), MAX(size - END_BYTES, 0));
	if (n < 0)
		return err_sys(e, -errno, "read %s", s->path);
	if (read_output(argv, &text))
		s->version = parse_version((const char *)text.data);
	if (!s->version)
		return err_set(e, -EINVAL, "%s: not a tarball of a kernel: no Makefile with a "
			       "version in its top folder (tar -tf shows what is in it)", s->path);
	s->tarball = true;
	buf_fmt(&s->identity, "%lld ", (long long)size);
	buf_add(&s->identity, end, (size_t)n);
	return 0;
}

/* --- Debian's package ----------------------------------------------------- */

static int is_source(const struct dirent *d)
{
	return !strncmp(d->d_name, "linux-source-", 13) && strstr(d->d_name, ".tar");
}

char *kernel_source_find_package(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_source, versionsort);
	char *path = NULL;

	for (int i = 0; i < n; i++) {
		if (i == n - 1)
			path = kernel_path_if_exists(dir, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return path;
}

int kernel_source_open(const char *path, struct kernel_source *ret, struct err *e)
{
	_cleanup_free_ char *package = path ? NULL : kernel_source_find_package(DEBIAN_DIR);
	struct kernel_source s = { 0 };
	struct stat st;
	int r;

	if (!path)
		path = package;
	if (!path)
		return err_set(e, -ENOENT, "no source: give a tree or a tarball with --source, or "
			       "install Debian's (apt-get install " DEBIAN_PACKAGE ")");
	s.path = realpath(path, NULL);
	if (!s.path || stat(s.path, &st) < 0)
		r = err_sys(e, -errno, "open %s", path);
	else
		r = S_ISDIR(st.st_mode) ? open_tree(&s, e) : open_tarball(&s, st.st_size, e);
	if (r == 0 && !buf_ok(&s.identity))
		r = err_sys(e, -ENOMEM, "%s", path);
	if (r < 0) {
		kernel_source_fini(&s);
		return r;
	}
	*ret = s;
	return 0;
}
