/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules of a kernel: found, unpacked, in the order of loading. */
#include "test/kernels-fixture.h"

#define D "p/lib/modules/6.1.0/"

/* The names that loading this driver takes, joined; or the error. */
static const char *names(struct fixture *f, const char *driver, char text[512])
{
	_cleanup_(kernel_modules_fini) struct kernel_modules m = { 0 };

	text[0] = '\0';
	err_clear(&f->e);
	if (kernel_modules_read(&f->k, driver, &m, &f->e) < 0)
		return err_text(&f->e);
	for (size_t i = 0; i < m.count; i++) {
		size_t len = strlen(text);

		snprintf(text + len, 512 - len, "%s%s", i ? " " : "", m.item[i].name);
		tap_ok(m.item[i].bytes.len > 4 && !memcmp(m.item[i].bytes.data, "\x7f" "ELF", 4),
		       "%s is unpacked", m.item[i].name);
	}
	return text;
}

static void fails(struct fixture *f, const char *driver, const char *why)
{
	char text[512];

	tap_ok(strstr(names(f, driver, text), why), "%s: %s", driver, err_text(&f->e));
}

static void a_module_comes_behind_those_that_it_needs(void)
{
	struct fixture f;
	char text[512];

	setup(&f);
	put_package(&f, "p", "6.1.0");
	tap_eq(find(&f, in_dir(&f, "p")), 0);
	tap_str(names(&f, KERNEL_DRIVER_KVM, text), "irqbypass kvm kvm_amd");
	/* two ways to one module: it is loaded once */
	put_module(&f, D "kernel/drivers/crypto/ccp/ccp.ko", "irqbypass");
	put_module(&f, D "kernel/arch/x86/kvm/kvm-amd.ko.xz", "ccp,kvm");
	tap_str(names(&f, KERNEL_DRIVER_KVM, text), "irqbypass ccp kvm kvm_amd");
	tap_str(names(&f, "kvm-amd", text), "irqbypass ccp kvm kvm_amd");
	teardown(&f);
}

static void what_is_built_in_is_not_there(void)
{
	struct fixture f;
	char text[512];

	setup(&f);
	put_package(&f, "p", "6.1.0");
	put_text(&f, D "modules.builtin", "kernel/fs/ext4/ext4.ko\nkernel/fs/nls/nls-utf8.ko\n");
	tap_eq(find(&f, in_dir(&f, "p")), 0);
	tap_str(names(&f, "ext4", text), "");
	tap_str(names(&f, "nls_utf8", text), "");
	tap_eq(kernel_driver_find(&f.k, "virtio_mmio"), KERNEL_DRIVER_NONE);
	put_text(&f, "p/boot/config-6.1.0", "CONFIG_KVM_AMD=y\nCONFIG_VIRTIO_MMIO=y\n");
	tap_str(names(&f, KERNEL_DRIVER_KVM, text), "");
	tap_eq(kernel_driver_find(&f.k, "virtio_mmio"), KERNEL_DRIVER_BUILTIN);
	teardown(&f);
}

static void what_a_kernel_lacks_is_named_with_the_reason(void)
{
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0");
	tap_eq(find(&f, in_dir(&f, "p")), 0);
	fails(&f, "virtio_blk", "no virtio_blk (CONFIG_VIRTIO_BLK): neither built in nor a module");
	fails(&f, "nonsense", "6.1.0: no nonsense: neither built in nor a module");
	unlink(in_dir(&f, D "kernel/virt/lib/irqbypass.ko.xz"));
	fails(&f, KERNEL_DRIVER_KVM, "no irqbypass");
	put_text(&f, "p/boot/config-6.1.0", "CONFIG_SMP=y\n");
	fails(&f, KERNEL_DRIVER_KVM, "no kvm_amd (CONFIG_KVM_AMD)");
	unlink(in_dir(&f, "p/boot/config-6.1.0"));
	unlink(in_dir(&f, D "modules.builtin"));
	tap_eq(find(&f, in_dir(&f, "p")), 0);
	fails(&f, "virtio_blk", "neither a config nor a modules.builtin");
	tap_eq(kernel_driver_find(&f.k, "virtio_blk"), KERNEL_DRIVER_UNKNOWN);
	teardown(&f);
}

static void bad_modules_are_refused_by_name(void)
{
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0");
	tap_eq(find(&f, in_dir(&f, "p")), 0);
	put_text(&f, D "kernel/text.ko", "not a module");
	fails(&f, "text", "module text: not a kernel module");
	put_text(&f, D "kernel/damaged.ko.xz", "\xfd" "7zXZ");
	put(&f, D "kernel/damaged.ko.xz", "\xfd" "7zXZ\0 and no more", 18);
	fails(&f, "damaged", "xz failed");
	put_module(&f, D "kernel/a.ko", "b");
	put_module(&f, D "kernel/b.ko", "a");
	fails(&f, "a", "modules that need each other");
	teardown(&f);
}

static void a_packed_module_is_unpacked_on_the_host(void)
{
	_cleanup_(buf_fini) struct buf module = BUF_INIT, packed = BUF_INIT;
	_cleanup_(kernel_modules_fini) struct kernel_modules m = { 0 };
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0");
	make_module(&module, "");
	gzip(&module, &packed);
	put(&f, D "kernel/drivers/block/virtio_blk.ko.gz", packed.data, packed.len);
	tap_eq(find(&f, in_dir(&f, "p")), 0);
	tap_eq(kernel_driver_find(&f.k, "virtio_blk"), KERNEL_DRIVER_NONE);
	put_text(&f, "p/boot/config-6.1.0", "CONFIG_VIRTIO_BLK=m\n");
	tap_eq(kernel_driver_find(&f.k, "virtio_blk"), KERNEL_DRIVER_MODULE);
	tap_ok(kernel_modules_read(&f.k, "virtio_blk", &m, &f.e) == 0, "%s", err_text(&f.e));
	tap_ok(m.count == 1 && m.item[0].bytes.len == module.len &&
	       !memcmp(m.item[0].bytes.data, module.data, module.len), "byte by byte");
	teardown(&f);
}

static const char *depends(const char *modinfo, size_t n, char text[64])
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	_cleanup_free_ char *found = NULL;
	int r;

	make_module_raw(&b, modinfo, n);
	r = kernel_modinfo_depends(b.data, b.len, &found);
	snprintf(text, 64, "%s", r < 0 ? "refused" : found);
	return text;
}

static void modinfo_is_read_to_its_end_and_no_further(void)
{
	static const char no_nul[] = { 'd', 'e', 'p', 'e', 'n', 'd', 's', '=', 'x' };
	char text[64];

	tap_str(depends("a=b\0depends=c,d\0e=f", 20, text), "c,d");
	tap_str(depends("softdepends=z\0depends=", 23, text), "");
	tap_str(depends("a=b", 4, text), "");
	tap_str(depends(no_nul, sizeof(no_nul), text), "x");
}

int main(void)
{
	TAP_RUN(a_module_comes_behind_those_that_it_needs);
	TAP_RUN(what_is_built_in_is_not_there);
	TAP_RUN(what_a_kernel_lacks_is_named_with_the_reason);
	TAP_RUN(bad_modules_are_refused_by_name);
	TAP_RUN(a_packed_module_is_unpacked_on_the_host);
	TAP_RUN(modinfo_is_read_to_its_end_and_no_further);
	return tap_done();
}
