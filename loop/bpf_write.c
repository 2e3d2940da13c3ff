/* SPDX-License-Identifier: GPL-2.0-only */
/* Between "attached" and the tests: writes into the scheduler's maps. */
#include "loop/bpf_write.h"

#include <errno.h>
#include <json-c/json.h>

#include "base/err.h"
#include "loop/json.h"
#include "loop/machine.h"
#include "loop/run.h"
#include "monitor/kbpf_types.h"
#include "monitor/kbpf_write.h"
#include "monitor/monitor.h"

static void add_record(struct json_object *a, const char *spec, const struct kbpf_written *w)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "write", spec);
	json_add_str(o, "map", w->map);
	json_add_u64(o, "map_id", w->map_id);
	json_add_u64(o, "was", w->was);
	json_add_u64(o, "now", w->now);
	json_object_array_add(a, o);
}

/* Each that was done is in *ret. */
static int write_all(struct ktstr_run *run, struct json_object *ret, struct err *e)
{
	const struct strlist *l = &run->config.bpf_write;
	struct monitor *m = watch_monitor(&run->watch);
	struct kbpf_types *types = NULL;
	struct kbpf *b = NULL;
	int r = -ENODATA;

	if (!m)
		return err_set(e, r, "%s", err_text(&run->watch.why));
	r = kbpf_create(monitor_index(m), &b, e);
	if (r == 0)
		r = kbpf_types_create(b, m, &types, e);
	for (size_t i = 0; i < l->count && r == 0; i++) {
		struct kbpf_written w;

		r = kbpf_write(b, m, types, l->item[i], &w, e);
		if (r == 0)
			add_record(ret, l->item[i], &w);
	}
	kbpf_types_destroy(types);
	kbpf_destroy(b);
	return r;
}

void bpf_write_go(struct ktstr_run *run)
{
	if (run->hold != RUN_HELD || !watch_settled(&run->watch))
		return;
	run->hold = RUN_NO_HOLD;
	/* else PID 1 is told to stop, or knows it */
	if (run->facts.stop == STOP_NONE)
		(void)run_freeze_ask(run, RUN_FREEZE_BPF_WRITE);	/* it ends if not */
}

void bpf_write_frozen(struct ktstr_run *run, const char *partial)
{
	struct sched_facts *s = &run->facts.sched;
	struct err e = ERR_INIT;
	int r;

	if (run->facts.stop != STOP_NONE)
		return;
	/* a restart writes anew: what the record has is of the last time */
	json_object_put(s->bpf_writes);
	s->bpf_writes = json_object_new_array();
	r = *partial ? err_set(&e, -EAGAIN, "was not tried: %s", partial) :
		       write_all(run, s->bpf_writes, &e);
	if (r == 0 && machine_send(run->machine, WIRE_GO, NULL, 0) < 0)
		err_set(&e, -EIO, "the guest could not be told to go on");
	if (*err_text(&e))
		run_kvm_end(run, STOP_BPF_WRITE, "--bpf-write %s", err_text(&e));
}

void bpf_write_attached(struct ktstr_run *run)
{
	if (run->config.bpf_write.count)
		run->hold = RUN_MAY_HOLD;
}

bool bpf_write_hold(struct ktstr_run *run)
{
	if (run->hold != RUN_MAY_HOLD)
		return false;
	run->hold = RUN_HELD;
	return true;
}
