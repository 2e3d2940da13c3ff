/* SPDX-License-Identifier: GPL-2.0-only */
/* Options together: the shape that they make, and what contradicts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/initramfs.h"
#include "init/init.h"
#include "loop/config_priv.h"
#include "loop/payload_include.h"
#include "loop/sched.h"
#include "mm/mm.h"
#include "monitor/rules.h"

/* --- the shape ------------------------------------------------------------- */

bool config_has_shape(const struct config *c)
{
	return c->topology_set || c->numa.count;
}

/* The nodes alone make a shape, too: their number, and the LLCs of all. */
static int add_nodes(const struct config *c, struct topo *t, struct err *e)
{
	unsigned llcs = 0;

	t->described = 0;
	for (size_t i = 0; i < c->numa.count; i++) {
		int r = topo_parse_part(t, "node", c->numa.item[i], e);

		if (r < 0)
			return err_ctx(e, r, "--numa %.*s", CONFIG_SHOWN_MAX, c->numa.item[i]);
		llcs += t->node[i].has_llcs ? t->node[i].llcs : 1;
	}
	if (!c->topology_set) {
		t->numa_nodes = t->described;
		t->llcs = llcs;
	}
	return 0;
}

int config_shape(const struct config *c, const struct topo *base, struct topo *ret,
		 struct err *e)
{
	const struct {
		const char *option, *part, *value;
	} parts[] = {
		{ "distances", "distances", c->distances },
		{ "package", "package", c->package },
		{ "max-cpus", "possible", c->max_cpus },
		{ "offline-cpus", "offline", c->offline_cpus },
	};
	struct topo t = *base;
	int r = c->numa.count ? add_nodes(c, &t, e) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++) {
		if (!parts[i].value)
			continue;
		r = topo_parse_part(&t, parts[i].part, parts[i].value, e);
		if (r < 0)
			return err_ctx(e, r, "--%s %.*s", parts[i].option, CONFIG_SHOWN_MAX,
				       parts[i].value);
	}
	if (r == 0)
		r = topo_check(&t, e);
	if (r == 0)
		*ret = t;
	return r;
}

/* --- contradictions -------------------------------------------------------- */

/* The host tells the guest its role by these; a second one would confuse PID 1. */
static int check_cmdline(const char *cmdline, struct err *e)
{
	static const char *const reserved[] = { INIT_ROLE_ENV, INIT_RING_ENV, INIT_LATE_ENV };

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (cmdline_find(cmdline, reserved[i]))
			return err_set(e, -EINVAL, "--cmdline: %s= belongs to ktstr", reserved[i]);
	return 0;
}

/* The guest's half of HOST:GUEST; whether HOST can be read is seen when it is packed. */
static int check_include(const char *text, struct err *e)
{
	_cleanup_free_ char *host = NULL, *guest = NULL;
	int r = payload_include_parse(text, &host, &guest, e);

	if (r < 0 || !guest)
		return r;
	/* a folder's content may go to the root */
	for (size_t n = strlen(guest); n && guest[n - 1] == '/'; n--)
		guest[n - 1] = '\0';
	return *guest ? initramfs_check_user_path(guest, e) : 0;
}

static int check_dump(const struct config *c, struct err *e)
{
	if (c->dump_hold_ns && !c->dump && !c->relay_dump)
		return err_set(e, -EINVAL, "--dump-hold: there is no --dump to hold the guest for");
	return 0;
}

static int check_memory(const struct config *c, const struct topo *t, struct err *e)
{
	uint64_t node_bytes[TOPO_NODES_MAX];
	int r;

	if (!c->memory_bytes)
		return 0;
	/* where the tests decide the shape, it is not known yet */
	r = config_has_shape(c) ? topo_split_memory(t, round_up(c->memory_bytes, MM_ALIGN),
						    MM_ALIGN, node_bytes, e) : 0;
	if (r < 0)
		return err_ctx(e, r, "--memory");
	if (c->qemu_memory_bytes && c->qemu_memory_bytes <= c->memory_bytes)
		return err_set(e, -EINVAL, "--qemu-memory: must be more than --memory, "
			       "which is taken from it");
	return 0;
}

/* Below, reading and storing would be most of what is seen; above, little is. */
static int check_monitor(const struct config *c, struct err *e)
{
	struct rule_limits l = RULE_LIMITS_DEFAULT;
	int r = c->rules ? rule_limits_parse(&l, c->rules, e) : 0;

	if (r < 0)
		return err_ctx(e, r, "--rules");
	if (l.enforce && c->no_monitor)
		return err_set(e, -EINVAL, "--rules: enforce needs the monitor: drop --no-monitor");
	if (c->monitor_interval_ns >= NSEC_PER_MSEC && c->monitor_interval_ns <= 10 * NSEC_PER_SEC)
		return 0;
	return config_range_error(c, "monitor-interval", "1ms to 10s", e);
}

int config_check(const struct config *c, struct err *e)
{
	struct topo t;
	int r = config_shape(c, &c->topology, &t, e);

	if (r < 0 || (r = check_monitor(c, e)) < 0 || (r = check_dump(c, e)) < 0)
		return r;
	if (c->irqchip == VM_IRQCHIP_KERNEL &&
	    vm_irqchip_for(VM_IRQCHIP_AUTO, &t) != VM_IRQCHIP_KERNEL)
		return err_set(e, -EINVAL, "--irqchip kernel: the topology has APIC id %u, "
			       "ids above %u take split", topo_apic_id_max(&t),
			       VM_KERNEL_APIC_ID_MAX);
	r = check_memory(c, &t, e);
	if (r < 0)
		return r;
	r = sched_options_check(c, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->includes.count; i++) {
		r = check_include(c->includes.item[i], e);
		if (r < 0)
			return err_ctx(e, r, "--include %s", c->includes.item[i]);
	}
	return c->cmdline ? check_cmdline(c->cmdline, e) : 0;
}
