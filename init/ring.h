/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_RING_H
#define KTSTR_INIT_RING_H
/*
 * The guest's end of the shared-memory ring: the place from KTSTR_RING, the
 * mapping through /dev/mem, and the doorbell (an I/O port where the kernel has
 * ioperm(), else a page of MMIO behind the ring).
 *
 * Ownership: owns the mappings. Thread: PID 1's only one; children do not have
 * the mappings.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmring/shmring.h"

struct err;

struct init_ring_place {
	uint64_t gpa;
	uint64_t bytes;
	unsigned port;		/* of the doorbell */
};

struct init_ring {
	struct init_ring_place place;
	void *map;			/* NULL: there is no ring */
	bool port_open;
	volatile uint32_t *page;	/* doorbell without a port */
	struct shmring_writer up;
	struct shmring_reader down;
};

/* "<gpa hex>,<bytes>,<port hex>". Pure. -EINVAL with the text. */
int init_ring_parse(const char *text, struct init_ring_place *ret, struct err *e);

int init_ring_open(struct init_ring *r, const char *text, struct err *e);
void init_ring_fini(struct init_ring *r);

void init_ring_doorbell(const struct init_ring *r);
/* In a child: give up the port. */
void init_ring_forked(const struct init_ring *r);

/* init/x86.c: 0 or a negative errno; -ENOSYS where there are no ports. */
int init_port_open(unsigned port);
void init_port_close(unsigned port);
void init_port_write(unsigned port, uint32_t value);

#endif
