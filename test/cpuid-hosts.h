/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_CPUID_HOSTS_H
#define KTSTR_TEST_CPUID_HOSTS_H
/*
 * Made-up answers of KVM_GET_SUPPORTED_CPUID, of hosts that differ in what they
 * tell of topology and caches.
 */
#include <stdlib.h>
#include <string.h>

#include "vcpu/x86.h"

#define SUB KVM_CPUID_FLAG_SIGNIFCANT_INDEX
#define GENUINE_INTEL .ebx = 0x756e6547, .edx = 0x49656e69, .ecx = 0x6c65746e
#define AUTHENTIC_AMD .ebx = 0x68747541, .edx = 0x69746e65, .ecx = 0x444d4163
#define HYGON_GENUINE .ebx = 0x6f677948, .edx = 0x6e65476e, .ecx = 0x656e6975

static const struct kvm_cpuid_entry2 intel[] = {
	{ .function = 0x0, .eax = 0x1f, GENUINE_INTEL },
	{ .function = 0x1, .eax = 0x806f8, .ebx = 0x2b400800, .ecx = 0x76fa3203,
	  .edx = 0x178bfbff },
	{ .function = 0x4, .index = 0, .flags = SUB, .eax = 0x7c004121, .ebx = 0x2c0003f },
	{ .function = 0x4, .index = 1, .flags = SUB, .eax = 0x7c004122, .ebx = 0x1c0003f },
	{ .function = 0x4, .index = 2, .flags = SUB, .eax = 0x7c004143, .ebx = 0x3c0003f },
	{ .function = 0x4, .index = 3, .flags = SUB, .eax = 0x7c0fc163, .ebx = 0x380003f },
	{ .function = 0x4, .index = 4, .flags = SUB },
	{ .function = 0xa, .eax = 0x8300805, .edx = 0x8604 },
	{ .function = 0xb, .index = 0, .flags = SUB },
	{ .function = 0x1f, .index = 0, .flags = SUB },
	{ .function = 0x80000000, .eax = 0x80000008 },
	{ .function = 0x80000001, .ecx = 0x121, .edx = 0x2c100800 },
	{ .function = 0x80000008, .eax = 0x3934, .ecx = 0x1234 },
	{ .function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b, .ecx = 0x564b4d56,
	  .edx = 0x4d },
	{ .function = 0x40000001, .eax = 0x1007efb },
};

static const struct kvm_cpuid_entry2 zen[] = {
	{ .function = 0x0, .eax = 0x10, AUTHENTIC_AMD },
	{ .function = 0x1, .eax = 0xa00f11, .ebx = 0x7200800, .ecx = 0x76f83203, .edx = 0x78bfbff },
	{ .function = 0x4, .index = 0, .flags = SUB },
	{ .function = 0xb, .index = 0, .flags = SUB },
	{ .function = 0x80000000, .eax = 0x80000021 },
	{ .function = 0x80000001, .ecx = 0x400393, .edx = 0x2fd3fbff },
	{ .function = 0x80000008, .eax = 0x303030, .ecx = 0x7001 },
	{ .function = 0x8000001d, .index = 0, .flags = SUB, .eax = 0x4121, .ebx = 0x1c0003f },
	{ .function = 0x8000001d, .index = 1, .flags = SUB, .eax = 0x4122, .ebx = 0x1c0003f },
	{ .function = 0x8000001d, .index = 2, .flags = SUB, .eax = 0x4143, .ebx = 0x1c0003f },
	{ .function = 0x8000001d, .index = 3, .flags = SUB, .eax = 0x3c163, .ebx = 0x3c0003f },
	{ .function = 0x8000001d, .index = 4, .flags = SUB },
	{ .function = 0x8000001e, .eax = 77, .ebx = 77, .ecx = 77 },
	{ .function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b, .ecx = 0x564b4d56,
	  .edx = 0x4d },
};

/* The same with an L4 of the host's, and without the L3. */
static const struct kvm_cpuid_entry2 leaky_intel[] = {
	{ .function = 0x0, .eax = 0x16, GENUINE_INTEL },
	{ .function = 0x1, .eax = 0x50654, .ebx = 0x2b400800, .ecx = 0x76fa3203,
	  .edx = 0x178bfbff },
	{ .function = 0x2, .eax = 0x76036301, .ebx = 0xf0b5ff, .edx = 0xc30000 },
	{ .function = 0x4, .index = 0, .flags = SUB, .eax = 0x7c004121, .ebx = 0x2c0003f },
	{ .function = 0x4, .index = 1, .flags = SUB, .eax = 0x7c004143, .ebx = 0x3c0003f },
	{ .function = 0x4, .index = 2, .flags = SUB, .eax = 0x7c1fc183, .ebx = 0x380003f },
	{ .function = 0x4, .index = 3, .flags = SUB },
	{ .function = 0xb, .index = 0, .flags = SUB, .edx = 77 },
	{ .function = 0x80000000, .eax = 0x80000008 },
	{ .function = 0x80000001, .ecx = 0x121, .edx = 0x2c100800 },
	{ .function = 0x80000006, .ecx = 0x8007040 },
	{ .function = 0x80000008, .eax = 0x302e, .ecx = 0x1234 },
};

