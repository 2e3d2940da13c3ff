/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a machine's description comes from: a folder, a tarball, hwloc's XML. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "cli/topo_survey.h"
#include "loop/child.h"

#define TOOL_TIMEOUT_MS 60000
#define TOOL_OUTPUT_MAX (1u << 20)
#define HELPER "ktstr-hwloc"

static bool has_sysfs(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu", dir);
	return access(path, F_OK) == 0;
}

/* dir itself or a folder in it: hwloc-gather-topology packs a folder. */
static int find_root(const char *dir, char root[PATH_MAX], struct err *e)
{
	struct dirent *d;
	DIR *folder;

	snprintf(root, PATH_MAX, "%s", dir);
	if (has_sysfs(root))
		return 0;
	folder = opendir(dir);
	if (!folder)
		return err_sys(e, -errno, "open %s", dir);
	while ((d = readdir(folder))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(root, PATH_MAX, "%s/%s", dir, d->d_name);
		if (has_sysfs(root))
			break;
	}
	closedir(folder);
	return d ? 0 : err_set(e, -EINVAL, "has no sys/devices/system/cpu");
}

static int survey_folder(const char *dir, struct survey *ret, struct err *e)
{
	char root[PATH_MAX];
	int r = find_root(dir, root, e);

	return r < 0 ? r : survey_sysfs(root, ret, e);
}

/* The first line of what a tool said, for an error. */
static const char *first_line(struct child_output *o)
{
	char *text = o->err.len ? (char *)o->err.data : (char *)"";

	text[strcspn(text, "\n")] = '\0';
	return *text ? text : "it says no reason";
}

static int survey_tarball(const char *path, struct survey *ret, struct err *e)
{
	char dir[] = "/tmp/ktstr-topo-XXXXXX";
	char *argv[] = { "/usr/bin/env", "tar", "-x", "--no-same-owner", "-C", dir, "-f",
			 (char *)path, NULL };
	struct child_output o = { 0 };
	int r;

	if (!mkdtemp(dir))
		return err_sys(e, -errno, "make a folder in /tmp");
	r = child_run(argv, TOOL_TIMEOUT_MS, TOOL_OUTPUT_MAX, &o, e);
	if (r == 0 && o.status)
		r = err_set(e, -EINVAL, "neither a tarball nor XML: tar: %.200s", first_line(&o));
	if (r == 0)
		r = survey_folder(dir, ret, e);
	child_output_fini(&o);
	(void)file_remove_tree(dir, NULL);
	return r;
}

/* Beside this program, as in a build folder, else where make install puts it. */
static void find_helper(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		snprintf(path, PATH_MAX, "%.*s/%s", (int)(strrchr(self, '/') - self), self, HELPER);
		if (access(path, X_OK) == 0)
			return;
	}
	snprintf(path, PATH_MAX, "%s", LIBEXECDIR "/ktstr/" HELPER);
}

static int survey_xml(const char *xml, struct survey *ret, struct err *e)
{
	char helper[PATH_MAX];
	char *argv[] = { helper, (char *)xml, NULL };
	struct child_output o = { 0 };
	int r;

	find_helper(helper);
	if (access(helper, X_OK) < 0)
		return err_set(e, -EOPNOTSUPP, "XML needs %s, which is built where libhwloc-dev is "
			       "installed", HELPER);
	r = child_run(argv, TOOL_TIMEOUT_MS, TOOL_OUTPUT_MAX, &o, e);
	if (r == 0 && o.status)
		r = err_set(e, -EINVAL, "%.200s", first_line(&o));
	if (r == 0)
		r = survey_lines((char *)o.out.data, ret, e);
	child_output_fini(&o);
	return r;
}

static bool is_xml(const char *path)
{
	struct file_map m = FILE_MAP_INIT;
	size_t i = 0;
	bool xml;

	if (file_map(path, &m, NULL) < 0)
		return false;
	while (i < m.size && strchr(" \t\r\n", m.data[i]))
		i++;
	xml = i < m.size && m.data[i] == '<';
	file_unmap(&m);
	return xml;
}

int topo_import_sysfs(const char *root, struct topo *ret, topo_note_fn *note, void *arg,
		      struct err *e)
{
	struct survey s;
	int r = survey_sysfs(root, &s, e);

	return r < 0 ? r : survey_fit(&s, ret, note, arg, e);
}

int topo_import(const char *path, struct topo *ret, topo_note_fn *note, void *arg, struct err *e)
{
	struct survey s = { 0 };
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_set(e, -errno, "%s", strerrordesc_np(errno));
	if (S_ISDIR(st.st_mode))
		r = survey_folder(path, &s, e);
	else
		r = is_xml(path) ? survey_xml(path, &s, e) : survey_tarball(path, &s, e);
	return r < 0 ? r : survey_fit(&s, ret, note, arg, e);
}

/* --- lines ------------------------------------------------------------------ */

static struct survey_node *find_node(struct survey *s, unsigned id)
{
	for (unsigned i = 0; i < s->nodes; i++)
		if (s->node[i].id == id)
			return &s->node[i];
	return NULL;
}

/* What comes behind the line of the node. */
static int take_node_line(const char *line, struct survey *s)
{
	struct survey_node *n;
	unsigned long long bytes;
	unsigned id, a, b;

	if (sscanf(line, "access %u %u %u", &id, &a, &b) == 3 && (n = find_node(s, id))) {
		n->latency_ns = MIN(a, TOPO_LATENCY_MAX_NS);
		n->bandwidth_mbs = MIN(b, TOPO_BANDWIDTH_MAX_MBS);
		return 0;
	}
	if (sscanf(line, "cache %u %llu %u %u", &id, &bytes, &a, &b) == 4 &&
	    (n = find_node(s, id))) {
		survey_set_cache(n, bytes, a, b ? TOPO_ASSOC_DIRECT : TOPO_ASSOC_COMPLEX,
				 TOPO_WRITE_BACK);
		return 0;
	}
	return -EINVAL;
}

static int take_line(const char *line, struct survey *s)
{
	struct survey_cpu c;
	unsigned id, flag, v;

	if (sscanf(line, "cpu %u %u %u %u %u", &c.id, &c.node, &c.llc, &c.core, &c.package) == 5) {
		if (s->cpus == TOPO_CPUS_MAX)
			return -E2BIG;
		s->cpu[s->cpus++] = c;
		return 0;
	}
	if (sscanf(line, "node %u %u", &id, &flag) == 2) {
		if (s->nodes == TOPO_NODES_MAX)
			return -E2BIG;
		s->node[s->nodes++] = (struct survey_node){ .id = id, .has_memory = flag };
		return 0;
	}
	if (sscanf(line, "distance %u %u %u", &id, &flag, &v) == 3) {
		if (id >= TOPO_NODES_MAX || flag >= TOPO_NODES_MAX)
			return -E2BIG;
		s->distance[id][flag] = (uint8_t)MIN(v, 255u);
		s->distances = MAX(s->distances, id + 1);
		return 0;
	}
	return take_node_line(line, s);
}

int survey_lines(char *text, struct survey *ret, struct err *e)
{
	char *line;

	*ret = (struct survey){ 0 };
	while ((line = strsep(&text, "\n"))) {
		int r = *line ? take_line(line, ret) : 0;

		if (r == -E2BIG)
			return err_set(e, r, "more than %d CPUs or %d NUMA nodes", TOPO_CPUS_MAX,
				       TOPO_NODES_MAX);
		if (r < 0)
			return err_set(e, r, "no such line: \"%.60s\"", line);
	}
	if (ret->distances != ret->nodes)
		ret->distances = 0;
	return 0;
}
