/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KBPF_JSON_H
#define KTSTR_MONITOR_KBPF_JSON_H
/*
 * Bytes as JSON by their type:
 *
 *   struct, union     an object; members of anonymous members are its own
 *   data section      an object of its variables
 *   array             an array; of char and with an end: a string
 *   integer           a number, beyond 64 bits a hexadecimal string; bool: true, false
 *   enum              the enumerator's name, or the number that has none
 *   float             a number
 *   pointer           a hexadecimal string; in struct_ops to a function: a number, the
 *                     program's id
 *   anything else     null
 *
 * Types and bytes may be hostile: nesting, names and the number of values are
 * bounded. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct json_object;

struct kbpf_json {
	const struct btf *btf;
	bool programs;			/* pointers to functions are ids of programs */
	unsigned left;			/* members and values to be told, over all calls */
	bool cut;			/* something was left out for that, or had no bytes */
};

#define KBPF_JSON_VALUES_MAX 32768	/* left at first, for one map */
#define KBPF_JSON_OBJECT_COST 4		/* an object or array takes as much as so many numbers */

/* A new object, the caller's; NULL is JSON's null. bytes may be fewer than the type has. */
struct json_object *kbpf_json(struct kbpf_json *j, uint32_t type, const uint8_t *bytes,
			      size_t n);
/* Bytes without a type: "0x0123...", the first 256 of them. */
struct json_object *kbpf_json_bytes(struct kbpf_json *j, const uint8_t *bytes, size_t n);

#endif
