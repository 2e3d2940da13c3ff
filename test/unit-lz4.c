/* SPDX-License-Identifier: GPL-2.0-only */
/* Legacy LZ4: what liblz4 and the lz4 command make of it is what went in. */
#include <lz4.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "test/tap.h"
#include "test/tmp.h"

#define CHUNK (8 * MIB)

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Reads the frames back as the kernel does; false when they do not hold together. */
static bool unpack(const struct buf *in, struct buf *out, unsigned *chunks)
{
	size_t at = 4;

	if (in->len < 4 || get32(in->data) != 0x184c2102)
		return false;
	for (*chunks = 0; at < in->len; ++*chunks) {
		char *room = buf_reserve(out, CHUNK);
		uint32_t packed;
		int n;

		if (in->len - at < 4)
			return false;
		packed = get32(in->data + at);
		at += 4;
		if (packed > in->len - at || packed > (uint32_t)LZ4_compressBound(CHUNK))
			return false;
		n = LZ4_decompress_safe((const char *)in->data + at, room, (int)packed, CHUNK);
		if (n <= 0)
			return false;
		out->len += (size_t)n;
		at += packed;
	}
	return true;
}

/* Half of it repeats, half does not. */
static void make_content(struct buf *b, size_t n)
{
	uint32_t state = 1;
	uint8_t *p = buf_reserve(b, n);

	for (size_t i = 0; i < n; i++) {
		state = state * 1664525 + 1013904223;
		p[i] = i % 4096 < 2048 ? (uint8_t)(state >> 24) : (uint8_t)(i >> 12);
	}
	b->len = n;
}

static void check_size(size_t n, unsigned want_chunks)
{
	struct buf in = BUF_INIT, packed = BUF_INIT, out = BUF_INIT;
	unsigned chunks = 0;
	struct err e = ERR_INIT;

	make_content(&in, n);
	tap_ok(initramfs_lz4(in.data, n, &packed, &e) == 0, "%zu: %s", n, err_text(&e));
	tap_ok(unpack(&packed, &out, &chunks), "%zu bytes", n);
	tap_eq(chunks, want_chunks);
	tap_ok(out.len == n && (!n || !memcmp(out.data, in.data, n)), "%zu bytes come back", n);
	buf_fini(&in);
	buf_fini(&packed);
	buf_fini(&out);
}

static void what_was_packed_comes_back(void)
{
	check_size(0, 0);
	check_size(1, 1);
	check_size(100000, 1);
}

static void content_is_cut_into_chunks_of_8_MiB(void)
{
	check_size(CHUNK - 1, 1);
	check_size(CHUNK, 1);
	check_size(CHUNK + 1, 2);
	check_size(2 * CHUNK + 12345, 3);
}

static void text_becomes_smaller(void)
{
	struct buf in = BUF_INIT, packed = BUF_INIT;

	for (int i = 0; i < 10000; i++)
		buf_str(&in, "the same words again, ");
	tap_eq(initramfs_lz4(in.data, in.len, &packed, NULL), 0);
	tap_ok(packed.len < in.len / 50, "%zu of %zu bytes", packed.len, in.len);
	buf_fini(&in);
	buf_fini(&packed);
}

static void the_lz4_command_reads_it(void)
{
	struct buf in = BUF_INIT, packed = BUF_INIT;
	struct file_map out = FILE_MAP_INIT;
	char dir[TMP_DIR_MAX], path[TMP_DIR_MAX + 16], command[256];

	if (system("command -v lz4 >/dev/null") != 0) {
		tap_skip("no lz4");
		return;
	}
	make_content(&in, CHUNK + 5000);
	initramfs_lz4(in.data, in.len, &packed, NULL);
	tmp_make(dir);
	snprintf(path, sizeof(path), "%s/x.lz4", dir);
	file_write_atomic(path, packed.data, packed.len, 0600, NULL);
	snprintf(command, sizeof(command), "lz4 -q -d %s %s/x", path, dir);
	tap_eq(system(command), 0);
	snprintf(path, sizeof(path), "%s/x", dir);
	tap_ok(file_map(path, &out, NULL) == 0 && out.size == in.len &&
	       !memcmp(out.data, in.data, in.len), "the same bytes");
	file_unmap(&out);
	file_remove_tree(dir, NULL);
	buf_fini(&in);
	buf_fini(&packed);
}

int main(void)
{
	TAP_RUN(what_was_packed_comes_back);
	TAP_RUN(content_is_cut_into_chunks_of_8_MiB);
	TAP_RUN(text_becomes_smaller);
	TAP_RUN(the_lz4_command_reads_it);
	return tap_done();
}
