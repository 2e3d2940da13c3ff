/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI and MP tables, read back as a kernel would: from the root pointer on,
 * by address. Offsets are of ACPI 6.4 and of the Intel MP specification 1.4.
 */
#include <stdlib.h>

#include "boot/aml.h"
#include "test/acpi-read.h"

#define DEFAULT_SHAPE "1n1l2c1t"

static void the_root_pointer_has_both_checksums(void)
{
	struct tables t = build(DEFAULT_SHAPE, 64 * MIB);
	const uint8_t *p = at(&t, ACPI_GPA, 36);

	tap_ok(!memcmp(p, "RSD PTR ", 8), "signature");
	tap_eq(sum(p, 20), 0);
	tap_eq(sum(p, 36), 0);
	tap_ok(!memcmp(p + 9, "KTSTR ", 6), "OEM id");
	tap_eq(p[15], 2);
	tap_eq(le(p + 16, 4), 0);
	tap_eq(le(p + 20, 4), 36);
	fini(&t);
}

static void the_FADT_describes_the_power_registers(void)
{
	struct tables t = build(DEFAULT_SHAPE, 64 * MIB);
	size_t n;
	const uint8_t *p = listed(&t, "FACP", &n);
	uint32_t flags = (uint32_t)le(p + 112, 4), facs = (uint32_t)le(p + 36, 4);

	tap_eq(n, 276);
	tap_eq(p[8], 6);
	tap_eq(le(p + 46, 2), SCI);
	tap_eq(le(p + 48, 4), 0);		/* SMI_CMD */
	tap_eq(le(p + 56, 4), PM_PORT);
	tap_eq(le(p + 64, 4), PM_PORT + 4);
	tap_eq(le(p + 76, 4), 0);		/* PM timer */
	tap_eq(p[88], 4);
	tap_eq(p[89], 2);
	tap_eq(p[91], 0);
	/* generic addresses: space, bits, offset, access, address */
	tap_ok(!memcmp(p + 148, "\1\x20\0\2", 4), "X_PM1a_EVT_BLK");
	tap_eq(le(p + 152, 8), PM_PORT);
	tap_ok(!memcmp(p + 172, "\1\x10\0\2", 4), "X_PM1a_CNT_BLK");
	tap_eq(le(p + 176, 8), PM_PORT + 4);
	tap_ok(!memcmp(p + 116, "\1\x8\0\1", 4), "RESET_REG");
	tap_eq(le(p + 120, 8), RESET_PORT);
	tap_eq(p[128], BOOT_RESET_VALUE);
	tap_ok(flags & 1 << 10, "the reset register is supported");
	tap_ok(flags & 1 << 4 && flags & 1 << 5, "no fixed buttons");
	tap_ok(!(flags & 1 << 20), "not hardware-reduced");
	/* legacy devices, no 8042, no VGA, no RTC */
	tap_eq(le(p + 109, 2), 1 | 1 << 2 | 1 << 5);
	/* FACS: 64 bytes, aligned, no checksum; only one of the two addresses */
	tap_eq(facs % 64, 0);
	tap_ok(!memcmp(at(&t, facs, 64), "FACS", 4), "FACS");
	tap_eq(le(at(&t, facs, 64) + 4, 4), 64);
	tap_eq(le(p + 132, 8), 0);
	/* DSDT: both addresses agree */
	tap_eq(le(p + 40, 4), le(p + 140, 8));
	fini(&t);
}

