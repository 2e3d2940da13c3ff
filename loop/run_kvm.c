/* SPDX-License-Identifier: GPL-2.0-only */
/* A run on this machine's KVM: the board's events become facts, phases and an end. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "loop/bpf_write.h"
#include "loop/machine.h"
#include "loop/run.h"
#include "monitor/monitor.h"

/* After panic text: time for the rest of the trace, if the guest does not reset at once. */
#define PANIC_GRACE_NS (2 * NSEC_PER_SEC)
/* After the first cancel: time for the guest to end its test and report. */
#define CANCEL_GRACE_NS (10 * NSEC_PER_SEC)
/* Frames handled per turn of the loop, so that a flood cannot starve it. */
#define FRAMES_PER_TURN 512

static void stop(struct ktstr_run *run)
{
	run_freeze_release(run);	/* the stop beats a freeze */
	phases_reach(&run->phases, PHASE_POWEROFF);
	machine_stop(run->machine);
}

/* --- console, program output, ring ---------------------------------------- */

static void on_console(const uint8_t *bytes, size_t n, void *arg)
{
	struct ktstr_run *run = arg;

	phases_reach(&run->phases, PHASE_OUTPUT);
	if (run->config.dmesg)
		(void)file_write_all(STDERR_FILENO, bytes, n);	/* nobody else to tell */
	capture_add(&run->console, bytes, n);
}

/* Text that ends the run: remember why now, stop when its trace is out. */
static void on_console_line(const char *line, void *arg)
{
	static const enum stop_reason ends[CAPTURE_MARK_COUNT] = {
		[CAPTURE_PANIC] = STOP_PANIC,
		[CAPTURE_OOPS] = STOP_OOPS,
		[CAPTURE_NO_INIT] = STOP_PANIC,
	};
	struct ktstr_run *run = arg;
	enum capture_mark mark = capture_mark(line);

	if (mark == CAPTURE_BANNER)
		phases_reach(&run->phases, PHASE_BANNER);
	if (mark == CAPTURE_OOM)
		facts_finding(&run->facts, "Console", "%s", line);
	if (ends[mark] == STOP_NONE || run->facts.stop != STOP_NONE)
		return;
	facts_stop(&run->facts, ends[mark], "the guest's kernel said: %.400s", line);
	phases_limit(&run->phases, PANIC_GRACE_NS);
}

static void on_program(const uint8_t *bytes, size_t n, void *arg)
{
	struct ktstr_run *run = arg;

	frame_decoder_add(&run->com2, bytes, n);
	bpf_write_go(run);
}

static void on_com2_frame(const struct frame *f, void *arg)
{
	struct ktstr_run *run = arg;

	run->facts.by_com2 = true;
	machine_speak_com2(run->machine);
	guest_frame(run, f);
}

static void on_com2_text(const void *bytes, size_t n, void *arg)
{
	struct ktstr_run *run = arg;

	capture_add(&run->program, bytes, n);
}

static void on_sched_line(const char *line, void *arg)
{
	(void)arg;
	log_info("scheduler: %s", line);
}

static void on_program_line(const char *line, void *arg)
{
	(void)arg;
	log_debug("guest: %s", line);
}

/* Take what the ring has, up to max frames; true when there may be more. */
static bool drain_ring(struct ktstr_run *run, unsigned max)
{
	struct shmring_reader *ring = machine_ring(run->machine);
	enum shmring_status s = SHMRING_EMPTY;
	struct frame f;

	for (unsigned i = 0; ring && i < max; i++) {
		s = shmring_read(ring, &f);
		if (s == SHMRING_EMPTY)
			break;
		if (s == SHMRING_FRAME) {
			run->facts.by_ring = true;
			guest_frame(run, &f);
			continue;
		}
		run->facts.bad_frames++;
		facts_finding(&run->facts, "BadFrame", "ring: %s", ring->why);
	}
	if (ring && shmring_take_wanted(ring))
		machine_wake_guest(run->machine);
	return s != SHMRING_EMPTY;
}

static void on_doorbell(void *arg)
{
	struct ktstr_run *run = arg;

	if (drain_ring(run, FRAMES_PER_TURN))
		machine_ring_again(run->machine);
	bpf_write_go(run);
}

void run_kvm_drain(struct ktstr_run *run)
{
	on_doorbell(run);
}

/* --- the end -------------------------------------------------------------- */

/* A whole ring of the smallest frames. */
#define RING_FRAMES_MAX (WIRE_UP_BYTES / sizeof(struct wire_frame))

