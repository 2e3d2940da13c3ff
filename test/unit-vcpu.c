/* SPDX-License-Identifier: GPL-2.0-only */
/* What reaches the loop from a running guest, and what does not have to. */
#include "test/vcpu-guest.h"

#define PORT_IN 0x10
#define PORT_OUT 0x11
#define PORT_IRQ 0x12
#define PORT_AP 0x13
#define PORT_A 0x14
#define PORT_B 0x15

static void a_byte_in_and_a_byte_out_make_a_round_trip(void)
{
	static const uint8_t code[] = {
		0xe4, PORT_IN,		/* in $PORT_IN, %al */
		0xfe, 0xc0,		/* inc %al */
		0xe6, PORT_OUT,		/* out %al, $PORT_OUT */
		0xeb, 0xf8,		/* again */
	};
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, code, sizeof(code)) && guest_start(&g)) {
		for (unsigned i = 0; i < 200; i++) {
			if (!guest_expect_pio(&g, g.v[0], PORT_IN, false, 1, &x))
				break;
			*x.data = (uint8_t)i;
			vcpu_resume(g.v[0]);
			tap_eq(guest_expect_out(&g, g.v[0], PORT_OUT, 1), i + 1);
		}
		guest_stop_once(&g);
		tap_ok(vcpu_exit_count(g.v[0], VCPU_EXIT_PIO) >= 400, "exits are counted");
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_MMIO), 0);
	}
	guest_close(&g);
}

static void accesses_of_two_and_four_bytes_keep_their_width(void)
{
	static const uint8_t code[] = {
		0x66, 0xe5, PORT_IN,	/* in $PORT_IN, %eax */
		0xe7, PORT_A,		/* out %ax, $PORT_A */
		0x66, 0xe7, PORT_B,	/* out %eax, $PORT_B */
		0xf4,			/* hlt */
	};
	const uint32_t value = 0x89abcdef;
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, code, sizeof(code)) && guest_start(&g) &&
	    guest_expect_pio(&g, g.v[0], PORT_IN, false, 4, &x)) {
		memcpy(x.data, &value, 4);
		vcpu_resume(g.v[0]);
		tap_eq(guest_expect_out(&g, g.v[0], PORT_A, 2), 0xcdef);
		tap_eq(guest_expect_out(&g, g.v[0], PORT_B, 4), value);
	}
	guest_stop_once(&g);
	guest_close(&g);
}

static void a_string_of_bytes_arrives_in_order(void)
{
	static const uint8_t code[] = {
		0xbe, 0x00, 0x20,	/* mov $GUEST_CODE_2, %si */
		0xb9, 0x05, 0x00,	/* mov $5, %cx */
		0xba, PORT_OUT, 0x00,	/* mov $PORT_OUT, %dx */
		0xfc,			/* cld */
		0xf3, 0x6e,		/* rep outsb */
		0xf4,			/* hlt */
	};
	char got[8] = "";
	size_t n = 0;
	struct guest g;

	if (guest_open_real(&g, 1, code, sizeof(code))) {
		memcpy(g.memory + GUEST_CODE_2, "hello", 5);
		guest_start(&g);
		/* KVM may hand over several at once */
		while (n < 5) {
			struct vcpu_exit x;

			if (!guest_exit(&g, g.v[0], &x) || !tap_eq(x.kind, VCPU_EXIT_PIO) ||
			    !tap_eq(x.width, 1) || !tap_ok(x.count <= 5 - n, "%u", x.count))
				break;
			memcpy(got + n, x.data, x.count);
			n += x.count;
			vcpu_resume(g.v[0]);
		}
		tap_str(got, "hello");
	}
	guest_stop_once(&g);
	guest_close(&g);
}

