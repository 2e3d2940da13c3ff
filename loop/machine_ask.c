/* SPDX-License-Identifier: GPL-2.0-only */
/* What the owner of a machine may ask of it, and send to its guest. */
#include <unistd.h>

#include "loop/machine_private.h"

const struct mm *machine_memory(const struct machine *m)
{
	return m->mm;
}

pid_t machine_vcpu_tid(const struct machine *m, unsigned cpu)
{
	return vcpu_tid(m->vcpu[cpu]);
}

const struct bus *machine_ports(const struct machine *m)
{
	return &m->ports;
}

const struct bus *machine_mmio(const struct machine *m)
{
	return &m->mmio;
}

struct ioapic *machine_ioapic(struct machine *m)
{
	return m->split ? &m->irqchip.ioapic : NULL;
}

struct shmring_reader *machine_ring(struct machine *m)
{
	return m->has_ring ? &m->up : NULL;
}

void machine_ring_again(struct machine *m)
{
	const uint64_t one = 1;

	(void)!write(m->doorbell_fd, &one, sizeof(one));
}

void machine_wake_guest(struct machine *m)
{
	const uint8_t wake = WIRE_WAKE_BYTE;

	/* a full backlog holds wake bytes enough */
	(void)uart_receive(&m->com2, &wake, 1);
}

int machine_send(struct machine *m, enum wire_type type, const void *payload, size_t len)
{
	int r;

	if (m->by_com2)
		return downlink_send(&m->downlink, type, payload, len);
	r = shmring_write(&m->down, type, payload, len, NULL, 0);
	if (r == 0)
		machine_wake_guest(m);
	return r;
}

void machine_speak_com2(struct machine *m)
{
	m->by_com2 = true;
}

unsigned machine_cpus(const struct machine *m)
{
	return m->cpus;
}

int machine_vcpu_regs(struct machine *m, unsigned cpu, struct vcpu_regs *ret)
{
	return vcpu_get_regs(m->vcpu[cpu], ret, NULL);
}

uint64_t machine_exits(const struct machine *m, enum vcpu_exit_kind kind)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->cpus; i++)
		sum += vcpu_exit_count(m->vcpu[i], kind);
	return sum;
}

int machine_vcpu_stats(struct machine *m, unsigned cpu,
		       void (*fn)(const char *name, uint64_t value, void *arg), void *arg)
{
	return vcpu_stats(m->vcpu[cpu], fn, arg, NULL);
}
