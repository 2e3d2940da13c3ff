/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's end of the ring. */
#include "init/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/util.h"

#define PAGE 4096u

int init_ring_parse(const char *text, struct init_ring_place *ret, struct err *e)
{
	struct init_ring_place p;
	char *end;

	errno = 0;
	p.gpa = strtoull(text, &end, 16);
	if (end == text || *end != ',')
		goto bad;
	text = end + 1;
	p.bytes = strtoull(text, &end, 10);
	if (end == text || *end != ',')
		goto bad;
	text = end + 1;
	p.port = (unsigned)strtoul(text, &end, 16);
	if (end == text || *end || errno)
		goto bad;
	if (p.gpa % PAGE || p.bytes < WIRE_RING_BYTES || p.bytes > GIB || p.port > UINT16_MAX - 4)
		goto bad;
	*ret = p;
	return 0;
bad:
	return err_set(e, -EINVAL, "the place is not GPA,BYTES,PORT at \"%s\"", text);
}

/* Not for children: a wild write of a test shall not reach it. */
static void *map_mem(uint64_t gpa, size_t size, int flags, struct err *e)
{
	_cleanup_close_ int fd = open("/dev/mem", O_RDWR | O_CLOEXEC | flags);
	void *p;

	if (fd < 0) {
		err_sys(e, -errno, "open /dev/mem");
		return NULL;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)gpa);
	if (p == MAP_FAILED) {
		err_sys(e, -errno, "map 0x%llx through /dev/mem", (unsigned long long)gpa);
		return NULL;
	}
	(void)madvise(p, size, MADV_DONTFORK);
	return p;
}

static int open_doorbell(struct init_ring *r, struct err *e)
{
	if (init_port_open(r->place.port) == 0) {
		r->port_open = true;
		return 0;
	}
	/* O_SYNC: not cached, each store leaves the CPU */
	r->page = map_mem(r->place.gpa + WIRE_DOORBELL_OFFSET, PAGE, O_SYNC, e);
	return r->page ? 0 : err_ctx(e, -EIO, "doorbell");
}

int init_ring_open(struct init_ring *r, const char *text, struct err *e)
{
	int ret;

	*r = (struct init_ring){ .map = NULL };
	ret = init_ring_parse(text, &r->place, e);
	if (ret < 0)
		return ret;
	r->map = map_mem(r->place.gpa, r->place.bytes, 0, e);
	if (!r->map)
		return -EIO;
	ret = shmring_check(r->map, r->place.bytes);
	if (ret < 0) {
		err_set(e, ret, "no ring at 0x%llx: its header is not ours",
			(unsigned long long)r->place.gpa);
		goto out;
	}
	ret = open_doorbell(r, e);
	if (ret < 0)
		goto out;
	shmring_writer_init(&r->up, r->map, SHMRING_UP);
	ret = shmring_reader_init(&r->down, r->map, SHMRING_DOWN);
	if (ret < 0)
		err_sys(e, ret, "ring reader");
out:
	if (ret < 0)
		init_ring_fini(r);
	return ret;
}

void init_ring_fini(struct init_ring *r)
{
	shmring_reader_fini(&r->down);
	if (r->port_open)
		init_port_close(r->place.port);
	if (r->page)
		munmap((void *)r->page, PAGE);
	if (r->map)
		munmap(r->map, r->place.bytes);
	*r = (struct init_ring){ .map = NULL };
}

void init_ring_doorbell(const struct init_ring *r)
{
	if (r->port_open)
		init_port_write(r->place.port, 0);
	else
		*r->page = 0;
}

void init_ring_forked(const struct init_ring *r)
{
	if (r->port_open)
		init_port_close(r->place.port);
}
