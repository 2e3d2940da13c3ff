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

/* CPUs that this process may use. */
static unsigned host_cpus(void)
{
	cpu_set_t set;

	/* it fails only on a host with more CPUs than the set holds */
	return sched_getaffinity(0, sizeof(set), &set) < 0 ? CPU_SETSIZE :
		(unsigned)CPU_COUNT(&set);
}

static void work_board(void *arg)
{
	struct plan_kvm *k = arg;
	const struct machine_spec spec = {
		.kvm_device = k->config->kvm_device,
		.topo = &k->plan->topo,
		.irqchip = vm_irqchip_for(k->config->irqchip, &k->plan->topo),
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
	cmdline_init(&cmdline);
	boot_cmdline_defaults(&cmdline, (struct boot_choice){
		.fast = c->fast_boot,
		.verbose = c->dmesg,
		.crowded = topo_cpus(&p->topo) > host_cpus(),
	});
	cmdline_add(&cmdline, "%s=%s", INIT_ROLE_ENV, c->tty ? INIT_ROLE_TERMINAL :
		    config_has_command(c) ? INIT_ROLE_COMMAND : INIT_ROLE_TEST);
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
