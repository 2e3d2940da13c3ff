/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the files of a kernel lie: in a build tree, an unpacked package, a
 * folder that somebody made, a cache entry, /boot, or beside one image.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/kernels_private.h"

void kernel_parts_fini(struct kernel_parts *p)
{
	free(p->bzimage);
	free(p->vmlinux);
	free(p->config);
	free(p->system_map);
	free(p->modules);
	free(p->build_tree);
	free(p->release);
	*p = (struct kernel_parts){ 0 };
}

char *kernel_path_if_exists(const char *a, const char *b)
{
	const char *slash = *a && a[strlen(a) - 1] == '/' ? "" : "/";
	char *path;

	if (asprintf(&path, "%s%s%s", a, slash, b) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* dir/prefix + suffix when that exists. */
static char *with_suffix(const char *dir, const char *prefix, const char *suffix)
{
	_cleanup_free_ char *name = NULL;

	if (asprintf(&name, "%s%s", prefix, suffix) < 0)
		return NULL;
	return kernel_path_if_exists(dir, name);
}

static bool has_modules(const char *dir)
{
	_cleanup_free_ char *kernel = dir ? kernel_path_if_exists(dir, "kernel") : NULL;

	return kernel != NULL;
}

/* root/lib/modules/release, where that has modules. */
static char *find_modules(const char *root, const char *release)
{
	static const char *const prefixes[] = { "lib/modules/", "usr/lib/modules/" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		_cleanup_free_ char *dir = with_suffix(root, prefixes[i], release);

		if (has_modules(dir))
			return take_ptr(dir);
	}
	return NULL;
}

/*
 * The modules of an image that has its plain name: in a folder beside it, or it
 * lies among them, as in lib/modules/RELEASE. A source tree has a folder kernel,
 * too, and a Makefile.
 */
static char *find_own_modules(const char *dir)
{
	_cleanup_free_ char *beside = kernel_path_if_exists(dir, "modules");
	_cleanup_free_ char *makefile = kernel_path_if_exists(dir, "Makefile");

	if (has_modules(beside))
		return take_ptr(beside);
	return !makefile && has_modules(dir) ? strdup(dir) : NULL;
}

/* --- images --------------------------------------------------------------- */

/* Look into one image; what it says about its release outranks names. */
static int check_image(const char *path, enum boot_format want, char **release, struct err *e)
{
	struct boot_image img;
	int r = boot_image_open(path, &img, e);

	if (r < 0)
		return r;
	if (img.format != want)
		r = err_set(e, -ENOEXEC, "%s: a %s, not a %s", path, boot_format_name(img.format),
			    boot_format_name(want));
	if (r == 0 && img.release[0]) {
		free(*release);
		*release = strdup(img.release);
		if (!*release)
			r = err_sys(e, -ENOMEM, "%s", path);
	}
	boot_image_close(&img);
	return r;
}

static int check_images(struct kernel_parts *p, struct err *e)
{
	int r = 0;

	if (p->vmlinux)
		r = check_image(p->vmlinux, BOOT_VMLINUX, &p->release, e);
	if (r == 0 && p->bzimage)
		r = check_image(p->bzimage, BOOT_BZIMAGE, &p->release, e);
	return r;
}

/* Debian's System.map is one line that says where the real one is. */
static bool has_symbols(const char *system_map)
{
	struct file_map m = FILE_MAP_INIT;
	bool has;

	if (!system_map || file_map(system_map, &m, NULL) < 0)
		return false;
	has = m.data && (memmem(m.data, m.size, " _text\n", 7) ||
			 memmem(m.data, m.size, " _stext\n", 8));
	file_unmap(&m);
	return has;
}

static void drop_stub(struct kernel_parts *p)
{
	if (has_symbols(p->system_map))
		return;
	free(p->system_map);
	p->system_map = NULL;
}

/* The first line of a file like include/config/kernel.release. */
static char *read_line(const char *path)
{
	_cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
	char line[128];

	if (!f || !fgets(line, sizeof(line), f))
		return NULL;
	line[strcspn(line, " \t\r\n")] = '\0';
	return line[0] ? strdup(line) : NULL;
}

/* --- vmlinuz-RELEASE ------------------------------------------------------ */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static int is_versioned(const struct dirent *d)
{
	const char *name = d->d_name;

	return !strncmp(name, "vmlinuz-", 8) && name[8] && !ends_with(name, ".old") &&
	       !ends_with(name, ".bak") && !ends_with(name, "~");
}

/*
 * The newest of boot/vmlinuz-*. A readable one goes first; when there is none
 * the newest is taken, so that opening it tells what to do.
 */
static char *newest_release(const char *boot)
{
	struct dirent **names;
	int n = scandir(boot, &names, is_versioned, versionsort), pick = n - 1;
	char *release = NULL;

	if (n <= 0) {
		if (n == 0)
			free(names);
		return NULL;
	}
	for (int i = n - 1; i >= 0; i--) {
		_cleanup_free_ char *path = kernel_path_if_exists(boot, names[i]->d_name);

		if (path && access(path, R_OK) == 0) {
			pick = i;
			break;
		}
	}
	release = strdup(names[pick]->d_name + 8);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return release;
}

/* boot is a folder with vmlinuz-*, root the one that lib/modules is in. */
static int find_versioned(const char *boot, const char *root, struct kernel_parts *p)
{
	_cleanup_free_ char *release = newest_release(boot);

	if (!release)
		return 0;
	p->bzimage = with_suffix(boot, "vmlinuz-", release);
	p->config = with_suffix(boot, "config-", release);
	p->system_map = with_suffix(boot, "System.map-", release);
	p->modules = find_modules(root, release);
	p->release = take_ptr(release);
	return p->bzimage != NULL;
}

/* The folder above, for a path like /boot, ./x/boot or boot. */
static char *parent_of(const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;

	if (!slash)
		return NULL;
	slash[slash == real] = '\0';
	return take_ptr(real);
}

/* What was found is a kernel: it is the caller's. */
static int take_parts(struct kernel_parts *p, struct kernel_parts *ret, struct err *e)
{
	int r = check_images(p, e);

	if (r < 0)
		return r;
	drop_stub(p);
	*ret = *p;
	*p = (struct kernel_parts){ 0 };
	return 0;
}

int kernel_parts_find_boot(const char *boot, struct kernel_parts *ret, struct err *e)
{
	_cleanup_(kernel_parts_fini) struct kernel_parts p = { 0 };
	_cleanup_free_ char *root = parent_of(boot);

	if (!root || !find_versioned(boot, root, &p))
		return err_set(e, -ENOENT, "%s: no vmlinuz-* there", boot);
	return take_parts(&p, ret, e);
}

/* --- folders -------------------------------------------------------------- */

static char *first_of(const char *dir, const char *const *names, size_t n)
{
	char *path = NULL;

	for (size_t i = 0; i < n && !path; i++)
		path = kernel_path_if_exists(dir, names[i]);
	return path;
}

#define FIRST_OF(dir, ...)						\
	first_of(dir, (const char *const[]){ __VA_ARGS__ },		\
		 ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

/* A build tree, or a folder with the files under their usual names. */
static int find_flat(const char *dir, struct kernel_parts *p)
{
	_cleanup_free_ char *order = kernel_path_if_exists(dir, "modules.order");
	_cleanup_free_ char *release = NULL;

	p->bzimage = FIRST_OF(dir, "arch/x86/boot/bzImage", "bzImage", "vmlinuz");
	p->vmlinux = kernel_path_if_exists(dir, "vmlinux");
	if (!p->bzimage && !p->vmlinux)
		return 0;
	p->config = FIRST_OF(dir, ".config", "config");
	p->system_map = kernel_path_if_exists(dir, "System.map");
	release = FIRST_OF(dir, "include/config/kernel.release", "kernel.release");
	p->release = read_line(release);
	p->modules = find_own_modules(dir);
	if (!p->modules && order)
		p->build_tree = strdup(dir);
	return 1;
}

/* What an unpacked package has of the image's own folder. Its modules may be in the other one. */
static void found_in_modules(const char *root, const char *release, struct kernel_parts *p)
{
	free(p->build_tree);		/* there is a modules.order, but of what is installed */
	p->build_tree = NULL;
	if (!p->modules)
		p->modules = find_modules(root, release);
	if (!p->release)
		p->release = strdup(release);
}

/* Fedora's, openSUSE's and Arch's packages have the image among the modules. */
static int find_in_modules(const char *dir, struct kernel_parts *p)
{
	static const char *const prefixes[] = { "lib/modules", "usr/lib/modules" };
	int found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes) && !found; i++) {
		_cleanup_free_ char *all = kernel_path_if_exists(dir, prefixes[i]);
		struct dirent **names;
		int n = all ? scandir(all, &names, NULL, versionsort) : -1;

		for (int k = n - 1; k >= 0; k--) {
			_cleanup_free_ char *one = kernel_path_if_exists(all, names[k]->d_name);

			if (!found && one && names[k]->d_name[0] != '.' && find_flat(one, p)) {
				found = 1;
				found_in_modules(dir, names[k]->d_name, p);
			}
			free(names[k]);
		}
		if (n >= 0)
			free(names);
	}
	return found;
}

static int find_in_folder(const char *dir, struct kernel_parts *p, struct err *e)
{
	_cleanup_free_ char *boot = kernel_path_if_exists(dir, "boot"), *parent = parent_of(dir);
	_cleanup_free_ char *kconfig = kernel_path_if_exists(dir, "Kconfig");

	if (find_flat(dir, p) || (boot && find_versioned(boot, dir, p)) ||
	    (parent && find_versioned(dir, parent, p)) || find_in_modules(dir, p))
		return 0;
	if (kconfig)
		return err_set(e, -ENOENT, "%s: a kernel source tree that is not built (try: make "
			       "-C %s bzImage)", dir, dir);
	return err_set(e, -ENOENT, "%s: no kernel there: neither arch/x86/boot/bzImage, bzImage, "
		       "vmlinuz, vmlinux nor vmlinuz-* in it, in boot or in lib/modules/*", dir);
}

/* --- one file ------------------------------------------------------------- */

/* Files that belong to an image by their names. */
static void find_beside(const char *path, struct kernel_parts *p)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = slash ? (size_t)MAX(slash - path, 1) : 1;
	_cleanup_free_ char *dir = strndup(slash ? path : ".", n);
	_cleanup_free_ char *root = dir ? parent_of(dir) : NULL;
	const char *dash = strchr(name, '-'), *release = dash ? dash + 1 : NULL;

	if (!dir || !root)
		return;
	if (!release) {
		p->config = FIRST_OF(dir, "config", ".config");
		p->system_map = kernel_path_if_exists(dir, "System.map");
		p->modules = find_own_modules(dir);
		return;
	}
	p->config = with_suffix(dir, "config-", release);
	p->system_map = with_suffix(dir, "System.map-", release);
	p->modules = find_modules(root, release);
	p->release = strdup(release);
}

static int find_file(const char *path, struct kernel_parts *p, struct err *e)
{
	struct boot_image img;
	int r = boot_image_open(path, &img, e);
	char *copy;

	if (r < 0)
		return r;
	copy = strdup(path);
	if (img.format == BOOT_BZIMAGE)
		p->bzimage = copy;
	else
		p->vmlinux = copy;
	boot_image_close(&img);
	if (!copy)
		return err_sys(e, -ENOMEM, "%s", path);
	find_beside(path, p);
	return 0;
}

int kernel_parts_find(const char *path, struct kernel_parts *ret, struct err *e)
{
	_cleanup_(kernel_parts_fini) struct kernel_parts p = { 0 };
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_sys(e, -errno, "open %s", path);
	if (S_ISDIR(st.st_mode))
		r = find_in_folder(path, &p, e);
	else
		r = find_file(path, &p, e);
	return r < 0 ? r : take_parts(&p, ret, e);
}
