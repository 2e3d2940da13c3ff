/* SPDX-License-Identifier: GPL-2.0-only */
/* What lies in the initramfs of an outer guest, and how much RAM it asks for. */
#include <errno.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels.h"
#include "loop/nested.h"
#include "monitor/kindex.h"
#include "test/module-make.h"
#include "test/tap.h"
#include "test/vmlinux-make.h"

#define SELF "/proc/self/exe"

/* A kernel's files in a temporary folder. */
struct place {
	char dir[32];
	char config[64], modules[64], image[64], data[64];
	struct kernel outer;
	struct buf cpio;
	uint64_t memory_bytes;
	struct err e;
};

static void put_bytes(const struct place *p, const char *name, const void *bytes, size_t n)
{
	_cleanup_free_ char *path = NULL, *dir = NULL;

	if (asprintf(&path, "%s/%s", p->dir, name) < 0 || !(dir = strdup(path)))
		return;
	*strrchr(dir, '/') = '\0';
	tap_eq(file_mkdirs(dir, 0700, NULL), 0);
	tap_eq(file_write_atomic(path, bytes, n, 0644, NULL), 0);
}

static void put(const struct place *p, const char *name, const char *content)
{
	put_bytes(p, name, content, strlen(content));
}

static void put_module(const struct place *p, const char *name, const char *depends)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	make_module(&b, depends);
	put_bytes(p, name, b.data, b.len);
}

static void place_init(struct place *p, const char *config)
{
	*p = (struct place){ .dir = "/tmp/ktstr-unit-XXXXXX", .e = ERR_INIT };
	tap_ok(mkdtemp(p->dir), "set up");
	snprintf(p->config, sizeof(p->config), "%s/config", p->dir);
	snprintf(p->modules, sizeof(p->modules), "%s/modules", p->dir);
	snprintf(p->image, sizeof(p->image), "%s/inner.img", p->dir);
	snprintf(p->data, sizeof(p->data), "%s/data", p->dir);
	put(p, "config", config);
	put(p, "inner.img", "the inner kernel");
	put(p, "data", "some data");
	put_module(p, "modules/kernel/arch/x86/kvm/kvm-amd.ko", "kvm");
	put_module(p, "modules/kernel/arch/x86/kvm/kvm.ko", "irqbypass");
	put_module(p, "modules/kernel/virt/lib/irqbypass.ko", "");
	p->outer = (struct kernel){ .image = p->image, .bzimage = p->image,
				    .config = p->config, .modules = p->modules };
}

static void place_fini(struct place *p)
{
	buf_fini(&p->cpio);
	tap_eq(file_remove_tree(p->dir, NULL), 0);
}

static struct kindex *make_index(void)
{
	_cleanup_(buf_fini) struct buf elf = BUF_INIT;
	struct buf bytes = BUF_INIT;
	struct kindex *k = NULL;

	vmlinux_make(&(struct vmlinux_make){ 0 }, &elf);
	tap_ok(kindex_build(elf.data, elf.len, &bytes, NULL) == 0 &&
	       kindex_open(&bytes, &k, NULL) == 0, "an index");
	return k;
}

static int pack(struct place *p, const char *image, const struct kindex *index,
		uint64_t inner_bytes)
{
	static char *words[] = { (char *)"run", (char *)"--topology=1,1,2,1" };
	const struct strlist args = { words, ARRAY_SIZE(words) };
	const struct nested_payload payload = {
		.outer = &p->outer, .inner_image = image, .inner_index = index,
		.binary = SELF, .args = &args,
	};

	buf_fini(&p->cpio);
	return nested_pack(&payload, inner_bytes, &p->cpio, &p->memory_bytes, &p->e);
}

/* Number of the entry in a newc archive, -1: not there. Its content in *ret. */
static int find(const struct buf *b, const char *name, const char **ret, size_t *ret_size)
{
	size_t at = 0;

	for (int i = 0; at + 110 < b->len; i++) {
		const char *h = (const char *)b->data + at;
		char hex[9] = "";
		size_t size, name_size;

		memcpy(hex, h + 54, 8);
		size = strtoul(hex, NULL, 16);
		memcpy(hex, h + 94, 8);
		name_size = strtoul(hex, NULL, 16);
		at = round_up(at + 110 + name_size, 4);
		if (!strcmp(h + 110, name)) {
			*ret = (const char *)b->data + at;
			*ret_size = size;
			return i;
		}
		at = round_up(at + size, 4);
	}
	return -1;
}