static void the_DSDT_names_soft_off_and_the_UARTs(void)
{
	static const uint8_t s5[] = { 0x08, '\\', '_', 'S', '5', '_', 0x12, 0x08, 4,
				      0x0a, BOOT_SLP_TYP_S5, 0x0a, BOOT_SLP_TYP_S5, 0, 0 };
	/* EISAID("PNP0501"); IO(0x3f8, 8), IRQ 4; IO(0x2f8, 8), IRQ 3 */
	static const uint8_t hid[] = { 0x0c, 0x41, 0xd0, 0x05, 0x01 };
	static const uint8_t com1[] = { 0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22, 0x10, 0, 0x79, 0 };
	static const uint8_t com2[] = { 0x47, 1, 0xf8, 2, 0xf8, 2, 1, 8, 0x22, 0x08, 0, 0x79, 0 };
	struct tables t = build(DEFAULT_SHAPE, 64 * MIB);
	size_t n;
	const uint8_t *p = listed(&t, "FACP", &n);

	p = table(&t, le(p + 140, 8), "DSDT", &n);
	tap_ok(memmem(p, n, s5, sizeof(s5)), "\\_S5");
	tap_ok(memmem(p, n, hid, sizeof(hid)), "_HID");
	tap_ok(memmem(p, n, com1, sizeof(com1)), "COM1");
	tap_ok(memmem(p, n, com2, sizeof(com2)), "COM2");
	fini(&t);
}

static void virtio_devices_have_their_registers_and_interrupt_in_the_DSDT(void)
{
	static const struct boot_virtio_mmio virtio[] = {
		{ 0xd0000000, 0x1000, 5 }, { 0xd0001000, 0x200, 23 },
	};
	/* Name(_HID, "LNRO0005") Name(_UID, ...) */
	static const char hid[] = "VR01\x08_HID\x0dLNRO0005\0\x08_UID\x01";
	/* Memory32Fixed(ReadWrite), Interrupt(consumer, edge, active high, exclusive), end */
	static const uint8_t crs[] = {
		0x86, 9, 0, 1, 0x00, 0x10, 0x00, 0xd0, 0x00, 0x02, 0, 0,
		0x89, 6, 0, 3, 1, 23, 0, 0, 0, 0x79, 0,
	};
	const struct topo topo = TOPO_DEFAULT;
	struct tables t = build_with(&topo, 64 * MIB, virtio, ARRAY_SIZE(virtio));
	size_t n;
	const uint8_t *p = listed(&t, "FACP", &n);

	p = table(&t, le(p + 140, 8), "DSDT", &n);
	tap_ok(memmem(p, n, "VR00", 4), "the first");
	tap_ok(memmem(p, n, hid, sizeof(hid) - 1), "_HID of the second");
	tap_ok(memmem(p, n, crs, sizeof(crs)), "_CRS of the second");
	tap_ok(!memmem(p, n, "VR02", 4), "a third");
	fini(&t);
}

/* What a MADT says. */
struct madt {
	unsigned cpus, x2cpus, ioapics, overrides, nmis, x2nmis;
	uint32_t gsi_of_irq[16];
	bool wrong;
};

static struct madt read_madt(const struct tables *t)
{
	struct madt m = { 0 };
	size_t n, len;
	const uint8_t *p = listed(t, "APIC", &n);
	uint32_t id, flags;

	tap_eq(le(p + 36, 4), 0xfee00000);
	tap_eq(le(p + 40, 4), 1);		/* PCAT_COMPAT */
	for (size_t i = 44; i + 2 <= n; i += len) {
		const uint8_t *s = p + i;

		len = s[1];
		if (len < 2 || i + len > n) {
			m.wrong = true;
			break;
		}
		/* there, or able to come */
		flags = m.cpus + m.x2cpus < topo_cpus(&t->topo) ? 1 : 2;
		switch (s[0]) {
		case 0:
			id = topo_apic_id(&t->topo, m.cpus + m.x2cpus);
			m.wrong |= len != 8 || s[2] != m.cpus || s[3] != id || id >= 255 ||
				   le(s + 4, 4) != flags;
			m.cpus++;
			break;
		case 9:
			id = topo_apic_id(&t->topo, m.cpus + m.x2cpus);
			m.wrong |= len != 16 || le(s + 4, 4) != id || id < 255 ||
				   le(s + 8, 4) != flags || le(s + 12, 4) != m.cpus + m.x2cpus;
			m.x2cpus++;
			break;
		case 1:
			m.wrong |= len != 12 || s[2] != 0 || le(s + 4, 4) != 0xfec00000 ||
				   le(s + 8, 4) != 0;
			m.ioapics++;
			break;
		case 2:
			m.wrong |= len != 10 || s[2] != 0 || s[3] > 15;
			m.gsi_of_irq[s[3] & 15] = (uint32_t)le(s + 4, 4);
			m.overrides++;
			break;
		case 4:
			m.wrong |= len != 6 || s[2] != 0xff || s[5] != 1;
			m.nmis++;
			break;
		case 10:
			m.wrong |= len != 12 || le(s + 4, 4) != UINT32_MAX || s[8] != 1;
			m.x2nmis++;
			break;
		default:
			m.wrong = true;
		}
	}
	return m;
}

