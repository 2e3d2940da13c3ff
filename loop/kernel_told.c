/* SPDX-License-Identifier: GPL-2.0-only */
/* The pieces of what a guest tells of its kernel. */
#include "loop/kernel_told.h"

#include <errno.h>
#include <string.h>

#include "shmring/shmring.h"

void kernel_told_init(struct kernel_told *t)
{
	*t = (struct kernel_told){ .why = ERR_INIT };
}

void kernel_told_fini(struct kernel_told *t)
{
	for (int i = 0; i < WIRE_KERNEL_END; i++)
		buf_fini(&t->part[i]);
}

/* Pieces come in order; one that is not where it must be has lost the one before. */
bool kernel_told_add(struct kernel_told *t, const struct frame *f)
{
	struct wire_kernel w;
	struct buf *b;
	size_t n;

	if (f->length < sizeof(w) || t->done)
		return false;
	memcpy(&w, f->payload, sizeof(w));
	n = f->length - sizeof(w);
	if (w.part >= WIRE_KERNEL_END) {
		t->done = w.part == WIRE_KERNEL_END;
		return t->done;
	}
	b = &t->part[w.part];
	if (w.offset != b->len)
		err_set(&t->why, -EPROTO, "a piece of what the guest tells is missing");
	else if (n > KERNEL_TOLD_BYTES_MAX - b->len)
		err_set(&t->why, -E2BIG, "the guest tells more than %u MiB",
			KERNEL_TOLD_BYTES_MAX >> 20);
	else
		buf_add(b, f->payload + sizeof(w), n);
	if (!buf_ok(b))
		err_sys(&t->why, -ENOMEM, "what the guest tells");
	return true;
}
