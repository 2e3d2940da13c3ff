/* SPDX-License-Identifier: GPL-2.0-only */
/* The initramfs: what is in the archive, read back by a reader of its own and by cpio(1). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "test/cpio-read.h"
#include "test/tap.h"
#include "test/tmp.h"

/* What a link leads to; the item itself when it is none. */
static const struct cpio_item *behind(const struct cpio_archive *a, const struct cpio_item *it)
{
	char target[PATH_MAX];

	if (!it || !S_ISLNK(it->mode))
		return it;
	snprintf(target, sizeof(target), "%.*s", (int)it->size, (const char *)it->data);
	return cpio_find(a, target + (target[0] == '/'));
}

/* Every ancestor has an entry before it, which is a folder. */
static bool has_ancestors(const struct cpio_archive *a, unsigned index)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s", a->item[index].name);
	for (char *slash; (slash = strrchr(name, '/'));) {
		const struct cpio_item *dir;

		*slash = '\0';
		dir = cpio_find(a, name);
		if (!dir || dir > &a->item[index] || dir->mode != (S_IFDIR | 0755))
			return false;
	}
	return true;
}

/* --- files to pack -------------------------------------------------------- */

struct fixture {
	char dir[TMP_DIR_MAX];
	struct initramfs *fs;
	struct buf cpio;
	struct err e;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .e = ERR_INIT };
	tmp_make(f->dir);
	if (initramfs_create(&f->fs, &f->e) < 0)
		abort();
}

static void teardown(struct fixture *f)
{
	initramfs_destroy(f->fs);
	buf_fini(&f->cpio);
	file_remove_tree(f->dir, NULL);
}

static const char *in_dir(const struct fixture *f, const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", f->dir, name);
	return p;
}

static const char *make_file(const struct fixture *f, const char *name, const char *text,
			     mode_t mode)
{
	const char *path = in_dir(f, name);

	if (file_write_atomic(path, text, strlen(text), mode, NULL) < 0)
		abort();
	return path;
}

static struct cpio_archive finish(struct fixture *f)
{
	int r = initramfs_finish(f->fs, &f->cpio, &f->e);

	tap_ok(r == 0, "finish: %s", err_text(&f->e));
	return cpio_read(&f->cpio);
}

/* --- cases ---------------------------------------------------------------- */

static void an_empty_archive_has_the_marker_and_the_trailer(void)
{
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	a = finish(&f);
	tap_ok(!a.broken, "it can be read");
	tap_eq(a.count, 1);
	tap_str(a.item[0].name, &INITRAMFS_MARKER[1]);
	tap_eq(a.end, f.cpio.len);
	tap_eq(f.cpio.len % 4, 0);
	teardown(&f);
}

static void entries_come_back_as_they_were_added(void)
{
	const struct cpio_item *it;
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	tap_eq(initramfs_add_bytes(f.fs, "/a/b/one", "1234567", 7, 0755, &f.e), 0);
	tap_eq(initramfs_add_file(f.fs, "/a/two", make_file(&f, "two", "host", 0640), &f.e), 0);
	tap_eq(initramfs_add_symlink(f.fs, "/link", "a/two", &f.e), 0);
	tap_eq(initramfs_add_dir(f.fs, "/empty/folder", &f.e), 0);
	a = finish(&f);
	it = cpio_find(&a, "a/b/one");
	tap_ok(it && it->size == 7 && !memcmp(it->data, "1234567", 7), "bytes");
	tap_eq(it ? it->mode : 0, S_IFREG | 0755);
	it = cpio_find(&a, "a/two");
	tap_ok(it && it->size == 4 && !memcmp(it->data, "host", 4), "a host file");
	tap_eq(it ? it->mode : 0, S_IFREG | 0640);
	it = cpio_find(&a, "link");
	tap_ok(it && it->size == 5 && !memcmp(it->data, "a/two", 5), "the target of a link");
	tap_eq(it ? it->mode : 0, S_IFLNK | 0777);
	it = cpio_find(&a, "empty/folder");
	tap_eq(it ? it->mode : 0, S_IFDIR | 0755);
	tap_str(a.item[a.count - 1].name, &INITRAMFS_MARKER[1]);
	teardown(&f);
}

