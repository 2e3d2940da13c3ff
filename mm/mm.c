/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory in the host: one reservation, the regions mapped inside it,
 * and the door. The reservation keeps the congruence of host and guest
 * addresses in one place: hva = base + (gpa's offset in the packed layout).
 */
#include "mm/mm.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"

#define PAGE_BYTES 4096

struct mm {
	struct mm_layout layout;
	uint8_t *hva[MM_REGIONS_MAX];	/* NULL: not mapped */
	void *reserved;
	size_t reserved_bytes;
};

static int map_ram(struct mm *m, unsigned i, uint8_t *at, struct err *e)
{
	size_t size = m->layout.region[i].size;
	void *p = mmap(at, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		return err_sys(e, -errno, "memory: map %zu bytes of guest RAM", size);
	/* large pages save faults and nested faults; without them it still works */
	(void)madvise(p, size, MADV_HUGEPAGE);
	/* a core dump of the host program does not want the guest's RAM */
	(void)madvise(p, size, MADV_DONTDUMP);
	m->hva[i] = p;
	return 0;
}

static int map_ring(struct mm *m, unsigned i, uint8_t *at, struct err *e)
{
	size_t size = m->layout.region[i].size;
	_cleanup_close_ int fd = memfd_create("ktstr-ring", MFD_CLOEXEC);
	void *p;

	if (fd < 0)
		return err_sys(e, -errno, "memory: create the ring");
	if (ftruncate(fd, (off_t)size) < 0)
		return err_sys(e, -errno, "memory: size the ring to %zu bytes", size);
	p = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, -errno, "memory: map %zu bytes of ring", size);
	m->hva[i] = p;
	return 0;
}

static int map_all(struct mm *m, struct err *e)
{
	const struct mm_layout *l = &m->layout;
	uint64_t total = MM_ALIGN;
	uint8_t *at;
	int r;

	for (unsigned i = 0; i < l->count; i++)
		total += round_up(l->region[i].size, MM_ALIGN);
	m->reserved = mmap(NULL, total, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->reserved == MAP_FAILED) {
		r = -errno;
		m->reserved = NULL;
		return err_sys(e, r, "memory: reserve %" PRIu64 " bytes", total);
	}
	m->reserved_bytes = total;
	/* every gpa is a multiple of 2 MiB, so aligned means congruent */
	at = (uint8_t *)round_up((uintptr_t)m->reserved, MM_ALIGN);
	for (unsigned i = 0; i < l->count; i++) {
		assert(l->region[i].gpa % MM_ALIGN == 0);
		r = l->region[i].kind == MM_RING ? map_ring(m, i, at, e) : map_ram(m, i, at, e);
		if (r < 0)
			return r;
		at += round_up(l->region[i].size, MM_ALIGN);
	}
	return 0;
}

int mm_create(const struct mm_layout *l, struct mm **ret, struct err *e)
{
	struct mm *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_sys(e, -ENOMEM, "memory");
	m->layout = *l;
	r = map_all(m, e);
	if (r < 0) {
		mm_destroy(m);
		return r;
	}
	*ret = m;
	return 0;
}

void mm_destroy(struct mm *m)
{
	if (!m)
		return;
	if (m->reserved)
		munmap(m->reserved, m->reserved_bytes);
	free(m);
}

static const struct mm_region *ram_region(const struct mm *m, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < m->layout.count; i++) {
		const struct mm_region *r = &m->layout.region[i];

		if (r->kind == MM_RAM && gpa >= r->gpa && gpa - r->gpa < r->size &&
		    len <= r->size - (gpa - r->gpa))
			return r;
	}
	return NULL;
}

int mm_map_file(struct mm *m, uint64_t gpa, int fd, uint64_t bytes, struct err *e)
{
	uint64_t len = round_up(bytes, PAGE_BYTES);
	struct stat st;
	void *at;

	if (!bytes || len < bytes || gpa % PAGE_BYTES || !ram_region(m, gpa, len))
		return err_set(e, -EINVAL,
			       "memory: 0x%" PRIx64 " bytes at 0x%" PRIx64
			       " are not whole pages of one region of RAM", bytes, gpa);
	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "memory: map a file");
	/* a page behind the end of a file is SIGBUS */
	if ((uint64_t)st.st_size < len)
		return err_set(e, -EINVAL, "memory: a file of %" PRIu64 " bytes has no %" PRIu64,
			       (uint64_t)st.st_size, len);
	at = mm_view(m, gpa, len);
	if (mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
		 0) == MAP_FAILED)
		return err_sys(e, -errno, "memory: map 0x%" PRIx64 " bytes of a file", len);
	/* as RAM, and where the file has large pages they are mapped as such */
	(void)madvise(at, len, MADV_HUGEPAGE);
	(void)madvise(at, len, MADV_DONTDUMP);
	return 0;
}

const struct mm_layout *mm_layout(const struct mm *m)
{
	return &m->layout;
}

void *mm_view(const struct mm *m, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < m->layout.count; i++) {
		const struct mm_region *r = &m->layout.region[i];
		uint64_t off = gpa - r->gpa;	/* wraps to huge when gpa lies below */

		if (off < r->size && len <= r->size - off)
			return m->hva[i] + off;
	}
	return NULL;
}

int mm_read(const struct mm *m, uint64_t gpa, void *bytes, size_t len)
{
	const void *p = mm_view(m, gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(bytes, p, len);
	return 0;
}

int mm_write(struct mm *m, uint64_t gpa, const void *bytes, size_t len)
{
	void *p = mm_view(m, gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(p, bytes, len);
	return 0;
}
