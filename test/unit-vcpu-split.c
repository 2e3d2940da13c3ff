/* SPDX-License-Identifier: GPL-2.0-only */
/* A split irqchip on the real KVM: routes, messages, ends of interrupts, large APIC ids. */
#include "loop/bus.h"
#include "loop/irqchip.h"
#include "test/vcpu-guest.h"

#define PORT_OUT 0x11
#define PORT_IRQ 0x12
#define PORT_A 0x14

#define VECTOR_A 0x31
#define VECTOR_B 0x32
#define HANDLER_A GUEST_CODE_2
#define HANDLER_B (GUEST_CODE_2 + 0x100)

#define LEVEL 0x8000u
#define MASKED 0x10000u

/* Tells its APIC id and KVM's features, turns its LAPIC on, waits for interrupts. */
static const uint8_t code[] = {
	0x66, 0xb9, 0x02, 0x08, 0x00, 0x00,	/* mov $X2APIC_ID, %ecx */
	0x0f, 0x32,				/* rdmsr */
	0x66, 0xe7, PORT_A,			/* out %eax, $PORT_A */
	0x66, 0xb8, 0x01, 0x00, 0x00, 0x40,	/* mov $0x40000001, %eax */
	0x0f, 0xa2,				/* cpuid */
	0x66, 0xe7, PORT_A,			/* out %eax, $PORT_A */
	0x66, 0xb9, 0x0f, 0x08, 0x00, 0x00,	/* mov $X2APIC_SVR, %ecx */
	0x66, 0xb8, 0xff, 0x01, 0x00, 0x00,	/* mov $ENABLED|0xff, %eax */
	0x66, 0x31, 0xd2,			/* xor %edx, %edx */
	0x0f, 0x30,				/* wrmsr */
	0xbc, 0x00, 0x80,			/* mov $0x8000, %sp */
	0xfb,					/* sti */
	0xe6, PORT_OUT,				/* out %al, $PORT_OUT */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

/* Tells the vector and ends the interrupt. */
#define HANDLER(vector)							\
	{								\
		0xb0, (vector),				/* mov $vector, %al */ \
		0xe6, PORT_IRQ,				/* out %al, $PORT_IRQ */ \
		0x66, 0xb9, 0x0b, 0x08, 0x00, 0x00,	/* mov $X2APIC_EOI, %ecx */ \
		0x66, 0x31, 0xc0,			/* xor %eax, %eax */	\
		0x66, 0x31, 0xd2,			/* xor %edx, %edx */	\
		0x0f, 0x30,				/* wrmsr */		\
		0xcf,					/* iret */		\
	}

static void put_handlers(struct guest *g)
{
	static const uint8_t a[] = HANDLER(VECTOR_A), b[] = HANDLER(VECTOR_B);
	static const uint16_t at_a[2] = { HANDLER_A, 0 }, at_b[2] = { HANDLER_B, 0 };

	memcpy(g->memory + HANDLER_A, a, sizeof(a));
	memcpy(g->memory + HANDLER_B, b, sizeof(b));
	memcpy(g->memory + 4 * VECTOR_A, at_a, sizeof(at_a));
	memcpy(g->memory + 4 * VECTOR_B, at_b, sizeof(at_b));
}

/* One vCPU, number cpu of topo, that waits for interrupts. */
static bool open_waiting(struct guest *g, struct topo topo, unsigned cpu)
{
	struct err e = ERR_INIT;

	if (!guest_open_with(g, topo, VM_IRQCHIP_SPLIT))
		return false;
	memcpy(g->memory + GUEST_CODE, code, sizeof(code));
	put_handlers(g);
	if (!tap_ok(!vcpu_create(g->vm, &g->topo, cpu, g->wake_fd, &g->v[0], &e), "%s",
		    err_text(&e)))
		return false;
	g->cpus = 1;
	if (!tap_ok(!vcpu_set_entry_real(g->v[0], GUEST_CODE, &e), "%s", err_text(&e)) ||
	    !guest_start(g))
		return false;
	tap_eq(guest_expect_out(g, g->v[0], PORT_A, 4), topo_apic_id(&g->topo, cpu));
	/* KVM_FEATURE_MSI_EXT_DEST_ID */
	tap_eq(guest_expect_out(g, g->v[0], PORT_A, 4) >> 15 & 1, 1);
	guest_expect_out(g, g->v[0], PORT_OUT, 1);
	return true;
}

/* The guest has said that it got the interrupt. */
static void expect_irq(struct guest *g, uint8_t vector)
{
	tap_eq(guest_expect_out(g, g->v[0], PORT_IRQ, 1), vector);
}

static void expect_eoi(struct guest *g, uint8_t vector)
{
	struct vcpu_exit x;

	if (!guest_exit(g, g->v[0], &x))
		return;
	tap_str(vcpu_exit_name(x.kind), "eoi");
	tap_eq(x.detail, vector);
	vcpu_resume(g->v[0]);
}

static void raise_fd(int fd)
{
	const uint64_t one = 1;

	tap_eq(write(fd, &one, sizeof(one)), sizeof(one));
}

static void an_irqfd_interrupts_as_its_route_says(void)
{
	const struct vm_msi a = { 0xfee00000, VECTOR_A }, b = { 0xfee00000, VECTOR_B };
	struct err e = ERR_INIT;
	struct guest g;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (open_waiting(&g, (struct topo)TOPO(1, 1, 1, 1), 0) &&
	    tap_ok(!vm_add_irqfd(g.vm, fd, 4, &e), "%s", err_text(&e))) {
		tap_ok(!vm_set_route(g.vm, 4, &a, &e), "%s", err_text(&e));
		for (unsigned i = 0; i < 5; i++) {
			raise_fd(fd);
			expect_irq(&g, VECTOR_A);
		}
		tap_ok(!vm_set_route(g.vm, 5, &a, &e), "%s", err_text(&e));
		tap_ok(!vm_set_route(g.vm, 4, &b, &e), "%s", err_text(&e));
		raise_fd(fd);
		expect_irq(&g, VECTOR_B);
		tap_ok(!vm_set_route(g.vm, 4, NULL, &e), "%s", err_text(&e));
		/* nothing but what the guest said by itself left KVM */
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_PIO), 3 + 6);
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_EOI), 0);
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_HLT), 0);
	}
	guest_stop_once(&g);
	guest_close(&g);
	close(fd);
}