static void every_ancestor_is_an_entry_before_its_content(void)
{
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	initramfs_add_bytes(f.fs, "/x/y/z/deep", "", 0, 0644, &f.e);
	initramfs_add_bytes(f.fs, "/x/other", "", 0, 0644, &f.e);
	initramfs_add_symlink(f.fs, "/l/link", "x", &f.e);
	a = finish(&f);
	for (unsigned i = 0; i < a.count; i++)
		tap_ok(has_ancestors(&a, i), "%s", a.item[i].name);
	tap_eq(a.count, 8);
	teardown(&f);
}

static void entries_have_no_owner_no_time_and_inodes_of_their_own(void)
{
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	initramfs_add_file(f.fs, "/d/f", make_file(&f, "f", "x", 0600), &f.e);
	initramfs_add_dir(f.fs, "/e", &f.e);
	a = finish(&f);
	for (unsigned i = 0; i < a.count; i++) {
		tap_ok(!a.item[i].uid && !a.item[i].gid && !a.item[i].mtime, "%s", a.item[i].name);
		for (unsigned k = 0; k < i; k++)
			tap_ok(a.item[i].ino != a.item[k].ino, "inode %u", a.item[i].ino);
	}
	teardown(&f);
}

static void the_same_input_gives_the_same_bytes(void)
{
	struct fixture f[2];

	for (int i = 0; i < 2; i++) {
		setup(&f[i]);
		initramfs_add_file(f[i].fs, "/d/f", make_file(&f[i], "f", "content", 0644), NULL);
		initramfs_add_program(f[i].fs, "/init", "/proc/self/exe", &f[i].e);
		finish(&f[i]);
	}
	tap_ok(f[0].cpio.len == f[1].cpio.len &&
	       !memcmp(f[0].cpio.data, f[1].cpio.data, f[0].cpio.len), "two archives");
	teardown(&f[0]);
	teardown(&f[1]);
}

static void adding_the_same_again_is_nothing(void)
{
	struct cpio_archive a;
	struct fixture f;
	const char *host;

	setup(&f);
	host = make_file(&f, "f", "text", 0644);
	for (int i = 0; i < 2; i++) {
		tap_eq(initramfs_add_bytes(f.fs, "/b", "text", 4, 0644, &f.e), 0);
		tap_eq(initramfs_add_file(f.fs, "/f", host, &f.e), 0);
		tap_eq(initramfs_add_file(f.fs, "/b", host, &f.e), 0);
		tap_eq(initramfs_add_bytes(f.fs, "//./f", "text", 4, 0644, &f.e), 0);
		tap_eq(initramfs_add_symlink(f.fs, "/l", "x", &f.e), 0);
		tap_eq(initramfs_add_dir(f.fs, "/d/", &f.e), 0);
		tap_eq(initramfs_add_dir(f.fs, "/", &f.e), 0);
	}
	a = finish(&f);
	tap_eq(a.count, 5);
	teardown(&f);
}

static void a_path_with_other_content_is_taken(void)
{
	struct fixture f;

	setup(&f);
	initramfs_add_bytes(f.fs, "/b", "text", 4, 0644, &f.e);
	initramfs_add_dir(f.fs, "/d", &f.e);
	tap_eq(initramfs_add_bytes(f.fs, "/b", "Text", 4, 0644, &f.e), -EEXIST);
	tap_eq(initramfs_add_bytes(f.fs, "/b", "text", 4, 0755, &f.e), -EEXIST);
	tap_eq(initramfs_add_symlink(f.fs, "/b", "text", &f.e), -EEXIST);
	tap_eq(initramfs_add_dir(f.fs, "/b", &f.e), -EEXIST);
	tap_eq(initramfs_add_bytes(f.fs, "/d", "", 0, 0644, &f.e), -EEXIST);
	tap_eq(initramfs_add_file(f.fs, "/b", make_file(&f, "f", "tex", 0644), &f.e), -EEXIST);
	tap_eq(initramfs_add_file(f.fs, "/b", make_file(&f, "f", "texT", 0644), &f.e), -EEXIST);
	tap_ok(strstr(err_text(&f.e), f.dir) && strstr(err_text(&f.e), "/b"), "both names in: %s",
	       err_text(&f.e));
	tap_eq(initramfs_add_bytes(f.fs, "/b/below", "", 0, 0644, &f.e), -ENOTDIR);
	tap_ok(strstr(err_text(&f.e), "/b/below"), "%s", err_text(&f.e));
	tap_eq(finish(&f).count, 3);
	teardown(&f);
}

