/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_AML_H
#define KTSTR_BOOT_AML_H
/*
 * A writer of ACPI Machine Language (ACPI 6.4, chapter 20), as much of it as
 * our DSDT needs. Objects nest between a _begin and aml_end(); the length in
 * front of a package is put in by aml_end().
 *
 *	aml_device_begin(&a, "COM1");
 *	aml_name(&a, "_HID");
 *	aml_eisa_id(&a, "PNP0501");
 *	aml_end(&a);
 *
 * Names are one segment of 1 to 4 characters (padded with "_"), with or
 * without a leading backslash. Ownership: writes to a borrowed struct buf,
 * whose buf_ok() tells of a failed allocation. Thread: any.
 */
#include <stddef.h>
#include <stdint.h>

struct buf;

#define AML_DEPTH_MAX 8

struct aml {
	struct buf *out;
	size_t open[AML_DEPTH_MAX];	/* where the lengths of open packages belong */
	unsigned depth;
};

void aml_init(struct aml *a, struct buf *out);

void aml_scope_begin(struct aml *a, const char *name);
void aml_device_begin(struct aml *a, const char *name);
void aml_package_begin(struct aml *a, uint8_t elements);
/* A buffer object around resource descriptors; aml_resources_end() closes it. */
void aml_resources_begin(struct aml *a);
void aml_resources_end(struct aml *a);
void aml_end(struct aml *a);

void aml_name(struct aml *a, const char *name);	/* Name(NAME, ...): its object follows */
void aml_int(struct aml *a, uint64_t v);
void aml_string(struct aml *a, const char *ascii);
void aml_eisa_id(struct aml *a, const char id[7]);	/* "PNP0501" */

/* Resource descriptors (ACPI 6.4, section 6.4). */
void aml_io(struct aml *a, uint16_t port, uint8_t ports);
void aml_irq(struct aml *a, unsigned irq);		/* ISA: edge, active high, 0 to 15 */
void aml_memory(struct aml *a, uint32_t gpa, uint32_t bytes);	/* registers, fixed */
void aml_interrupt(struct aml *a, uint32_t gsi);	/* edge, active high, exclusive */

#endif