static void the_end_of_a_level_interrupt_exits(void)
{
	const struct vm_msi level = { 0xfee00000, VECTOR_A | LEVEL };
	const struct vm_msi edge = { 0xfee00000, VECTOR_B };
	struct err e = ERR_INIT;
	struct guest g;

	if (open_waiting(&g, (struct topo)TOPO(1, 1, 1, 1), 0)) {
		tap_ok(!vm_set_route(g.vm, 9, &level, &e), "%s", err_text(&e));
		for (unsigned i = 0; i < 3; i++) {
			vm_send_msi(g.vm, &level);
			expect_irq(&g, VECTOR_A);
			expect_eoi(&g, VECTOR_A);
			vm_send_msi(g.vm, &edge);
			expect_irq(&g, VECTOR_B);
		}
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_EOI), 3);
	}
	guest_stop_once(&g);
	guest_close(&g);
}

static void a_message_finds_a_cpu_whose_id_has_more_than_8_bits(void)
{
	/* 299 = 0x12b, 255 = 0xff */
	static const struct {
		unsigned cpu;
		struct vm_msi msi, other;
	} rows[] = {
		{ 299, { 0xfee2b020, VECTOR_A }, { 0xfee2b000, VECTOR_B } },
		{ 255, { 0xfeeff000, VECTOR_A }, { 0xfeeff020, VECTOR_B } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct guest g;

		if (open_waiting(&g, (struct topo)TOPO(1, 300, 1, 1), rows[i].cpu)) {
			/* to another CPU, which is not there: no error, and no interrupt */
			vm_send_msi(g.vm, &rows[i].other);
			vm_send_msi(g.vm, &rows[i].msi);
			expect_irq(&g, VECTOR_A);
			tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_PIO), 3 + 1);
		}
		guest_stop_once(&g);
		guest_close(&g);
	}
}