static void names_that_cannot_be_are_refused(void)
{
	char longer[PATH_MAX + 10], component[NAME_MAX + 3] = "/";
	struct fixture f;

	setup(&f);
	memset(component + 1, 'n', NAME_MAX + 1);
	for (size_t i = 0; i < sizeof(longer) - 1; i++)
		longer[i] = i % 2 ? 'n' : '/';
	longer[sizeof(longer) - 1] = '\0';
	tap_eq(initramfs_add_bytes(f.fs, "relative", "", 0, 0644, &f.e), -EINVAL);
	tap_eq(initramfs_add_bytes(f.fs, "", "", 0, 0644, &f.e), -EINVAL);
	tap_eq(initramfs_add_bytes(f.fs, "/", "", 0, 0644, &f.e), -EISDIR);
	tap_eq(initramfs_add_bytes(f.fs, "/a/../b", "", 0, 0644, &f.e), -EINVAL);
	tap_ok(strstr(err_text(&f.e), "/a/../b"), "%s", err_text(&f.e));
	tap_eq(initramfs_add_dir(f.fs, "/..", &f.e), -EINVAL);
	tap_eq(initramfs_add_dir(f.fs, longer, &f.e), -ENAMETOOLONG);
	tap_eq(initramfs_add_dir(f.fs, component, &f.e), -ENAMETOOLONG);
	tap_eq(initramfs_add_symlink(f.fs, "/l", "", &f.e), -EINVAL);
	tap_eq(initramfs_add_symlink(f.fs, "/l", longer, &f.e), -EINVAL);
	tap_eq(initramfs_add_bytes(f.fs, INITRAMFS_MARKER, "", 0, 0444, &f.e), -EINVAL);
	tap_eq(initramfs_add_file(f.fs, "/..a/b..", make_file(&f, "f", "", 0644), &f.e), 0);
	tap_eq(finish(&f).count, 3);
	teardown(&f);
}

static void files_from_the_user_do_not_get_names_of_ours(void)
{
	static const char *const bad[] = {
		"/ktstr", "/ktstr/tests", "/init", INITRAMFS_MARKER, "//ktstr/./x", "/proc/x",
		"/dev", "/sys/a", "/", "x", "/a/..",
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		tap_ok(initramfs_check_user_path(bad[i], &e) == -EINVAL, "%s", bad[i]);
	tap_eq(initramfs_check_user_path("/ktstr2", &e), 0);
	tap_eq(initramfs_check_user_path("/usr/init", &e), 0);
}

static void make_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		abort();
	close(fd);
}

