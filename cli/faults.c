/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests that go wrong on purpose, so that it can be seen what becomes of each
 * fault from end to end. All are tagged "manual": they run by name only.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ktstr/test.h"
#include "shmring/wire.h"

KTSTR_TEST(fault_crash, .tags = "manual", .about = "dies of SIGSEGV")
{
	volatile int *nowhere = NULL;

	(void)t;
	printf("about to crash\n");
	*nowhere = 1;
}

KTSTR_TEST(fault_hang, .tags = "manual", .about = "waits for ever")
{
	(void)t;
	for (;;)
		pause();
}

KTSTR_TEST(fault_overrun, .tags = "manual", .timeout_ms = 1000, .about = "outlives its budget")
{
	(void)t;
	for (;;)
		pause();
}

KTSTR_TEST(fault_exit, .tags = "manual", .about = "exits with status 3, without a result")
{
	(void)t;
	exit(3);
}

KTSTR_TEST(fault_fail, .tags = "manual", .about = "fails a check")
{
	ktstr_check(t, 1 + 1 == 3, "1 + 1 is %d", 1 + 1);
}

KTSTR_TEST(fault_skip, .tags = "manual", .about = "skips itself")
{
	ktstr_skip(t, "it was asked to");
}

KTSTR_TEST(fault_inconclusive, .tags = "manual", .about = "cannot tell")
{
	ktstr_inconclusive(t, "there was nothing to measure");
}

static void work_on_cpu_0(void *arg)
{
	cpu_set_t *only = arg;

	/* again with each unit of work: it costs little and needs no state */
	(void)sched_setaffinity(0, sizeof(*only), only);
	ktstr_work_spin(NULL);
}

KTSTR_TEST(fault_imbalance, .tags = "manual", .duration_ms = 3000,
	   .rules = "off,imbalance=3,sustain=3,warmup=200ms,enforce",
	   .about = "keeps one CPU busy with six workers, the others idle")
{
	struct ktstr_report w[6] = { 0 };
	cpu_set_t only;

	CPU_ZERO(&only);
	CPU_SET(0, &only);
	if (ktstr_run_workers(t, 6, ktstr_duration_ms(t), work_on_cpu_0, &only, w) < 0)
		ktstr_fail(t, "Workers", "could not be started");
}

KTSTR_TEST(fault_panic, .tags = "manual", .about = "makes the kernel panic, by sysrq")
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "c", 1) != 1)
		ktstr_skip(t, "sysrq-trigger: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/*
 * More than the pipe and PID 1's queue hold. Not more than that: where guests
 * are emulated, each byte that leaves the serial port takes 0.1 ms.
 */
#define OUTPUT_BYTES (96u << 10)

KTSTR_TEST(fault_output, .tags = "manual", .timeout_ms = 60000, .about = "prints 96 KiB")
{
	char line[64];

	(void)t;
	memset(line, '.', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (unsigned n = 0; n < OUTPUT_BYTES; n += sizeof(line))
		fwrite(line, 1, sizeof(line), stdout);
}

KTSTR_TEST(fault_spin_stdout, .tags = "manual", .timeout_ms = 3000, .about = "prints for ever")
{
	(void)t;
	for (;;)
		puts("still here");
}

KTSTR_TEST(fault_ring_fill, .tags = "manual", .about = "10000 details as fast as it can")
{
	for (unsigned i = 0; i < 10000; i++)
		ktstr_note(t, "detail %u of 10000, with a text that is as long as usual", i);
}

static void *map_ring(struct ktstr_t *t, size_t *ret_bytes)
{
	const char *place = getenv("KTSTR_RING");
	unsigned long long gpa, bytes;
	void *p;
	int fd;

	if (!place || sscanf(place, "%llx,%llu", &gpa, &bytes) != 2) {
		ktstr_skip(t, "the guest has no ring");
		return NULL;
	}
	fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	p = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				       (off_t)gpa);
	if (p == MAP_FAILED)
		ktstr_skip(t, "the ring cannot be mapped: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	*ret_bytes = bytes;
	return p == MAP_FAILED ? NULL : p;
}

/* Numbers that repeat from run to run; xorshift64. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/*
 * Garbage in the data, in each frame header that may lie there, and in each
 * control word. The details in between make PID 1 write to the ring and ring
 * its doorbell, so that the host looks at every state.
 */
KTSTR_TEST(fault_ring_garbage, .tags = "manual", .about = "writes garbage all over the ring")
{
	uint64_t state = 0x6b737472;
	struct wire_ring *ring;
	uint64_t *word;
	size_t bytes;
	char *data;

	ring = map_ring(t, &bytes);
	if (!ring)
		return;
	data = (char *)ring + WIRE_DATA_OFFSET;
	for (unsigned round = 0; round < 64; round++) {
		for (size_t i = 0; i + sizeof(*word) <= bytes - WIRE_DATA_OFFSET; i += 512)
			memcpy(data + i, &(uint64_t){ next_random(&state) }, sizeof(*word));
		word = (uint64_t *)&ring->up;
		for (size_t i = 0; i < 2 * sizeof(ring->up) / sizeof(*word); i++)
			word[i] = next_random(&state) >> (next_random(&state) % 64);
		memset(&ring->hdr, (int)next_random(&state), sizeof(ring->hdr));
		ktstr_note(t, "round %u of garbage", round);
	}
	munmap(ring, bytes);
}