static void on_end(enum stop_reason why, const char *text, void *arg)
{
	struct ktstr_run *run = arg;
	struct facts *f = &run->facts;

	/* the doorbell may come after the exit that ends the guest */
	drain_ring(run, RING_FRAMES_MAX);
	capture_finish(&run->console);
	if (why == STOP_EARLY_OFF && f->has_exit)
		facts_stop(f, STOP_POWEROFF, "%s", text);
	else if (why == STOP_EARLY_OFF && run->config.tty && run->phases.now >= PHASE_READY)
		facts_stop(f, STOP_ESCAPE, "%s from its terminal", text);
	else if (why == STOP_EARLY_OFF)
		facts_stop(f, why, "%s in phase %s, without a result", text,
			   phase_name(run->phases.now));
	else
		facts_stop(f, why, "%s in phase %s", text, phase_name(run->phases.now));
	stop(run);
}

static void on_expired(enum stop_reason why, uint64_t limit_ns, void *arg)
{
	struct ktstr_run *run = arg;
	struct phases *p = &run->phases;
	char up[64] = "";

	if (!run->machine || p->now == PHASE_POWEROFF) {
		facts_finding(&run->facts, "Slow", "phase %s: waited %.1f s for %s",
			      phase_name(p->now), (double)limit_ns / 1e9, phase_awaits(p->now));
		return;
	}
	drain_ring(run, RING_FRAMES_MAX);
	if (p->now == PHASE_INIT && run->facts.guest_cpus < topo_online_cpus(&run->facts.topo))
		snprintf(up, sizeof(up), "; %u of %u CPUs are up", run->facts.guest_cpus,
			 topo_online_cpus(&run->facts.topo));
	/* a panic or a cancel has said its reason already; this was its grace */
	facts_stop(&run->facts, why, "phase %s: waited %.1f s%s for %s%s", phase_name(p->now),
		   (double)limit_ns / 1e9, why == STOP_DEADLINE ? " (--timeout)" : "",
		   phase_awaits(p->now), up);
	stop(run);
}

/* The answer to watch_start(). */
static void on_asked(unsigned cpu, const struct vcpu_regs *regs, void *arg)
{
	struct ktstr_run *run = arg;

	(void)cpu;
	watch_asked(&run->watch, regs);
	run_fate_begin(run);
}

/* The kernel will end it as soon again. */
static void on_stuck(const char *text, void *arg)
{
	struct ktstr_run *run = arg;

	log_info("%s", text);
	(void)run_dump_ask(run, "early", "%s", text);
}

static void on_frozen(void *arg)
{
	run_freeze_begun(arg);
}

/* Some MiB: by COM2 that would take minutes. */
static bool on_untold(void *arg)
{
	struct ktstr_run *run = arg;

	return run->facts.by_ring && machine_send(run->machine, WIRE_KERNEL_ASK, NULL, 0) == 0;
}

static void on_settled(void *arg)
{
	bpf_write_go(arg);
}

void run_kvm_ready(struct ktstr_run *run, uint64_t kernel_gpa)
{
	watch_ready(&run->watch, kernel_gpa);
}

static void add_line(const char *line, void *arg)
{
	(void)strlist_add(arg, line);	/* a tail without a line is still a tail */
}

static void add_stat(const char *name, uint64_t value, void *arg)
{
	facts_stat_add(arg, name, value);
}

static void collect_vcpus(struct ktstr_run *run)
{
	struct facts *f = &run->facts;
	const char *why;
	const struct kindex *index = watch_index(&run->watch, &why);

	f->vcpu = calloc(machine_cpus(run->machine), sizeof(*f->vcpu));
	for (unsigned i = 0; f->vcpu && i < machine_cpus(run->machine); i++) {
		struct fact_vcpu *v = &f->vcpu[i];

		if (machine_vcpu_regs(run->machine, i, &v->regs) < 0)
			break;
		if (index)
			v->symbol = monitor_code_name(index, v->regs.rip, v->regs.lstar);
		f->vcpu_count++;
	}
}

/* Where the CPUs were and what was said last is the reason's second half. */
static void finish_reason(struct ktstr_run *run)
{
	struct facts *f = &run->facts;
	const struct fact_vcpu *v = f->vcpu;
	const size_t lines = f->console_tail.count;

	if (f->vcpu_count)
		text_append(f->stop_text, sizeof(f->stop_text), "; vCPU 0 at 0x%" PRIx64 "%s%s%s",
			    v->regs.rip, v->symbol ? " " : "", v->symbol ? v->symbol : "",
			    v->regs.halted ? ", halted" : "");
	if (f->stop != STOP_PHASE && f->stop != STOP_DEADLINE)
		return;
	text_append(f->stop_text, sizeof(f->stop_text), "; %s%s",
		    lines ? "last on the console: " : "nothing on the console",
		    lines ? f->console_tail.item[lines - 1] : "");
}

