/* SPDX-License-Identifier: GPL-2.0-only */
/* What any bytes say as a module: refused, or a string that lies in them. */
#include <errno.h>

#include "base/util.h"
#include "boot/kernels_private.h"
#include "test/fuzz.h"

/* An ELF object with .modinfo, as test/module-make.h makes it. */
struct sample {
	uint8_t eh[64];
	char info[24];
	char names[24];
	uint64_t sections[3][8];
};

static const struct sample sample = {
	.eh = {
		0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 1, [18] = 62, [20] = 1,
		[40] = 64 + 24 + 24, [52] = 64, [58] = 64, [60] = 3, [62] = 2,
	},
	.info = "a=b\0depends=c,d\0e=f",
	.names = "\0.modinfo\0.shstrtab",
	.sections = {
		[1] = { 1 | (uint64_t)1 << 32, 0, 0, 64, 24 },
		[2] = { 10 | (uint64_t)3 << 32, 0, 0, 88, 24 },
	},
};

const struct fuzz_seed fuzz_seeds[] = {
	{ &sample, sizeof(sample) },
	{ NULL, 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *depends = NULL;
	int r = kernel_modinfo_depends(data, size, &depends);

	if (r < 0)
		FUZZ_CHECK(r == -ENOEXEC && !depends);
	else
		FUZZ_CHECK(!*depends || memmem(data, size, depends, strlen(depends)));
	if (size == sizeof(sample) && !memcmp(data, &sample, size))
		FUZZ_CHECK(r == 0 && !strcmp(depends, "c,d"));
	return 0;
}
