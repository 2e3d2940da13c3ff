/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The libraries of a program, as the dynamic linker would load them: breadth
 * first, each object once, known by the name it was asked for, by its
 * DT_SONAME, or by being the same file.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/closure_private.h"

#define OBJECTS_MAX 4096

const char *closure_via_name(enum closure_via via)
{
	static const char *const names[] = {
		[CLOSURE_PATH] = "path",
		[CLOSURE_RPATH] = "rpath",
		[CLOSURE_ENV] = "LD_LIBRARY_PATH",
		[CLOSURE_RUNPATH] = "runpath",
		[CLOSURE_CACHE] = "cache",
		[CLOSURE_DEFAULT] = "default",
	};

	static_assert(ARRAY_SIZE(names) == CLOSURE_VIA_COUNT, "a name for each");
	return names[via];
}

void closure_fini(struct closure *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->lib[i].soname);
		free(c->lib[i].path);
	}
	free(c->lib);
	free(c->interp);
	free(c->origin);
	free(c->link_dir);
	*c = (struct closure){ 0 };
}

/* --- objects -------------------------------------------------------------- */

/* Objects in the order of loading; the first is the program, the second its loader if any. */
struct loading {
	struct closure_object **object;
	size_t count;
	struct closure_search search;
	struct closure *out;
	struct err *e;
};

static void object_free(struct closure_object *o)
{
	if (!o)
		return;
	free(o->name);
	free(o->path);
	free(o->origin);
	closure_elf_fini(&o->elf);
	free(o);
}

static void cleanup_object(struct closure_object **o)
{
	object_free(*o);
}

static void loading_fini(struct loading *l)
{
	for (size_t i = 0; i < l->count; i++)
		object_free(l->object[i]);
	free(l->object);
	closure_search_fini(&l->search);
}

static int add_object(struct loading *l, struct closure_object *o)
{
	struct closure_object **grown;

	if (l->count == OBJECTS_MAX)
		return err_set(l->e, -E2BIG, "%s: more than %d libraries", l->object[0]->path,
			       OBJECTS_MAX);
	grown = reallocarray(l->object, l->count + 1, sizeof(*grown));
	if (!grown)
		return err_sys(l->e, -ENOMEM, "%s", o->path);
	l->object = grown;
	l->object[l->count++] = o;
	return 0;
}

static const struct closure_object *find_by_name(const struct loading *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct closure_object *o = l->object[i];

		if (!strcmp(o->name, name) || !strcmp(o->path, name) ||
		    (o->elf.soname && !strcmp(o->elf.soname, name)))
			return o;
	}
	return NULL;
}

static bool is_loaded(const struct loading *l, const struct closure_object *file)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->object[i]->dev == file->dev && l->object[i]->ino == file->ino)
			return true;
	return false;
}

/* Was this name found before, as another name of a loaded file? */
static bool is_listed(const struct closure *c, const char *name, const char *path)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->lib[i].soname, name) && !strcmp(c->lib[i].path, path))
			return true;
	return false;
}

static int list_library(struct loading *l, const struct closure_object *o,
			const struct closure_hit *hit, bool alias)
{
	struct closure *c = l->out;
	struct closure_lib *grown;

	if (is_listed(c, o->name, o->path))
		return 0;
	grown = reallocarray(c->lib, c->count + 1, sizeof(*grown));
	if (!grown)
		return err_sys(l->e, -ENOMEM, "%s", o->path);
	c->lib = grown;
	c->lib[c->count] = (struct closure_lib){
		.soname = strdup(o->name),
		.path = strdup(o->path),
		.via = hit->via,
		.default_dir = closure_search_is_default(&l->search, o->path),
		.main_origin = hit->main_origin,
		.alias = alias,
	};
	c->count++;
	if (!grown[c->count - 1].soname || !grown[c->count - 1].path)
		return err_sys(l->e, -ENOMEM, "%s", o->path);
	return 0;
}

/* --- loading -------------------------------------------------------------- */

/* "/usr/bin/x via liba.so" */
static void describe_chain(struct buf *b, const struct closure_object *o)
{
	if (!o->loader) {
		buf_str(b, o->path);
		return;
	}
	describe_chain(b, o->loader);
	buf_fmt(b, " via %s", o->name);
}

static int not_found(const struct loading *l, const struct closure_object *asker,
		     const char *name)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	describe_chain(&b, asker);
	if (l->search.rejected[0])
		buf_fmt(&b, " (passed over %s)", l->search.rejected);
	buf_u8(&b, 0);
	return err_set(l->e, -ENOENT, "%s: not found, needed by %s", name,
		       buf_ok(&b) ? (const char *)b.data : l->object[0]->path);
}

