/* SPDX-License-Identifier: GPL-2.0-only */
/* Filling the stage of an import: the parts of a kernel, under the names of a cache entry. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels_private.h"

/* Links in a package must not lead to files of this host: these would be taken, or moved away. */
static int check_inside(const struct kernel_fill *f, const char *from)
{
	_cleanup_free_ char *real = realpath(from, NULL), *stage = realpath(f->stage, NULL);
	size_t n = stage ? strlen(stage) : 0;

	if (!real || !stage)
		return err_sys(f->e, -errno, "open %s", from);
	if (strncmp(real, stage, n) || real[n] != '/')
		return err_set(f->e, -EBADMSG, "import %s: %s is a link that leads out of it",
			       f->path, from);
	return 0;
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static int move_file(const struct kernel_fill *f, const char *from, const char *to)
{
	int r = check_inside(f, from);

	if (r < 0)
		return r;
	if (is_link(from))		/* a relative one would break */
		return kernel_copy_file(from, to, f->e);
	if (rename(from, to) < 0 || chmod(to, 0644) < 0)
		return err_sys(f->e, -errno, "rename %s", from);
	return 0;
}

static int place_file(const struct kernel_fill *f, const char *from, const char *name)
{
	_cleanup_free_ char *to = NULL;

	if (!from)
		return 0;
	if (asprintf(&to, "%s/%s", f->stage, name) < 0)
		return err_sys(f->e, -ENOMEM, "import %s", f->path);
	return f->move ? move_file(f, from, to) : kernel_copy_file(from, to, f->e);
}

/* The list of what is not a module. */
static int place_builtin(const struct kernel_fill *f, const char *from_dir)
{
	_cleanup_free_ char *from = kernel_path_if_exists(from_dir, "modules.builtin");
	_cleanup_free_ char *dir = NULL;
	int r;

	if (!from)
		return 0;
	if (asprintf(&dir, "%s/modules", f->stage) < 0)
		return err_sys(f->e, -ENOMEM, "import %s", f->path);
	r = file_mkdirs(dir, 0755, f->e);
	return r < 0 ? r : place_file(f, from, "modules/modules.builtin");
}

/* modules/kernel and modules.builtin, from lib/modules/RELEASE. */
static int place_modules(const struct kernel_fill *f)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *dir = NULL;
	int r;

	if (!f->parts->modules)
		return 0;
	if (asprintf(&from, "%s/kernel", f->parts->modules) < 0 ||
	    asprintf(&dir, "%s/modules", f->stage) < 0 ||
	    asprintf(&to, "%s/kernel", dir) < 0)
		return err_sys(f->e, -ENOMEM, "import %s", f->path);
	r = file_mkdirs(dir, 0755, f->e);
	if (r < 0)
		return r;
	if (!f->move)
		r = kernel_copy_tree(from, to, f->e);
	else
		r = check_inside(f, from);
	if (r == 0 && f->move && is_link(from))		/* to what goes with the rest of it */
		r = err_set(f->e, -EBADMSG, "import %s: %s is a link, not a folder", f->path, from);
	if (r == 0 && f->move && rename(from, to) < 0)
		r = err_sys(f->e, -errno, "rename %s", from);
	if (r < 0)
		return r;
	return place_builtin(f, f->parts->modules);
}

/* "arch/x86/kvm/kvm.o" of modules.order (.ko before Linux 6.3): where kvm.ko goes. */
static int place_built_module(const struct kernel_fill *f, char *line)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *dir = NULL;
	char *dot;
	int r;

	line[strcspn(line, "\n")] = '\0';
	dot = strrchr(line, '.');
	if (!dot || (strcmp(dot, ".o") && strcmp(dot, ".ko")) || strstr(line, ".."))
		return 0;
	*dot = '\0';
	if (!strncmp(line, "kernel/", 7))
		line += 7;
	if (asprintf(&from, "%s/%s.ko", f->parts->build_tree, line) < 0 ||
	    asprintf(&to, "%s/modules/kernel/%s.ko", f->stage, line) < 0)
		return err_sys(f->e, -ENOMEM, "import %s", f->path);
	if (access(from, F_OK) < 0)	/* listed, but not built yet */
		return 0;
	dir = strndup(to, (size_t)(strrchr(to, '/') - to));
	if (!dir)
		return err_sys(f->e, -ENOMEM, "import %s", f->path);
	r = file_mkdirs(dir, 0755, f->e);
	return r < 0 ? r : kernel_copy_file(from, to, f->e);
}

static int place_built_modules(const struct kernel_fill *f)
{
	_cleanup_free_ char *path = NULL, *line = NULL;
	_cleanup_fclose_ FILE *order = NULL;
	size_t size = 0;
	int r = 0;

	if (!f->parts->build_tree)
		return 0;
	path = kernel_path_if_exists(f->parts->build_tree, "modules.order");
	order = path ? fopen(path, "re") : NULL;
	while (order && r == 0 && getline(&line, &size, order) > 0)
		r = place_built_module(f, line);
	return r < 0 ? r : place_builtin(f, f->parts->build_tree);
}

/* A guest that starts from a vmlinux does not unpack anything. */
static int place_payload(const struct kernel_fill *f)
{
	_cleanup_free_ char *packed = NULL, *vmlinux = NULL;

	if (f->parts->vmlinux || !f->parts->bzimage)
		return 0;
	if (asprintf(&packed, "%s/vmlinuz", f->stage) < 0 ||
	    asprintf(&vmlinux, "%s/vmlinux", f->stage) < 0)
		return err_sys(f->e, -ENOMEM, "import %s", f->path);
	(void)kernel_unpack_payload(packed, vmlinux);	/* without it the bzImage boots */
	return 0;
}

/* The one beside the kernel, else the one that it carries, if it does. */
static int place_config(const struct kernel_fill *f)
{
	_cleanup_free_ char *vmlinux = NULL, *config = NULL;

	if (f->parts->config)
		return place_file(f, f->parts->config, "config");
	vmlinux = kernel_path_if_exists(f->stage, "vmlinux");
	if (asprintf(&config, "%s/config", f->stage) < 0)
		return err_sys(f->e, -ENOMEM, "import %s", f->path);
	if (vmlinux)
		(void)kernel_config_extract(vmlinux, config, NULL);
	return 0;
}

int kernel_fill_stage(const struct kernel_fill *f)
{
	const struct kernel_parts *p = f->parts;
	int r = place_file(f, p->bzimage, "vmlinuz");

	if (r == 0)
		r = place_file(f, p->vmlinux, "vmlinux");
	if (r == 0)
		r = place_payload(f);
	if (r == 0)
		r = place_config(f);
	if (r == 0)
		r = place_file(f, p->system_map, "System.map");
	if (r == 0)
		r = place_modules(f);
	if (r == 0)
		r = place_built_modules(f);
	return r;
}
