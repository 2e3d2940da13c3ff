/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders of the user, the command, busybox. */
#include "loop/payload_include.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "init/init.h"
#include "loop/payload.h"

struct walk {
	struct payload_draft *draft;
	struct strlist programs;	/* guest paths of what may be executed */
	struct buf dirs;		/* their folders, with ':' between */
};

/* --- HOST[:GUEST] --------------------------------------------------------------- */

int payload_include_parse(const char *text, char **ret_host, char **ret_guest, struct err *e)
{
	const char *colon = NULL;

	/* a name of the host may have colons; one before "/" begins GUEST */
	for (const char *p = text; (p = strstr(p, ":/")); p++)
		colon = p;
	*ret_host = *ret_guest = NULL;
	if (colon == text)
		return err_set(e, -EINVAL, "takes HOST[:GUEST], HOST is empty");
	if (!colon && strchr(text, ':') && access(text, F_OK) < 0)
		return err_set(e, -EINVAL, "GUEST must begin with /");
	*ret_host = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);
	*ret_guest = colon ? strdup(colon + 1) : NULL;
	if (*ret_host && (!colon || *ret_guest))
		return 0;
	free(*ret_host);
	free(*ret_guest);
	*ret_host = *ret_guest = NULL;
	return err_set(e, -ENOMEM, "out of memory");
}

static int join(char **ret, const char *folder, const char *name, struct err *e)
{
	if (asprintf(ret, "%s/%s", folder, name) >= 0)
		return 0;
	*ret = NULL;
	return err_set(e, -ENOMEM, "out of memory");
}

/* Where it goes: below the include folder, below GUEST/, or at GUEST. */
static int find_guest(const char *host, const char *guest, char **ret, struct err *e)
{
	_cleanup_free_ char *real = realpath(host, NULL), *folder = NULL;
	_cleanup_free_ char *plain = strdup(host);
	const char *base;
	size_t n = guest ? strlen(guest) : 0;

	if (!real)
		return err_sys(e, -errno, "open %s", host);
	if (guest && guest[n - 1] != '/') {
		*ret = strdup(guest);
		return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
	}
	folder = guest ? strndup(guest, n - 1) : strdup(PAYLOAD_INCLUDE_DIR);
	if (!folder || !plain)
		return err_set(e, -ENOMEM, "out of memory");
	for (n = strlen(plain); n > 1 && plain[n - 1] == '/'; n--)
		plain[n - 1] = '\0';
	base = strrchr(plain, '/') ? strrchr(plain, '/') + 1 : plain;
	/* names that say where it is and not what it is called */
	if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
		base = strrchr(real, '/') + 1;
	return join(ret, folder, base, e);
}

/* --- files and folders ------------------------------------------------------------ */

static bool has_dir(const struct buf *dirs, const char *dir, size_t n)
{
	const char *p = (const char *)dirs->data, *end = p + dirs->len;

	while (p && p < end) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		size_t len = colon ? (size_t)(colon - p) : (size_t)(end - p);

		if (len == n && !memcmp(p, dir, n))
			return true;
		p += len + 1;
	}
	return false;
}

static int remember_program(struct walk *w, const char *guest, struct err *e)
{
	size_t n = (size_t)(strrchr(guest, '/') - guest);
	struct buf usual = { .data = (uint8_t *)INIT_USUAL_PATH, .len = strlen(INIT_USUAL_PATH) };

	if (strlist_add(&w->programs, guest) < 0)
		return err_set(e, -ENOMEM, "out of memory");
	if (!n || has_dir(&usual, guest, n) || has_dir(&w->dirs, guest, n))
		return 0;
	buf_fmt(&w->dirs, "%s%.*s", w->dirs.len ? ":" : "", (int)n, guest);
	return 0;
}

static int add_file(struct walk *w, const char *guest, const char *host, struct err *e)
{
	struct stat st;
	int r = initramfs_check_user_path(guest, e);

	if (r == 0)
		r = payload_add_runnable(w->draft, guest, host, e);
	if (r == 0 && stat(host, &st) == 0 && (st.st_mode & 0111))
		r = remember_program(w, guest, e);
	return r;
}

/* Does a link in a folder depth levels below the top stay below the top? */
static bool stays_inside(const char *target, int depth)
{
	size_t n;

	if (*target == '/')
		return false;
	for (const char *p = target; *p && depth >= 0; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n == 2 && !memcmp(p, "..", 2))
			depth--;
		else if (n && !(n == 1 && *p == '.'))
			depth++;
	}
	return depth >= 0;
}

