/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_KCONFIG_H
#define KTSTR_BOOT_KCONFIG_H
/*
 * Kernel options as .config files and fragments have them:
 *
 *   CONFIG_X=y                  a value: y, m, a number or a string in quotes
 *   # CONFIG_X is not set       the value n
 *   CONFIG_X=y  # optional      fragments only: a kernel may have no such option
 *
 * Where an option is given twice the later line counts, as for Kconfig.
 * Source: Documentation/kbuild/kconfig.rst. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct err;

struct kconfig_option {
	char *name;		/* "CONFIG_SMP" */
	char *value;		/* "y", "m", "n", "512", "\"text\"" */
	bool optional;
};

struct kconfig {
	struct kconfig_option *item;	/* sorted by name once it was parsed */
	size_t count;
};

/*
 * Add the options of a text to k, which starts zeroed. what names the text in
 * errors: -EINVAL for a line that is neither an option, a comment nor empty.
 */
int kconfig_parse(struct kconfig *k, const char *text, size_t n, const char *what, struct err *e);
void kconfig_fini(struct kconfig *k);

/* The value, "n" for one that is off; NULL when nothing is said about it. */
const char *kconfig_get(const struct kconfig *k, const char *name);

/* As lines for KCONFIG_ALLCONFIG: the same options give the same bytes. */
void kconfig_write(const struct kconfig *k, struct buf *out);

/*
 * Has the configuration everything that was wanted? -EINVAL with the names of
 * what it has not, and what is there instead.
 */
int kconfig_check(const struct kconfig *wanted, const struct kconfig *got, struct err *e);

/* The fragment that is compiled in: boot/ktstr.kconfig, NUL-terminated. */
extern const char kconfig_fragment[];

/*
 * The .config inside a vmlinux that was built with IKCONFIG: gzip data between
 * two marks. Source: kernel/configs.c. -ENOENT: there is none, -EBADMSG: it is
 * damaged.
 */
int kconfig_extract(const unsigned char *vmlinux, size_t n, struct buf *ret);

#endif
