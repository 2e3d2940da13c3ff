/* SPDX-License-Identifier: GPL-2.0-only */
/* The options about schedulers: their small grammars, and contradictions. Pure. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/config_priv.h"
#include "loop/sched.h"
#include "monitor/kbpf_write.h"


/* Without blanks at both ends. */
static const char *trim(const char *s, size_t *len)
{
	while (*len && isspace((unsigned char)*s)) {
		s++;
		(*len)--;
	}
	while (*len && isspace((unsigned char)s[*len - 1]))
		(*len)--;
	return s;
}

static bool has_blank(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isspace((unsigned char)s[i]))
			return true;
	return false;
}

int sched_command_parse(const char *s, struct sched_command *ret, struct err *e)
{
	const char *arrow = strrchr(s, '>');
	struct sched_command c = { 0 };

	s += strspn(s, " \t");
	if (strncmp(s, "echo", 4) || !isspace((unsigned char)s[4]) || !arrow || arrow < s + 4 ||
	    arrow[-1] == '>')
		return err_set(e, -EINVAL,
			       "takes echo VALUE > FILE: there is no shell in the guest");
	c.value_len = (size_t)(arrow - (s + 4));
	c.value = trim(s + 4, &c.value_len);
	c.file_len = strlen(arrow + 1);
	c.file = trim(arrow + 1, &c.file_len);
	if (c.value_len >= 2 && (*c.value == '"' || *c.value == '\'') &&
	    c.value[c.value_len - 1] == *c.value) {
		c.value++;
		c.value_len -= 2;
	}
	if (!c.file_len || *c.file != '/' || has_blank(c.file, c.file_len))
		return err_set(e, -EINVAL, "takes echo VALUE > FILE, FILE from the root on");
	*ret = c;
	return 0;
}

const char *sched_stage_parse(const char *s, size_t *ret_len, struct err *e)
{
	size_t n = strcspn(s, "=");

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			n = 0;
	if (!n || n > NAME_MAX || *s == '.' || !s[n] || !s[n + 1]) {
		err_set(e, -EINVAL,
			"takes NAME=PATH, NAME of letters, digits, '.', '_' and '-'");
		return NULL;
	}
	*ret_len = n;
	return s + n + 1;
}

/* A watchdog, no budget: the verifier takes seconds for a large one where CPUs are emulated. */
#define ATTACH_NS (15 * NSEC_PER_SEC)
#define SLOW_FACTOR 4

uint64_t sched_attach_limit_ns(const struct config *c)
{
	if (!c->scheduler && !c->stage.count)
		return 0;
	if (c->sched_timeout_ns)
		return c->sched_timeout_ns;
	return ATTACH_NS * (c->slow ? SLOW_FACTOR : 1);
}

static int check_commands(const struct strlist *l, const char *option, struct err *e)
{
	struct sched_command c;

	for (size_t i = 0; i < l->count; i++) {
		int r = sched_command_parse(l->item[i], &c, e);

		if (r < 0)
			return err_ctx(e, r, "%s %.*s", option, CONFIG_SHOWN_MAX, l->item[i]);
	}
	return 0;
}

static int check_staged(const struct strlist *l, struct err *e)
{
	size_t len;

	for (size_t i = 0; i < l->count; i++) {
		const char *s = l->item[i];

		if (!sched_stage_parse(s, &len, e))
			return err_ctx(e, -EINVAL, "--stage %.*s", CONFIG_SHOWN_MAX, s);
		/* with the '=', or a name would be equal to a longer one */
		for (size_t k = 0; k < i; k++)
			if (!strncmp(l->item[k], s, len + 1))
				return err_set(e, -EINVAL, "--stage: two of the name %.*s",
					       (int)len, s);
	}
	return 0;
}

/* Below, the kernel's ticks are too coarse; above, 30 s is all that a scheduler may ask for. */
#define WATCHDOG_MIN_NS (100 * NSEC_PER_MSEC)
#define WATCHDOG_MAX_NS (3600 * NSEC_PER_SEC)

static int check_watchdog(const struct config *c, struct err *e)
{
	if (!c->watchdog_ns)
		return 0;
	if (c->no_monitor)
		return err_set(e, -EINVAL, "--watchdog-timeout: needs the monitor: drop "
			       "--no-monitor");
	if (!c->scheduler && !c->stage.count && !c->sched_enable.count && !config_has_command(c))
		return err_set(e, -EINVAL, "--watchdog-timeout: there is no scheduler: it takes "
			       "--scheduler, --stage or --sched-enable");
	if (c->watchdog_ns < WATCHDOG_MIN_NS || c->watchdog_ns > WATCHDOG_MAX_NS)
		return config_range_error(c, "watchdog-timeout", "100ms to 60m", e);
	return 0;
}

static int check_writes(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->bpf_write.count; i++) {
		int r = kbpf_write_check(c->bpf_write.item[i], e);

		if (r < 0)
			return err_ctx(e, r, "--bpf-write %.*s", CONFIG_SHOWN_MAX,
				       c->bpf_write.item[i]);
	}
	if (c->bpf_write.count && !c->scheduler)
		return err_set(e, -EINVAL, "--bpf-write: there is no --scheduler that has maps");
	if (c->bpf_write.count && c->no_monitor)
		return err_set(e, -EINVAL, "--bpf-write: needs the monitor: drop --no-monitor");
	return 0;
}

int sched_options_check(const struct config *c, struct err *e)
{
	int r = check_commands(&c->sched_enable, "--sched-enable", e);

	if (r == 0)
		r = check_commands(&c->sched_disable, "--sched-disable", e);
	if (r == 0)
		r = check_staged(&c->stage, e);
	if (r == 0)
		r = check_writes(c, e);
	if (r == 0 && c->sched_args.count && !c->scheduler)
		return err_set(e, -EINVAL, "--sched-arg: there is no --scheduler to take it");
	if (r == 0 && c->sched_timeout_ns && !c->scheduler && !c->stage.count)
		return err_set(e, -EINVAL, "--sched-timeout: there is no scheduler: it takes "
			       "--scheduler or --stage");
	return r < 0 ? r : check_watchdog(c, e);
}