static void judge_rules(struct ktstr_run *run)
{
	struct facts *f = &run->facts;
	int r = watch_verdict(&run->watch, f->rules_text, sizeof(f->rules_text));

	f->rules = r > 0 ? VERDICT_FAIL : r < 0 ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

static void collect(struct ktstr_run *run)
{
	struct facts *f = &run->facts;
	struct shmring_reader *ring = machine_ring(run->machine);

	run_fate_collect(run);
	watch_stop(&run->watch);
	f->monitor = record_monitor(&run->watch, f->phase_ns[PHASE_SETUP]);
	judge_rules(run);
	drain_ring(run, RING_FRAMES_MAX);
	frame_decoder_finish(&run->com2);
	capture_finish(&run->console);
	capture_finish(&run->program);
	capture_finish(&run->sched_log);
	capture_tail(&run->sched_log, RECORD_TAIL_LINES, add_line, &f->sched.log_tail);
	f->bad_frames += run->com2.bad;
	capture_tail(&run->console, RECORD_TAIL_LINES, add_line, &f->console_tail);
	for (int k = 0; k < VCPU_EXIT_COUNT; k++)
		f->exits[k] = machine_exits(run->machine, (enum vcpu_exit_kind)k);
	f->has_exits = true;
	f->irqchip = vm_irqchip_for(run->config.irqchip, &f->topo);
	for (unsigned i = 0; i < machine_cpus(run->machine); i++)
		if (machine_vcpu_stats(run->machine, i, add_stat, f) < 0)
			break;	/* this KVM has none */
	if (ring && ring->missed)
		facts_finding(f, "Lost", "%" PRIu64 " frames are missing by their numbers",
			      ring->missed);
	if (f->stop == STOP_POWEROFF)
		return;
	capture_tail(&run->program, RECORD_TAIL_LINES, add_line, &f->program_tail);
	/* a guest that ended in order has nothing to tell by where its CPUs were */
	if (f->has_exit)
		return;
	collect_vcpus(run);
	finish_reason(run);
}

static void on_parked(void *arg)
{
	struct ktstr_run *run = arg;

	collect(run);
	run_dump_end(run);
	if (!run_vmcore_of_guest(run))
		run_finish(run, NULL);
}

/* --- start, cancel, release ----------------------------------------------- */

int run_kvm_start(struct ktstr_run *run, struct err *e)
{
	const struct machine_ops ops = {
		.on_console = on_console,
		.on_program = on_program,
		.on_doorbell = on_doorbell,
		.on_end = on_end,
		.on_parked = on_parked,
		.on_asked = on_asked,
		.on_frozen = on_frozen,
		.arg = run,
	};
	int r;

	run->machine = take_ptr(run->plan.machine);
	run->phases.on_expired = on_expired;
	run->phases.arg = run;
	capture_init(&run->console, on_console_line, run);
	capture_init(&run->program, on_program_line, run);
	capture_init(&run->sched_log, on_sched_line, run);
	r = frame_decoder_init(&run->com2, FRAME_TEXT, on_com2_frame, on_com2_text, run);
	if (r < 0)
		return err_sys(e, r, "COM2");
	if (run_dump_is_wanted(run))
		run->watch.on_stuck = on_stuck;
	run->watch.on_settled = on_settled;
	run->watch.on_untold = on_untold;
	run->watch.arg = run;
	run_fate_init(run);
	watch_begin(&run->watch, run->loop, run->machine, run->plan.kernel.image,
		    run->config.no_monitor ? 0 : run->config.monitor_interval_ns);
	r = machine_start(run->machine, run->loop, &ops, e);
	if (r == 0)
		phases_reach(&run->phases, PHASE_LOADED);
	return r;
}

/* A guest that has no PID 1 yet, or no ring, cannot be asked. */
static bool ask_to_stop(struct ktstr_run *run)
{
	if (run->phases.now < PHASE_READY || run->phases.now >= PHASE_RESULT)
		return false;
	run_dump_hurry(run);		/* who stands still does not hear */
	if (machine_send(run->machine, WIRE_STOP, NULL, 0) < 0)
		return false;
	phases_limit(&run->phases, CANCEL_GRACE_NS);
	return true;
}

void run_kvm_cancel(struct ktstr_run *run, bool hard)
{
	run_vmcore_cancel(run);
	facts_stop(&run->facts, STOP_CANCELLED, "cancelled in phase %s",
		   phase_name(run->phases.now));
	if (hard || !ask_to_stop(run))
		stop(run);
}

void run_kvm_end(struct ktstr_run *run, enum stop_reason why, const char *fmt, ...)
{
	char text[sizeof(run->facts.stop_text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	facts_stop(&run->facts, why, "%s", text);
	if (!ask_to_stop(run))
		stop(run);
}

void run_kvm_release(struct ktstr_run *run)
{
	fate_fini(&run->fate);
	watch_fini(&run->watch);
	machine_destroy(run->machine);
	run->machine = NULL;
	capture_fini(&run->console);
	capture_fini(&run->program);
	capture_fini(&run->sched_log);
	frame_decoder_fini(&run->com2);
}
