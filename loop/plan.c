/* SPDX-License-Identifier: GPL-2.0-only */
/* The blocking work before a run: decide, look up, pack, build. */
#include "loop/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "boot/boot.h"
#include "loop/machine.h"
#include "loop/plan_kvm.h"
#include "loop/plan_nested.h"
#include "loop/testlist.h"
#include "mm/mm.h"
#include "vcpu/probe.h"

#define TIMEOUT_DEFAULT_NS (60 * NSEC_PER_SEC)
#define TIMEOUT_CPUS 64
/* Emulated CPUs are some ten times slower; the deadline is there for hangs. */
#define TIMEOUT_NESTED_FACTOR 4

void plan_init(struct plan *p)
{
	memset(p, 0, sizeof(*p));
	p->err = p->copied = p->accel_why = (struct err)ERR_INIT;
	err_set(&p->copied, -ENODATA, "nothing was loaded");
	p->payload = (struct payload)PAYLOAD_NONE;
}

void plan_fini(struct plan *p)
{
	machine_destroy(p->machine);
	payload_release(&p->payload);
	buf_fini(&p->outer_initrd);
	kernel_fini(&p->outer);
	kernel_modules_fini(&p->modules);
	kernel_fini(&p->kernel);
	free(p->release);
	free(p->binary);
	free(p->binary_version);
	plan_init(p);
}

/* --- the accelerator ------------------------------------------------------ */

static void choose_accel(struct plan *p, const struct config *c)
{
	enum probe_result r;

	p->accel = c->accel;
	if (c->accel != ACCEL_AUTO)
		return;
	r = probe_kvm(c->kvm_device, &p->accel_why);
	p->accel = r == PROBE_OK ? ACCEL_KVM : ACCEL_NESTED;
	if (r != PROBE_OK)
		snprintf(p->note, sizeof(p->note),
			 "%.100s %s: running nested in QEMU, slower, timing is not judged",
			 c->kvm_device, probe_brief(r));
}

/* Over-committed CPUs take their turn: a wide guest gets more. */
static void set_timeout(struct plan *p, const struct config *c)
{
	const unsigned turns = (topo_cpus(&p->topo) + TIMEOUT_CPUS - 1) / TIMEOUT_CPUS;

	p->timeout_ns = c->timeout_ns;
	/* who sits at a terminal knows when it is enough */
	if (p->timeout_ns || c->tty)
		return;
	p->timeout_ns = TIMEOUT_DEFAULT_NS * turns;
	if (p->accel == ACCEL_NESTED || c->slow)
		p->timeout_ns *= TIMEOUT_NESTED_FACTOR;
}

/* --- binary, shape -------------------------------------------------------- */

static int find_binary(struct plan *p, const struct config *c)
{
	char path[PATH_MAX];
	ssize_t n;

	if (c->binary) {
		p->binary = realpath(c->binary, NULL);
		if (!p->binary)
			return err_sys(&p->err, -errno, "open %s", c->binary);
		return 0;
	}
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n > 0)
		path[n] = '\0';
	/* a program that was replaced while it runs is still there under this name */
	p->binary = strdup(n > 0 && access(path, R_OK) == 0 ? path : "/proc/self/exe");
	return p->binary ? 0 : err_sys(&p->err, -ENOMEM, "binary");
}

static int find_shape(struct plan *p, const struct config *c, uint64_t *ret_memory)
{
	_cleanup_(testlist_fini) struct testlist list = { 0 };
	const bool is_given = config_has_shape(c) && c->memory_bytes;
	struct topo base = c->topology;
	int r = 0;

	*ret_memory = 0;
	/* the program around us needs no process to tell its wire */
	if (config_has_command(c) || (is_given && !c->binary))
		return config_shape(c, &c->topology, &p->topo, &p->err);
	r = testlist_load(p->binary, &list, &p->err);
	if (r == 0)
		r = testlist_check_wire(&list, c->binary ? c->binary : p->binary, &p->err);
	p->binary_version = take_ptr(list.version);
	/* the guest checks names and needs too; here they only size the machine */
	if (r == 0 && !is_given)
		r = testlist_shape(&list, &c->tests, &base, ret_memory, &p->err);
	if (r < 0)
		return r;
	return config_shape(c, config_has_shape(c) ? &c->topology : &base, &p->topo, &p->err);
}

