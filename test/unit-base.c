/* SPDX-License-Identifier: GPL-2.0-only */
/* base/: errors, buffers, numbers, files, clean text. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fds.h"
#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "base/util.h"
#include "test/tap.h"

static void an_error_gains_context_as_it_climbs(void)
{
	struct err e = ERR_INIT;

	tap_str(err_text(&e), "");
	tap_eq(err_sys(&e, -ENOENT, "open %s", "/x"), -ENOENT);
	tap_eq(err_ctx(&e, -ENOENT, "kernel"), -ENOENT);
	tap_str(err_text(&e), "kernel: open /x: No such file or directory");
	err_set(&e, -EINVAL, "a new story");
	tap_str(err_text(&e), "a new story");
	err_ctx(&e, -EINVAL, "outer");
	tap_str(err_text(&e), "outer: a new story");
	err_clear(&e);
	tap_str(err_text(&e), "");
}

static void a_full_error_keeps_its_cause(void)
{
	struct err e = ERR_INIT;
	size_t before;

	err_set(&e, -EIO, "the cause");
	for (int i = 0; i < 200; i++)
		err_ctx(&e, -EIO, "context number %d", i);
	before = strlen(err_text(&e));
	tap_ok(before < ERR_TEXT_MAX, "bounded");
	tap_ok(strstr(err_text(&e), "context number 0: the cause"), "the cause is kept");
	tap_ok(strncmp(err_text(&e), ": ", 2), "no lone colon in front");
}

static void an_error_may_be_nobodys(void)
{
	tap_eq(err_set(NULL, -EIO, "x"), -EIO);
	tap_eq(err_sys(NULL, -EIO, "x"), -EIO);
	tap_eq(err_ctx(NULL, -EIO, "x"), -EIO);
	tap_str(err_text(NULL), "");
}

static void a_buffer_grows_and_aligns(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 0 };

	buf_u8(&b, 1);
	buf_le16(&b, 0x0302);
	buf_le32(&b, 0x07060504);
	buf_align(&b, 4);
	tap_eq(b.len, sizeof(want));
	tap_ok(!memcmp(b.data, want, sizeof(want)), "little-endian bytes");
	for (int i = 0; i < 10000; i++)
		buf_fmt(&b, "%d,", i);
	tap_ok(buf_ok(&b), "still good");
	tap_eq(b.len, 8 + 10 * 2 + 90 * 3 + 900 * 4 + 9000 * 5);
}

static void a_buffer_that_cannot_grow_stays_bad(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	buf_str(&b, "x");
	tap_ok(!buf_reserve(&b, SIZE_MAX / 2), "refused");
	tap_ok(!buf_ok(&b), "and remembered");
	buf_str(&b, "y");
	tap_eq(b.len, 1);
	tap_ok(!buf_take(&b), "nothing to take");
}

static void sizes_are_read_as_people_write_them(void)
{
	static const struct {
		const char *text;
		int r;
		uint64_t v;
	} rows[] = {
		{ "0", 0, 0 }, { "4096", 0, 4096 }, { "1K", 0, 1024 }, { "512M", 0, 512 * MIB },
		{ "2g", 0, 2 * GIB }, { "1GiB", 0, GIB }, { "1T", 0, 1024 * GIB },
		{ "", -EINVAL, 0 }, { "M", -EINVAL, 0 }, { "-1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 }, { "0x10", -EINVAL, 0 }, { "1.5G", -EINVAL, 0 },
		{ "1X", -EINVAL, 0 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "99999999999T", -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = 77;
		int r = units_parse_size(rows[i].text, &v);

		tap_ok(r == rows[i].r, "\"%s\" gives %d", rows[i].text, r);
		tap_ok(v == (r ? 77 : rows[i].v), "\"%s\" is %llu", rows[i].text,
		       (unsigned long long)v);
	}
}

static void durations_need_a_unit(void)
{
	uint64_t v = 0;

	tap_eq(units_parse_duration("1500ms", &v), 0);
	tap_eq(v, 1500 * NSEC_PER_MSEC);
	tap_eq(units_parse_duration("2m", &v), 0);
	tap_eq(v, 120 * NSEC_PER_SEC);
	tap_eq(units_parse_duration("3us", &v), 0);
	tap_eq(v, 3000);
	tap_eq(units_parse_duration("0", &v), 0);
	tap_eq(v, 0);
	tap_eq(units_parse_duration("5", &v), -EINVAL);
	tap_eq(units_parse_duration("5h", &v), -EINVAL);
	tap_eq(units_parse_duration("99999999999999m", &v), -ERANGE);
	tap_eq(units_parse_uint("65536", 65535, &v), -ERANGE);
	tap_eq(units_parse_uint("65535", 65535, &v), 0);
}

static void unclean_text_becomes_clean(void)
{
	char s[] = "a\x01\x1b[31m\xff\xc3\xa9\xed\xa0\x80\n\t\xc3";

	text_clean(s, sizeof(s) - 1);
	tap_str(s, "a  [31m?\xc3\xa9???\n\t?");
}

/* It ends with a page behind which there is nothing. */
static void of_text_no_more_is_read_than_has_room(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0), *end = two + page, dst[8];

	if (!tap_ok(two != MAP_FAILED && mprotect(end, page, PROT_NONE) == 0, "two pages"))
		return;
	memset(two, 'x', page);
	text_clean_copy(dst, sizeof(dst), end - (sizeof(dst) - 1));
	tap_str(dst, "xxxxxxx");
	memcpy(end - 8, "\x1b\0yyyyyy", 8);
	text_clean_copy(dst, sizeof(dst), end - 8);
	tap_str(dst, " ");
	/* a character that is cut is none */
	memcpy(end - 8, "123456\xc3\xa9", 8);
	text_clean_copy(dst, sizeof(dst), end - 8);
	tap_str(dst, "123456?");
	munmap(two, 2 * page);
}

