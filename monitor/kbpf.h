/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KBPF_H
#define KTSTR_MONITOR_KBPF_H
/*
 * What the guest's kernel has of BPF: maps with their values, programs with their
 * counts. Found as the kernel finds them, by the tables of ids.
 *
 *   map_idr -> struct bpf_map -> kbpf_each_map()
 *                 |-- values, by the map's kind --> kbpf_each_value()
 *                 `-- struct btf, the types that the loader brought --> kbpf_types.h
 *                                     bytes + types --> kbpf_json.h, kbpf_write.h
 *   prog_idr -> struct bpf_prog -> kbpf_each_program()
 *
 * All of it is guest data and may change or go away meanwhile: walks are bounded and
 * check what points back (idr.h), values are copied once. A value that was read while
 * a program wrote it may be half old.
 *
 * Thread: any, one at a time.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct kbpf;
struct kindex;
struct monitor;

#define KBPF_NAME_MAX 16		/* BPF_OBJ_NAME_LEN */
#define KBPF_VALUE_BYTES_MAX (1u << 20)	/* of one value; what lies behind is not read */
#define KBPF_ELEMENTS_MAX 1024		/* of one map; of a per-CPU one each has several values */

/* Look up the members of all types; borrows the index. Fails for lack of memory only. */
int kbpf_create(const struct kindex *k, struct kbpf **ret, struct err *e);
void kbpf_destroy(struct kbpf *b);

/* --- maps ------------------------------------------------------------------------ */

struct kbpf_map {
	uint64_t kva;
	uint32_t id;
	uint32_t type;			/* BPF_MAP_TYPE_... */
	uint32_t key_size, value_size, max_entries;
	uint32_t flags;			/* BPF_F_... */
	bool frozen;			/* user space cannot write it any more */
	uint64_t btf_kva;		/* 0: it came without types */
	uint32_t key_type, value_type;	/* in those; 0: none */
	uint32_t kernel_value_type;	/* struct_ops: in the kernel's; 0: none */
	char name[KBPF_NAME_MAX];	/* clean text */
};

/*
 * fn for each map by ascending id, until it returns nonzero, which is returned.
 * -ENOENT: this kernel has no maps, *e says what is missing; else as idr_walk().
 */
typedef int kbpf_map_fn(const struct kbpf_map *map, void *arg);
int kbpf_each_map(const struct kbpf *b, const struct monitor *m, kbpf_map_fn *fn, void *arg,
		  struct err *e);

/* "array", "percpu_hash"; NULL: none that is known. */
const char *kbpf_map_type_name(uint32_t type);

struct kbpf_element {
	const uint8_t *key;		/* [key_size]; NULL: index is the key */
	uint32_t index;			/* of an array */
	int cpu;			/* whose value; -1: all CPUs have one */
	const uint8_t *value;
	size_t value_bytes;		/* less than value_size: the rest was not read */
};

typedef int kbpf_element_fn(const struct kbpf_element *el, void *arg);

/* One look into any number of maps, which together cost no more than left. */
struct kbpf_look {
	kbpf_element_fn *fn;
	void *arg;
	size_t left;			/* bytes to be read; an element costs some of its own */
};

#define KBPF_LOOK_BYTES_MAX (64u << 20)	/* a hash of 2^20 buckets costs 16 MiB */

/*
 * fn for each element, until it returns nonzero, which is returned. -EOPNOTSUPP: maps
 * of this kind are not looked into; -ENOENT: the kernel's are of another form; -EFAULT,
 * -EPROTO: the map leads out of memory or contradicts itself; -E2BIG: there are more
 * than were told, or than the look has left. *e has the reason. Also -ENOMEM.
 */
int kbpf_each_value(const struct kbpf *b, const struct monitor *m, const struct kbpf_map *map,
		    struct kbpf_look *look, struct err *e);

/* Where element index of an array lies. */
int kbpf_array_at(const struct kbpf *b, const struct monitor *m, const struct kbpf_map *map,
		  uint32_t index, uint64_t *ret_kva, struct err *e);

/* --- programs -------------------------------------------------------------------- */

struct kbpf_program {
	uint64_t kva;
	uint32_t id;
	uint32_t type;			/* BPF_PROG_TYPE_... */
	char name[KBPF_NAME_MAX];	/* clean text */
	uint64_t stats;			/* per-CPU pointer; 0: none */
};

/* "struct_ops"; NULL: none that is known. */
const char *kbpf_program_type_name(uint32_t type);

/* fn for each program, in the way and with the errors of kbpf_each_map(). */
typedef int kbpf_program_fn(const struct kbpf_program *p, void *arg);
int kbpf_each_program(const struct kbpf *b, const struct monitor *m, kbpf_program_fn *fn,
		      void *arg, struct err *e);

struct kbpf_count {
	uint64_t runs, run_ns;
	uint64_t misses;		/* calls that were left out: it ran on that CPU already */
};

/*
 * Over all CPUs. -ENODATA: the kernel has no counters for it; -EFAULT: those of a CPU
 * are not mapped, as for a program that went away. *ret is good on success alone.
 */
int kbpf_count(const struct kbpf *b, const struct monitor *m, const struct kbpf_program *p,
	       struct kbpf_count *ret, struct err *e);

/*
 * Does the kernel count runs (kernel.bpf_stats_enabled)? 0: it does. -ENODATA: it does
 * not; -ENOENT: it cannot be told.
 */
int kbpf_counts(const struct monitor *m, struct err *e);

#endif
