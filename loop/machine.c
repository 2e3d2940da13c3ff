/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole machine in two functions that read like a schematic, in order: the
 * board, and what its memory holds. Destruction is the same list backwards and
 * serves every early failure.
 */
#include "loop/machine.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/err.h"
#include "base/fds.h"
#include "base/util.h"
#include "loop/board.h"
#include "loop/machine_private.h"
#include "mm/mm.h"
#include "vcpu/vm.h"

/* Open files of a machine beside one for each vCPU; and those that its owner opens meanwhile. */
#define FDS_BESIDES 64
/*
 * Characters that KVM has collected come with the next exit. A driver reads a
 * register after it has written; this is for a guest that does not.
 */
#define COLLECTED_S 0.1

/* --- parts ---------------------------------------------------------------- */

static void com1_tx(const uint8_t *bytes, size_t n, void *arg)
{
	struct machine *m = arg;

	m->ops.on_console(bytes, n, m->ops.arg);
}

static void com2_tx(const uint8_t *bytes, size_t n, void *arg)
{
	struct machine *m = arg;

	m->ops.on_program(bytes, n, m->ops.arg);
}

static uint32_t uart_bus_read(void *dev, uint16_t offset, unsigned width)
{
	(void)width;
	return uart_read(dev, offset);
}

static void uart_bus_write(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	(void)width;
	uart_write(dev, offset, (uint8_t)value);
}

static const struct bus_ops uart_ops = { uart_bus_read, uart_bus_write };

static int new_eventfd(int *fd, struct err *e)
{
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *fd < 0 ? err_sys(e, -errno, "eventfd") : 0;
}

static int add_uart(struct machine *m, struct uart *u, uint16_t port, unsigned gsi, struct err *e)
{
	bool first = u == &m->com1;
	int *irq = first ? &m->com1_irq : &m->com2_irq;
	int r = new_eventfd(irq, e);

	if (r < 0)
		return r;
	uart_init(u, *irq, first ? com1_tx : com2_tx, m);
	r = vm_add_irqfd(m->vm, *irq, gsi, e);
	if (r < 0)
		return r;
	/* one exit less for each character sent, where KVM can */
	r = vm_collect_port(m->vm, port, e);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	return bus_add(&m->ports, port, UART_PORTS, &uart_ops, u, e);
}

static void on_off(const char *text, void *arg)
{
	machine_end(arg, STOP_EARLY_OFF, text);
}

/* KVM refused what the guest wanted of its IOAPIC. */
static void on_no_route(const char *text, void *arg)
{
	machine_end(arg, STOP_HOST, text);
}

static int add_irqchip(struct machine *m, struct err *e)
{
	m->irqchip = (struct irqchip){ .vm = m->vm, .failed = on_no_route, .arg = m };
	return irqchip_add(&m->irqchip, &m->mmio, e);
}

static int add_ring(struct machine *m, struct err *e)
{
	const struct mm_region *r = mm_layout_ring(mm_layout(m->mm));
	void *ring = mm_view(m->mm, r->gpa, r->size);
	int ret;

	shmring_format(ring, r->size);
	ret = shmring_reader_init(&m->up, ring, SHMRING_UP);
	if (ret < 0)
		return err_sys(e, ret, "ring");
	shmring_writer_init(&m->down, ring, SHMRING_DOWN);
	m->has_ring = true;
	ret = new_eventfd(&m->doorbell_fd, e);
	if (ret < 0)
		return ret;
	ret = vm_add_doorbell(m->vm, m->doorbell_fd, WIRE_DOORBELL_PORT, 4, e);
	if (ret < 0)
		return ret;
	return vm_add_doorbell_mmio(m->vm, m->doorbell_fd, r->gpa + WIRE_DOORBELL_OFFSET, 4, e);
}

