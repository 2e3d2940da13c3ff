/* SPDX-License-Identifier: GPL-2.0-only */
/* One run of one VMM, from exec to end, and what is to be seen of it from outside. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "bench/bench.h"
#include "boot/boot.h"
#include "boot/initramfs.h"
#include "init/init.h"
#include "shmring/shmring.h"

/* A run that takes longer hangs. Inside the counted machine idle time costs nothing. */
#define TIMEOUT_MS 20000
#define RUN_TIMEOUT "10s"
/* A mapping that large is guest memory. */
#define GUEST_KIB (32 * 1024)

/* The tests of boot.c: one ends at once, one gives time to look at memory, one works. */
#define TEST_TIME "empty"
#define TEST_MEMORY "linger"
#define TEST_WORK "work"

static const char *const names[] = {
	[BENCH_KTSTR] = "ktstr run",
	[BENCH_KTSTR_SET] = "  --memory",
	[BENCH_KTSTR_SLOW] = "  --memory --no-fast-boot",
	[BENCH_QEMU] = "QEMU microvm",
};
_Static_assert(ARRAY_SIZE(names) == BENCH_VMM_COUNT, "a name for every VMM");

const char *bench_vmm_name(enum bench_vmm v)
{
	return names[v];
}

static const struct monitored {
	const char *name, *option;
} monitors[] = {
	[MONITOR_DEFAULT] = { "as users have it", NULL },
	[MONITOR_OFF] = { "off", "--no-monitor" },
	[MONITOR_100MS] = { "each 100 ms", "--monitor-interval=100ms" },
	[MONITOR_1MS] = { "each 1 ms", "--monitor-interval=1ms" },
};
_Static_assert(ARRAY_SIZE(monitors) == MONITOR_COUNT, "a name for each");

const char *bench_monitor_name(enum bench_monitor m)
{
	return monitors[m].name;
}

struct watch {
	enum bench_look look;
	struct sample *sample;
	struct trace trace;
	struct process_ops ops;
	/* QEMU: frames on its stdout, which is the guest's COM2 */
	struct frame_decoder decoder;
	bool framed;
	uint64_t now_ns, init_ns, result_ns;	/* CLOCK_MONOTONIC */
	bool passed;
	bool cached;			/* the payload was found */
};

/* --- memory --------------------------------------------------------------- */

/* All mappings but guest RAM, whose pages are not the VMM's overhead. */
static void look_at_memory(struct watch *w)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[512];
	uint64_t kib, size = 0;

	if (w->look != LOOK_MEMORY || w->sample->resident_kib)
		return;
	snprintf(path, sizeof(path), "/proc/%d/smaps", w->ops.pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Size: %" SCNu64, &kib) == 1)
			size = kib;
		else if (size >= GUEST_KIB)
			continue;
		else if (sscanf(line, "Rss: %" SCNu64, &kib) == 1)
			w->sample->resident_kib += kib;
		else if (sscanf(line, "Private_Clean: %" SCNu64, &kib) == 1 ||
			 sscanf(line, "Private_Dirty: %" SCNu64, &kib) == 1)
			w->sample->private_kib += kib;
	}
}

/* --- what the VMMs say ------------------------------------------------------ */

static void on_frame(const struct frame *f, void *arg)
{
	struct watch *w = arg;
	struct wire_name n;
	struct wire_exit x;
	const char *text;

	if (f->type == WIRE_TEST_START && frame_get_start(f, &n, &text) &&
	    !strcmp(n.name, TEST_MEMORY))
		look_at_memory(w);
	if (f->type == WIRE_EXIT && frame_get_exit(f, &x)) {
		w->result_ns = w->now_ns;
		w->passed = x.code == 0;
	}
}

static bool on_bytes(int fd, const void *bytes, size_t n, uint64_t now_ns, void *arg)
{
	struct watch *w = arg;

	w->now_ns = now_ns;
	if (!w->framed) {
		/* -v: a line when the test starts */
		if (fd == 2 && memmem(bytes, n, "test " TEST_MEMORY, strlen("test " TEST_MEMORY)))
			look_at_memory(w);
		return false;
	}
	if (fd == 1) {
		/* PID 1's first byte on the line; before it nobody writes there */
		if (!w->init_ns)
			w->init_ns = now_ns;
		frame_decoder_add(&w->decoder, bytes, n);
	}
	return false;
}

static void on_start(int pid, void *arg)
{
	struct watch *w = arg;

	if (w->look == LOOK_EXITS)
		counts_open(&w->sample->counts, pid);
	trace_arm(&w->trace);
}

/* Run argv under w's eyes; p is the caller's to free. */
static int watch_run(struct watch *w, const char *const *argv, struct process *p, struct err *e)
{
	int r;

	w->ops = (struct process_ops){ on_start, on_bytes, w, 0 };
	if (w->look == LOOK_TIME || w->look == LOOK_COLD || w->look == LOOK_INSIDE)
		trace_open(&w->trace, w->look == LOOK_INSIDE);
	r = process_run(argv, TIMEOUT_MS, &w->ops, p, e);
	if (w->look == LOOK_EXITS)
		counts_close(&w->sample->counts);
	p->first_run_ns = trace_first_run_ns(&w->trace);
	return r;
}

