/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the archive of any bytes begins, taken as an RPM package: inside, or nowhere. */
#include <errno.h>

#include "boot/kernels_private.h"
#include "test/fuzz.h"

struct sample {
	uint8_t lead[96];
	uint8_t signature[16 + 16 + 8];
	uint8_t header[16 + 16 + 5];
	uint8_t payload[8];
};

static const struct sample sample = {
	.lead = { 0xed, 0xab, 0xee, 0xdb, 3 },
	.signature = { 0x8e, 0xad, 0xe8, 1, [11] = 1, [15] = 8 },
	.header = { 0x8e, 0xad, 0xe8, 1, [11] = 1, [15] = 5 },
	.payload = { 0x1f, 0x8b, 8 },
};

const struct fuzz_seed fuzz_seeds[] = {
	{ &sample, sizeof(sample) },
	{ NULL, 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;
	int r = kernel_rpm_payload(data, size, &at);

	if (r == 0)
		FUZZ_CHECK(at >= 96 + 2 * 16 && at < size);
	else
		FUZZ_CHECK(r == -EBADMSG);
	if (size == sizeof(sample) && !memcmp(data, &sample, size))
		FUZZ_CHECK(r == 0 && at == offsetof(struct sample, payload));
	return 0;
}
