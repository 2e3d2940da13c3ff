/* SPDX-License-Identifier: GPL-2.0-only */
/* Any text as a shape and as a survey: what is taken keeps the rules and survives as text. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/topo_survey.h"
#include "test/fuzz.h"
#include "vcpu/topo.h"

#define SEED(s) { s, sizeof(s) - 1 }

const struct fuzz_seed fuzz_seeds[] = {
	SEED("2n3l2c2t/node:llcs=2,mem=512M,cache=1G:direct:wb:64/node:llcs=1"),
	SEED("tiny-2llc/package:all/distances:10/possible:9/offline:1-3"),
	SEED("4n2l4c1t/no-srat"),
	SEED("cpu 0 0 0 0 0\ncpu 1 1 1 1 1\nnode 0 1\nnode 1 0\ndistance 0 1 20\n"),
	SEED("cpu 0 0 0 0 0\nnode 0 1\naccess 0 90 9\ncache 0 4096 64 1\nnode 1 1\n"
	     "access 1 600 10240\ndistance 0 0 10\ndistance 0 1 20\ndistance 1 0 20\n"
	     "distance 1 1 10\n"),
	{ NULL, 0 },
};

static void nobody(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

static void check(const struct topo *t)
{
	struct buf b = BUF_INIT;
	struct topo back;
	char *text;

	topo_format_whole(t, &b);
	text = buf_take(&b);
	if (topo_parse(text, &back, NULL) < 0 || topo_apic_id_max(&back) != topo_apic_id_max(t))
		abort();
	for (unsigned i = 0; i < topo_cpus(t); i++)
		if (topo_cpu_node(t, i) >= t->numa_nodes || topo_cpu_package(t, i) >= t->llcs)
			abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct survey s;
	struct topo t;

	if (topo_parse(text, &t, NULL) == 0)
		check(&t);
	if (survey_lines(text, &s, NULL) == 0 && survey_fit(&s, &t, nobody, NULL, NULL) == 0)
		check(&t);
	free(text);
	return 0;
}
