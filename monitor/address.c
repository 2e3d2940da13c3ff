/* SPDX-License-Identifier: GPL-2.0-only */
/* The door: kernel addresses to guest memory. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "mm/mm.h"
#include "monitor/kindex.h"
#include "monitor/layout.h"
#include "monitor/le.h"
#include "monitor/monitor_private.h"

int monitor_translate(const struct monitor *m, uint64_t kva, uint64_t *ret_gpa,
		      uint64_t *ret_left)
{
	/* the two big linear mappings; everything else is vmalloc's, or wild */
	if (kva - m->map.text_kva < m->map.text_end_kva - m->map.text_kva) {
		*ret_gpa = m->map.text_gpa + (kva - m->map.text_kva);
		*ret_left = m->map.text_end_kva - kva;
		return 0;
	}
	if (m->map.direct_kva && kva - m->map.direct_kva < m->direct_bytes) {
		*ret_gpa = kva - m->map.direct_kva;
		*ret_left = m->direct_bytes - *ret_gpa;
		return 0;
	}
	if (!(kva >> 63))
		return -EINVAL;
	return walk_translate(m->mm, &m->walk, kva, ret_gpa, ret_left);
}

int monitor_read(const struct monitor *m, uint64_t kva, void *bytes, size_t len)
{
	uint8_t *to = bytes;

	while (len) {
		uint64_t gpa, left;
		size_t n;
		int r = monitor_translate(m, kva, &gpa, &left);

		if (r < 0)
			return r;
		n = MIN(len, left);
		r = mm_read(m->mm, gpa, to, n);
		if (r < 0)
			return r;
		to += n;
		kva += n;
		len -= n;
	}
	return 0;
}

int monitor_uint(const struct monitor *m, uint64_t kva, unsigned size, uint64_t *ret)
{
	uint64_t gpa, left;
	const void *p;
	uint8_t b[8] = { 0 };
	int r;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return -EINVAL;
	r = monitor_translate(m, kva, &gpa, &left);
	if (r < 0)
		return r;
	if (gpa % size || left < size) {
		r = monitor_read(m, kva, b, size);
		*ret = le64_at(b);
		return r;
	}
	p = mm_view(m->mm, gpa, size);
	if (!p)
		return -EFAULT;
	/* aligned: one load, so that the guest cannot change it half-way */
	switch (size) {
	case 1:
		*ret = __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED);
		break;
	case 2:
		*ret = le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
		break;
	case 4:
		*ret = le32toh(__atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED));
		break;
	default:
		*ret = le64toh(__atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED));
	}
	return 0;
}

int monitor_put_uint(struct monitor *m, uint64_t kva, unsigned size, uint64_t v)
{
	uint64_t gpa, left;
	void *p;
	int r = monitor_translate(m, kva, &gpa, &left);

	if (r < 0)
		return r;
	if ((size != 1 && size != 2 && size != 4 && size != 8) || gpa % size || left < size)
		return -EINVAL;
	p = mm_view(m->mm, gpa, size);
	if (!p)
		return -EFAULT;
	/* one store, so that the guest sees the old number or the new one */
	switch (size) {
	case 1:
		__atomic_store_n((uint8_t *)p, (uint8_t)v, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((uint16_t *)p, htole16((uint16_t)v), __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)p, htole32((uint32_t)v), __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n((uint64_t *)p, htole64(v), __ATOMIC_RELAXED);
	}
	return 0;
}

int monitor_field(const struct monitor *m, uint64_t kva, const struct layout_field *f,
		  uint64_t *ret)
{
	int r = monitor_uint(m, kva + f->offset, f->size, ret);

	if (r == 0 && f->bit_size)
		*ret = *ret >> f->bit_offset & ((UINT64_C(1) << f->bit_size) - 1);
	return r;
}

/* What is linked below the kernel's mapping does not move: per-CPU offsets. */
static uint64_t slid(const struct monitor *m, uint64_t addr)
{
	return addr >= KERNEL_MAP_KVA ? addr + m->map.slide : addr;
}

bool monitor_symbol(const struct monitor *m, const char *name, uint64_t *ret_kva)
{
	uint64_t addr;

	if (!kindex_find(m->index, name, &addr))
		return false;
	*ret_kva = slid(m, addr);
	return true;
}

int monitor_percpu(const struct monitor *m, uint64_t kva, unsigned cpu, uint64_t *ret_kva)
{
	if (cpu >= m->cpus)
		return -EINVAL;
	*ret_kva = kva + m->percpu_offset[cpu];
	return 0;
}

char *monitor_code_name(const struct kindex *k, uint64_t rip, uint64_t lstar)
{
	uint64_t entry, slide = 0, offset;
	const char *name;
	char *text;

	if (lstar && kindex_find(k, "entry_SYSCALL_64", &entry))
		slide = lstar - entry;
	if (rip < KERNEL_MAP_KVA)
		return NULL;
	name = kindex_code_at(k, rip - slide, &offset);
	if (!name || asprintf(&text, "%.100s+0x%" PRIx64, name, offset) < 0)
		return NULL;
	return text;
}