static int read_modules(struct plan *p, const struct config *c)
{
	int r = 0;

	for (size_t i = 0; i < c->modules.count && r == 0; i++)
		r = kernel_modules_read(&p->kernel, c->modules.item[i], &p->modules, &p->err);
	return r;
}

/* --- memory --------------------------------------------------------------- */

/* A node of a few megabytes would be used up by its own page structures. */
#define NODE_FLOOR (32 * MIB)

/* What the nodes claim, and behind it at least want in all. */
static uint64_t choose_memory(const struct topo *t, uint64_t want)
{
	unsigned sharing;
	uint64_t claimed = topo_memory_claimed(t, &sharing), rest, share;

	rest = want > claimed ? want - claimed : 0;
	if (!sharing)
		return claimed;
	if (t->numa_nodes > 1)
		rest = MAX(rest, sharing * NODE_FLOOR);
	share = round_up((rest + sharing - 1) / sharing, MM_ALIGN);
	return claimed + share * sharing;
}

/* RAM: what was asked for if that is enough, else what is needed. */
static int size_memory(struct plan *p, const struct config *c, const struct boot_image *img,
		       uint64_t tests_need)
{
	uint64_t initrd = payload_loaded_bytes(&p->payload), unpacked = p->payload.unpacked_bytes;
	uint64_t needed = boot_memory_needed(img, initrd, unpacked, topo_cpus(&p->topo));

	p->memory_bytes = round_up(c->memory_bytes, MM_ALIGN);
	if (!c->memory_bytes)
		p->memory_bytes = choose_memory(&p->topo, MAX(needed, tests_need));
	if (p->memory_bytes < needed)
		return err_set(&p->err, -ENOMEM,
			       "memory of %" PRIu64 "M is too small: kernel %" PRIu64
			       "M, initramfs %" PRIu64 "M packed and %" PRIu64
			       "M unpacked, %u CPUs: at least %" PRIu64 "M",
			       p->memory_bytes / MIB, (img->memory_bytes + MIB - 1) / MIB,
			       (initrd + MIB - 1) / MIB, (unpacked + MIB - 1) / MIB,
			       topo_cpus(&p->topo), (needed + MIB - 1) / MIB);
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

/* What the guest gets, and how much memory it takes. */
static int make_payload(struct plan *p, const struct config *c, const struct boot_image *img,
			uint64_t tests_need)
{
	const struct payload_request q = {
		.config = c, .binary = p->binary, .kernel = &p->kernel,
		.modules = &p->modules, .topo = &p->topo,
	};
	int r = payload_make(&q, &p->payload, &p->err);

	return r < 0 ? r : size_memory(p, c, img, tests_need);
}

static int make(struct plan *p, const struct config *c)
{
	_cleanup_(boot_image_close) struct boot_image img = { .fd = -1 };
	struct plan_kvm kvm = { 0 };
	uint64_t tests_need;
	int r;

	choose_accel(p, c);
	if ((r = find_binary(p, c)) < 0 ||
	    (r = find_shape(p, c, &tests_need)) < 0)
		return r;
	r = kernel_find_with(c->kernel, c->scheduler || c->stage.count ?
			     "CONFIG_SCHED_CLASS_EXT" : NULL, &p->kernel, &p->err);
	if (r == 0)
		r = boot_image_open(p->kernel.image, &img, &p->err);
	if (r < 0)
		return err_ctx(&p->err, r, "kernel");
	p->release = strdup(p->kernel.release ? p->kernel.release : img.release);
	r = read_modules(p, c);
	if (r < 0)
		return r;
	set_timeout(p, c);
	if (p->accel == ACCEL_KVM)
		plan_kvm_begin(&kvm, p, c);
	r = make_payload(p, c, &img, tests_need);
	if (p->accel == ACCEL_KVM)
		plan_kvm_wait(&kvm);
	if (r == 0)
		r = p->accel == ACCEL_KVM ? plan_kvm_load(&kvm, &img) : plan_nested(p, c);
	/* it is in guest memory now, or was only measured */
	payload_release(&p->payload);
	return r;
}

void plan_make(struct plan *p, const struct config *c)
{
	p->result = make(p, c);
}
