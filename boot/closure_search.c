/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the dynamic linker looks for a library, in its order. A candidate of
 * another machine or word size is passed over, as it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/closure_private.h"

#define CACHE_PATH "/etc/ld.so.cache"
#define CACHE_MAX (64 * MIB)
#define PLATFORM "x86_64"

/* --- default folders ------------------------------------------------------ */

static int add_dir(struct closure_search *s, const char *prefix, const char *dir, size_t n)
{
	char *text;

	if (s->dir_count == CLOSURE_DIRS_MAX || !n)
		return 0;
	if (asprintf(&text, "%s%.*s", prefix, (int)n, dir) < 0)
		return -ENOMEM;
	s->dir[s->dir_count++] = text;
	return 0;
}

/*
 * A loader's default folders are those that it was installed to: for one in
 * /usr/lib64 that is /lib64 and /usr/lib64, for one in a multiarch folder that
 * and the folder above, and one in a prefix of its own has just that.
 */
static int default_dirs(struct closure_search *s, const char *interp)
{
	_cleanup_free_ char *real = realpath(interp ? interp : "/lib64/ld-linux-x86-64.so.2", NULL);
	const char *dir = real ? real : "/lib64/";
	size_t n = (size_t)(strrchr(dir, '/') - dir), parent;
	int r;

	if (!strncmp(dir, "/usr/lib", 8)) {
		dir += 4;
		n -= 4;
	}
	if (strncmp(dir, "/lib", 4) || !n)
		return add_dir(s, "", dir, n ? n : 1);
	parent = n > 5 && !memchr(dir + 5, '/', n - 5) && dir[4] == '/' ? 4 : 0;
	r = add_dir(s, "", dir, n);
	if (r == 0)
		r = add_dir(s, "/usr", dir, n);
	if (r == 0)
		r = add_dir(s, "", dir, parent);
	if (r == 0)
		r = add_dir(s, "/usr", dir, parent);
	return r;
}

bool closure_search_is_default(const struct closure_search *s, const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	for (unsigned i = 0; i < s->dir_count; i++)
		if (strlen(s->dir[i]) == n && !memcmp(s->dir[i], path, n))
			return true;
	return false;
}

/* --- the cache ------------------------------------------------------------ */

/* A machine without a usable cache is one where nothing is found in it. */
static void load_cache(struct closure_search *s)
{
	_cleanup_close_ int fd = open(CACHE_PATH, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && s->cache_bytes.len < CACHE_MAX) {
		void *at = buf_reserve(&s->cache_bytes, 64 * KIB);

		n = at ? read(fd, at, 64 * KIB) : 0;
		if (n > 0)
			s->cache_bytes.len += (size_t)n;
	}
	if (s->cache_bytes.len)
		(void)ldcache_init(&s->cache, s->cache_bytes.data, s->cache_bytes.len);
}

int closure_search_init(struct closure_search *s, const struct closure_object *main,
			struct err *e)
{
	int r;

	*s = (struct closure_search){ .main = main };
	r = default_dirs(s, main->elf.interp);
	if (r < 0) {
		closure_search_fini(s);
		return err_sys(e, r, "%s", main->path);
	}
	s->lib = s->dir[0] + 1;
	s->env = getenv("LD_LIBRARY_PATH");
	load_cache(s);
	return 0;
}

void closure_search_fini(struct closure_search *s)
{
	for (unsigned i = 0; i < s->dir_count; i++)
		free(s->dir[i]);
	buf_fini(&s->cache_bytes);
}

/* --- $ORIGIN and its kin -------------------------------------------------- */

/* One lookup. */
struct query {
	struct closure_search *s;
	const struct closure_object *asker;
	const char *name;
	struct closure_object *ret;
	struct closure_hit *hit;
	struct err *e;
};

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Length of "$NAME" or "${NAME}" at p, 0 when it is not that. */
static size_t token_length(const char *p, const char *name)
{
	size_t n = strlen(name);

	if (p[1] == '{')
		return !strncmp(p + 2, name, n) && p[2 + n] == '}' ? n + 3 : 0;
	return !strncmp(p + 1, name, n) && !is_word_char(p[1 + n]) ? n + 1 : 0;
}

/* Text of n bytes with the tokens replaced, as seen from object; NULL: out of memory. */
static char *expand(const struct closure_search *s, const struct closure_object *object,
		    const char *text, size_t n)
{
	const struct {
		const char *name, *value;
	} tokens[] = {
		{ "ORIGIN", object->origin },
		{ "LIB", s->lib },
		{ "PLATFORM", PLATFORM },
	};
	_cleanup_free_ char *copy = strndup(text, n);
	_cleanup_(buf_fini) struct buf out = BUF_INIT;

	for (const char *p = copy; p && *p;) {
		size_t len = 0;

		for (size_t i = 0; *p == '$' && !len && i < ARRAY_SIZE(tokens); i++) {
			len = token_length(p, tokens[i].name);
			if (len)
				buf_str(&out, tokens[i].value);
		}
		if (!len)
			buf_u8(&out, (uint8_t)*p);
		p += len ? len : 1;
	}
	return copy ? buf_take(&out) : NULL;
}

/* --- candidates ----------------------------------------------------------- */

static int reject(struct query *q, const char *path, const char *why)
{
	snprintf(q->s->rejected, sizeof(q->s->rejected), "%s: %s", path, why);
	return 0;
}

