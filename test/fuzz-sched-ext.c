/* SPDX-License-Identifier: GPL-2.0-only */
/* sched_ext's state of any bytes: what is read of an exit is bounded and clean, or an error. */
#include <errno.h>

#include "base/units.h"
#include "test/fuzz.h"
#include "test/scx-guest.h"

#define CHANGES_MAX 48
#define KERNELS 3

/* What was there before a change. */
struct undo {
	uint64_t at, was;
};

/* Numbers and pointers of all that is read: mostly to where something is. */
static void change(struct scx_guest *f, struct fuzz_in *in, struct undo *u)
{
	const uint64_t places[] = {
		SCX_INFO, SCX_SCHED, SCX_REASON, SCX_MSG, SCX_DUMP, f->g.text_gpa + 0x3018,
		f->g.text_gpa + VMLINUX_AT_SCX_OPS, GUEST_KERNEL_BYTES - 64,
	};
	const uint8_t how = fuzz_u8(in);
	const uint64_t at = places[fuzz_u8(in) % ARRAY_SIZE(places)] + fuzz_u8(in) % 56;
	uint64_t v = fuzz_u64(in);

	if (how & 1)
		v = kva(f, places[v % ARRAY_SIZE(places)]) + (v >> 56);
	u->at = how & 2 ? at & ~UINT64_C(7) : at;
	FUZZ_CHECK(mm_read(f->g.mm, u->at, &u->was, sizeof(u->was)) == 0);
	mm_write(f->g.mm, u->at, &v, how & 4 ? 1 : sizeof(v));
}

static void check_text(const char *text, size_t size)
{
	const size_t n = strnlen(text, size);

	FUZZ_CHECK(n < size);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK((unsigned char)text[i] >= ' ' || text[i] == '\n' || text[i] == '\t');
}

static void check_exit(struct scx_guest *f)
{
	struct sched_ext_exit x;
	char line[64];
	int r = sched_ext_read_exit(f->s, f->g.monitor, &x);

	if (r < 0)
		return;
	check_text(x.kind_name, sizeof(x.kind_name));
	check_text(x.ops, sizeof(x.ops));
	check_text(x.reason, sizeof(x.reason));
	check_text(x.msg, sizeof(x.msg));
	FUZZ_CHECK(!x.dump == !x.dump_bytes && x.dump_bytes <= SCHED_EXT_DUMP_MAX);
	if (x.dump)
		check_text(x.dump, x.dump_bytes + 1);
	sched_ext_exit_text(&x, line, sizeof(line));
	check_text(line, sizeof(line));
	sched_ext_exit_fini(&x);
}

static void check_watchdog(struct scx_guest *f, uint64_t want_ns)
{
	struct sched_ext_watchdog w = { .want_ns = want_ns };
	struct err e = ERR_INIT;
	int r = sched_ext_watchdog_look(f->s, f->g.monitor, &w, &e);

	FUZZ_CHECK(r < 0 ? *err_text(&e) : w.held == r);
	r = sched_ext_watchdog_set(f->s, f->g.monitor, &w, &e);
	FUZZ_CHECK(r < 0 ? *err_text(&e) : w.held);
}

/* Made once: each input leaves them as they were. */
static struct scx_guest *guest(enum kernel kernel)
{
	static struct scx_guest guests[KERNELS];
	struct scx_guest *f = &guests[kernel];

	if (!f->s) {
		FUZZ_CHECK(scx_guest_open(f, kernel));
		put_scheduler(f, KIND_STALL);
	}
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct scx_guest *f = guest((enum kernel)(fuzz_u8(&in) % KERNELS));
	const uint64_t want_ns = fuzz_u64(&in) % (NSEC_PER_SEC * 3600) + 1;
	enum sched_ext_state state;
	struct undo undo[CHANGES_MAX];
	unsigned n = 0;

	while (in.left && n < CHANGES_MAX)
		change(f, &in, &undo[n++]);
	if (sched_ext_read_state(f->s, f->g.monitor, &state) == 0)
		FUZZ_CHECK(state < SCHED_EXT_STATE_COUNT);
	check_exit(f);
	/* where a wild scx_root leads to is written as well: not into this guest's page tables */
	if (f->kernel != ALL_BY_ROOT)
		check_watchdog(f, want_ns);
	while (n--)
		mm_write(f->g.mm, undo[n].at, &undo[n].was, sizeof(undo[n].was));
	return 0;
}
