/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_JSON_H
#define KTSTR_LOOP_JSON_H
/*
 * Members of the JSON documents that the loop writes (records, dumps). What is not
 * known is absent. The object is borrowed, strings are copied. Thread: any.
 */
#include <stdint.h>

struct json_object;
struct strlist;

/* Nothing for NULL and "". */
void json_add_str(struct json_object *o, const char *key, const char *s);
void json_add_u64(struct json_object *o, const char *key, uint64_t v);
/* An address or a register, "0x1f": many readers of JSON have numbers of 53 bits. */
void json_add_hex(struct json_object *o, const char *key, uint64_t v);
/* Milliseconds with microseconds behind the point, written as such. */
void json_add_ms(struct json_object *o, const char *key, uint64_t ns);
/* With three digits behind the point, written as such. */
struct json_object *json_decimal(double v);
/* The object as text, which is valid until it changes. NULL: no memory. */
const char *json_text(struct json_object *o);
/* An array of strings; nothing for an empty list. */
void json_add_list(struct json_object *o, const char *key, const struct strlist *l);

#endif