static int ended_badly(const struct process *p, const char *what, struct err *e)
{
	const char *last = p->err.len ? (const char *)p->err.data : "";
	size_t n = p->err.len;

	while (n && last[n - 1] == '\n')
		n--;
	for (size_t i = n; i-- > 0;)
		if (last[i] == '\n') {
			last += i + 1;
			n -= i + 1;
			break;
		}
	return err_set(e, -EPROTO, "%s: %s (status 0x%x): %.*s", what,
		       p->timed_out ? "hung" : "did not pass", (unsigned)p->status,
		       (int)MIN(n, 300u), last);
}

/* --- ktstr ------------------------------------------------------------------ */

static double number(struct json_object *o, const char *object, const char *key)
{
	struct json_object *in, *v;

	if (!json_object_object_get_ex(o, object, &in) || !json_object_object_get_ex(in, key, &v))
		return 0;
	return json_object_get_double(v);
}

/* Of the only test. */
static double duration_ms(struct json_object *record)
{
	struct json_object *all, *v;

	if (!json_object_object_get_ex(record, "tests", &all) ||
	    json_object_array_length(all) != 1 ||
	    !json_object_object_get_ex(json_object_array_get_idx(all, 0), "duration_ms", &v))
		return 0;
	return json_object_get_double(v);
}

static bool was_cached(struct json_object *record)
{
	struct json_object *in, *v;

	return json_object_object_get_ex(record, "initramfs", &in) &&
	       json_object_object_get_ex(in, "cached", &v) && json_object_get_boolean(v);
}

static void sample_ktstr(struct json_object *record, const struct process *p, struct sample *s)
{
	static const char *const after[] = { "boot", "init", "test", "poweroff", "teardown" };
	uint64_t ns[ARRAY_SIZE(after)], sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
		ns[i] = (uint64_t)(number(record, "phases_ms", after[i]) * 1e6);
		sum += ns[i];
	}
	s->end_ns = p->end_ns - p->start_ns;
	/* without a tracepoint: what is left, the report at the end included */
	s->run_ns = p->first_run_ns > p->start_ns ? p->first_run_ns - p->start_ns :
		    s->end_ns > sum ? s->end_ns - sum : 0;
	s->init_ns = s->run_ns + ns[0];
	s->result_ns = s->init_ns + ns[1] + ns[2];
	s->work_ns = (uint64_t)(duration_ms(record) * 1e6);
	s->watched = (uint64_t)number(record, "monitor", "samples");
}

static int run_ktstr(struct watch *w, const struct bench_options *o, const struct job *j,
		     struct err *e)
{
	const char *argv[24], *include = NULL;
	struct json_object *record;
	struct process p;
	char topology[32], memory[32];
	size_t n = 0;
	int r = load_prepare(j, &include, e);

	if (r < 0)
		return r;
	snprintf(topology, sizeof(topology), "1,1,%u,1", j->cpus);
	snprintf(memory, sizeof(memory), "--memory=%uM", j->memory_mib);
	argv[n++] = "/proc/self/exe";
	argv[n++] = "run";
	argv[n++] = "--json";
	argv[n++] = "--accel=kvm";
	argv[n++] = "--kernel";
	argv[n++] = o->kernel;
	argv[n++] = "--topology";
	argv[n++] = topology;
	if (j->vmm != BENCH_KTSTR)
		argv[n++] = memory;
	if (include) {
		argv[n++] = "-i";
		argv[n++] = include;
	}
	if (j->load.how == BENCH_LZ4)
		argv[n++] = "--lz4";
	argv[n++] = "--timeout=" RUN_TIMEOUT;
	if (j->vmm == BENCH_KTSTR_SLOW)
		argv[n++] = "--no-fast-boot";
	if (w->look == LOOK_MEMORY)
		argv[n++] = "-v";
	if (monitors[j->monitor].option)
		argv[n++] = monitors[j->monitor].option;
	argv[n++] = "--";
	argv[n++] = w->look == LOOK_MEMORY ? TEST_MEMORY :
		    j->monitor ? TEST_WORK : TEST_TIME;
	argv[n] = NULL;
	r = watch_run(w, argv, &p, e);
	if (r == 0) {
		buf_u8(&p.out, 0);
		record = buf_ok(&p.out) ? json_tokener_parse((char *)p.out.data) : NULL;
		if (record) {
			sample_ktstr(record, &p, w->sample);
			w->cached = was_cached(record);
			if (w->look == LOOK_INSIDE)
				w->sample->inside_ns = trace_inside_ns(&w->trace, p.start_ns +
								       w->sample->result_ns);
		}
		json_object_put(record);
		if (!record || !WIFEXITED(p.status) || WEXITSTATUS(p.status))
			r = ended_badly(&p, names[j->vmm], e);
	}
	process_fini(&p);
	return r;
}

