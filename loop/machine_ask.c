/* SPDX-License-Identifier: GPL-2.0-only */
/* What the owner of a machine may ask of it, and send to its guest. */
#include <assert.h>
#include <errno.h>
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
	if (!freeze_holds(&m->freeze, cpu) && !vcpu_is_parked(m->vcpu[cpu]))
		return -EBUSY;
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

/* --- of its vCPUs ------------------------------------------------------------- */

void machine_ask(struct machine *m, unsigned cpu)
{
	assert(m->loop && cpu < m->cpus && !m->asking);
	if (m->stopping || m->ended)
		return;
	m->asking = cpu + 1;
	vcpu_ask(m->vcpu[cpu]);
	ev_timer_set(&m->kick, KICK_AGAIN_S, KICK_AGAIN_S);
	ev_timer_start(m->loop, &m->kick);
}

void machine_asked(struct machine *m, unsigned cpu)
{
	struct vcpu_regs regs;

	/* a request that was repeated is answered twice */
	if (m->asking != cpu + 1)
		return;
	m->asking = 0;
	ev_timer_stop(m->loop, &m->kick);
	ev_timer_set(&m->kick, 0., KICK_AGAIN_S);
	if (vcpu_get_regs(m->vcpu[cpu], &regs, NULL) == 0)
		m->ops.on_asked(cpu, &regs, m->ops.arg);
}

int machine_freeze(struct machine *m)
{
	assert(m->loop);
	return m->stopping || m->ended ? -ECANCELED : freeze_begin(&m->freeze);
}

uint64_t machine_thaw(struct machine *m)
{
	return freeze_end(&m->freeze);
}

bool machine_is_frozen(const struct machine *m)
{
	return freeze_is_on(&m->freeze);
}

const char *machine_freeze_why(const struct machine *m)
{
	return freeze_why(&m->freeze);
}