static int add_memory(struct machine *m, const struct machine_contents *c, struct err *e)
{
	const struct mm_layout *l;
	struct mm_layout layout;
	int r;

	r = board_layout(c->topo, c->memory_bytes, c->ring, vm_phys_bits(m->vm),
			 &layout, e);
	if (r < 0)
		return r;
	r = mm_create(&layout, &m->mm, e);
	if (r < 0)
		return r;
	l = mm_layout(m->mm);
	for (unsigned i = 0; i < l->count; i++) {
		const struct mm_region *reg = &l->region[i];

		r = vm_add_memory(m->vm, reg->gpa, reg->size,
				  mm_view(m->mm, reg->gpa, reg->size), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load(struct machine *m, const struct machine_contents *c, struct err *e)
{
	const struct mm_region *ring = mm_layout_ring(mm_layout(m->mm));
	const struct boot_machine desc = board_describe(c->topo, mm_layout(m->mm));
	const struct boot_request q = {
		.image = c->image,
		.cmdline = c->cmdline,
		.machine = &desc,
		.initrd = c->initrd,
		.initrd_bytes = c->initrd_bytes,
		.initrd_fd = m->initrd_fd,
		.initrd_copied = c->initrd_copied,
		.initrd_tail = c->initrd_tail,
		.initrd_tail_bytes = c->initrd_tail_bytes,
	};
	struct boot_entry entry;
	int r;

	if (ring)
		cmdline_add(c->cmdline, "KTSTR_RING=0x%" PRIx64 ",%u,0x%x", ring->gpa,
			    WIRE_RING_BYTES, WIRE_DOORBELL_PORT);
	if (c->cmdline_extra)
		cmdline_add(c->cmdline, "%s", c->cmdline_extra);
	r = cmdline_check(c->cmdline, c->image->cmdline_max, e);
	if (r < 0)
		return r;
	r = boot_load(&q, m->mm, &entry, e);
	if (r < 0)
		return r;
	return vcpu_set_entry(m->vcpu[0], &(struct vcpu_entry){
		.rip = entry.rip, .rsi = entry.rsi, .rsp = entry.rsp, .cr3 = entry.cr3,
		.gdt = entry.gdt, .gdt_limit = entry.gdt_limit,
	}, e);
}

static int add_vcpus(struct machine *m, const struct machine_spec *spec, struct err *e)
{
	unsigned n = topo_cpus(spec->topo);
	int r;

	r = new_eventfd(&m->wake_fd, e);
	if (r < 0)
		return r;
	m->vcpu = calloc(n, sizeof(*m->vcpu));
	if (!m->vcpu)
		return err_sys(e, -ENOMEM, "vCPUs");
	for (; m->cpus < n; m->cpus++) {
		r = vcpu_create(m->vm, spec->topo, m->cpus, m->wake_fd, &m->vcpu[m->cpus], e);
		if (r < 0)
			return err_ctx(e, r, "vCPU %u", m->cpus);
	}
	return 0;
}

/* --- the board ------------------------------------------------------------ */

static int build(struct machine *m, const struct machine_spec *spec, struct err *e)
{
	int r;

	m->split = spec->irqchip == VM_IRQCHIP_SPLIT;
	if ((r = fds_reserve(topo_cpus(spec->topo) + FDS_BESIDES, e)) < 0 ||
	    (r = vm_create(spec->kvm_device, spec->irqchip, &m->vm, e)) < 0)
		return r;
	if (spec->cpus_late)
		vm_disable_mtrrs(m->vm);
	if ((r = vm_check_topo(m->vm, spec->topo, e)) < 0 ||
	    (m->split && (r = add_irqchip(m, e)) < 0) ||
	    (r = add_uart(m, &m->com1, UART_COM1_PORT, UART_COM1_GSI, e)) < 0 ||
	    (r = add_uart(m, &m->com2, UART_COM2_PORT, UART_COM2_GSI, e)) < 0 ||
	    (r = legacy_add(&m->legacy, &m->ports, e)) < 0 ||
	    (r = add_vcpus(m, spec, e)) < 0)
		return r;
	return 0;
}

int machine_load(struct machine *m, const struct machine_contents *c, struct err *e)
{
	int r;

	m->by_com2 = !c->ring;
	m->initrd_fd = c->initrd_fd < 0 ? -1 : fcntl(c->initrd_fd, F_DUPFD_CLOEXEC, 0);
	if ((r = add_memory(m, c, e)) < 0 ||
	    (c->ring && (r = add_ring(m, e)) < 0) ||
	    (r = load(m, c, e)) < 0)
		return r;
	return 0;
}

int machine_create(const struct machine_spec *spec, struct machine **ret, struct err *e)
{
	struct machine *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_sys(e, -ENOMEM, "machine");
	m->initrd_fd = m->com1_irq = m->com2_irq = m->doorbell_fd = m->wake_fd = -1;
	downlink_init(&m->downlink, &m->com2);
	m->legacy = (struct legacy){ .off = on_off, .arg = m };
	r = build(m, spec, e);
	if (r < 0) {
		machine_destroy(m);
		return r;
	}
	*ret = m;
	return 0;
}

static bool all_parked(const struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		if (!vcpu_is_parked(m->vcpu[i]))
			return false;
	return true;
}

static void stop_pass(struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		if (!vcpu_is_parked(m->vcpu[i]))
			vcpu_stop(m->vcpu[i]);
}

/* Without the loop: for a machine that is destroyed while it runs. */
static void park_now(struct machine *m)
{
	struct pollfd p = { .fd = m->wake_fd, .events = POLLIN };
	uint64_t count;

	while (!all_parked(m)) {
		stop_pass(m);
		if (poll(&p, 1, (int)(KICK_AGAIN_S * 1000)) > 0)
			(void)!read(m->wake_fd, &count, sizeof(count));
	}
}

static void stop_watchers(struct machine *m)
{
	if (!m->loop)
		return;
	ev_io_stop(m->loop, &m->wake);
	ev_io_stop(m->loop, &m->doorbell);
	ev_timer_stop(m->loop, &m->kick);
	ev_timer_stop(m->loop, &m->collected);
	freeze_fini(&m->freeze);
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	stop_watchers(m);
	if (m->loop)
		park_now(m);
	/* KVM's order: vCPUs, VM, guest RAM; the eventfds it was given after it */
	for (unsigned i = 0; i < m->cpus; i++)
		vcpu_destroy(m->vcpu[i]);
	free(m->vcpu);
	vm_destroy(m->vm);
	if (m->has_ring)
		shmring_reader_fini(&m->up);
	mm_destroy(m->mm);
	close_fd(&m->initrd_fd);
	downlink_fini(&m->downlink);
	close_fd(&m->wake_fd);
	close_fd(&m->doorbell_fd);
	close_fd(&m->com2_irq);
	close_fd(&m->com1_irq);
	free(m);
}

/* --- running -------------------------------------------------------------- */

static void drain_eventfd(int fd)
{
	uint64_t count;

	/* EAGAIN: somebody was here before */
	(void)!read(fd, &count, sizeof(count));
}

static void on_collected_write(uint16_t port, unsigned width, uint32_t value, void *arg)
{
	const struct machine *m = arg;

	bus_write(&m->ports, port, width, value);
}

static void take_collected(struct machine *m)
{
	vcpu_take_writes(m->vcpu[0], on_collected_write, m);
}

/* Kick what still runs; tell the owner once all are parked. Must be the caller's last act. */
static void continue_stop(struct machine *m)
{
	stop_pass(m);
	if (!all_parked(m) || m->parked)
		return;
	m->parked = true;
	take_collected(m);
	stop_watchers(m);
	m->ops.on_parked(m->ops.arg);
}

static void on_collected(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	take_collected(container_of(w, struct machine, collected));
}

static void on_wake(struct ev_loop *loop, ev_io *w, int revents)
{
	struct machine *m = container_of(w, struct machine, wake);
	struct vcpu_exit x;

	(void)loop;
	(void)revents;
	drain_eventfd(m->wake_fd);
	for (unsigned i = 0; i < m->cpus && !m->ended && !m->stopping; i++) {
		if (!vcpu_has_exit(m->vcpu[i]) || freeze_holds(&m->freeze, i))
			continue;
		take_collected(m);
		vcpu_exit_get(m->vcpu[i], &x);
		machine_handle_exit(m, i, &x);
		downlink_push(&m->downlink);
		if (x.kind == VCPU_EXIT_ASKED && freeze_take(&m->freeze, i))
			continue;
		/* after the end the baton stays here until the stop hands it back */
		if (!m->ended)
			vcpu_resume(m->vcpu[i]);
	}
	if (m->stopping)
		continue_stop(m);
}

static void on_doorbell(struct ev_loop *loop, ev_io *w, int revents)
{
	struct machine *m = container_of(w, struct machine, doorbell);

	(void)loop;
	(void)revents;
	drain_eventfd(m->doorbell_fd);
	m->ops.on_doorbell(m->ops.arg);
}

static void on_kick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct machine *m = container_of(w, struct machine, kick);

	(void)loop;
	(void)revents;
	if (m->stopping)
		continue_stop(m);
	else if (m->asking)
		vcpu_ask(m->vcpu[m->asking - 1]);
}

int machine_start(struct machine *m, struct ev_loop *loop, const struct machine_ops *ops,
		  struct err *e)
{
	int r;

	m->loop = loop;
	m->ops = *ops;
	m->freeze = (struct freeze){
		.bound_ns = FREEZE_BOUND_NS, .on_frozen = ops->on_frozen, .arg = ops->arg,
	};
	r = freeze_init(&m->freeze, loop, m->vm, m->vcpu, m->cpus);
	if (r < 0)
		return err_sys(e, r, "freeze");
	ev_io_init(&m->wake, on_wake, m->wake_fd, EV_READ);
	ev_io_start(loop, &m->wake);
	ev_timer_init(&m->kick, on_kick, 0., KICK_AGAIN_S);
	ev_timer_init(&m->collected, on_collected, COLLECTED_S, COLLECTED_S);
	ev_timer_start(loop, &m->collected);
	if (m->has_ring) {
		ev_io_init(&m->doorbell, on_doorbell, m->doorbell_fd, EV_READ);
		ev_io_start(loop, &m->doorbell);
	}
	for (unsigned i = 0; i < m->cpus; i++) {
		r = vcpu_start(m->vcpu[i], e);
		if (r < 0)
			return err_ctx(e, r, "vCPU %u", i);
	}
	return 0;
}

/*
 * Only from the timer are vCPUs really stopped: this may be called while an
 * exit is being handled, whose page would be handed back under our feet.
 */
void machine_stop(struct machine *m)
{
	assert(m->loop);
	if (m->stopping)
		return;
	m->stopping = true;
	freeze_drop(&m->freeze);
	ev_timer_stop(m->loop, &m->kick);
	ev_timer_set(&m->kick, 0., KICK_AGAIN_S);
	ev_timer_start(m->loop, &m->kick);
}

void machine_end(struct machine *m, enum stop_reason why, const char *text)
{
	if (m->ended || m->stopping)
		return;
	m->ended = true;
	m->ops.on_end(why, text, m->ops.arg);
}
