/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire's version: programs of several builds meet on it, so what it has must not
 * change without its number.
 */
#include <zlib.h>

#include "base/util.h"
#include "shmring/shmring.h"
#include "shmring/wire_kernel.h"
#include "shmring/wire_stream.h"
#include "test/tap.h"

/* Of the numbers of all types, by their names, and of the sizes of what they carry. */
static unsigned long sum(void)
{
	static const size_t sizes[] = {
		sizeof(struct wire_frame), sizeof(struct wire_ring), WIRE_RING_BYTES,
		WIRE_UP_BYTES, WIRE_DOWN_BYTES, WIRE_PAYLOAD_MAX, WIRE_SCHED_EVENT_COUNT,
		sizeof(struct wire_lifecycle), sizeof(struct wire_name),
		sizeof(struct wire_detail), sizeof(struct wire_worker),
		sizeof(struct wire_result), sizeof(struct wire_crash),
		sizeof(struct wire_lost), sizeof(struct wire_sched), sizeof(struct wire_exit),
		sizeof(struct wire_grant), sizeof(struct wire_window),
		sizeof(struct wire_ended), sizeof(struct wire_kernel),
	};
	unsigned long crc = crc32(0, (const void *)sizes, sizeof(sizes));

	for (int i = 0; i < WIRE_TYPE_COUNT; i++) {
		const char *name = wire_type_name((enum wire_type)i);

		crc = crc32(crc, (const void *)name, (unsigned)strlen(name) + 1);
	}
	return crc;
}

static void a_wire_that_has_changed_has_another_version(void)
{
	static const struct {
		unsigned version;
		unsigned long sum;
	} known = { 3, 0x1e40e848 };

	/* both go together: raise the version, then take the new sum */
	tap_eq(WIRE_VERSION, known.version);
	tap_eq(sum(), known.sum);
}

int main(void)
{
	TAP_RUN(a_wire_that_has_changed_has_another_version);
	return tap_done();
}