static void text_that_is_put_together_is_clean_where_it_is_cut(void)
{
	char s[12] = "";

	text_append(s, sizeof(s), "%s", "a\x1b");
	tap_str(s, "a ");
	text_append(s, sizeof(s), "%d%s", 12, "\xc3\xa9");
	tap_str(s, "a 12\xc3\xa9");
	text_append(s, sizeof(s), "1234\xc3\xa9");
	tap_str(s, "a 12\xc3\xa9" "1234?");
	text_append(s, sizeof(s), "no room");
	tap_str(s, "a 12\xc3\xa9" "1234?");
}

static void files_are_written_whole_or_not_at_all(void)
{
	char dir[] = "/tmp/ktstr-unit-base.XXXXXX", path[64], deep[64];
	struct file_map m;
	struct err e = ERR_INIT;
	struct stat st;

	if (!tap_ok(mkdtemp(dir), "a folder"))
		return;
	snprintf(path, sizeof(path), "%s/f", dir);
	snprintf(deep, sizeof(deep), "%s/a/b/c", dir);
	tap_eq(file_write_atomic(path, "hello", 5, 0640, &e), 0);
	tap_eq(file_map(path, &m, &e), 0);
	tap_ok(m.size == 5 && !memcmp(m.data, "hello", 5), "content");
	file_unmap(&m);
	tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640, "mode");
	tap_eq(file_mkdirs(deep, 0755, &e), 0);
	tap_eq(file_mkdirs(deep, 0755, &e), 0);
	tap_eq(file_map(dir, &m, &e), -EISDIR);
	tap_eq(file_map("/dev/null", &m, &e), -EINVAL);
	tap_str(err_text(&e), "open /dev/null: not a regular file");
	snprintf(deep, sizeof(deep), "%s/no/such/f", dir);
	tap_eq(file_write_atomic(deep, "x", 1, 0644, &e), -ENOENT);
	tap_eq(file_remove_tree(dir, &e), 0);
	tap_ok(access(dir, F_OK) < 0, "gone");
	tap_eq(file_remove_tree(dir, &e), 0);
}

/* Lowers this process's limits for good: the last one. */
static void the_limit_of_open_files_is_raised_as_far_as_it_may_be(void)
{
	struct rlimit l = { 40, 100 };
	struct err e = ERR_INIT;

	tap_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
	tap_eq(fds_reserve(20, &e), 0);
	getrlimit(RLIMIT_NOFILE, &l);
	tap_eq(l.rlim_cur, 40);		/* it was enough */
	tap_eq(fds_reserve(60, &e), 0);
	getrlimit(RLIMIT_NOFILE, &l);
	tap_ok(l.rlim_cur >= 63 && l.rlim_cur <= 80, "the soft limit is %llu",
	       (unsigned long long)l.rlim_cur);
	tap_eq(fds_reserve(100, &e), -EMFILE);
	tap_ok(strstr(err_text(&e), "the limit is 100: raise it"), "%s", err_text(&e));
}

int main(void)
{
	TAP_RUN(an_error_gains_context_as_it_climbs);
	TAP_RUN(a_full_error_keeps_its_cause);
	TAP_RUN(an_error_may_be_nobodys);
	TAP_RUN(a_buffer_grows_and_aligns);
	TAP_RUN(a_buffer_that_cannot_grow_stays_bad);
	TAP_RUN(sizes_are_read_as_people_write_them);
	TAP_RUN(durations_need_a_unit);
	TAP_RUN(unclean_text_becomes_clean);
	TAP_RUN(of_text_no_more_is_read_than_has_room);
	TAP_RUN(text_that_is_put_together_is_clean_where_it_is_cut);
	TAP_RUN(files_are_written_whole_or_not_at_all);
	TAP_RUN(the_limit_of_open_files_is_raised_as_far_as_it_may_be);
	return tap_done();
}
