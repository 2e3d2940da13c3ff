/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_KERNELS_FIXTURE_H
#define KTSTR_TEST_KERNELS_FIXTURE_H
/* A folder of its own with a kernel cache, and things to import. */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels_private.h"
#include "test/kernel-make.h"
#include "test/module-make.h"
#include "test/tap.h"
#include "test/tmp.h"

struct fixture {
	char dir[TMP_DIR_MAX];
	struct kernel k;
	struct err e;
};

__attribute__((unused))
static const char *in_dir(const struct fixture *f, const char *name)
{
	static char path[32][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % ARRAY_SIZE(path)];

	snprintf(p, sizeof(path[0]), "%s/%s", f->dir, name);
	return p;
}

__attribute__((unused))
static void setup(struct fixture *f)
{
	*f = (struct fixture){ .e = ERR_INIT };
	tmp_make(f->dir);
	unsetenv("KTSTR_KERNEL");
	unsetenv("XDG_CACHE_HOME");
	setenv("KTSTR_CACHE_DIR", in_dir(f, "cache"), 1);
}

__attribute__((unused))
static void teardown(struct fixture *f)
{
	kernel_fini(&f->k);
	file_remove_tree(f->dir, NULL);
}

__attribute__((unused))
static const char *put(const struct fixture *f, const char *name, const void *bytes, size_t n)
{
	const char *path = in_dir(f, name);
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

	if (file_mkdirs(dir, 0755, NULL) < 0 || file_write_atomic(path, bytes, n, 0644, NULL) < 0)
		abort();
	return path;
}

__attribute__((unused))
static const char *put_text(const struct fixture *f, const char *name, const char *text)
{
	return put(f, name, text, strlen(text));
}

__attribute__((unused))
static const char *put_bzimage(const struct fixture *f, const char *name, const char *release,
			       const char *content)
{
	struct buf b = BUF_INIT;
	const char *path;

	make_bzimage(&b, release, content);
	path = put(f, name, b.data, b.len);
	buf_fini(&b);
	return path;
}

__attribute__((unused))
static const char *put_vmlinux(const struct fixture *f, const char *name, const char *release)
{
	struct buf b = BUF_INIT;
	const char *path;

	make_vmlinux(&b, release);
	path = put(f, name, b.data, b.len);
	buf_fini(&b);
	return path;
}

__attribute__((unused))
static int import(struct fixture *f, const char *path)
{
	kernel_fini(&f->k);
	err_clear(&f->e);
	return kernel_import(&path, 1, &f->k, &f->e);
}

__attribute__((unused))
static int find(struct fixture *f, const char *spec)
{
	kernel_fini(&f->k);
	err_clear(&f->e);
	return kernel_find(spec, &f->k, &f->e);
}

/* Names in a folder; hidden: only those that begin with a dot, else only the others. */
__attribute__((unused))
static unsigned count_names(const struct fixture *f, const char *folder, bool hidden)
{
	DIR *d = opendir(in_dir(f, folder));
	unsigned n = 0;

	for (struct dirent *ent; d && (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			n += (ent->d_name[0] == '.') == hidden;
	if (d)
		closedir(d);
	return n;
}

/* Names in cache/kernels; hidden: stages. */
__attribute__((unused))
static unsigned count_entries(const struct fixture *f, bool hidden)
{
	return count_names(f, "cache/kernels", hidden);
}

__attribute__((unused))
static bool same_files(const char *a, const char *b)
{
	struct file_map x = FILE_MAP_INIT, y = FILE_MAP_INIT;
	bool same = file_map(a, &x, NULL) == 0 && file_map(b, &y, NULL) == 0 && x.size == y.size &&
		    (!x.size || !memcmp(x.data, y.data, x.size));

	file_unmap(&x);
	file_unmap(&y);
	return same;
}

__attribute__((unused))
static bool exists(const struct fixture *f, const char *name)
{
	return access(in_dir(f, name), F_OK) == 0;
}

/* A module that needs these: "a,b", or "". */
__attribute__((unused))
static const char *put_module(const struct fixture *f, const char *name, const char *depends)
{
	struct buf b = BUF_INIT;
	const char *path;

	make_module(&b, depends);
	path = put(f, name, b.data, b.len);
	buf_fini(&b);
	return path;
}

/* A Debian package as it lies unpacked in name. */
__attribute__((unused))
static void put_package(const struct fixture *f, const char *name, const char *release)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/boot/vmlinuz-%s", name, release);
	put_bzimage(f, path, release, "package");
	snprintf(path, sizeof(path), "%s/boot/config-%s", name, release);
	put_text(f, path, "CONFIG_KVM=m\nCONFIG_KVM_AMD=m\n");
	snprintf(path, sizeof(path), "%s/boot/System.map-%s", name, release);
	put_text(f, path, "ffffffffffffffff B The real System.map is elsewhere\n");
	snprintf(path, sizeof(path), "%s/lib/modules/%s/kernel/arch/x86/kvm/kvm-amd.ko.xz", name,
		 release);
	put_module(f, path, "kvm");
	snprintf(path, sizeof(path), "%s/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko.xz", name,
		 release);
	put_module(f, path, "irqbypass");
	snprintf(path, sizeof(path), "%s/lib/modules/%s/kernel/virt/lib/irqbypass.ko.xz", name,
		 release);
	put_module(f, path, "");
	snprintf(path, sizeof(path), "%s/lib/modules/%s/modules.builtin", name, release);
	put_text(f, path, "kernel/fs/ext4/ext4.ko\n");
}

#define PAYLOAD_AT 4096

__attribute__((unused)) static void gzip(const struct buf *in, struct buf *out)
{
	z_stream z = { .next_in = in->data, .avail_in = (uInt)in->len };
	size_t room = in->len + 1024;

	buf_reset(out);
	if (deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_out = buf_reserve(out, room);
	z.avail_out = (uInt)room;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	out->len = z.total_out;
	deflateEnd(&z);
}

/* A bzImage with these bytes as its payload; length may differ from the truth. */
__attribute__((unused))
static const char *put_packed(const struct fixture *f, const struct buf *payload, uint32_t length)
{
	const uint32_t at = PAYLOAD_AT - 2 * 512;	/* setup_sects is 1: two sectors */
	struct buf b = BUF_INIT;
	const char *path;

	make_bzimage(&b, "6.12.3-packed", "x");
	memcpy(b.data + 0x248, &at, 4);
	memcpy(b.data + 0x24c, &length, 4);
	b.len = PAYLOAD_AT;
	buf_add(&b, payload->data, payload->len);
	buf_add_zero(&b, 8192);
	path = put(f, "packed", b.data, b.len);
	buf_fini(&b);
	return path;
}

#endif
