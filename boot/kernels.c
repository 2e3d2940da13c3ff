/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel cache as a list, and what --kernel may name. */
#include "boot/kernels.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels_private.h"

#define BOOT_DIR "/boot"

void kernel_fini(struct kernel *k)
{
	free(k->key);
	free(k->image);
	free(k->bzimage);
	free(k->release);
	free(k->modules);
	free(k->system_map);
	free(k->config);
	free(k->source);
	free(k->imported);
	free(k->why);
	*k = (struct kernel){ 0 };
}

bool kernel_is_packed(const struct kernel *k)
{
	return k->bzimage && !strcmp(k->bzimage, k->image);
}

/* --- the cache's place ---------------------------------------------------- */

static const char *env_path(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* $HOME, or what the user database says when that is not set. */
static char *home_dir(void)
{
	const char *home = env_path("HOME");
	struct passwd pw, *found = NULL;
	char text[4096];

	if (home)
		return strdup(home);
	if (getpwuid_r(getuid(), &pw, text, sizeof(text), &found) || !found || !pw.pw_dir[0])
		return NULL;
	return strdup(pw.pw_dir);
}

int kernel_cache_dir(char **ret, struct err *e)
{
	const char *own = env_path("KTSTR_CACHE_DIR"), *xdg = env_path("XDG_CACHE_HOME");
	_cleanup_free_ char *base = NULL, *cwd = NULL;
	int n;

	if (own && own[0] != '/')
		cwd = getcwd(NULL, 0);
	else if (!own && xdg && xdg[0] == '/')	/* the XDG specification: relative is invalid */
		base = strdup(xdg);
	else if (!own)
		base = home_dir();
	if (!own && !base)
		return err_set(e, -ENOENT, "no place for a cache: set HOME or KTSTR_CACHE_DIR");
	if (own)
		n = asprintf(ret, "%s%s%s", cwd ? cwd : "", cwd ? "/" : "", own);
	else if (xdg && xdg[0] == '/')
		n = asprintf(ret, "%s/ktstr", base);
	else
		n = asprintf(ret, "%s/.cache/ktstr", base);
	return n < 0 ? err_sys(e, -ENOMEM, "cache") : 0;
}

int kernel_entries_dir(char **ret, struct err *e)
{
	_cleanup_free_ char *cache = NULL;
	int r = kernel_cache_dir(&cache, e);

	if (r < 0)
		return r;
	return asprintf(ret, "%s/kernels", cache) < 0 ? err_sys(e, -ENOMEM, "cache") : 0;
}

int kernel_sweep(struct kernel_swept *ret, struct err *e)
{
	_cleanup_free_ char *dir = NULL;
	int r = kernel_entries_dir(&dir, e);

	if (r < 0)
		return r;
	kernel_stage_sweep(dir, ret);
	return 0;
}

/* --- entries -------------------------------------------------------------- */

int kernel_entry_load(const char *dir, const char *key, struct kernel *ret, struct err *e)
{
	_cleanup_(kernel_fini) struct kernel k = { 0 };
	_cleanup_free_ char *path = kernel_path_if_exists(dir, key);

	if (!path)
		return err_set(e, -ENOENT, "%s/%s: no such kernel", dir, key);
	k.bzimage = kernel_path_if_exists(path, "vmlinuz");
	k.image = kernel_path_if_exists(path, "vmlinux");
	if (!k.image && k.bzimage)
		k.image = strdup(k.bzimage);
	if (!k.image)
		return err_set(e, -ENOENT, "%s: no vmlinuz in it", path);
	k.config = kernel_path_if_exists(path, "config");
	k.system_map = kernel_path_if_exists(path, "System.map");
	k.modules = kernel_path_if_exists(path, "modules");
	k.key = strdup(key);
	k.why = strdup("cache");
	if (!k.key || !k.why)
		return err_sys(e, -ENOMEM, "%s", path);
	/* what is missing or damaged there is just not known: the image is what counts */
	if (kernel_json_read(path, &k) < 0)
		return err_set(e, -ENOEXEC, "%s: made for another architecture", path);
	*ret = k;
	k = (struct kernel){ 0 };
	return 0;
}

static int is_entry(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int newest_first(const void *a, const void *b)
{
	const struct kernel *x = a, *y = b;
	int r = strcmp(y->imported ? y->imported : "", x->imported ? x->imported : "");

	return r ? r : strverscmp(y->key, x->key);
}

int kernel_list(struct kernel **ret, size_t *ret_count, struct err *e)
{
	_cleanup_free_ char *dir = NULL;
	struct kernel *list;
	struct dirent **names;
	size_t count = 0;
	int n, r = kernel_entries_dir(&dir, e);

	if (r < 0)
		return r;
	n = scandir(dir, &names, is_entry, NULL);
	if (n < 0 && errno != ENOENT)
		return err_sys(e, -errno, "read %s", dir);
	list = calloc((size_t)MAX(n, 0) + 1, sizeof(*list));
	for (int i = 0; i < n; i++) {
		if (list && kernel_entry_load(dir, names[i]->d_name, &list[count], NULL) == 0)
			count++;
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (!list)
		return err_sys(e, -ENOMEM, "read %s", dir);
	qsort(list, count, sizeof(*list), newest_first);
	*ret = list;
	*ret_count = count;
	return 0;
}

int kernel_remove(const char *key, struct err *e)
{
	_cleanup_free_ char *dir = NULL, *from = NULL, *to = NULL;
	struct kernel k = { 0 };
	int r = kernel_entries_dir(&dir, e);

	if (r < 0)
		return r;
	/* only what is an entry, whatever was asked for */
	if (strchr(key, '/') || key[0] == '.' || kernel_entry_load(dir, key, &k, NULL) < 0)
		return err_set(e, -ENOENT, "%.100s: no such key in the cache", key);
	kernel_fini(&k);
	if (asprintf(&from, "%s/%s", dir, key) < 0 ||
	    asprintf(&to, "%s/" KERNEL_STAGE_PREFIX "%d.%s", dir, (int)getpid(), key) < 0)
		return err_sys(e, -ENOMEM, "remove %s", key);
	/* should we die now, the next sweep takes the rest */
	if (rename(from, to) < 0)
		return err_sys(e, -errno, "remove %s", from);
	return file_remove_tree(to, e);
}

/* --- finding -------------------------------------------------------------- */

/* Takes what it needs of the parts. */
static int from_parts(struct kernel_parts *p, const char *why, struct kernel *ret, struct err *e)
{
	_cleanup_(kernel_fini) struct kernel k = {
		.bzimage = take_ptr(p->bzimage),
		.image = take_ptr(p->vmlinux),
		.release = take_ptr(p->release),
		.modules = take_ptr(p->modules),
		.system_map = take_ptr(p->system_map),
		.config = take_ptr(p->config),
		.why = strdup(why),
	};

	if (!k.image)
		k.image = strdup(k.bzimage);
	if (!k.image || !k.why)
		return err_sys(e, -ENOMEM, "kernel");
	*ret = k;
	k = (struct kernel){ 0 };
	return 0;
}

static int find_path(const char *path, const char *why, struct kernel *ret, struct err *e)
{
	_cleanup_(kernel_parts_fini) struct kernel_parts p = { 0 };
	int r = kernel_parts_find(path, &p, e);

	return r < 0 ? r : from_parts(&p, why, ret, e);
}

/* Is version the start of release, up to the end of a number? */
static bool is_version_of(const char *version, const char *release)
{
	size_t n = strlen(version);

	return release && !strncmp(release, version, n) && n &&
	       !(isdigit((unsigned char)version[n - 1]) && isdigit((unsigned char)release[n]));
}

static void free_list(struct kernel *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		kernel_fini(&list[i]);
	free(list);
}

static void take_entry(struct kernel *list, size_t at, struct kernel *ret)
{
	*ret = list[at];
	list[at] = (struct kernel){ 0 };
}

/* Moves the entry that spec names out of the list. -ENOENT. */
static int pick(struct kernel *list, size_t count, const char *spec, struct kernel *ret)
{
	size_t at = count;

	for (size_t i = 0; i < count && at == count; i++)
		if (!strcmp(list[i].key, spec))
			at = i;
	for (size_t i = 0; i < count && at == count; i++)
		if (is_version_of(spec, list[i].release))
			at = i;
	if (at >= count)
		return -ENOENT;
	take_entry(list, at, ret);
	return 0;
}

static void describe_keys(const struct kernel *list, size_t count, struct buf *b)
{
	for (size_t i = 0; i < count && i < 8; i++)
		buf_fmt(b, "%s%s", i ? ", " : "", list[i].key);
	if (count > 8)
		buf_fmt(b, ", ...");
	buf_str(b, count ? "" : "nothing");
	buf_u8(b, 0);
}

static int because(struct kernel *k, const char *why, struct err *e)
{
	free(k->why);
	k->why = strdup(why);
	if (k->why)
		return 0;
	kernel_fini(k);
	return err_sys(e, -ENOMEM, "kernel");
}

static int find_in_cache(const char *spec, const char *why, struct kernel *ret, struct err *e)
{
	_cleanup_(buf_fini) struct buf keys = BUF_INIT;
	struct kernel *list;
	size_t count;
	int r = kernel_list(&list, &count, e);

	if (r < 0)
		return err_ctx(e, r, "%s: neither a file nor a folder, and in the cache", spec);
	r = pick(list, count, spec, ret);
	if (r < 0) {
		describe_keys(list, count, &keys);
		err_set(e, r, "%s: neither a file, a folder nor a kernel in the cache, which has "
			"%s (to add one: ktstr kernel import FILE)", spec,
			buf_ok(&keys) ? (const char *)keys.data : "others");
	} else {
		r = because(ret, why, e);
	}
	free_list(list, count);
	return r;
}

static int find_spec(const char *spec, const char *why, struct kernel *ret, struct err *e)
{
	if (strchr(spec, '/') || access(spec, F_OK) == 0)
		return find_path(spec, why, ret, e);
	return find_in_cache(spec, why, ret, e);
}

static int nothing_found(struct err *e)
{
	_cleanup_free_ char *dir = NULL;
	bool debian = access("/etc/debian_version", F_OK) == 0;

	if (kernel_entries_dir(&dir, NULL) < 0)
		dir = NULL;
	return err_set(e, -ENOENT, "no kernel: --kernel and KTSTR_KERNEL are not set, and there is "
		       "none in %s and in " BOOT_DIR "; to get one: ktstr kernel import FILE%s",
		       dir ? dir : "the cache", debian ?
		       " (a package does: apt-get download linux-image-VERSION-cloud-amd64), "
		       "or ./quickstart" : ", or ./quickstart");
}

/* option: may be NULL. -ENOENT. */
static int find_newest(const char *option, struct kernel *ret, struct err *e)
{
	char why[96] = "newest in the cache";
	struct kernel *list;
	size_t count, at = 0;

	if (kernel_list(&list, &count, NULL) < 0 || !count)
		return -ENOENT;
	while (option && at < count && kernel_config_value(&list[at], option) != 'y')
		at++;
	if (at && at < count)
		snprintf(why, sizeof(why), "newest in the cache with %s", option);
	take_entry(list, at < count ? at : 0, ret);
	free_list(list, count);
	return because(ret, why, e);
}

int kernel_find_with(const char *spec, const char *option, struct kernel *ret, struct err *e)
{
	const char *env = env_path("KTSTR_KERNEL");
	_cleanup_(kernel_parts_fini) struct kernel_parts p = { 0 };
	int r;

	if (spec)
		return find_spec(spec, "--kernel", ret, e);
	if (env) {
		r = find_spec(env, "KTSTR_KERNEL", ret, e);
		return r < 0 ? err_ctx(e, r, "KTSTR_KERNEL") : 0;
	}
	r = find_newest(option, ret, e);
	if (r != -ENOENT)
		return r;
	r = kernel_parts_find_boot(BOOT_DIR, &p, e);
	if (r == 0)
		return from_parts(&p, "newest in " BOOT_DIR, ret, e);
	return r == -ENOENT ? nothing_found(e) : r;
}

int kernel_find(const char *spec, struct kernel *ret, struct err *e)
{
	return kernel_find_with(spec, NULL, ret, e);
}
