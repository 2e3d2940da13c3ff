/* SPDX-License-Identifier: GPL-2.0-only */
/* What PID 1 tells of the kernel, and what the host makes of the pieces. */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/util.h"
#include "init/host.h"
#include "init/kernel_told.h"
#include "loop/kernel_told.h"
#include "shmring/shmring.h"
#include "test/tap.h"
#include "test/tmp.h"

#define SYMBOLS_BYTES 100000u

struct fixture {
	struct init_host host;
	struct kernel_told told;
	unsigned frames, refused;
	unsigned lose;			/* this frame does not arrive; 0: all do */
};

static void give(struct fixture *f, const void *payload, size_t n)
{
	const struct frame frame = {
		.type = WIRE_KERNEL, .payload = payload, .length = (uint32_t)n,
	};

	f->refused += !kernel_told_add(&f->told, &frame);
}

static void on_send(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		    const void *payload2, size_t len2)
{
	struct fixture *f = container_of(h, struct fixture, host);
	_cleanup_free_ uint8_t *both = malloc(len + len2 + 1);

	tap_eq(type, WIRE_KERNEL);
	tap_ok(len + len2 <= WIRE_PAYLOAD_MAX, "%zu bytes", len + len2);
	if (++f->frames == f->lose || !both)
		return;
	memcpy(both, payload, len);
	if (len2)
		memcpy(both + len, payload2, len2);
	give(f, both, len + len2);
}

static void put(const char *dir, const char *name, const void *bytes, size_t n)
{
	char path[TMP_DIR_MAX + 64], *slash;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	tap_eq(file_mkdirs(path, 0755, NULL), 0);
	*slash = '/';
	tap_eq(file_write_atomic(path, bytes, n, 0644, NULL), 0);
}

/* A guest without types; which frame is lost on the way. */
static void tell(struct fixture *f, unsigned lose)
{
	static char symbols[SYMBOLS_BYTES];
	char dir[TMP_DIR_MAX];

	*f = (struct fixture){ .host.send = on_send, .lose = lose };
	kernel_told_init(&f->told);
	for (size_t i = 0; i < sizeof(symbols); i++)
		symbols[i] = (char)('a' + i % 23);
	tmp_make(dir);
	put(dir, "/proc/kallsyms", symbols, sizeof(symbols));
	put(dir, "/proc/version", "Linux version 6\n", 16);
	init_kernel_tell(&f->host, dir);
	file_remove_tree(dir, NULL);
	if (!lose)
		tap_ok(f->told.part[WIRE_KERNEL_SYMBOLS].len == sizeof(symbols) &&
		       !memcmp(f->told.part[WIRE_KERNEL_SYMBOLS].data, symbols, sizeof(symbols)),
		       "the symbols");
}

static void what_is_told_arrives_in_pieces(void)
{
	struct fixture f;

	tell(&f, 0);
	tap_eq(f.frames, 6);		/* 4, 1, and the end */
	tap_eq(f.refused, 0);
	tap_ok(f.told.done, "all is told");
	tap_str(err_text(&f.told.why), "");
	tap_eq(f.told.part[WIRE_KERNEL_TYPES].len, 0);
	tap_eq(f.told.part[WIRE_KERNEL_VERSION].len, 16);
	/* nothing is added behind the end */
	give(&f, &(struct wire_kernel){ .part = WIRE_KERNEL_TYPES }, sizeof(struct wire_kernel));
	tap_eq(f.refused, 1);
	kernel_told_fini(&f.told);
}

static void a_piece_that_is_lost_is_noticed(void)
{
	struct fixture f;

	tell(&f, 2);
	tap_ok(f.told.done, "the end came");
	tap_ok(strstr(err_text(&f.told.why), "is missing"), "%s", err_text(&f.told.why));
	kernel_told_fini(&f.told);
}

static void nonsense_is_refused(void)
{
	struct fixture f = { 0 };

	kernel_told_init(&f.told);
	give(&f, "abc", 3);
	give(&f, &(struct wire_kernel){ .part = WIRE_KERNEL_END + 1 }, sizeof(struct wire_kernel));
	tap_eq(f.refused, 2);
	tap_ok(!f.told.done, "nothing was told");
	give(&f, &(struct wire_kernel){ .part = WIRE_KERNEL_TYPES, .offset = UINT32_MAX },
	     sizeof(struct wire_kernel));
	tap_ok(*err_text(&f.told.why), "a piece from nowhere");
	kernel_told_fini(&f.told);
}

static void more_than_a_kernel_has_is_not_kept(void)
{
	static uint8_t bytes[sizeof(struct wire_kernel) + (1 << 15)];
	struct wire_kernel w = { .part = WIRE_KERNEL_SYMBOLS };
	struct fixture f = { 0 };

	kernel_told_init(&f.told);
	for (; w.offset <= KERNEL_TOLD_BYTES_MAX; w.offset += 1 << 15) {
		memcpy(bytes, &w, sizeof(w));
		give(&f, bytes, sizeof(bytes));
	}
	tap_eq(f.told.part[WIRE_KERNEL_SYMBOLS].len, KERNEL_TOLD_BYTES_MAX);
	tap_ok(strstr(err_text(&f.told.why), "more than 32 MiB"), "%s", err_text(&f.told.why));
	kernel_told_fini(&f.told);
}

int main(void)
{
	TAP_RUN(what_is_told_arrives_in_pieces);
	TAP_RUN(a_piece_that_is_lost_is_noticed);
	TAP_RUN(nonsense_is_refused);
	TAP_RUN(more_than_a_kernel_has_is_not_kept);
	return tap_done();
}