static void memory_that_is_not_there_exits_as_mmio(void)
{
	static const uint8_t code[] = {
		0xb8, 0x00, 0xd0,		/* mov $0xd000, %ax */
		0x8e, 0xd8,			/* mov %ax, %ds */
		0xc7, 0x06, 0x10, 0x00, 0x34, 0x12,	/* movw $0x1234, 0x10 */
		0xa0, 0x20, 0x00,		/* mov 0x20, %al */
		0xe6, PORT_OUT,			/* out %al, $PORT_OUT */
		0xf4,				/* hlt */
	};
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, code, sizeof(code)) && guest_start(&g) &&
	    guest_exit(&g, g.v[0], &x)) {
		tap_eq(x.kind, VCPU_EXIT_MMIO);
		tap_eq(x.addr, 0xd0010);
		tap_eq(x.width, 2);
		tap_eq(x.is_write, true);
		tap_ok(!memcmp(x.data, "\x34\x12", 2), "little endian");
		vcpu_resume(g.v[0]);
		if (guest_exit(&g, g.v[0], &x)) {
			tap_eq(x.kind, VCPU_EXIT_MMIO);
			tap_eq(x.addr, 0xd0020);
			tap_eq(x.width, 1);
			tap_eq(x.is_write, false);
			*x.data = 0x5a;
			vcpu_resume(g.v[0]);
			tap_eq(guest_expect_out(&g, g.v[0], PORT_OUT, 1), 0x5a);
		}
	}
	guest_stop_once(&g);
	guest_close(&g);
}

static void a_doorbell_is_counted_and_does_not_exit(void)
{
	static const uint8_t code[] = {
		0xba, 0x10, 0x05,	/* mov $0x510, %dx */
		0xb9, 0x04, 0x00,	/* mov $4, %cx */
		0x66, 0xef,		/* out %eax, (%dx) */
		0xe2, 0xfc,		/* loop to the out */
		0xe6, PORT_OUT,		/* out %al, $PORT_OUT */
		0xf4,			/* hlt */
	};
	struct err e = ERR_INIT;
	uint64_t rings = 0;
	struct guest g;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (guest_open_real(&g, 1, code, sizeof(code)) &&
	    tap_ok(!vm_add_doorbell(g.vm, fd, 0x510, 4, &e), "%s", err_text(&e)) &&
	    guest_start(&g)) {
		guest_expect_out(&g, g.v[0], PORT_OUT, 1);
		tap_eq(read(fd, &rings, sizeof(rings)), sizeof(rings));
		tap_eq(rings, 4);
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_PIO), 1);
		/* the same port twice is refused, and the error names it */
		tap_ok(vm_add_doorbell(g.vm, fd, 0x510, 4, &e) < 0, "twice");
		tap_ok(strstr(err_text(&e), "0x510"), "%s", err_text(&e));
	}
	guest_stop_once(&g);
	guest_close(&g);
	close(fd);
}

/* Also shows that the boot CPU's LINT0 lets the PIC through. */
static void an_irqfd_interrupts_a_halted_vcpu(void)
{
	static const uint8_t code[] = {
		0xb0, 0x11, 0xe6, 0x20,	/* PIC: initialise */
		0xb0, 0x20, 0xe6, 0x21,	/* vectors from 0x20 on */
		0xb0, 0x04, 0xe6, 0x21,	/* cascade */
		0xb0, 0x01, 0xe6, 0x21,	/* 8086 mode */
		0xb0, 0xef, 0xe6, 0x21,	/* mask all but 4 */
		0xbc, 0x00, 0x80,	/* mov $0x8000, %sp */
		0xfb,			/* sti */
		0xe6, PORT_OUT,		/* out %al, $PORT_OUT */
		0xf4,			/* hlt */
		0xeb, 0xfd,		/* jmp to the hlt */
	};
	static const uint8_t handler[] = {
		0xe6, PORT_IRQ,		/* out %al, $PORT_IRQ */
		0xb0, 0x20, 0xe6, 0x20,	/* end of interrupt */
		0xcf,			/* iret */
	};
	static const uint8_t vector[4] = { GUEST_CODE_2 & 0xff, GUEST_CODE_2 >> 8, 0, 0 };
	const uint64_t one = 1;
	struct err e = ERR_INIT;
	struct guest g;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (guest_open_real(&g, 1, code, sizeof(code)) &&
	    tap_ok(!vm_add_irqfd(g.vm, fd, 4, &e), "%s", err_text(&e))) {
		memcpy(g.memory + GUEST_CODE_2, handler, sizeof(handler));
		memcpy(g.memory + 4 * 0x24, vector, sizeof(vector));
		guest_start(&g);
		guest_expect_out(&g, g.v[0], PORT_OUT, 1);
		for (unsigned i = 0; i < 5; i++) {
			tap_eq(write(fd, &one, sizeof(one)), sizeof(one));
			guest_expect_out(&g, g.v[0], PORT_IRQ, 1);
		}
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_HLT), 0);
	}
	guest_stop_once(&g);
	guest_close(&g);
	close(fd);
}

