/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of the guest's CPUs: text, rules, and who lives where. */
#include "vcpu/topo.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/util.h"

enum { FIELDS = 4 };

/* Digits only; a number that does not fit becomes UINT_MAX, which no rule allows. */
static const char *parse_number(const char *s, unsigned *ret)
{
	unsigned v = 0;

	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++) {
		unsigned digit = (unsigned)(*s - '0');

		v = v > (UINT_MAX - digit) / 10 ? UINT_MAX : v * 10 + digit;
	}
	*ret = v;
	return s;
}

/* Four numbers, each followed by its separator ('\0' ends the text). */
static bool parse_as(const char *s, const char separators[FIELDS], unsigned value[FIELDS])
{
	for (unsigned i = 0; i < FIELDS; i++) {
		s = parse_number(s, &value[i]);
		if (!s || *s != separators[i])
			return false;
		if (*s)
			s++;
	}
	return !*s;
}

int topo_parse(const char *s, struct topo *ret, struct err *e)
{
	static const char commas[FIELDS] = { ',', ',', ',', '\0' };
	static const char letters[FIELDS] = { 'n', 'l', 'c', 't' };
	unsigned v[FIELDS];
	struct topo t;
	int r;

	if (!parse_as(s, commas, v) && !parse_as(s, letters, v))
		return err_set(e, -EINVAL, "topology \"%.60s\": want nodes,LLCs,cores,threads "
			       "as in 1,2,4,2 or 1n2l4c2t", s);
	t = (struct topo){ v[0], v[1], v[2], v[3] };
	r = topo_check(&t, e);
	if (r < 0)
		return r;
	*ret = t;
	return 0;
}

int topo_check(const struct topo *t, struct err *e)
{
	const struct {
		const char *name;
		unsigned value, max;
	} field[] = {
		{ "NUMA nodes", t->numa_nodes, TOPO_NODES_MAX },
		{ "LLCs", t->llcs, TOPO_CPUS_MAX },
		{ "cores per LLC", t->cores_per_llc, TOPO_CPUS_MAX },
		{ "threads per core", t->threads_per_core, TOPO_CPUS_MAX },
	};
	char text[TOPO_TEXT_MAX];

	topo_format(t, text);
	for (unsigned i = 0; i < ARRAY_SIZE(field); i++)
		if (!field[i].value || field[i].value > field[i].max)
			return err_set(e, -EINVAL, "topology %s: %u %s, must be 1 to %u", text,
				       field[i].value, field[i].name, field[i].max);
	if (t->llcs % t->numa_nodes)
		return err_set(e, -EINVAL, "topology %s: %u LLCs do not divide among %u NUMA nodes",
			       text, t->llcs, t->numa_nodes);
	/* 512 * 512 * 512 fits in 32 bits */
	if (topo_cpus(t) > TOPO_CPUS_MAX)
		return err_set(e, -EINVAL, "topology %s: %u CPUs, must be 1 to %u", text,
			       topo_cpus(t), TOPO_CPUS_MAX);
	return 0;
}

void topo_format(const struct topo *t, char text[TOPO_TEXT_MAX])
{
	snprintf(text, TOPO_TEXT_MAX, "%un%ul%uc%ut", t->numa_nodes, t->llcs, t->cores_per_llc,
		 t->threads_per_core);
}

static unsigned cpus_per_llc(const struct topo *t)
{
	return t->cores_per_llc * t->threads_per_core;
}

unsigned topo_cpus(const struct topo *t)
{
	return t->llcs * cpus_per_llc(t);
}

unsigned topo_cpu_llc(const struct topo *t, unsigned cpu)
{
	assert(cpu < topo_cpus(t));
	return cpu / cpus_per_llc(t);
}

unsigned topo_cpu_node(const struct topo *t, unsigned cpu)
{
	return topo_cpu_llc(t, cpu) / (t->llcs / t->numa_nodes);
}

/* Bits that tell n things apart: ceil(log2(n)). */
static unsigned width(unsigned n)
{
	unsigned bits = 0;

	while (n > 1u << bits)
		bits++;
	return bits;
}

unsigned topo_thread_bits(const struct topo *t)
{
	return width(t->threads_per_core);
}

unsigned topo_core_bits(const struct topo *t)
{
	return width(t->cores_per_llc);
}

uint32_t topo_apic_id(const struct topo *t, unsigned cpu)
{
	unsigned in_llc = cpu - topo_cpu_llc(t, cpu) * cpus_per_llc(t);
	uint32_t thread = in_llc % t->threads_per_core;
	uint32_t core = in_llc / t->threads_per_core;
	uint32_t llc = topo_cpu_llc(t, cpu);

	return (llc << topo_core_bits(t) | core) << topo_thread_bits(t) | thread;
}