static void on_failed(const char *text, void *arg)
{
	(void)arg;
	tap_ok(false, "%s", text);
}

/* As the guest would: an entry's destination is CPU 0, the reset's value. */
static void set_entry(const struct bus *mmio, unsigned pin, uint32_t low)
{
	bus_write(mmio, IOAPIC_GPA, 4, 0x10 + 2 * pin);
	bus_write(mmio, IOAPIC_GPA + 0x10, 4, low);
}

static void the_ioapic_and_kvm_serve_edge_and_level_lines(void)
{
	struct irqchip chip = { .failed = on_failed };
	struct bus mmio = { 0 };
	struct err e = ERR_INIT;
	struct guest g;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (open_waiting(&g, (struct topo)TOPO(1, 1, 1, 1), 0) &&
	    tap_ok(!vm_add_irqfd(g.vm, fd, 4, &e), "%s", err_text(&e))) {
		chip.vm = g.vm;
		tap_ok(!irqchip_add(&chip, &mmio, &e), "%s", err_text(&e));
		set_entry(&mmio, 4, VECTOR_B);
		raise_fd(fd);
		expect_irq(&g, VECTOR_B);
		/* a level line interrupts again until it falls */
		set_entry(&mmio, 9, VECTOR_A | LEVEL);
		ioapic_set_line(&chip.ioapic, 9, true);
		for (unsigned i = 0; i < 3; i++) {
			expect_irq(&g, VECTOR_A);
			if (i == 2)
				ioapic_set_line(&chip.ioapic, 9, false);
			expect_eoi(&g, VECTOR_A);
			ioapic_eoi(&chip.ioapic, VECTOR_A);
		}
		/* masked while it is served: KVM still tells of its end */
		ioapic_set_line(&chip.ioapic, 9, true);
		set_entry(&mmio, 9, VECTOR_A | LEVEL | MASKED);
		expect_irq(&g, VECTOR_A);
		expect_eoi(&g, VECTOR_A);
		ioapic_eoi(&chip.ioapic, VECTOR_A);
		raise_fd(fd);
		expect_irq(&g, VECTOR_B);
	}
	guest_stop_once(&g);
	guest_close(&g);
	close(fd);
}

static void what_decides_is_the_largest_apic_id(void)
{
	static const struct {
		struct topo topo;
		enum vm_irqchip irqchip;
	} rows[] = {
		{ TOPO(1, 1, 1, 1), VM_IRQCHIP_KERNEL },
		{ TOPO(1, 1, 255, 1), VM_IRQCHIP_KERNEL },
		{ TOPO(1, 1, 256, 1), VM_IRQCHIP_SPLIT },
		/* 252 CPUs, but each LLC takes 32 ids */
		{ TOPO(1, 14, 9, 2), VM_IRQCHIP_SPLIT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_eq(vm_irqchip_for(VM_IRQCHIP_AUTO, &rows[i].topo), rows[i].irqchip);
		tap_eq(vm_irqchip_for(VM_IRQCHIP_SPLIT, &rows[i].topo), VM_IRQCHIP_SPLIT);
		tap_eq(vm_irqchip_for(VM_IRQCHIP_KERNEL, &rows[i].topo), VM_IRQCHIP_KERNEL);
	}
}

int main(void)
{
	TAP_RUN(an_irqfd_interrupts_as_its_route_says);
	TAP_RUN(the_end_of_a_level_interrupt_exits);
	TAP_RUN(a_message_finds_a_cpu_whose_id_has_more_than_8_bits);
	TAP_RUN(the_ioapic_and_kvm_serve_edge_and_level_lines);
	TAP_RUN(what_decides_is_the_largest_apic_id);
	return tap_done();
}