static void only_regular_files_are_packed(void)
{
	struct fixture f;
	const struct {
		const char *host, *word;
		int r;
	} cases[] = {
		{ "/dev/null", "a device", -EINVAL },
		{ "fifo", "a FIFO", -EINVAL },
		{ "socket", "a socket", -EINVAL },
		{ ".", "a folder", -EISDIR },
		{ "missing", "No such file", -ENOENT },
		{ "dangling", "No such file", -ENOENT },
	};

	setup(&f);
	mkfifo(in_dir(&f, "fifo"), 0600);
	make_socket(in_dir(&f, "socket"));
	tap_eq(symlink("nowhere", in_dir(&f, "dangling")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *host = cases[i].host;

		if (host[0] != '/')
			host = in_dir(&f, host);
		tap_eq(initramfs_add_file(f.fs, "/x", host, &f.e), cases[i].r);
		tap_ok(strstr(err_text(&f.e), host) && strstr(err_text(&f.e), cases[i].word), "%s",
		       err_text(&f.e));
	}
	tap_eq(finish(&f).count, 1);
	teardown(&f);
}

static void a_symbolic_link_of_the_host_is_followed(void)
{
	const struct cpio_item *it;
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	make_file(&f, "f", "target", 0644);
	tap_eq(symlink("f", in_dir(&f, "l")), 0);
	tap_eq(initramfs_add_file(f.fs, "/l", in_dir(&f, "l"), &f.e), 0);
	a = finish(&f);
	it = cpio_find(&a, "l");
	tap_ok(it && it->size == 6 && S_ISREG(it->mode), "the file behind it");
	teardown(&f);
}

static void an_unreadable_file_is_an_error_with_its_name(void)
{
	struct fixture f;
	const char *host;
	pid_t pid;
	int status;

	setup(&f);
	host = make_file(&f, "secret", "x", 0000);
	pid = fork();
	if (pid == 0) {
		/* root may read everything */
		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(9);
		_exit(initramfs_add_file(f.fs, "/x", host, &f.e) == -EACCES &&
		      strstr(err_text(&f.e), host) ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
	teardown(&f);
}

static void a_file_of_procfs_has_what_it_says(void)
{
	const struct cpio_item *it;
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	tap_eq(initramfs_add_file(f.fs, "/version", "/proc/version", &f.e), 0);
	a = finish(&f);
	it = cpio_find(&a, "version");
	tap_ok(it && it->size > 10 && !memcmp(it->data, "Linux", 5), "its stat says 0 bytes");
	teardown(&f);
}

static void a_file_too_large_for_the_format_is_refused(void)
{
	struct fixture f;
	const char *host;

	setup(&f);
	host = make_file(&f, "sparse", "", 0644);
	if (truncate(host, INT64_C(1) << 32) < 0) {
		tap_skip("no sparse files here");
	} else {
		tap_eq(initramfs_add_file(f.fs, "/x", host, &f.e), -EFBIG);
		tap_ok(strstr(err_text(&f.e), host) && strstr(err_text(&f.e), "4294967296"), "%s",
		       err_text(&f.e));
	}
	tap_eq(finish(&f).count, 1);
	teardown(&f);
}

/* The library's read(): the file that is to be cut is, behind the first of it. */
static const char *cut_soon;

ssize_t read(int fd, void *at, size_t n)
{
	const ssize_t got = syscall(SYS_read, fd, at, n);
	const char *path = cut_soon;

	cut_soon = NULL;
	if (path && (got <= 0 || truncate(path, 100) < 0))
		abort();
	return got;
}

static void a_file_that_shrinks_while_it_is_read_is_an_error(void)
{
	const char *host;
	struct fixture f;

	setup(&f);
	host = make_file(&f, "f", "", 0644);
	tap_eq(truncate(host, 32 << 20), 0);
	tap_eq(initramfs_add_file(f.fs, "/f", host, &f.e), 0);
	cut_soon = host;
	tap_eq(initramfs_finish(f.fs, &f.cpio, &f.e), -EIO);
	tap_ok(!cut_soon, "it was read, for a mapping would have died of SIGBUS");
	tap_ok(strstr(err_text(&f.e), host) && strstr(err_text(&f.e), "shrank from 33554432"), "%s",
	       err_text(&f.e));
	tap_eq(f.cpio.len, 0);
	teardown(&f);
}

static void a_file_that_changes_before_it_is_read_is_an_error(void)
{
	const struct timespec then[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const char *host;
	struct fixture f;

	setup(&f);
	host = make_file(&f, "f", "text", 0644);
	tap_eq(initramfs_add_file(f.fs, "/f", host, &f.e), 0);
	make_file(&f, "f", "Text", 0644);
	tap_eq(initramfs_finish(f.fs, &f.cpio, &f.e), -EIO);
	tap_ok(strstr(err_text(&f.e), "changed"), "%s", err_text(&f.e));
	initramfs_destroy(f.fs);
	/* the same file, written in place, tells by its time */
	initramfs_create(&f.fs, NULL);
	tap_eq(initramfs_add_file(f.fs, "/f", host, &f.e), 0);
	tap_eq(utimensat(AT_FDCWD, host, then, 0), 0);
	tap_eq(initramfs_finish(f.fs, &f.cpio, &f.e), -EIO);
	teardown(&f);
}

/* Files of sysfs say that they have a page: always the case that is a race elsewhere. */
static void a_file_that_is_shorter_than_it_says_is_an_error(void)
{
	static const char host[] = "/sys/devices/system/cpu/online";
	struct fixture f;
	struct stat st;

	if (stat(host, &st) < 0 || st.st_size < 1000) {
		tap_skip("no sysfs");
		return;
	}
	setup(&f);
	tap_eq(initramfs_add_file(f.fs, "/x", host, &f.e), 0);
	tap_eq(initramfs_finish(f.fs, &f.cpio, &f.e), -EIO);
	tap_ok(strstr(err_text(&f.e), host) && strstr(err_text(&f.e), "shrank"), "%s",
	       err_text(&f.e));
	teardown(&f);
}

static void unpacked_bytes_are_whole_pages(void)
{
	struct fixture f;

	setup(&f);
	initramfs_add_bytes(f.fs, "/a", "x", 1, 0644, NULL);
	initramfs_add_bytes(f.fs, "/empty", "", 0, 0644, NULL);
	initramfs_add_symlink(f.fs, "/l", "a", NULL);
	finish(&f);
	tap_eq(initramfs_unpacked_bytes(f.fs), 4096);
	teardown(&f);
}

static void a_program_comes_with_its_interpreter_and_libraries(void)
{
	struct closure c = { 0 };
	const struct cpio_item *it;
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	tap_ok(initramfs_add_program(f.fs, "/init", "/proc/self/exe", &f.e) == 0, "%s",
	       err_text(&f.e));
	closure_resolve("/proc/self/exe", &c, &f.e);
	a = finish(&f);
	it = cpio_find(&a, "init");
	tap_ok(it && it->size > 1000 && (it->mode & 0111), "the program");
	if (c.interp) {
		it = cpio_find(&a, c.interp + 1);
		tap_ok(it != NULL, "%s", c.interp);
		it = behind(&a, it);
		tap_ok(it && S_ISREG(it->mode) && it->size > 1000, "the loader itself");
	}
	for (size_t i = 0; i < c.count; i++)
		if (!strstr(c.lib[i].path, ".."))
			tap_ok(cpio_find(&a, c.lib[i].path + 1), "%s", c.lib[i].path);
	closure_fini(&c);
	teardown(&f);
}

static void a_script_needs_nothing_more(void)
{
	struct cpio_archive a;
	struct fixture f;

	setup(&f);
	tap_eq(initramfs_add_program(f.fs, "/s", make_file(&f, "s", "#!/bin/sh\n", 0755), &f.e), 0);
	a = finish(&f);
	tap_eq(a.count, 2);
	tap_ok(cpio_find(&a, "s"), "only itself and the marker");
	teardown(&f);
}

static void cpio_lists_the_same_names(void)
{
	char command[256], line[256];
	unsigned lines = 0;
	struct cpio_archive a;
	struct fixture f;
	FILE *p;

	if (system("command -v cpio >/dev/null") != 0) {
		tap_skip("no cpio");
		return;
	}
	setup(&f);
	initramfs_add_bytes(f.fs, "/a/b/c", "content", 7, 0644, NULL);
	initramfs_add_symlink(f.fs, "/a/l", "b", NULL);
	a = finish(&f);
	file_write_atomic(in_dir(&f, "cpio"), f.cpio.data, f.cpio.len, 0644, NULL);
	snprintf(command, sizeof(command), "cpio -t --quiet <%s/cpio 2>&1", f.dir);
	p = popen(command, "r");
	while (p && fgets(line, sizeof(line), p)) {
		line[strcspn(line, "\n")] = '\0';
		tap_ok(lines < a.count && !strcmp(line, a.item[lines].name), "%s", line);
		lines++;
	}
	tap_ok(p && pclose(p) == 0, "cpio succeeds");
	tap_eq(lines, a.count);
	teardown(&f);
}

int main(void)
{
	TAP_RUN(an_empty_archive_has_the_marker_and_the_trailer);
	TAP_RUN(entries_come_back_as_they_were_added);
	TAP_RUN(every_ancestor_is_an_entry_before_its_content);
	TAP_RUN(entries_have_no_owner_no_time_and_inodes_of_their_own);
	TAP_RUN(the_same_input_gives_the_same_bytes);
	TAP_RUN(adding_the_same_again_is_nothing);
	TAP_RUN(a_path_with_other_content_is_taken);
	TAP_RUN(names_that_cannot_be_are_refused);
	TAP_RUN(files_from_the_user_do_not_get_names_of_ours);
	TAP_RUN(only_regular_files_are_packed);
	TAP_RUN(a_symbolic_link_of_the_host_is_followed);
	TAP_RUN(an_unreadable_file_is_an_error_with_its_name);
	TAP_RUN(a_file_of_procfs_has_what_it_says);
	TAP_RUN(a_file_too_large_for_the_format_is_refused);
	TAP_RUN(a_file_that_shrinks_while_it_is_read_is_an_error);
	TAP_RUN(a_file_that_changes_before_it_is_read_is_an_error);
	TAP_RUN(a_file_that_is_shorter_than_it_says_is_an_error);
	TAP_RUN(unpacked_bytes_are_whole_pages);
	TAP_RUN(a_program_comes_with_its_interpreter_and_libraries);
	TAP_RUN(a_script_needs_nothing_more);
	TAP_RUN(cpio_lists_the_same_names);
	return tap_done();
}
