/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_CLOSURE_PRIVATE_H
#define KTSTR_BOOT_CLOSURE_PRIVATE_H
/*
 * Between the files that compute a library closure: what an ELF file says it
 * needs, and the objects that are loaded so far.
 *
 * Words: object = the program or a library; loader = the object whose
 * DT_NEEDED brought this one in first.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot/initramfs.h"
#include "boot/ldcache.h"

#define CLOSURE_DIRS_MAX 4

struct closure_elf {
	unsigned elf_class, machine;
	char *interp;		/* PT_INTERP, DT_SONAME, ...: NULL when absent */
	char *soname;
	char *rpath;		/* NULL also when there is a DT_RUNPATH: it overrides */
	char *runpath;
	bool nodeflib;		/* DF_1_NODEFLIB: not from default folders */
	char **needed;
	size_t count;
};

/* -ENOEXEC: not an ELF file or a damaged one, *e says what. */
int closure_elf_read(int fd, const char *path, struct closure_elf *ret, struct err *e);
void closure_elf_fini(struct closure_elf *elf);

struct closure_object {
	const struct closure_object *loader;	/* NULL: the program */
	char *name;		/* as it was asked for; the program: its path */
	char *path;		/* where it was found, absolute */
	char *origin;		/* $ORIGIN: its folder */
	dev_t dev;
	ino_t ino;
	struct closure_elf elf;
};

/* Where to look, the same for all objects of one program. */
struct closure_search {
	const struct closure_object *main;
	char *dir[CLOSURE_DIRS_MAX];	/* default folders, in order */
	unsigned dir_count;
	const char *lib;	/* $LIB, points into dir */
	const char *env;	/* LD_LIBRARY_PATH, may be NULL */
	struct buf cache_bytes;
	struct ldcache cache;
	char rejected[256];	/* "/x: not for this machine": the last file passed over */
};

int closure_search_init(struct closure_search *s, const struct closure_object *main,
			struct err *e);
void closure_search_fini(struct closure_search *s);

struct closure_hit {
	enum closure_via via;
	bool main_origin;	/* through the program's $ORIGIN */
};

/*
 * Find what asker needs as name. 1: found, and ret's path, origin, dev, ino and
 * elf are set; 0: not found; negative errno. The caller frees ret in each case.
 */
int closure_search_find(struct closure_search *s, const struct closure_object *asker,
			const char *name, struct closure_object *ret, struct closure_hit *ret_hit,
			struct err *e);
bool closure_search_is_default(const struct closure_search *s, const char *path);

#endif