static bool holds(const struct place *p, const char *name, const char *content, size_t size)
{
	const char *found;
	size_t n;

	return tap_ok(find(&p->cpio, name, &found, &n) >= 0, "%s is there", name) &&
	       tap_ok(n == size && !memcmp(found, content, size), "%s: %.*s", name, (int)n, found);
}

static bool holds_module(const struct place *p, const char *name, const char *depends)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	make_module(&b, depends);
	return holds(p, name, (const char *)b.data, b.len);
}

static void the_archive_holds_what_the_inner_run_needs(void)
{
	_cleanup_(place_fini) struct place p;
	struct file_map self = FILE_MAP_INIT;
	struct kindex *index;
	const char *bytes;
	size_t n;

	place_init(&p, "CONFIG_KVM_AMD=y\n");
	index = make_index();
	tap_ok(pack(&p, p.image, index, 256 * MIB) == 0, "%s", err_text(&p.e));
	tap_eq(file_map(SELF, &self, NULL), 0);
	holds(&p, "init", (const char *)self.data, self.size);
	holds(&p, "ktstr/kernel/inner.img", "the inner kernel", 16);
	bytes = kindex_bytes(index, &n);
	holds(&p, "ktstr/kernel/kernel.index", bytes, n);
	kindex_close(index);
	holds(&p, "ktstr/outer.args", "run\0--topology=1,1,2,1", 23);
	holds(&p, "ktstr/outer.env", "TMPDIR=/tmp\0KTSTR_SHM_DIR=off", 30);
	file_unmap(&self);
}

static void other_files_go_along_and_programs_bring_their_libraries(void)
{
	static char *words[] = { (char *)"run" };
	const struct strlist args = { words, ARRAY_SIZE(words) };
	_cleanup_(place_fini) struct place p;
	const struct nested_file files[] = { { "/more/data", p.data, false },
					     { "/more/program", SELF, true },
					     { "/more/none", "/nowhere", false } };
	/* a binary that needs no libraries */
	struct nested_payload payload = {
		.outer = &p.outer, .inner_image = p.image, .binary = p.data,
		.args = &args, .file = files, .file_count = 2,
	};
	struct file_map self = FILE_MAP_INIT;
	const char *loader;
	size_t n;

	place_init(&p, "CONFIG_KVM_AMD=y\n");
	tap_ok(nested_pack(&payload, MIB, &p.cpio, &p.memory_bytes, &p.e) == 0, "%s",
	       err_text(&p.e));
	tap_eq(file_map(SELF, &self, NULL), 0);
	holds(&p, "more/data", "some data", 9);
	holds(&p, "more/program", (const char *)self.data, self.size);
	tap_ok(find(&p.cpio, "lib64/ld-linux-x86-64.so.2", &loader, &n) >= 0, "its loader");
	file_unmap(&self);

	buf_fini(&p.cpio);
	payload.file_count = 3;
	tap_eq(nested_pack(&payload, MIB, &p.cpio, &p.memory_bytes, &p.e), -ENOENT);
	tap_ok(strstr(err_text(&p.e), "/nowhere"), "%s", err_text(&p.e));
}

static void modules_that_the_kernel_has_built_in_are_not_there(void)
{
	_cleanup_(place_fini) struct place p;
	const char *found;
	size_t n;

	place_init(&p, "CONFIG_KVM_AMD=y\n");
	tap_ok(pack(&p, p.image, NULL, 256 * MIB) == 0, "%s", err_text(&p.e));
	tap_eq(find(&p.cpio, "ktstr/modules/000-irqbypass.ko", &found, &n), -1);
	tap_eq(find(&p.cpio, "ktstr/kernel/kernel.index", &found, &n), -1);
}

