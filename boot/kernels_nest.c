/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel needs to be the outer one of a nested run: KVM on AMD SVM,
 * which is what QEMU's software emulation offers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels_private.h"

static const char *const suffixes[] = { ".ko", ".ko.xz", ".ko.zst", ".ko.gz" };

/* In the order of loading. Without modules.dep nothing else says what needs what. */
static const char *const nest_modules[] = {
	"kernel/virt/lib/irqbypass",
	"kernel/drivers/crypto/ccp/ccp",
	"kernel/arch/x86/kvm/kvm",
	"kernel/arch/x86/kvm/kvm-amd",
};
#define LAST_MODULE (ARRAY_SIZE(nest_modules) - 1)

static char *find_module(const struct kernel *k, const char *name)
{
	for (size_t i = 0; k->modules && i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *file = NULL;
		char *path;

		if (asprintf(&file, "%s%s", name, suffixes[i]) < 0)
			return NULL;
		path = kernel_path_if_exists(k->modules, file);
		if (path)
			return path;
	}
	return NULL;
}

/* 'y', 'm', 'n', or 0 when there is no config to look at. */
static char config_value(const struct kernel *k, const char *option)
{
	_cleanup_fclose_ FILE *f = k->config ? fopen(k->config, "re") : NULL;
	size_t n = strlen(option);
	char line[512];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, option, n) && line[n] == '=')
			return line[n + 1];
	return 'n';
}

bool kernel_can_nest(const struct kernel *k)
{
	_cleanup_free_ char *module = find_module(k, nest_modules[LAST_MODULE]);
	char value = config_value(k, "CONFIG_KVM_AMD");

	return value == 'y' || (module && value != 'n');
}

/* --- the list of modules -------------------------------------------------- */

struct list {
	char **path;
	size_t count;
};

static void list_fini(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->path[i]);
	free(l->path);
}

/* Takes path; NULL is out of memory. */
static int list_add(struct list *l, char *path)
{
	char **grown = path ? reallocarray(l->path, l->count + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		free(path);
		return -ENOMEM;
	}
	l->path = grown;
	grown[l->count++] = path;
	return 0;
}

/* "kernel/arch/x86/kvm/kvm-amd.ko.xz: what it needs" */
static bool is_line_of(const char *line, const char *module)
{
	size_t n = strlen(module);

	return !strncmp(line, module, n) && !strncmp(line + n, ".ko", 3);
}

/* A line of modules.dep names the nearest need first: loading goes from the end. */
static int add_line(const struct kernel *k, char *line, struct list *l)
{
	line[strcspn(line, ":")] = ' ';
	for (char *p = line + strlen(line); p > line;) {
		char *path;

		while (p > line && (p[-1] == ' ' || p[-1] == '\n'))
			*--p = '\0';
		while (p > line && p[-1] != ' ')
			p--;
		if (!*p)
			break;
		if (asprintf(&path, "%s/%s", k->modules, p) < 0)
			path = NULL;
		if (list_add(l, path) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* 1: done, 0: no modules.dep, or KVM is not in it. */
static int list_by_dep(const struct kernel *k, struct list *l)
{
	_cleanup_free_ char *dep = kernel_path_if_exists(k->modules, "modules.dep");
	_cleanup_fclose_ FILE *f = dep ? fopen(dep, "re") : NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		int r;

		if (!is_line_of(line, nest_modules[LAST_MODULE]))
			continue;
		r = add_line(k, line, l);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int list_by_table(const struct kernel *k, struct list *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(nest_modules); i++) {
		char *path = find_module(k, nest_modules[i]);

		if (path && list_add(l, path) < 0)
			return -ENOMEM;
	}
	return 0;
}

int kernel_nest_modules(const struct kernel *k, char ***ret, size_t *ret_count, struct err *e)
{
	_cleanup_(list_fini) struct list l = { 0 };
	const char *name = k->key ? k->key : k->image;
	int r;

	if (config_value(k, "CONFIG_KVM_AMD") == 'y') {
		*ret = NULL;
		*ret_count = 0;
		return 0;
	}
	if (!kernel_can_nest(k))
		return err_set(e, -ENOENT, "kernel %s: it has no KVM for AMD processors, neither "
			       "built in nor as modules beside it", name);
	r = list_by_dep(k, &l);
	if (r == 0)
		r = list_by_table(k, &l);
	if (r < 0)
		return err_sys(e, r, "kernel %s", name);
	for (size_t i = 0; i < l.count; i++)
		if (access(l.path[i], R_OK) < 0)
			return err_sys(e, -errno, "kernel %s: open %s", name, l.path[i]);
	*ret = take_ptr(l.path);
	*ret_count = l.count;
	l.count = 0;
	return 0;
}
