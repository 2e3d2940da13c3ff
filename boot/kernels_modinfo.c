/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a module says about itself: NUL-terminated "key=value" strings in the
 * section .modinfo. Source: include/linux/moduleparam.h, scripts/mod/modpost.c.
 */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "base/util.h"
#include "boot/kernels_private.h"

#define KEY "depends="
#define VALUE_MAX (16 * KIB)

static void cleanup_elf(Elf **elf)
{
	elf_end(*elf);
}

static Elf_Data *find_modinfo(Elf *elf)
{
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && !strcmp(name, ".modinfo"))
			return elf_rawdata(scn, NULL);
	}
	return NULL;
}

/* The value of depends=, "" when it has none; the last string may lack its NUL. */
static char *find_depends(const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		size_t len = strnlen(p, (size_t)(end - p));

		if (len >= strlen(KEY) && len < VALUE_MAX && !memcmp(p, KEY, strlen(KEY)))
			return strndup(p + strlen(KEY), len - strlen(KEY));
		p += len + 1;
	}
	return strdup("");
}

int kernel_modinfo_depends(const uint8_t *bytes, size_t n, char **ret)
{
	_cleanup_(cleanup_elf) Elf *elf = NULL;
	Elf_Data *d;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	/* libelf takes a char *, and leaves the bytes alone unless told to write */
	elf = elf_memory((char *)bytes, n);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	d = find_modinfo(elf);
	if (!d || !d->d_buf)
		return -ENOEXEC;
	*ret = find_depends(d->d_buf, d->d_size);
	return *ret ? 0 : -ENOMEM;
}
