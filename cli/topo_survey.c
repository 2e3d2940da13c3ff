/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a real machine to a shape: CPUs are grouped by LLC and node; the
 * largest LLC and the largest core give the numbers, what differs is noted.
 */
#include "cli/topo_survey.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"

struct fit {
	struct survey *s;
	topo_note_fn *note;
	void *arg;
	struct topo topo;
	bool spans;		/* every LLC spans the same number of nodes, and no node is left */
};

__attribute__((format(printf, 2, 3)))
static void note(const struct fit *f, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->note(text, f->arg);
}

static unsigned node_index(const struct survey *s, unsigned id)
{
	unsigned i = 0;

	while (i < s->nodes && s->node[i].id != id)
		i++;
	return i;
}

/* By node, LLC, core, then number: what belongs together is adjacent. */
static int compare_cpus(const void *a, const void *b)
{
	const struct survey_cpu *x = a, *y = b;
	const unsigned keys[][2] = {
		{ x->node, y->node }, { x->llc, y->llc }, { x->core, y->core }, { x->id, y->id },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] < keys[i][1] ? -1 : 1;
	return 0;
}

static int compare_nodes(const void *a, const void *b)
{
	const struct survey_node *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* How many nodes have CPUs of this LLC. */
static unsigned nodes_of_llc(const struct survey *s, unsigned llc)
{
	bool seen[TOPO_NODES_MAX] = { false };
	unsigned n = 0;

	for (unsigned i = 0; i < s->cpus; i++) {
		unsigned node = node_index(s, s->cpu[i].node);

		if (s->cpu[i].llc == llc && node < TOPO_NODES_MAX && !seen[node]) {
			seen[node] = true;
			n++;
		}
	}
	return n;
}

/* Different values of a member among the CPUs. */
static unsigned count_distinct(const struct survey *s, size_t member)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->cpus; i++) {
		unsigned v = *(const unsigned *)((const char *)&s->cpu[i] + member), j = 0;

		while (j < i && *(const unsigned *)((const char *)&s->cpu[j] + member) != v)
			j++;
		n += j == i;
	}
	return n;
}

#define DISTINCT(s, member) count_distinct(s, offsetof(struct survey_cpu, member))

/* A description may leave out memory, but there is no machine without. */
static void look_for_memory(struct fit *f)
{
	struct survey *s = f->s;
	bool any = false;

	for (unsigned i = 0; i < s->nodes; i++)
		any |= s->node[i].has_memory;
	for (unsigned i = 0; i < s->nodes && !any; i++)
		s->node[i].has_memory = true;
	if (!any)
		note(f, "no NUMA node is told to have memory: each gets a share");
}

/* Do the LLCs span nodes, all of them alike, as a shape can say it? */
static void look_for_spans(struct fit *f)
{
	const struct survey *s = f->s;
	unsigned llcs = DISTINCT(s, llc), most = 0, least = UINT32_MAX;

	for (unsigned i = 0; i < s->cpus; i++) {
		most = MAX(most, nodes_of_llc(s, s->cpu[i].llc));
		least = MIN(least, nodes_of_llc(s, s->cpu[i].llc));
	}
	f->spans = most > 1 && most == least && llcs * most == s->nodes;
	if (most > 1 && !f->spans)
		note(f, "an LLC spans %u NUMA nodes, others do not: it is taken as one in each",
		     most);
}

/* Sizes of an LLC: CPUs from first on that have the same node and LLC. */
static unsigned walk_llc(const struct fit *f, unsigned first, unsigned *ret_cores,
			 unsigned *ret_threads)
{
	const struct survey_cpu *c = f->s->cpu;
	unsigned i = first, cores = 0, threads = 0, most = 0;

	for (; i < f->s->cpus && c[i].llc == c[first].llc &&
	       (f->spans || c[i].node == c[first].node); i++) {
		if (i == first || c[i].core != c[i - 1].core) {
			cores++;
			threads = 0;
		}
		threads++;
		most = MAX(most, threads);
	}
	*ret_cores = cores;
	*ret_threads = most;
	return i;
}

static void fit_cpus(struct fit *f)
{
	unsigned cores, threads, llcs_of[TOPO_NODES_MAX] = { 0 };
	bool uneven = false, uneven_nodes = false;
	struct topo *t = &f->topo;

	for (unsigned i = 0; i < f->s->cpus; t->llcs++) {
		llcs_of[node_index(f->s, f->s->cpu[i].node)]++;
		i = walk_llc(f, i, &cores, &threads);
		uneven |= t->llcs && (cores != t->cores_per_llc || threads != t->threads_per_core);
		t->cores_per_llc = MAX(t->cores_per_llc, cores);
		t->threads_per_core = MAX(t->threads_per_core, threads);
	}
	if (uneven || topo_cpus(t) != f->s->cpus)
		note(f, "LLCs or cores differ in size: all get %u cores of %u threads, %u CPUs "
		     "instead of %u", t->cores_per_llc, t->threads_per_core, topo_cpus(t),
		     f->s->cpus);
	for (unsigned i = 0; i < t->numa_nodes; i++)
		uneven_nodes |= llcs_of[i] != llcs_of[0] || !f->s->node[i].has_memory;
	for (unsigned i = 0; i < t->numa_nodes && uneven_nodes && !f->spans; i++)
		t->node[i] = (struct topo_node){
			.has_llcs = true, .llcs = llcs_of[i],
			.has_memory = !f->s->node[i].has_memory,
		};
	if (uneven_nodes && !f->spans)
		t->described = t->numa_nodes;
}