static void check_madt(const char *shape, unsigned cpus, unsigned x2cpus)
{
	struct tables t = build(shape, 64 * MIB);
	struct madt m = read_madt(&t);

	tap_ok(!m.wrong, "an entry of %u CPUs is wrong", cpus + x2cpus);
	tap_eq(m.cpus, cpus);
	tap_eq(m.x2cpus, x2cpus);
	tap_eq(m.ioapics, 1);
	tap_eq(m.overrides, 2);
	tap_eq(m.gsi_of_irq[0], 2);
	tap_eq(m.gsi_of_irq[SCI], SCI);
	tap_eq(m.nmis, 1);
	tap_eq(m.x2nmis, x2cpus != 0);
	fini(&t);
}

static void the_MADT_lists_each_CPU_by_its_APIC_id(void)
{
	check_madt("1n1l1c1t", 1, 0);
	check_madt("1n1l4c1t", 4, 0);
	/* 3 cores take two bits: ids 0, 1, 2, 4, 5, 6 */
	check_madt("1n2l3c1t", 6, 0);
	/* ids 0 to 254 fit in a byte that is not 255 */
	check_madt("1n1l150c2t", 255, 45);
	check_madt("4n16l16c2t", 255, 257);
}

/* What an MP table says. */
struct mp {
	unsigned cpus, buses, ioapics, interrupts, locals, boot_cpus;
	uint8_t pin_of_irq[16];
	bool wrong;
};

static struct mp read_mp(const struct tables *t)
{
	static const uint8_t entry_bytes[] = { 20, 8, 8, 8, 8 };
	const uint8_t *p = t->mp.data, *h = p + 16;
	struct mp m = { 0 };
	size_t n = le(h + 4, 2), i = 44;

	tap_ok(!memcmp(p, "_MP_", 4), "pointer");
	tap_eq(le(p + 4, 4), MP_GPA + 16);
	tap_eq(sum(p, 16), 0);
	tap_ok(!memcmp(h, "PCMP", 4), "table");
	tap_eq(n, t->mp.len - 16);
	tap_eq(sum(h, n), 0);
	tap_eq(le(h + 36, 4), 0xfee00000);
	for (unsigned entries = (unsigned)le(h + 34, 2); entries; entries--) {
		const uint8_t *s = h + i;

		if (i >= n || s[0] >= sizeof(entry_bytes) || i + entry_bytes[s[0]] > n) {
			m.wrong = true;
			break;
		}
		i += entry_bytes[s[0]];
		if (s[0] == 0) {
			m.wrong |= s[1] != topo_apic_id(&t->topo, m.cpus) || !(s[3] & 1);
			m.boot_cpus += s[3] >> 1 & 1;
		} else if (s[0] == 3) {
			m.wrong |= s[1] != 0 || s[5] > 15;
			m.pin_of_irq[s[5] & 15] = s[7];
		}
		*(s[0] == 0 ? &m.cpus : s[0] == 1 ? &m.buses : s[0] == 2 ? &m.ioapics :
		  s[0] == 3 ? &m.interrupts : &m.locals) += 1;
	}
	m.wrong |= i != n;
	return m;
}

static void check_mp(const char *shape, unsigned cpus)
{
	struct tables t = build(shape, 64 * MIB);
	struct mp m = read_mp(&t);

	tap_ok(t.mp.len <= 1024, "%zu bytes", t.mp.len);
	tap_ok(!m.wrong, "an entry for %u CPUs is wrong", cpus);
	tap_eq(m.cpus, cpus);
	tap_eq(m.boot_cpus, 1);
	tap_eq(m.buses, 1);
	tap_eq(m.ioapics, 1);
	tap_eq(m.interrupts, 15);
	tap_eq(m.locals, 2);
	tap_eq(m.pin_of_irq[0], 2);
	tap_eq(m.pin_of_irq[3], 3);
	tap_eq(m.pin_of_irq[4], 4);
	fini(&t);
}

