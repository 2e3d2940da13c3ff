/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_UTIL_H
#define KTSTR_BASE_UTIL_H
/* Small helpers that every folder uses. Thread: any. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define NSEC_PER_SEC UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)

/* align is a power of two; the caller knows that v + align does not wrap. */
static inline uint64_t round_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline uint64_t round_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/* _cleanup_(fn) T x: fn(&x) runs when x leaves its scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Hand a pointer or an fd on, so that its cleanup does nothing. */
#define take_ptr(p) \
	({ __auto_type take_ = (p); (p) = NULL; take_; })

static inline int take_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/* Close and forget; for struct members. */
static inline void close_fd(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

#endif
