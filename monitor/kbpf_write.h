/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KBPF_WRITE_H
#define KTSTR_MONITOR_KBPF_WRITE_H
/*
 * Write into a map of the guest's, by name: MAP.FIELD=VALUE.
 *
 *   .bss.crash=1              a global variable of whatever program has it
 *   fixture.bss.crash=1       ... of that one
 *   .data.args.args.mode=FIXTURE_STALL
 *   limits[3].cpus[1].weight=0x200
 *
 * MAP is the map's name, or its end from a dot on, or, beyond the 15 bytes that a
 * kernel keeps, its name in the program's source; [N] selects an element. FIELD is
 * a variable or member and what is in it, by the program's own types; those also
 * choose among maps of the same name. VALUE is a number (decimal, 0x, negative), for
 * a bool true or false, for an enum an enumerator.
 *
 * Only arrays, since nothing else lies at one place; integers, bools and enums of 1,
 * 2, 4 or 8 bytes, since these are written in one piece.
 *
 * The guest stands still meanwhile: in one that runs a map may be freed, and its memory be
 * another's, between the look and the write.
 *
 * Thread: any, one at a time.
 */
#include <stdint.h>

#include "monitor/kbpf.h"

struct kbpf_types;

/* The form alone: "MAP.FIELD=VALUE". -EINVAL. */
int kbpf_write_check(const char *spec, struct err *e);

struct kbpf_written {
	uint32_t map_id;
	char map[KBPF_NAME_MAX];
	unsigned size;			/* bytes of the field */
	uint64_t was, now;		/* as they lie there: not extended by a sign */
};

/*
 * Write and read back. *e names the map, the field and the reason: -EINVAL the value
 * does not fit the type; -ENOENT no such place in a map that can be written; -ENOTUNIQ
 * several; -E2BIG more than are looked at; -EOPNOTSUPP the field is not of a kind that
 * can be written; -EIO it reads back as something else; -EFAULT it is not mapped.
 * The types (t) were made since the guest stands still.
 */
int kbpf_write(const struct kbpf *b, struct monitor *m, struct kbpf_types *t, const char *spec,
	       struct kbpf_written *ret, struct err *e);

#endif
