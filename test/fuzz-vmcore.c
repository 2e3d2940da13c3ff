/* SPDX-License-Identifier: GPL-2.0-only */
/* A window whose head has any bytes: what is taken for a core is no longer than the window. */
#include <elf.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/vmcore.h"
#include "test/fuzz.h"

#define WINDOW_BYTES (UINT64_C(4) << 20)
#define PATH "/dev/null/core"		/* nothing is written: nobody can create it */

static int window(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = vmcore_window_create(WINDOW_BYTES);
	FUZZ_CHECK(fd >= 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const Elf64_Ehdr start = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3 }, .e_phoff = sizeof(start),
	};
	const atomic_bool stop = false;
	struct vmcore_size got = { 0 };
	struct err e = ERR_INIT;
	uint8_t head[4096] = { 0 };
	struct fuzz_in in = { data, size };
	bool has;

	/* mostly one that is looked at any further */
	if (fuzz_u8(&in) & 7)
		memcpy(head, &start, sizeof(start));
	for (size_t at = 0; in.left; at = (at + 1) % 1024)
		head[(at + (at < sizeof(start) ? 56 : 0)) % sizeof(head)] ^= fuzz_u8(&in);
	FUZZ_CHECK(pwrite(window(), head, sizeof(head), 0) == sizeof(head));
	has = vmcore_window_has_core(window());
	FUZZ_CHECK(vmcore_from_window(window(), PATH, &stop, &got, &e) ==
		   (has ? -ENOTDIR : -ENODATA));
	FUZZ_CHECK(*err_text(&e));
	if (has)
		FUZZ_CHECK(!memcmp(head, ELFMAG, SELFMAG) && got.bytes <= WINDOW_BYTES);
	return 0;
}
