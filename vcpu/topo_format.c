/* SPDX-License-Identifier: GPL-2.0-only */
/* Shapes to text, and the words that both ways share. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "vcpu/topo.h"

/* --- words ----------------------------------------------------------------- */

static const char *const package_names[] = {
	[TOPO_PACKAGE_LLC] = "llc",
	[TOPO_PACKAGE_NODE] = "node",
	[TOPO_PACKAGE_ALL] = "all",
};
static_assert(ARRAY_SIZE(package_names) == TOPO_PACKAGE_COUNT, "a name for every package");

static const char *const assoc_names[] = {
	[TOPO_ASSOC_NONE] = "none",
	[TOPO_ASSOC_DIRECT] = "direct",
	[TOPO_ASSOC_COMPLEX] = "complex",
};
static_assert(ARRAY_SIZE(assoc_names) == TOPO_ASSOC_COUNT, "a name for every associativity");

static const char *const write_names[] = {
	[TOPO_WRITE_NONE] = "none",
	[TOPO_WRITE_BACK] = "wb",
	[TOPO_WRITE_THROUGH] = "wt",
};
static_assert(ARRAY_SIZE(write_names) == TOPO_WRITE_COUNT, "a name for every write policy");

const char *topo_package_name(enum topo_package package)
{
	assert(package < TOPO_PACKAGE_COUNT);
	return package_names[package];
}

const char *topo_assoc_name(enum topo_assoc assoc)
{
	assert(assoc < TOPO_ASSOC_COUNT);
	return assoc_names[assoc];
}

const char *topo_write_name(enum topo_write policy)
{
	assert(policy < TOPO_WRITE_COUNT);
	return write_names[policy];
}

/* count: s is none of them. */
static unsigned name_index(const char *s, const char *const names[], unsigned count)
{
	unsigned i = 0;

	while (i < count && strcmp(s, names[i]))
		i++;
	return i;
}

enum topo_package topo_package_find(const char *s)
{
	return name_index(s, package_names, TOPO_PACKAGE_COUNT);
}

enum topo_assoc topo_assoc_find(const char *s)
{
	return name_index(s, assoc_names, TOPO_ASSOC_COUNT);
}

enum topo_write topo_write_find(const char *s)
{
	return name_index(s, write_names, TOPO_WRITE_COUNT);
}

/* --- the shape ------------------------------------------------------------- */

void topo_format(const struct topo *t, char text[TOPO_TEXT_MAX])
{
	snprintf(text, TOPO_TEXT_MAX, "%un%ul%uc%ut", t->numa_nodes, t->llcs, t->cores_per_llc,
		 t->threads_per_core);
}

static void format_bytes(uint64_t bytes, struct buf *out)
{
	if (bytes % MIB)
		buf_fmt(out, "%" PRIu64, bytes);
	else
		buf_fmt(out, "%" PRIu64 "M", bytes / MIB);
}

static void format_node(const struct topo_node *n, struct buf *out)
{
	size_t start = out->len;

	if (n->has_llcs)
		buf_fmt(out, ",llcs=%u", n->llcs);
	if (n->has_memory) {
		buf_str(out, ",mem=");
		format_bytes(n->memory_bytes, out);
	}
	if (n->latency_ns)
		buf_fmt(out, ",latency=%uns", n->latency_ns);
	if (n->bandwidth_mbs)
		buf_fmt(out, ",bandwidth=%uM", n->bandwidth_mbs);
	if (n->cache.size_bytes) {
		buf_str(out, ",cache=");
		format_bytes(n->cache.size_bytes, out);
		buf_fmt(out, ":%s:%s:%u", topo_assoc_name(n->cache.assoc),
			topo_write_name(n->cache.write), n->cache.line_bytes);
	}
	/* the first comma is the part's colon */
	if (buf_ok(out) && out->len > start)
		out->data[start] = ':';
}

static void format_distances(const struct topo *t, struct buf *out)
{
	buf_str(out, "/distances:");
	for (unsigned i = 0; i < t->numa_nodes; i++)
		for (unsigned j = 0; j < t->numa_nodes; j++)
			buf_fmt(out, "%s%u", j ? "," : i ? ";" : "", t->distance[i][j]);
}

void topo_format_whole(const struct topo *t, struct buf *out)
{
	static const struct cpulist none;
	char text[TOPO_TEXT_MAX];

	topo_format(t, text);
	buf_str(out, text);
	for (unsigned i = 0; i < t->described; i++) {
		buf_str(out, "/node");
		format_node(&t->node[i], out);
	}
	if (t->distances)
		format_distances(t, out);
	if (t->nodes_per_package)
		buf_fmt(out, "/package:%unodes", t->nodes_per_package);
	else if (t->package != TOPO_PACKAGE_LLC)
		buf_fmt(out, "/package:%s", topo_package_name(t->package));
	if (t->possible)
		buf_fmt(out, "/possible:%u", t->possible);
	if (memcmp(&t->offline, &none, sizeof(none))) {
		buf_str(out, "/offline:");
		cpulist_format(&t->offline, out);
	}
	if (t->no_srat)
		buf_str(out, "/no-srat");
}