/* INIT and SIPI as Linux sends them, by x2APIC. */
static void the_boot_cpu_starts_another_inside_kvm(void)
{
	static const uint8_t code[] = {
		0x66, 0xb9, 0x1b, 0x00, 0x00, 0x00,	/* mov $APIC_BASE, %ecx */
		0x0f, 0x32,				/* rdmsr */
		0x66, 0x0d, 0x00, 0x0c, 0x00, 0x00,	/* or $ENABLED_X2APIC, %eax */
		0x0f, 0x30,				/* wrmsr */
		0x66, 0xb9, 0x30, 0x08, 0x00, 0x00,	/* mov $X2APIC_ICR, %ecx */
		0x66, 0xba, 0x04, 0x00, 0x00, 0x00,	/* mov $4, %edx: APIC id */
		0x66, 0xb8, 0x00, 0x45, 0x00, 0x00,	/* mov $INIT, %eax */
		0x0f, 0x30,				/* wrmsr */
		0x66, 0xb8, 0x02, 0x46, 0x00, 0x00,	/* mov $SIPI|GUEST_CODE_2>>12, %eax */
		0x0f, 0x30,				/* wrmsr */
		0xeb, 0xfe,				/* jmp . */
	};
	static const uint8_t ap[] = {
		0x8c, 0xc8,		/* mov %cs, %ax */
		0xe7, PORT_AP,		/* out %ax, $PORT_AP */
		0xf4,			/* hlt */
	};
	struct err e = ERR_INIT;
	struct guest g;

	/* three cores take two bits: CPU 3 has APIC id 4 */
	if (guest_open(&g, (struct topo)TOPO(1, 2, 3, 1))) {
		memcpy(g.memory + GUEST_CODE, code, sizeof(code));
		memcpy(g.memory + GUEST_CODE_2, ap, sizeof(ap));
		while (g.cpus < 6 && guest_add_vcpu(&g))
			;
		tap_ok(!vcpu_set_entry_real(g.v[0], GUEST_CODE, &e), "%s", err_text(&e));
		guest_start(&g);
		tap_eq(guest_expect_out(&g, g.v[3], PORT_AP, 2), GUEST_CODE_2 >> 4);
		guest_stop_once(&g);
		tap_eq(vcpu_exit_count(g.v[2], VCPU_EXIT_PIO), 0);
	}
	guest_close(&g);
}

int main(void)
{
	TAP_RUN(a_byte_in_and_a_byte_out_make_a_round_trip);
	TAP_RUN(accesses_of_two_and_four_bytes_keep_their_width);
	TAP_RUN(a_string_of_bytes_arrives_in_order);
	TAP_RUN(memory_that_is_not_there_exits_as_mmio);
	TAP_RUN(a_doorbell_is_counted_and_does_not_exit);
	TAP_RUN(an_irqfd_interrupts_a_halted_vcpu);
	TAP_RUN(the_boot_cpu_starts_another_inside_kvm);
	return tap_done();
}