static int load_needed(struct loading *l, const struct closure_object *asker, const char *name)
{
	_cleanup_(cleanup_object) struct closure_object *o = NULL;
	struct closure_hit hit;
	int r;

	if (find_by_name(l, name))
		return 0;
	o = calloc(1, sizeof(*o));
	if (o)
		o->name = strdup(name);
	if (!o || !o->name)
		return err_sys(l->e, -ENOMEM, "%s", name);
	o->loader = asker;
	r = closure_search_find(&l->search, asker, name, o, &hit, l->e);
	if (r == 0)
		return not_found(l, asker, name);
	if (r < 0)
		return r;
	if (is_loaded(l, o))
		return list_library(l, o, &hit, true);
	r = list_library(l, o, &hit, false);
	if (r == 0)
		r = add_object(l, o);
	if (r == 0)
		o = NULL;
	return r;
}

/* The program's real path: what $ORIGIN means, also for one that was deleted. */
static char *real_path_of(int fd, const char *fallback)
{
	static const char deleted[] = " (deleted)";
	char link[32], real[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, sizeof(real) - 1);
	if (n <= 0 || real[0] != '/')
		return realpath(fallback, NULL);
	real[n] = '\0';
	if ((size_t)n > strlen(deleted) && !strcmp(real + n - strlen(deleted), deleted) &&
	    access(real, F_OK) < 0)
		real[n - (ssize_t)strlen(deleted)] = '\0';
	return strdup(real);
}

/* The first object. -ENOEXEC: nothing that the dynamic linker would look at. */
static int load_program(struct loading *l, const char *host)
{
	_cleanup_close_ int fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(cleanup_object) struct closure_object *o = calloc(1, sizeof(*o));
	_cleanup_free_ char *real = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(l->e, -errno, "open %s", host);
	if (!S_ISREG(st.st_mode))
		return err_set(l->e, -EINVAL, "open %s: not a regular file", host);
	if (!o)
		return err_sys(l->e, -ENOMEM, "%s", host);
	real = real_path_of(fd, host);
	o->name = strdup(host);
	o->path = strdup(host);
	o->origin = real ? strndup(real, (size_t)MAX(strrchr(real, '/') - real, 1)) : NULL;
	if (!o->name || !o->path || !o->origin)
		return err_sys(l->e, -ENOMEM, "%s", host);
	o->dev = st.st_dev;
	o->ino = st.st_ino;
	r = closure_elf_read(fd, host, &o->elf, l->e);
	if (r == 0)
		r = add_object(l, o);
	if (r == 0)
		o = NULL;
	return r;
}

/*
 * The interpreter is loaded before any library, and a DT_NEEDED that names it
 * is answered with it.
 */
static int load_interp(struct loading *l)
{
	_cleanup_(cleanup_object) struct closure_object *o = calloc(1, sizeof(*o));
	const struct closure_object *main = l->object[0];
	const char *path = main->elf.interp;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(l->e, -errno, "interpreter %s of %s", path, main->path);
	if (!S_ISREG(st.st_mode))
		return err_set(l->e, -EINVAL, "interpreter %s of %s: not a regular file", path,
			       main->path);
	if (o) {
		o->name = strdup(path);
		o->path = strdup(path);
		o->origin = strdup("/");
		o->loader = main;
		o->dev = st.st_dev;
		o->ino = st.st_ino;
	}
	if (!o || !o->name || !o->path || !o->origin)
		return err_sys(l->e, -ENOMEM, "%s", path);
	r = closure_elf_read(fd, path, &o->elf, l->e);
	if (r == 0)
		r = add_object(l, o);
	if (r == 0)
		o = NULL;
	return r < 0 ? err_ctx(l->e, r, "interpreter of %s", main->path) : 0;
}

static int load_all(struct loading *l)
{
	const struct closure_object *main = l->object[0];
	int r = load_interp(l);

	if (r < 0)
		return r;
	r = closure_search_init(&l->search, main, l->e);
	if (r < 0)
		return r;
	l->out->interp = main->elf.interp ? strdup(main->elf.interp) : NULL;
	l->out->origin = strdup(main->origin);
	l->out->link_dir = strdup(l->search.dir[0]);
	if ((main->elf.interp && !l->out->interp) || !l->out->origin || !l->out->link_dir)
		return err_sys(l->e, -ENOMEM, "%s", main->path);
	for (size_t i = 0; i < l->count; i++) {
		const struct closure_object *o = l->object[i];

		for (size_t k = 0; k < o->elf.count; k++) {
			r = load_needed(l, o, o->elf.needed[k]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool is_elf(const char *host)
{
	_cleanup_close_ int fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char magic[4];

	return fd >= 0 && read(fd, magic, 4) == 4 && !memcmp(magic, "\177ELF", 4);
}

int closure_resolve(const char *host, struct closure *ret, struct err *e)
{
	_cleanup_(closure_fini) struct closure out = { 0 };
	_cleanup_(loading_fini) struct loading l = { .out = &out, .e = e };
	int r = load_program(&l, host);

	if (r == -ENOEXEC && !is_elf(host)) {
		err_clear(e);
		*ret = (struct closure){ 0 };
		return 0;
	}
	if (r == 0)
		r = load_all(&l);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct closure){ 0 };
	return 0;
}