/* How many consecutive nodes each package has, if all have as many; else 0. */
static unsigned nodes_per_package(const struct fit *f, unsigned packages)
{
	const struct survey *s = f->s;
	unsigned per = f->topo.numa_nodes / packages;

	if (f->spans || f->topo.numa_nodes % packages)
		return 0;
	for (unsigned i = 0; i < s->cpus; i++)
		for (unsigned j = 0; j < i; j++) {
			unsigned a = node_index(s, s->cpu[i].node) / per;
			unsigned b = node_index(s, s->cpu[j].node) / per;

			if ((a == b) != (s->cpu[i].package == s->cpu[j].package))
				return 0;
		}
	return per;
}

static void fit_packages(struct fit *f)
{
	unsigned packages = DISTINCT(f->s, package), nodes = DISTINCT(f->s, node), per;
	struct topo *t = &f->topo;

	if (packages == t->llcs) {
		t->package = TOPO_PACKAGE_LLC;
	} else if (packages == 1) {
		t->package = TOPO_PACKAGE_ALL;
	} else if (packages == nodes && !f->spans) {
		t->package = TOPO_PACKAGE_NODE;
	} else if ((per = nodes_per_package(f, packages)) > 1) {
		t->package = TOPO_PACKAGE_NODE;
		t->nodes_per_package = per;
	} else {
		note(f, "%u packages, %u LLCs, %u NUMA nodes with CPUs: a shape has no such "
		     "packages, each LLC gets its own", packages, t->llcs, nodes);
	}
}

/* How far it is from the nearest CPUs to this node. Rules are looked at later: at least 10. */
static unsigned least_distance(const struct topo *t, unsigned node)
{
	unsigned least = UINT8_MAX;

	for (unsigned i = 0; i < t->numa_nodes; i++)
		if (topo_node_cpus(t, i))
			least = MIN(least, topo_distance(t, i, node));
	return MAX(least, TOPO_DISTANCE_LOCAL);
}

void survey_set_cache(struct survey_node *n, uint64_t bytes, uint64_t line_bytes,
		      enum topo_assoc assoc, enum topo_write policy)
{
	if (!bytes || bytes > TOPO_MEMORY_MAX || !line_bytes || line_bytes > UINT16_MAX)
		return;
	n->cache = (struct topo_cache){
		.size_bytes = bytes, .assoc = assoc, .write = policy,
		.line_bytes = (unsigned)line_bytes,
	};
}

/* A machine shows what its CPUs see; a shape says what would be seen at distance 10. */
static void fit_access(struct fit *f)
{
	const struct survey *s = f->s;
	struct topo *t = &f->topo;

	for (unsigned i = 0; i < s->nodes; i++) {
		unsigned far = least_distance(t, i);

		/* Linux rounds latencies up, bandwidths down */
		t->node[i].latency_ns = s->node[i].latency_ns * TOPO_DISTANCE_LOCAL / far;
		t->node[i].bandwidth_mbs = MIN((s->node[i].bandwidth_mbs * far +
						TOPO_DISTANCE_LOCAL - 1) / TOPO_DISTANCE_LOCAL,
					       TOPO_BANDWIDTH_MAX_MBS);
		if (s->node[i].has_memory)
			t->node[i].cache = s->node[i].cache;
	}
	t->described = t->numa_nodes;
}

static void fit_nodes(struct fit *f)
{
	const struct survey *s = f->s;
	struct topo *t = &f->topo;
	bool known = false;

	for (unsigned i = 0; i < s->nodes; i++)
		known |= s->node[i].latency_ns || s->node[i].bandwidth_mbs ||
			 s->node[i].cache.size_bytes;
	for (unsigned i = 0; i < s->distances; i++)
		for (unsigned j = 0; j < s->distances; j++)
			if (s->distance[i][j] != (i == j ? TOPO_DISTANCE_LOCAL :
							   TOPO_DISTANCE_REMOTE))
				t->distances = t->numa_nodes;
	if (t->distances)
		memcpy(t->distance, s->distance, sizeof(t->distance));
	if (known)
		fit_access(f);
}

int survey_fit(struct survey *s, struct topo *ret, topo_note_fn *n, void *arg, struct err *e)
{
	struct fit f = { .s = s, .note = n, .arg = arg };

	if (!s->cpus)
		return err_set(e, -EINVAL, "no CPU is told of");
	if (!s->nodes) {
		s->node[s->nodes++] = (struct survey_node){ .has_memory = true };
		for (unsigned i = 0; i < s->cpus; i++)
			s->cpu[i].node = s->node[0].id;
		f.topo.no_srat = true;
	}
	for (unsigned i = 0; i < s->cpus; i++)
		if (node_index(s, s->cpu[i].node) == s->nodes)
			return err_set(e, -EINVAL, "CPU %u is in NUMA node %u, of which nothing "
				       "is told", s->cpu[i].id, s->cpu[i].node);
	qsort(s->node, s->nodes, sizeof(s->node[0]), compare_nodes);
	qsort(s->cpu, s->cpus, sizeof(s->cpu[0]), compare_cpus);
	f.topo.numa_nodes = s->nodes;
	look_for_memory(&f);
	look_for_spans(&f);
	fit_cpus(&f);
	fit_packages(&f);
	fit_nodes(&f);
	if (s->absent && topo_cpus(&f.topo) + s->absent <= TOPO_CPUS_MAX)
		f.topo.possible = topo_cpus(&f.topo) + s->absent;
	if (s->offline)
		note(&f, "%u CPUs are offline there and tell nothing: left out", s->offline);
	if (topo_check(&f.topo, e) < 0)
		return -EINVAL;
	*ret = f.topo;
	return 0;
}
