/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drivers that a kernel has as modules: where they lie, what they need, and
 * their unpacked bytes in the order of loading. What a module needs is in the
 * module itself (.modinfo, "depends="): packages have no modules.dep, which
 * depmod makes where they are installed.
 */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/kernels_private.h"

#define DEPTH_MAX 32		/* of what needs what; the deepest seen have 7 */

/* Drivers that somebody here asks for, and the option that builds them in. */
static const struct {
	const char *name, *option;
} drivers[] = {
	{ KERNEL_DRIVER_KVM, "CONFIG_KVM_AMD" },
	{ "virtio_mmio", "CONFIG_VIRTIO_MMIO" },
	{ "virtio_console", "CONFIG_VIRTIO_CONSOLE" },
	{ "virtio_blk", "CONFIG_VIRTIO_BLK" },
	{ "virtio_net", "CONFIG_VIRTIO_NET" },
	{ "virtio_rng", "CONFIG_HW_RANDOM_VIRTIO" },
};

/* --- names ---------------------------------------------------------------- */

/* "a/b/kvm-amd.ko.xz" and "kvm_amd" are one module: "kvm_amd". NULL: no memory. */
static char *module_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strstr(base, ".ko");
	char *name = strndup(base, dot ? (size_t)(dot - base) : strcspn(base, "\n"));

	for (char *p = name; p && *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

/* Is path a file of this module? name NULL: of any. */
static bool is_module(const char *path, const char *name)
{
	_cleanup_free_ char *own = strstr(path, ".ko") ? module_name(path) : NULL;

	return own && (!name || !strcmp(own, name));
}

static void cleanup_fts(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

/* The file of a module below the kernel's modules; NULL when there is none. name NULL: any. */
static char *find_file(const struct kernel *k, const char *name)
{
	char *const roots[] = { k->modules, NULL };
	_cleanup_(cleanup_fts) FTS *fts = NULL;
	FTSENT *ent;

	if (!k->modules)
		return NULL;
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	while (fts && (ent = fts_read(fts)))
		if ((ent->fts_info == FTS_F || ent->fts_info == FTS_NSOK) &&
		    is_module(ent->fts_name, name))
			return strdup(ent->fts_path);
	return NULL;
}

bool kernel_has_modules(const struct kernel *k)
{
	_cleanup_free_ char *path = find_file(k, NULL);

	return path != NULL;
}

/* 1: modules.builtin lists it, 0: it does not, -ENOENT: there is no such file. */
static int is_listed_builtin(const struct kernel *k, const char *name)
{
	_cleanup_free_ char *path = k->modules ? kernel_path_if_exists(k->modules,
								       "modules.builtin") : NULL;
	_cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!f)
		return -ENOENT;
	while (getline(&line, &size, f) > 0)
		if (is_module(line, name))
			return 1;
	return 0;
}

/* NULL for a driver that is not in the table. */
static const char *option_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(drivers[i].name, name))
			return drivers[i].option;
	return NULL;
}

static char config_of(const struct kernel *k, const char *name)
{
	const char *option = option_of(name);

	return option ? kernel_config_value(k, option) : 0;
}

enum kernel_driver kernel_driver_find(const struct kernel *k, const char *name)
{
	_cleanup_free_ char *own = module_name(name), *path = NULL;
	char value = own ? config_of(k, own) : 0;
	int listed = own ? is_listed_builtin(k, own) : -ENOMEM;

	if (value == 'y' || (value != 'n' && listed == 1))
		return KERNEL_DRIVER_BUILTIN;
	if (value == 'n')
		return KERNEL_DRIVER_NONE;
	path = own ? find_file(k, own) : NULL;
	if (path)
		return KERNEL_DRIVER_MODULE;
	return value || listed >= 0 ? KERNEL_DRIVER_NONE : KERNEL_DRIVER_UNKNOWN;
}

bool kernel_can_nest(const struct kernel *k)
{
	enum kernel_driver kvm = kernel_driver_find(k, KERNEL_DRIVER_KVM);

	return kvm == KERNEL_DRIVER_BUILTIN || kvm == KERNEL_DRIVER_MODULE;
}

