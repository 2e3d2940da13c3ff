/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine on this KVM: the board beside the packing, then what it holds. */
#include "loop/plan_kvm.h"

#include <sched.h>

#include "base/util.h"
#include "boot/boot.h"
#include "init/init.h"
#include "loop/job.h"
#include "loop/machine.h"
#include "loop/plan.h"

#define CPUS_AT_BOOT_PER_HOST_CPU 16

/* CPUs that this process may use. */
static unsigned host_cpus(void)
{
	cpu_set_t set;

	/* it fails only on a host with more CPUs than the set holds */
	return sched_getaffinity(0, sizeof(set), &set) < 0 ? CPU_SETSIZE :
		(unsigned)CPU_COUNT(&set);
}

/*
 * Before the kernel has its high-resolution timers each CPU that is up takes
 * HZ interrupts a second, and each is some exits: a hundred CPUs and more need
 * all of a host's. Who says how many CPUs the kernel brings up is obeyed; and
 * where some are kept from kernel threads, PID 1 does not move those
 * (init_shape_gather()).
 */
static bool cpus_come_late(const struct config *c, unsigned guest_cpus)
{
	static const char *const decided[] = { "maxcpus", "nr_cpus", "nosmp", "isolcpus",
					       "nohz_full" };

	for (size_t i = 0; c->cmdline && i < ARRAY_SIZE(decided); i++)
		if (cmdline_find(c->cmdline, decided[i]))
			return false;
	return guest_cpus > CPUS_AT_BOOT_PER_HOST_CPU * host_cpus();
}

static void write_cmdline(const struct plan *p, const struct config *c, struct cmdline *ret)
{
	unsigned cpus = topo_cpus(&p->topo);
	bool late = cpus_come_late(c, cpus);

	cmdline_init(ret);
	boot_cmdline_defaults(ret, (struct boot_choice){
		.fast = c->fast_boot,
		.verbose = c->dmesg,
		.crowded = cpus > host_cpus(),
		.late = late,
	});
	cmdline_add(ret, "%s=%s", INIT_ROLE_ENV, c->tty ? INIT_ROLE_TERMINAL :
		    config_has_command(c) ? INIT_ROLE_COMMAND : INIT_ROLE_TEST);
	if (late)
		cmdline_add(ret, "%s=1", INIT_LATE_ENV);
}

static void work_board(void *arg)
{
	struct plan_kvm *k = arg;
	const struct machine_spec spec = {
		.kvm_device = k->config->kvm_device,
		.topo = &k->plan->topo,
		.irqchip = vm_irqchip_for(k->config->irqchip, &k->plan->topo),
		.cpus_late = cpus_come_late(k->config, topo_cpus(&k->plan->topo)),
	};

	k->result = machine_create(&spec, &k->machine, &k->err);
}

static int load(struct plan *p, const struct config *c, const struct boot_image *img)
{
	struct cmdline cmdline;
	const struct machine_contents contents = {
		.topo = &p->topo,
		.image = img,
		.cmdline = &cmdline,
		.cmdline_extra = c->cmdline,
		.initrd = p->payload.base.data,
		.initrd_bytes = p->payload.base.bytes,
		.initrd_fd = p->payload.base.fd,
		.initrd_copied = &p->copied,
		.initrd_tail = p->payload.suffix.data,
		.initrd_tail_bytes = p->payload.suffix.len,
		.memory_bytes = p->memory_bytes,
		.ring = !c->no_ring,
	};

	p->copied = p->payload.base.why;
	write_cmdline(p, c, &cmdline);
	return machine_load(p->machine, &contents, &p->err);
}

void plan_kvm_begin(struct plan_kvm *k, struct plan *p, const struct config *c)
{
	*k = (struct plan_kvm){ .plan = p, .config = c, .err = ERR_INIT };
	(void)job_start(NULL, work_board, NULL, k, &k->job, NULL);
}

void plan_kvm_wait(struct plan_kvm *k)
{
	if (k->job)
		job_destroy(k->job);
	else
		work_board(k);
	k->plan->machine = k->machine;
}

int plan_kvm_load(struct plan_kvm *k, const struct boot_image *img)
{
	if (k->result < 0) {
		k->plan->err = k->err;
		return k->result;
	}
	return load(k->plan, k->config, img);
}