/* 1 when the file can be loaded; path is then the object's. */
static int try_file(struct query *q, char *path, enum closure_via via)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const struct closure_elf *main = &q->s->main->elf;
	struct closure_elf elf;
	struct stat st;
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return reject(q, path, strerrordesc_np(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return reject(q, path, "not a regular file");
	r = closure_elf_read(fd, path, &elf, q->e);
	if (r == -ENOEXEC)
		return reject(q, path, "not a usable ELF file");
	if (r < 0)
		return r;
	if (elf.elf_class != main->elf_class || elf.machine != main->machine) {
		closure_elf_fini(&elf);
		return reject(q, path, "for another machine");
	}
	q->ret->path = strdup(path);
	q->ret->origin = strndup(path, (size_t)MAX(strrchr(path, '/') - path, 1));
	q->ret->dev = st.st_dev;
	q->ret->ino = st.st_ino;
	q->ret->elf = elf;
	q->hit->via = via;
	return q->ret->path && q->ret->origin ? 1 : err_sys(q->e, -ENOMEM, "%s", path);
}

/* The name in a folder; "" and relative folders are seen from the current one. */
static int try_dir(struct query *q, const char *dir, enum closure_via via)
{
	_cleanup_free_ char *cwd = NULL, *path = NULL;
	const char *slash = *dir && dir[strlen(dir) - 1] == '/' ? "" : "/";

	if (dir[0] != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return 0;
	}
	if (asprintf(&path, "%s%s%s%s%s", cwd ? cwd : "", cwd && *dir ? "/" : "", dir, slash,
		     q->name) < 0)
		return err_sys(q->e, -ENOMEM, "%s", q->name);
	return try_file(q, path, via);
}

/* A list of folders as object has it in its DT_RPATH or DT_RUNPATH. */
static int try_list(struct query *q, const struct closure_object *object, const char *list,
		    const char *separators, enum closure_via via)
{
	int r = 0;

	for (const char *p = list; p && r == 0;) {
		_cleanup_free_ char *dir = NULL;
		size_t n = strcspn(p, separators);

		dir = expand(q->s, object, p, n);
		if (!dir)
			return err_sys(q->e, -ENOMEM, "%s", q->name);
		r = try_dir(q, dir, via);
		if (r == 1)
			q->hit->main_origin = object == q->s->main &&
					      memmem(p, n, "ORIGIN", 6) != NULL;
		p = p[n] ? p + n + 1 : NULL;
	}
	return r;
}

/* --- sources, in their order ---------------------------------------------- */

static int from_rpath(struct query *q)
{
	int r = 0;

	if (q->asker->elf.runpath)
		return 0;
	for (const struct closure_object *o = q->asker; o && r == 0; o = o->loader)
		r = try_list(q, o, o->elf.rpath, ":", CLOSURE_RPATH);
	return r;
}

static int from_env(struct query *q)
{
	if (!q->s->env || !*q->s->env)
		return 0;
	return try_list(q, q->s->main, q->s->env, ":;", CLOSURE_ENV);
}

static int from_runpath(struct query *q)
{
	return try_list(q, q->asker, q->asker->elf.runpath, ":", CLOSURE_RUNPATH);
}

static int from_cache(struct query *q)
{
	const struct closure_elf *elf = &q->asker->elf;
	const char *found = ldcache_find(&q->s->cache, q->name, elf->elf_class, elf->machine);
	_cleanup_free_ char *path = NULL;

	if (!found || (elf->nodeflib && closure_search_is_default(q->s, found)))
		return 0;
	path = strdup(found);
	return path ? try_file(q, path, CLOSURE_CACHE) : err_sys(q->e, -ENOMEM, "%s", found);
}

static int from_default(struct query *q)
{
	int r = 0;

	for (unsigned i = 0; i < q->s->dir_count && r == 0 && !q->asker->elf.nodeflib; i++)
		r = try_dir(q, q->s->dir[i], CLOSURE_DEFAULT);
	return r;
}

/* DT_NEEDED with a slash in it is a path. */
static int from_path(struct query *q)
{
	_cleanup_free_ char *path = expand(q->s, q->asker, q->name, strlen(q->name));
	int r;

	if (!path)
		return err_sys(q->e, -ENOMEM, "%s", q->name);
	if (path[0] != '/')
		return err_set(q->e, -EINVAL, "%s: needs %s, a relative path, which the guest "
			       "cannot have", q->asker->path, path);
	r = try_file(q, path, CLOSURE_PATH);
	q->hit->main_origin = q->asker == q->s->main && strstr(q->name, "ORIGIN");
	return r;
}

int closure_search_find(struct closure_search *s, const struct closure_object *asker,
			const char *name, struct closure_object *ret, struct closure_hit *ret_hit,
			struct err *e)
{
	static int (*const sources[])(struct query *) = {
		from_rpath, from_env, from_runpath, from_cache, from_default,
	};
	struct query q = {
		.s = s, .asker = asker, .name = name, .ret = ret, .hit = ret_hit, .e = e,
	};
	int r = 0;

	*ret_hit = (struct closure_hit){ 0 };
	s->rejected[0] = '\0';
	if (!*name)
		return 0;
	if (strchr(name, '/'))
		return from_path(&q);
	for (size_t i = 0; i < ARRAY_SIZE(sources) && r == 0; i++)
		r = sources[i](&q);
	return r;
}