/* --- QEMU ------------------------------------------------------------------- */

/* The initramfs that ktstr would pack, as a file. */
static int write_initrd(const char *path, const char *test, struct err *e)
{
	_cleanup_(buf_fini) struct buf cpio = BUF_INIT;
	_cleanup_free_ char *line = NULL;
	struct initramfs *fs;
	int r;

	if (asprintf(&line, "%s\n", test) < 0) {
		line = NULL;
		return err_sys(e, -ENOMEM, "initramfs");
	}
	r = initramfs_create(&fs, e);
	if (r < 0)
		return r;
	if ((r = initramfs_add_program(fs, "/init", "/proc/self/exe", e)) == 0 &&
	    (r = initramfs_add_bytes(fs, INIT_TESTS_PATH, line, strlen(line), 0644, e)) == 0)
		r = initramfs_finish(fs, &cpio, e);
	initramfs_destroy(fs);
	return r < 0 ? r : file_write_atomic(path, cpio.data, cpio.len, 0600, e);
}

/*
 * No ACPI: with it the kernel of a microvm has no interrupt for COM2, where
 * the guest's frames come out. An RTC, because without one Linux waits a
 * second for it.
 */
#define MACHINE "microvm,acpi=off,rtc=on,x-option-roms=off,auto-kernel-cmdline=off"

static int run_qemu(struct watch *w, const struct bench_options *o, const struct job *j,
		    struct err *e)
{
	const char *kernel = o->bzimage ? o->bzimage : o->kernel;
	char smp[16], memory[16], initrd[64];
	struct cmdline c;
	struct process p;
	int r;

	snprintf(smp, sizeof(smp), "%u", j->cpus);
	snprintf(memory, sizeof(memory), "%uM", j->memory_mib);
	snprintf(initrd, sizeof(initrd), "/tmp/ktstr-bench-%d.cpio", (int)getpid());
	cmdline_init(&c);
	boot_cmdline_defaults(&c, (struct boot_choice){ .fast = true });
	/* a microvm has no keyboard controller to reset by */
	cmdline_add(&c, "reboot=t %s=%s", INIT_ROLE_ENV, INIT_ROLE_TEST);
	const char *const argv[] = {
		o->qemu, "-L", "/usr/share/qemu", "-L", "/usr/share/seabios",
		"-machine", MACHINE, "-accel", "kvm", "-cpu", "host", "-m", memory, "-smp", smp,
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none",
		"-chardev", "null,id=c1", "-serial", "chardev:c1", "-chardev", "stdio,id=c2",
		"-device", "isa-serial,index=1,iobase=0x2f8,irq=3,chardev=c2",
		"-kernel", kernel, "-initrd", initrd, "-append", c.text, NULL,
	};

	r = write_initrd(initrd, w->look == LOOK_MEMORY ? TEST_MEMORY : TEST_TIME, e);
	if (r == 0)
		r = frame_decoder_init(&w->decoder, FRAME_TEXT, on_frame, NULL, w);
	if (r < 0)
		return r;
	w->framed = true;
	r = watch_run(w, argv, &p, e);
	if (r == 0 && (!w->result_ns || !w->passed))
		r = ended_badly(&p, names[BENCH_QEMU], e);
	if (r == 0) {
		w->sample->run_ns = p.first_run_ns > p.start_ns ? p.first_run_ns - p.start_ns : 0;
		w->sample->init_ns = w->init_ns - p.start_ns;
		w->sample->result_ns = w->result_ns - p.start_ns;
		w->sample->end_ns = p.end_ns - p.start_ns;
	}
	process_fini(&p);
	frame_decoder_fini(&w->decoder);
	unlink(initrd);
	return r;
}

/* After a restart the store is empty again: then the run that was to find it has filled it. */
static int run_again(struct watch *w, const struct bench_options *o, const struct job *j,
		     struct err *e)
{
	int r = run_ktstr(w, o, j, e);

	if (r == 0 && j->look == LOOK_TIME && j->load.mb && j->load.how != BENCH_COPIED &&
	    !w->cached) {
		trace_close(&w->trace);
		*w = (struct watch){ .look = j->look, .sample = w->sample };
		*w->sample = (struct sample){ 0 };
		r = run_ktstr(w, o, j, e);
	}
	return r;
}

int bench_run(const struct bench_options *o, const struct job *j, struct sample *ret,
	      struct err *e)
{
	struct watch w = { .look = j->look, .sample = ret };

	int r;

	*ret = (struct sample){ 0 };
	r = j->vmm == BENCH_QEMU ? run_qemu(&w, o, j, e) : run_again(&w, o, j, e);
	trace_close(&w.trace);
	return r;
}
