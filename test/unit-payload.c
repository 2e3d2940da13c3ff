/* SPDX-License-Identifier: GPL-2.0-only */
/* The vmlinux inside a bzImage: found by the header, unpacked, checked. */
#include "test/kernels-fixture.h"

static void an_import_unpacks_the_payload_and_the_guest_boots_that(void)
{
	struct buf vmlinux = BUF_INIT, packed = BUF_INIT;
	struct fixture f;
	struct file_map m;

	setup(&f);
	make_vmlinux(&vmlinux, "6.12.3-packed");
	gzip(&vmlinux, &packed);
	tap_ok(import(&f, put_packed(&f, &packed, (uint32_t)packed.len)) == 0, "%s",
	       err_text(&f.e));
	tap_str(f.k.image, in_dir(&f, "cache/kernels/6.12.3-packed/vmlinux"));
	tap_str(f.k.bzimage, in_dir(&f, "cache/kernels/6.12.3-packed/vmlinuz"));
	if (tap_ok(file_map(f.k.image, &m, NULL) == 0, "it is there")) {
		tap_ok(m.size == vmlinux.len && !memcmp(m.data, vmlinux.data, m.size),
		       "byte by byte");
		file_unmap(&m);
	}
	buf_fini(&vmlinux);
	buf_fini(&packed);
	teardown(&f);
}

/* As the kernel's build packs it: scripts/Makefile.lib, cmd_*_with_size. */
static const struct {
	const char *program, *command;
	bool size;			/* le32 of the unpacked size behind it */
} compressions[] = {
	{ "gzip", "gzip -n -f -9 -c", false },
	{ "bzip2", "bzip2 -9 -c", true },
	{ "xz", "xz --format=lzma -9 -c", true },
	{ "xz", "xz --check=crc32 --x86 --lzma2=,dict=32MiB -c", true },
	{ "lzop", "lzop -9 -c", true },
	{ "lz4", "lz4 -l -9 -c", true },
	{ "zstd", "zstd -22 --ultra -q -c", true },
};

static void every_compression_of_the_kernels_build_is_unpacked(void)
{
	struct buf vmlinux = BUF_INIT;
	struct fixture f;

	setup(&f);
	make_vmlinux(&vmlinux, "6.12.3-packed");
	put(&f, "vmlinux", vmlinux.data, vmlinux.len);
	for (size_t i = 0; i < ARRAY_SIZE(compressions); i++) {
		_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
		_cleanup_(buf_fini) struct buf packed = BUF_INIT;
		char command[3 * PATH_MAX];

		if (!kernel_tool_exists(compressions[i].program)) {
			tap_skip(compressions[i].program);
			continue;
		}
		snprintf(command, sizeof(command), "%s <%s >%s", compressions[i].command,
			 in_dir(&f, "vmlinux"), in_dir(&f, "raw"));
		tap_ok(system(command) == 0 && file_map(in_dir(&f, "raw"), &m, NULL) == 0, "%s",
		       command);
		buf_add(&packed, m.data, m.size);
		if (compressions[i].size)
			buf_le32(&packed, (uint32_t)vmlinux.len);
		unlink(in_dir(&f, "out"));
		tap_ok(kernel_unpack_payload(put_packed(&f, &packed, (uint32_t)packed.len),
					     in_dir(&f, "out")) &&
		       same_files(in_dir(&f, "out"), in_dir(&f, "vmlinux")), "%s",
		       compressions[i].command);
	}
	buf_fini(&vmlinux);
	teardown(&f);
}

static void refused(struct fixture *f, const struct buf *payload, uint32_t length,
		    const char *what)
{
	const char *out = in_dir(f, "out");

	tap_ok(!kernel_unpack_payload(put_packed(f, payload, length), out), "%s", what);
	tap_ok(access(out, F_OK) < 0, "%s leaves no file", what);
}

static void what_is_no_payload_is_left_alone(void)
{
	struct buf vmlinux = BUF_INIT, packed = BUF_INIT, text = BUF_INIT;
	struct fixture f;

	setup(&f);
	make_vmlinux(&vmlinux, "6.12.3-packed");
	gzip(&vmlinux, &packed);
	refused(&f, &packed, (uint32_t)packed.len / 2, "a truncated payload");
	refused(&f, &packed, 0, "an empty one");
	refused(&f, &packed, UINT32_MAX, "one that ends behind the file");
	refused(&f, &vmlinux, (uint32_t)vmlinux.len, "an unknown magic");
	packed.data[packed.len / 2] ^= 0xff;
	refused(&f, &packed, (uint32_t)packed.len, "a damaged one");
	buf_str(&text, "no kernel at all");
	gzip(&text, &packed);
	refused(&f, &packed, (uint32_t)packed.len, "one that unpacks to something else");
	tap_ok(!kernel_unpack_payload(put_text(&f, "short", "x"), in_dir(&f, "out")), "no image");
	tap_ok(!kernel_unpack_payload(in_dir(&f, "none"), in_dir(&f, "out")), "no file");
	buf_fini(&vmlinux);
	buf_fini(&packed);
	buf_fini(&text);
	teardown(&f);
}

static void without_the_program_the_image_stays_packed(void)
{
	struct buf vmlinux = BUF_INIT, packed = BUF_INIT;
	_cleanup_free_ char *path = strdup(getenv("PATH") ?: "");
	struct fixture f;

	setup(&f);
	make_vmlinux(&vmlinux, "6.12.3-packed");
	gzip(&vmlinux, &packed);
	setenv("PATH", f.dir, 1);
	refused(&f, &packed, (uint32_t)packed.len, "a machine without gzip");
	tap_ok(import(&f, put_packed(&f, &packed, (uint32_t)packed.len)) == 0, "%s",
	       err_text(&f.e));
	tap_str(f.k.image, in_dir(&f, "cache/kernels/6.12.3-packed/vmlinuz"));
	setenv("PATH", path, 1);
	buf_fini(&vmlinux);
	buf_fini(&packed);
	teardown(&f);
}

int main(void)
{
	TAP_RUN(an_import_unpacks_the_payload_and_the_guest_boots_that);
	TAP_RUN(every_compression_of_the_kernels_build_is_unpacked);
	TAP_RUN(what_is_no_payload_is_left_alone);
	TAP_RUN(without_the_program_the_image_stays_packed);
	return tap_done();
}