static void modules_are_named_in_the_order_of_loading(void)
{
	_cleanup_(place_fini) struct place p;

	place_init(&p, "CONFIG_KVM_AMD=m\n");
	tap_ok(pack(&p, p.image, NULL, 256 * MIB) == 0, "%s", err_text(&p.e));
	holds_module(&p, "ktstr/modules/000-irqbypass.ko", "");
	holds_module(&p, "ktstr/modules/001-kvm.ko", "irqbypass");
	holds_module(&p, "ktstr/modules/002-kvm_amd.ko", "kvm");
}

static void the_inner_guests_modules_lie_beside_its_kernel(void)
{
	static char *words[] = { (char *)"run" };
	const struct strlist args = { words, ARRAY_SIZE(words) };
	_cleanup_(kernel_modules_fini) struct kernel_modules m = { 0 };
	_cleanup_(place_fini) struct place p;
	const struct nested_payload payload = {
		.outer = &p.outer, .inner_image = p.image, .inner_modules = &m,
		.binary = SELF, .args = &args,
	};

	place_init(&p, "CONFIG_KVM_AMD=y\nCONFIG_VIRTIO_BLK=m\n");
	put_module(&p, "modules/kernel/drivers/block/virtio_blk.ko", "");
	tap_ok(kernel_modules_read(&p.outer, "virtio_blk", &m, &p.e) == 0, "%s", err_text(&p.e));
	tap_ok(nested_pack(&payload, MIB, &p.cpio, &p.memory_bytes, &p.e) == 0, "%s",
	       err_text(&p.e));
	holds_module(&p, "ktstr/kernel/modules/kernel/virtio_blk.ko", "");
}

static void an_outer_kernel_without_kvm_is_refused(void)
{
	_cleanup_(place_fini) struct place p;

	place_init(&p, "# CONFIG_KVM_AMD is not set\n");
	tap_eq(pack(&p, p.image, NULL, 256 * MIB), -ENOENT);
	tap_ok(strstr(err_text(&p.e), "outer kernel: ") && strstr(err_text(&p.e), "KVM"), "%s",
	       err_text(&p.e));
	tap_ok(!p.cpio.data, "nothing is given back");
}

static void a_missing_inner_kernel_is_named(void)
{
	_cleanup_(place_fini) struct place p;

	place_init(&p, "CONFIG_KVM_AMD=y\n");
	tap_eq(pack(&p, "/nonexistent/inner", NULL, 256 * MIB), -ENOENT);
	tap_ok(strstr(err_text(&p.e), "/nonexistent/inner"), "%s", err_text(&p.e));
}

static void the_memory_covers_the_inner_guest_and_the_payload(void)
{
	_cleanup_(place_fini) struct place p;
	uint64_t small;

	place_init(&p, "CONFIG_KVM_AMD=y\n");
	tap_eq(pack(&p, p.image, NULL, 256 * MIB), 0);
	small = p.memory_bytes;
	tap_eq(small % (64 * MIB), 0);
	tap_ok(small > 256 * MIB + 3 * p.cpio.len, "%llu", (unsigned long long)small);
	tap_eq(pack(&p, p.image, NULL, 20 * GIB), 0);
	/* 3.5 % of it are the outer kernel's own */
	tap_ok(p.memory_bytes > 20 * GIB / 1000 * 1035, "%llu",
	       (unsigned long long)p.memory_bytes);
	tap_eq(pack(&p, p.image, NULL, UINT64_MAX - MIB), -ERANGE);
}

int main(void)
{
	TAP_RUN(the_archive_holds_what_the_inner_run_needs);
	TAP_RUN(other_files_go_along_and_programs_bring_their_libraries);
	TAP_RUN(modules_that_the_kernel_has_built_in_are_not_there);
	TAP_RUN(modules_are_named_in_the_order_of_loading);
	TAP_RUN(the_inner_guests_modules_lie_beside_its_kernel);
	TAP_RUN(an_outer_kernel_without_kvm_is_refused);
	TAP_RUN(a_missing_inner_kernel_is_named);
	TAP_RUN(the_memory_covers_the_inner_guest_and_the_payload);
	return tap_done();
}
