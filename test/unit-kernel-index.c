/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the index of a kernel comes from: a file beside it, the cache, the kernel. */
#include <fcntl.h>

#include "loop/kernel_index.h"
#include "monitor/kindex.h"
#include "test/kernels-fixture.h"
#include "test/vmlinux-make.h"

static const char *put_kernel(const struct fixture *f, const char *name, const char *banner)
{
	struct buf elf = BUF_INIT;
	const char *path;

	vmlinux_make(&(struct vmlinux_make){ .banner = banner, .stripped = true }, &elf);
	path = put(f, name, elf.data, elf.len);
	buf_fini(&elf);
	return path;
}

/* The banner by which an index is recognised, or why there is none. */
static const char *banner(struct fixture *f, const char *image)
{
	static char text[KINDEX_BANNER_MAX];
	struct kindex *k = NULL;

	err_clear(&f->e);
	if (kernel_index_open(image, &k, &f->e) < 0)
		return err_text(&f->e);
	snprintf(text, sizeof(text), "%s", kindex_banner(k));
	kindex_close(k);
	return text;
}

/* The one file in the cache's index folder; NULL: none. */
static const char *only_cached(struct fixture *f)
{
	const char *path = NULL;
	char name[256];
	DIR *dir = opendir(in_dir(f, "cache/index"));

	for (struct dirent *d; dir && (d = readdir(dir));) {
		if (d->d_name[0] == '.')
			continue;
		tap_ok(!path, "more than one file");
		snprintf(name, sizeof(name), "cache/index/%.200s", d->d_name);
		path = in_dir(f, name);
	}
	if (dir)
		closedir(dir);
	return path;
}

static void an_index_is_made_from_an_elf_and_kept(void)
{
	struct fixture f;
	const char *image, *kept;

	setup(&f);
	image = put_kernel(&f, "vmlinux", "Linux version 1\n");
	tap_str(banner(&f, image), "Linux version 1\n");
	kept = only_cached(&f);
	if (tap_ok(kept, "it is kept")) {
		/* what is kept is what is used: another kernel's index in its place */
		struct buf elf = BUF_INIT, bytes = BUF_INIT;

		vmlinux_make(&(struct vmlinux_make){ .banner = "Linux version 2\n" }, &elf);
		tap_eq(kindex_build(elf.data, elf.len, &bytes, NULL), 0);
		tap_eq(file_write_atomic(kept, bytes.data, bytes.len, 0644, NULL), 0);
		tap_str(banner(&f, image), "Linux version 2\n");
		/* a damaged one is made again */
		tap_eq(file_write_atomic(kept, bytes.data, 100, 0644, NULL), 0);
		tap_str(banner(&f, image), "Linux version 1\n");
		buf_fini(&bytes);
		buf_fini(&elf);
	}
	teardown(&f);
}

static void a_file_that_was_replaced_has_another_index(void)
{
	struct fixture f;
	const char *image;

	setup(&f);
	image = put_kernel(&f, "vmlinux", "Linux version 1\n");
	tap_str(banner(&f, image), "Linux version 1\n");
	tap_eq(unlink(image), 0);
	image = put_kernel(&f, "vmlinux", "Linux version 2\n");
	tap_str(banner(&f, image), "Linux version 2\n");
	teardown(&f);
}

static void an_index_is_made_from_what_is_packed_in_a_bzimage(void)
{
	struct buf elf = BUF_INIT, packed = BUF_INIT;
	struct fixture f;

	setup(&f);
	vmlinux_make(&(struct vmlinux_make){ .stripped = true }, &elf);
	gzip(&elf, &packed);
	tap_str(banner(&f, put_packed(&f, &packed, (uint32_t)packed.len)), VMLINUX_BANNER);
	buf_fini(&packed);
	buf_fini(&elf);
	teardown(&f);
}

static void an_index_beside_the_kernel_comes_first(void)
{
	struct buf elf = BUF_INIT, bytes = BUF_INIT;
	struct fixture f;
	const char *image;

	setup(&f);
	image = put_kernel(&f, "vmlinux", "Linux version 1\n");
	vmlinux_make(&(struct vmlinux_make){ .banner = "Linux version 2\n" }, &elf);
	tap_eq(kindex_build(elf.data, elf.len, &bytes, NULL), 0);
	put(&f, KERNEL_INDEX_NAME, bytes.data, bytes.len);
	tap_str(banner(&f, image), "Linux version 2\n");
	tap_ok(!only_cached(&f), "nothing was cached");
	buf_fini(&bytes);
	buf_fini(&elf);
	teardown(&f);
}

static void of_many_indexes_the_oldest_go(void)
{
	struct fixture f;
	char name[64];
	unsigned left = 0;

	setup(&f);
	tap_eq(file_mkdirs(in_dir(&f, "cache/index"), 0755, NULL), 0);
	for (unsigned i = 0; i < KERNEL_INDEX_KEPT + 4; i++) {
		const struct timespec t[2] = { { .tv_sec = 1000 + i }, { .tv_sec = 1000 + i } };

		snprintf(name, sizeof(name), "cache/index/%u", i);
		tap_eq(file_write_atomic(in_dir(&f, name), "x", 1, 0644, NULL), 0);
		tap_eq(utimensat(AT_FDCWD, in_dir(&f, name), t, 0), 0);
	}
	tap_str(banner(&f, put_kernel(&f, "vmlinux", "Linux version 1\n")),
		"Linux version 1\n");
	for (unsigned i = 0; i < KERNEL_INDEX_KEPT + 4; i++) {
		snprintf(name, sizeof(name), "cache/index/%u", i);
		if (access(in_dir(&f, name), F_OK) == 0)
			left++;
		else
			tap_ok(i < 5, "%u went, which is younger", i);
	}
	tap_eq(left, KERNEL_INDEX_KEPT - 1);	/* and the new one */
	teardown(&f);
}

static void without_a_cache_there_is_an_index_all_the_same(void)
{
	struct fixture f;

	setup(&f);
	setenv("KTSTR_CACHE_DIR", "/proc/none", 1);
	tap_str(banner(&f, put_kernel(&f, "vmlinux", "Linux version 1\n")),
		"Linux version 1\n");
	teardown(&f);
}

static void what_is_no_kernel_is_refused_by_name(void)
{
	struct fixture f;
	const char *image;

	setup(&f);
	image = put(&f, "text", "not a kernel", 12);
	tap_ok(strstr(banner(&f, image), image), "%s", err_text(&f.e));
	tap_ok(strstr(banner(&f, "/no/such/file"), "/no/such/file"), "%s", err_text(&f.e));
	teardown(&f);
}

int main(void)
{
	TAP_RUN(an_index_is_made_from_an_elf_and_kept);
	TAP_RUN(a_file_that_was_replaced_has_another_index);
	TAP_RUN(an_index_is_made_from_what_is_packed_in_a_bzimage);
	TAP_RUN(an_index_beside_the_kernel_comes_first);
	TAP_RUN(of_many_indexes_the_oldest_go);
	TAP_RUN(without_a_cache_there_is_an_index_all_the_same);
	TAP_RUN(what_is_no_kernel_is_refused_by_name);
	return tap_done();
}