/* --- reading -------------------------------------------------------------- */

struct reader {
	const struct kernel *k;
	struct kernel_modules *m;
	struct err *e;
};

void kernel_modules_fini(struct kernel_modules *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->item[i].name);
		buf_fini(&m->item[i].bytes);
	}
	free(m->item);
	*m = (struct kernel_modules){ 0 };
}

/* Takes name and bytes. */
static int add(struct reader *rd, char *name, struct buf *bytes)
{
	struct kernel_modules *m = rd->m;
	struct kernel_module *grown = reallocarray(m->item, m->count + 1, sizeof(*grown));

	if (!grown) {
		free(name);
		buf_fini(bytes);
		return err_sys(rd->e, -ENOMEM, "modules");
	}
	m->item = grown;
	grown[m->count++] = (struct kernel_module){ .name = name, .bytes = *bytes };
	*bytes = (struct buf)BUF_INIT;
	return 0;
}

static bool is_read(const struct reader *rd, const char *name)
{
	for (size_t i = 0; i < rd->m->count; i++)
		if (!strcmp(rd->m->item[i].name, name))
			return true;
	return false;
}

static const char *name_of(const struct kernel *k)
{
	return k->key ? k->key : k->image;
}

/* Not a module: right for what is built in. */
static int without_file(struct reader *rd, const char *name, enum kernel_driver has)
{
	const char *option = option_of(name);

	if (has == KERNEL_DRIVER_BUILTIN)
		return 0;
	return err_set(rd->e, -ENOENT, "kernel %s: no %s%s%s%s: %s", name_of(rd->k), name,
		       option ? " (" : "", option ? option : "", option ? ")" : "",
		       has == KERNEL_DRIVER_UNKNOWN ?
		       "no such module beside it, and neither a config nor a "
		       "modules.builtin that tells what is built in" :
		       "neither built in nor a module beside it");
}

static int read_needs(struct reader *rd, const char *needs, unsigned depth);

/* A module behind those that it needs. */
static int read_module(struct reader *rd, const char *any_name, unsigned depth)
{
	_cleanup_free_ char *name = module_name(any_name), *path = NULL, *needs = NULL;
	_cleanup_(buf_fini) struct buf bytes = BUF_INIT;
	enum kernel_driver has;
	int r;

	if (!name)
		return err_sys(rd->e, -ENOMEM, "modules");
	if (is_read(rd, name))
		return 0;
	if (depth > DEPTH_MAX)
		return err_set(rd->e, -ELOOP, "kernel %s: module %s: modules that need each other",
			       name_of(rd->k), name);
	has = kernel_driver_find(rd->k, name);
	if (has != KERNEL_DRIVER_MODULE)
		return without_file(rd, name, has);
	path = find_file(rd->k, name);
	r = path ? kernel_read_unpacked(path, &bytes, rd->e) : err_sys(rd->e, -ENOENT, "modules");
	if (r == 0)
		r = kernel_modinfo_depends(bytes.data, bytes.len, &needs);
	if (r < 0)
		return err_ctx(rd->e, r, "kernel %s: module %s%s", name_of(rd->k), name,
			       r == -ENOEXEC ? ": not a kernel module" : "");
	r = read_needs(rd, needs, depth + 1);
	return r < 0 ? r : add(rd, take_ptr(name), &bytes);
}

/* "virtio,virtio_ring" */
static int read_needs(struct reader *rd, const char *needs, unsigned depth)
{
	int r = 0;

	while (r == 0 && *needs) {
		size_t n = strcspn(needs, ",");
		_cleanup_free_ char *one = strndup(needs, n);

		if (!one)
			return err_sys(rd->e, -ENOMEM, "modules");
		if (n)
			r = read_module(rd, one, depth);
		needs += n + (needs[n] == ',');
	}
	return r;
}

int kernel_modules_read(const struct kernel *k, const char *name, struct kernel_modules *m,
			struct err *e)
{
	struct reader rd = { .k = k, .m = m, .e = e };

	return read_module(&rd, name, 0);
}