static int add_link(struct walk *w, const char *guest, const FTSENT *ent, struct err *e)
{
	const char *host = ent->fts_accpath;
	char target[PATH_MAX];
	struct stat st;
	ssize_t n = readlink(host, target, sizeof(target) - 1);
	int r;

	if (n < 0)
		return err_sys(e, -errno, "read link %s", host);
	target[n] = '\0';
	if (!stays_inside(target, ent->fts_level - 1) && stat(host, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return err_set(e, -EINVAL, "%s: a link to a folder elsewhere, %s", host,
				       target);
		return add_file(w, guest, host, e);
	}
	r = initramfs_check_user_path(guest, e);
	return r < 0 ? r : payload_add_symlink(w->draft, PAYLOAD_BASE, guest, target, e);
}

static int add_entry(struct walk *w, const char *guest, const FTSENT *ent, struct err *e)
{
	/* the top may be the root or a folder that is there anyway */
	int r = ent->fts_level ? initramfs_check_user_path(guest, e) : 0;

	if (r < 0)
		return r;
	switch (ent->fts_info) {
	case FTS_D:
		return payload_add_dir(w->draft, PAYLOAD_BASE, guest, e);
	case FTS_DP:
		return 0;
	case FTS_SL:
	case FTS_SLNONE:
		return add_link(w, guest, ent, e);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return err_sys(e, -ent->fts_errno, "%s", ent->fts_path);
	default:	/* what cannot be packed is refused there by name */
		return add_file(w, guest, ent->fts_accpath, e);
	}
}

/* By name, so that the same folder gives the same archive. */
static int compare_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int add_folder(struct walk *w, const char *guest, const char *host, struct err *e)
{
	char *const paths[] = { (char *)host, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, compare_names);
	FTSENT *ent;
	int r = 0;

	if (!fts)
		return err_sys(e, -errno, "open %s", host);
	while (r == 0 && (ent = fts_read(fts))) {
		_cleanup_free_ char *at = NULL;
		const char *below = ent->fts_path + strlen(host);

		if (asprintf(&at, "%s/%s", guest, below) < 0) {
			at = NULL;
			r = err_set(e, -ENOMEM, "out of memory");
			break;
		}
		r = add_entry(w, at, ent, e);
	}
	fts_close(fts);
	return r;
}

static int add_include(struct walk *w, const char *text, struct err *e)
{
	_cleanup_free_ char *host = NULL, *guest = NULL, *at = NULL;
	struct stat st;
	int r = payload_include_parse(text, &host, &guest, e);

	if (r == 0)
		r = find_guest(host, guest, &at, e);
	if (r < 0)
		return r;
	if (stat(host, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(w, at, host, e);
	return add_file(w, at, host, e);
}

/* --- the command ------------------------------------------------------------------- */

static bool includes_program(const struct walk *w, const char *name)
{
	for (size_t i = 0; i < w->programs.count; i++) {
		const char *path = w->programs.item[i];

		if (!strcmp(path, name) || !strcmp(strrchr(path, '/') + 1, name))
			return true;
	}
	return false;
}

/* The commands of the guest. Without it there is what --include brings. */
static int add_busybox(struct walk *w, const struct config *c, struct err *e)
{
	_cleanup_free_ char *host = NULL;
	const char *wants = c->command.count ? c->command.item[0] : "a shell";

	if (includes_program(w, INIT_BUSYBOX))
		return 0;
	host = payload_find_program("busybox");
	if (host)
		return payload_add_runnable(w->draft, INIT_BUSYBOX, host, e);
	if (includes_program(w, wants))
		return 0;
	return err_set(e, -ENOENT, "%s: not in the guest, for there is no busybox on this host: "
		       "apt-get install busybox-static, or bring it with -i", wants);
}

static int add_command(struct walk *w, const struct config *c, struct err *e)
{
	_cleanup_(buf_fini) struct buf words = BUF_INIT;
	int r = add_busybox(w, c, e);

	if (r < 0 || !c->command.count)
		return r;
	for (size_t i = 0; i < c->command.count; i++)
		buf_add(&words, c->command.item[i], strlen(c->command.item[i]) + 1);
	return payload_add_bytes(w->draft, PAYLOAD_SUFFIX, INIT_COMMAND_ARGS, &words, e);
}

int payload_add_includes(struct payload_draft *d, const struct payload_request *q,
			 struct err *e)
{
	const struct config *c = q->config;
	struct walk w = { .draft = d, .dirs = BUF_INIT };
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->includes.count; i++) {
		r = add_include(&w, c->includes.item[i], e);
		if (r < 0)
			err_ctx(e, r, "--include %s", c->includes.item[i]);
	}
	if (r == 0 && w.dirs.len)
		r = payload_add_bytes(d, PAYLOAD_BASE, INIT_PATH_DIRS, &w.dirs, e);
	if (r == 0 && config_has_command(c))
		r = add_command(&w, c, e);
	strlist_fini(&w.programs);
	buf_fini(&w.dirs);
	return r;
}