static void the_MP_table_lists_the_CPUs_that_fit(void)
{
	check_mp("1n1l1c1t", 1);
	check_mp("1n2l3c1t", 6);
	check_mp("1n1l40c1t", 40);
	check_mp("1n1l41c1t", 40);
	check_mp("4n16l16c2t", 40);
	/* one core with a long row of ids: 8 LLCs 32 apart, the last begins at 224 */
	check_mp("1n8l17c1t", 40);
}

static void the_MADT_tells_of_absent_CPUs_and_the_MP_table_does_not(void)
{
	check_madt("1n1l4c1t/possible:8", 8, 0);
	check_madt("1n1l4c1t/possible:300", 255, 45);
	check_mp("1n1l4c1t/possible:8", 4);
}

/* An AML package length (20.2.4) and the bytes that it takes. */
static size_t package_length(const uint8_t *p, unsigned *ret_bytes)
{
	unsigned more = p[0] >> 6;
	size_t n = more ? p[0] & 0xf : p[0];

	for (unsigned i = 1; i <= more; i++)
		n |= (size_t)p[i] << (4 + 8 * (i - 1));
	*ret_bytes = more + 1;
	return n;
}

static void AML_lengths_of_any_size_count_themselves(void)
{
	/* each filling grows the scope by 9: "Name(FILL, 0x11111111)" less its opcode */
	for (unsigned fill = 0; fill < 8000; fill += fill < 600 ? 1 : 97) {
		_cleanup_(buf_fini) struct buf b = BUF_INIT;
		struct aml a;
		unsigned bytes, wanted;
		size_t n;

		aml_init(&a, &b);
		aml_scope_begin(&a, "\\_SB");
		buf_add_zero(&b, fill);
		aml_end(&a);
		n = package_length(b.data + 1, &bytes);
		wanted = fill + 5 + 1 < 64 ? 1 : fill + 5 + 2 < 4096 ? 2 : 3;
		tap_ok(n == b.len - 1 && bytes == wanted && n == fill + 5 + bytes,
		       "%u: length %zu in %u bytes, %zu bytes in all", fill, n, bytes, b.len);
		tap_ok(!memcmp(b.data + 1 + bytes, "\\_SB_", 5), "%u: the name", fill);
	}
}

static void AML_integers_take_the_shortest_form(void)
{
	static const struct {
		uint64_t v;
		const char *bytes;
		size_t n;
	} ints[] = {
		{ 0, "\0", 1 }, { 1, "\1", 1 }, { 2, "\x0a\2", 2 }, { 0xff, "\x0a\xff", 2 },
		{ 0x100, "\x0b\0\1", 3 }, { 0x10000, "\x0c\0\0\1\0", 5 },
		{ UINT64_C(0x100000000), "\x0e\0\0\0\0\1\0\0\0", 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
		_cleanup_(buf_fini) struct buf b = BUF_INIT;
		struct aml a;

		aml_init(&a, &b);
		aml_int(&a, ints[i].v);
		tap_ok(b.len == ints[i].n && !memcmp(b.data, ints[i].bytes, b.len), "%zu", i);
	}
}

int main(void)
{
	TAP_RUN(the_root_pointer_has_both_checksums);
	TAP_RUN(the_FADT_describes_the_power_registers);
	TAP_RUN(the_DSDT_names_soft_off_and_the_UARTs);
	TAP_RUN(the_MADT_lists_each_CPU_by_its_APIC_id);
	TAP_RUN(the_MP_table_lists_the_CPUs_that_fit);
	TAP_RUN(the_MADT_tells_of_absent_CPUs_and_the_MP_table_does_not);
	TAP_RUN(virtio_devices_have_their_registers_and_interrupt_in_the_DSDT);
	TAP_RUN(AML_lengths_of_any_size_count_themselves);
	TAP_RUN(AML_integers_take_the_shortest_form);
	return tap_done();
}