/* As under QEMU's -cpu max: no topology at all, short ranges, no signature. */
static const struct kvm_cpuid_entry2 old_amd[] = {
	{ .function = 0x0, .eax = 0x5, AUTHENTIC_AMD },
	{ .function = 0x1, .eax = 0x60fb1, .ebx = 0x800, .ecx = 0x76f83203, .edx = 0xf8bfbfd },
	{ .function = 0x80000000, .eax = 0x8000000a },
	{ .function = 0x80000001, .ecx = 0x75 },
	{ .function = 0x80000008, .eax = 0x3928 },
};

/*
 * A host whose KVM passes everything on: what newer processors have, and a
 * guest may not see: an L4, levels of the host's package, the host's ids.
 */
static const struct kvm_cpuid_entry2 leaky_amd[] = {
	{ .function = 0x0, .eax = 0x23, AUTHENTIC_AMD },
	{ .function = 0x1, .eax = 0xb00f21, .ebx = 0x4d800800, .ecx = 0x76f83203,
	  .edx = 0x178bfbff },
	{ .function = 0x2, .eax = 0x1234501, .ebx = 0x77 },
	{ .function = 0x4, .index = 0, .flags = SUB, .eax = 0x3c004121, .ebx = 0x1c0003f },
	{ .function = 0x4, .index = 1, .flags = SUB },
	{ .function = 0xb, .index = 0, .flags = SUB, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 77 },
	{ .function = 0xb, .index = 1, .flags = SUB, .eax = 9, .ebx = 384, .ecx = 0x201,
	  .edx = 77 },
	{ .function = 0xb, .index = 2, .flags = SUB, .ecx = 2, .edx = 77 },
	{ .function = 0xb, .index = 3, .flags = SUB, .eax = 12, .ebx = 9, .ecx = 0x503, .edx = 77 },
	{ .function = 0x18, .index = 0, .flags = SUB, .edx = 0x1fc122 },
	{ .function = 0x1f, .index = 0, .flags = SUB, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 77 },
	{ .function = 0x1f, .index = 1, .flags = SUB, .eax = 4, .ebx = 16, .ecx = 0x201,
	  .edx = 77 },
	{ .function = 0x1f, .index = 2, .flags = SUB, .eax = 7, .ebx = 99, .ecx = 0x502,
	  .edx = 77 },
	{ .function = 0x80000000, .eax = 0x80000026 },
	{ .function = 0x80000001, .ecx = 0x400393, .edx = 0x2fd3fbff },
	{ .function = 0x80000005, .eax = 0xff48ff40, .ebx = 0xff48ff40, .ecx = 0x300c0140,
	  .edx = 0x20080140 },
	{ .function = 0x80000006, .eax = 0x5c002200, .ebx = 0x6c004200, .ecx = 0x4009140,
	  .edx = 0x6009140 },
	{ .function = 0x80000008, .eax = 0x303030, .ecx = 0x1917f },
	{ .function = 0x8000001d, .index = 0, .flags = SUB, .eax = 0x4121, .ebx = 0x2c0003f },
	{ .function = 0x8000001d, .index = 1, .flags = SUB, .eax = 0x4143, .ebx = 0x3c0003f },
	{ .function = 0x8000001d, .index = 2, .flags = SUB, .eax = 0x3c163, .ebx = 0x3c0003f },
	{ .function = 0x8000001d, .index = 3, .flags = SUB, .eax = 0x3fc183, .ebx = 0x3c0003f },
	{ .function = 0x8000001d, .index = 4, .flags = SUB, .eax = 0x3fc1a3, .ebx = 0x3c0003f },
	{ .function = 0x8000001d, .index = 5, .flags = SUB },
	{ .function = 0x8000001e, .eax = 77, .ebx = 77, .ecx = 0x777 },
	{ .function = 0x80000026, .index = 0, .flags = SUB, .eax = 1, .ebx = 2, .ecx = 0x100,
	  .edx = 77 },
	{ .function = 0x80000026, .index = 1, .flags = SUB, .eax = 4, .ebx = 16, .ecx = 0x201,
	  .edx = 77 },
	{ .function = 0x80000026, .index = 2, .flags = SUB, .eax = 9, .ebx = 384, .ecx = 0x402,
	  .edx = 77 },
};

static struct kvm_cpuid2 *load(const struct kvm_cpuid_entry2 *rows, size_t n)
{
	struct kvm_cpuid2 *c = cpuid_new();

	c->nent = (uint32_t)n;
	memcpy(c->entries, rows, n * sizeof(*rows));
	return c;
}

#define LOAD(rows) load(rows, ARRAY_SIZE(rows))

#endif
