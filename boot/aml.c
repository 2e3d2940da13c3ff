/* SPDX-License-Identifier: GPL-2.0-only */
/* A writer of ACPI Machine Language. Section numbers are of ACPI 6.4. */
#include "boot/aml.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

enum aml_op {
	OP_ZERO = 0x00,
	OP_ONE = 0x01,
	OP_NAME = 0x08,
	OP_BYTE = 0x0a,
	OP_WORD = 0x0b,
	OP_DWORD = 0x0c,
	OP_STRING = 0x0d,
	OP_QWORD = 0x0e,
	OP_SCOPE = 0x10,
	OP_BUFFER = 0x11,
	OP_PACKAGE = 0x12,
	OP_EXT = 0x5b,
	OP_EXT_DEVICE = 0x82,
};

enum aml_resource {
	RES_IRQ = 0x22,		/* small, two bytes: edge, active high, exclusive */
	RES_IO = 0x47,		/* small, seven bytes */
	RES_MEMORY32_FIXED = 0x86,	/* large: a length of two bytes follows */
	RES_INTERRUPT = 0x89,
	RES_END = 0x79,		/* small, one byte: a checksum, 0 = not used */
};

void aml_init(struct aml *a, struct buf *out)
{
	*a = (struct aml){ .out = out };
}

static void begin(struct aml *a)
{
	assert(a->depth < AML_DEPTH_MAX);
	a->open[a->depth++] = a->out->len;
}

/* Make room of n bytes at an offset; NULL when out of memory. */
static uint8_t *insert(struct buf *b, size_t at, size_t n)
{
	size_t behind = b->len - at;

	buf_add_zero(b, n);
	if (!buf_ok(b))
		return NULL;
	memmove(b->data + at + n, b->data + at, behind);
	return b->data + at;
}

/* PkgLength (20.2.4): counts itself; 6 bits in one byte, or 4 + 8 per further byte. */
void aml_end(struct aml *a)
{
	size_t at, len;
	unsigned n = 1;
	uint8_t *p;

	assert(a->depth > 0);
	at = a->open[--a->depth];
	len = a->out->len - at;
	if (len + 1 >= 1u << 6)
		while (++n < 4 && len + n >= 1u << (4 + 8 * (n - 1)))
			;
	assert(len + n < 1u << 28);
	p = insert(a->out, at, n);
	if (!p)
		return;
	len += n;
	if (n == 1) {
		p[0] = (uint8_t)len;
		return;
	}
	p[0] = (uint8_t)((n - 1) << 6 | (len & 0xf));
	for (unsigned i = 1; i < n; i++)
		p[i] = (uint8_t)(len >> (4 + 8 * (i - 1)));
}

static void name_string(struct aml *a, const char *name)
{
	char seg[4] = { '_', '_', '_', '_' };
	size_t n;

	if (*name == '\\') {
		buf_u8(a->out, '\\');
		name++;
	}
	n = strlen(name);
	assert(n >= 1 && n <= sizeof(seg));
	memcpy(seg, name, n);
	buf_add(a->out, seg, sizeof(seg));
}

void aml_scope_begin(struct aml *a, const char *name)
{
	buf_u8(a->out, OP_SCOPE);
	begin(a);
	name_string(a, name);
}

void aml_device_begin(struct aml *a, const char *name)
{
	buf_u8(a->out, OP_EXT);
	buf_u8(a->out, OP_EXT_DEVICE);
	begin(a);
	name_string(a, name);
}

void aml_package_begin(struct aml *a, uint8_t elements)
{
	buf_u8(a->out, OP_PACKAGE);
	begin(a);
	buf_u8(a->out, elements);
}

/* DefBuffer: PkgLength BufferSize ByteList; the size is one byte, put in at the end. */
void aml_resources_begin(struct aml *a)
{
	buf_u8(a->out, OP_BUFFER);
	begin(a);
	buf_u8(a->out, OP_BYTE);
	buf_u8(a->out, 0);
}

void aml_resources_end(struct aml *a)
{
	size_t at = a->open[a->depth - 1] + 1;
	size_t bytes;

	buf_u8(a->out, RES_END);
	buf_u8(a->out, 0);
	bytes = a->out->len - at - 1;
	assert(bytes <= UINT8_MAX || !buf_ok(a->out));
	if (buf_ok(a->out))
		a->out->data[at] = (uint8_t)bytes;
	aml_end(a);
}

void aml_name(struct aml *a, const char *name)
{
	buf_u8(a->out, OP_NAME);
	name_string(a, name);
}

void aml_int(struct aml *a, uint64_t v)
{
	if (v <= 1) {
		buf_u8(a->out, v ? OP_ONE : OP_ZERO);
	} else if (v <= UINT8_MAX) {
		buf_u8(a->out, OP_BYTE);
		buf_u8(a->out, (uint8_t)v);
	} else if (v <= UINT16_MAX) {
		buf_u8(a->out, OP_WORD);
		buf_le16(a->out, (uint16_t)v);
	} else if (v <= UINT32_MAX) {
		buf_u8(a->out, OP_DWORD);
		buf_le32(a->out, (uint32_t)v);
	} else {
		buf_u8(a->out, OP_QWORD);
		buf_le64(a->out, v);
	}
}

void aml_string(struct aml *a, const char *ascii)
{
	buf_u8(a->out, OP_STRING);
	buf_add(a->out, ascii, strlen(ascii) + 1);
}

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);
}

/* EISAID (19.3.4): three letters of five bits and four hex digits, big-endian. */
void aml_eisa_id(struct aml *a, const char id[7])
{
	uint8_t b[4] = {
		(uint8_t)((id[0] - '@') << 2 | (id[1] - '@') >> 3),
		(uint8_t)((id[1] - '@') << 5 | (id[2] - '@')),
		(uint8_t)(hex_digit(id[3]) << 4 | hex_digit(id[4])),
		(uint8_t)(hex_digit(id[5]) << 4 | hex_digit(id[6])),
	};

	buf_u8(a->out, OP_DWORD);
	buf_add(a->out, b, sizeof(b));
}

void aml_io(struct aml *a, uint16_t port, uint8_t ports)
{
	buf_u8(a->out, RES_IO);
	buf_u8(a->out, 1);		/* decodes 16 bits */
	buf_le16(a->out, port);		/* lowest and highest base: nowhere else */
	buf_le16(a->out, port);
	buf_u8(a->out, 1);		/* alignment */
	buf_u8(a->out, ports);
}

void aml_irq(struct aml *a, unsigned irq)
{
	assert(irq < 16);
	buf_u8(a->out, RES_IRQ);
	buf_le16(a->out, (uint16_t)(1u << irq));
}

/* 6.4.3.4: large descriptors have two bytes of length before the rest. */
void aml_memory(struct aml *a, uint32_t gpa, uint32_t bytes)
{
	buf_u8(a->out, RES_MEMORY32_FIXED);
	buf_le16(a->out, 9);
	buf_u8(a->out, 1);		/* writable */
	buf_le32(a->out, gpa);
	buf_le32(a->out, bytes);
}

/* 6.4.3.6 */
void aml_interrupt(struct aml *a, uint32_t gsi)
{
	buf_u8(a->out, RES_INTERRUPT);
	buf_le16(a->out, 6);
	buf_u8(a->out, 1 << 0 | 1 << 1);	/* consumer, edge */
	buf_u8(a->out, 1);			/* one number follows */
	buf_le32(a->out, gsi);
}
