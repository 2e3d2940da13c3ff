/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KBPF_TYPES_H
#define KTSTR_MONITOR_KBPF_TYPES_H
/*
 * The types of BPF programs: the BTF that a loader gave to the kernel, read out of
 * guest memory. Its bytes are checked before libbpf sees them, since that prints
 * what it dislikes; what it accepts may still refer to anything, as layout.h says.
 *
 * Each struct btf is read once and kept until the end, so make one of these for one
 * look at the guest: a struct btf may be freed and its place used again.
 *
 * Thread: any, one at a time.
 */
#include <stddef.h>
#include <stdint.h>

struct btf;
struct err;
struct kbpf;
struct kbpf_map;
struct kbpf_types;
struct monitor;

#define KBPF_TYPES_BYTES_MAX (4u << 20)	/* of one; BTF of a vmlinux has about 6 MiB */
#define KBPF_TYPES_ALL_BYTES_MAX (16u << 20)
#define KBPF_TYPES_MAX 32

/* Borrows both. */
int kbpf_types_create(const struct kbpf *b, const struct monitor *m, struct kbpf_types **ret,
		      struct err *e);
void kbpf_types_destroy(struct kbpf_types *t);

/*
 * The types that map's values are of, and the id of the value's type there: those of
 * its program, for struct_ops the kernel's. Borrowed. *e says why not:
 *   -ENODATA		it has none of its own
 *   -ENOENT		this kernel's struct btf is of another form
 *   -EFAULT, -EPROTO	they lead out of memory; are no BTF by their form
 *   -E2BIG		one of the bounds above
 *   -ENOMEM, and what else btf__new() of libbpf gives for what it dislikes
 */
int kbpf_types_of(struct kbpf_types *t, const struct kbpf_map *map, const struct btf **ret,
		  uint32_t *ret_value_type, struct err *e);

/* Are these bytes BTF by their form? For tests, too. */
int kbpf_types_check(const uint8_t *bytes, size_t n, struct err *e);

#endif
