/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules, in the order of their names; finit_module(2). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "init/guest.h"

/* linux/module.h has it since Linux 5.17 */
#ifndef MODULE_INIT_COMPRESSED_FILE
#define MODULE_INIT_COMPRESSED_FILE 4
#endif

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool is_compressed(const char *name)
{
	return ends_in(name, ".xz") || ends_in(name, ".zst") || ends_in(name, ".gz");
}

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* What the numbers mean here is more than their texts say. */
static const char *reason(int err, bool compressed)
{
	switch (err) {
	case ENOEXEC:
		return "damaged, or of another kernel";
	case EOPNOTSUPP:
		return compressed ? "the CPU lacks what it drives, or the kernel cannot decompress it"
				  : "the CPU lacks what it drives";
	case ENODEV:
		return "there is nothing that it drives";
	default:
		return strerrordesc_np(err);
	}
}

static int load(const char *path, bool compressed)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (syscall(SYS_finit_module, fd, "", compressed ? MODULE_INIT_COMPRESSED_FILE : 0) == 0 ||
	    errno == EEXIST)
		return 0;
	return errno;
}

void init_modules_load(const char *dir, void (*log)(const char *text, void *arg), void *arg)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_file, alphasort);

	if (n < 0 && errno != ENOENT) {
		log("the modules' folder cannot be read", arg);
		return;
	}
	for (int i = 0; i < n; i++) {
		bool compressed = is_compressed(list[i]->d_name);
		char path[512], text[512];
		int err;

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		err = load(path, compressed);
		if (err) {
			snprintf(text, sizeof(text), "module %.200s: %s (%s)", list[i]->d_name,
				 reason(err, compressed), strerrorname_np(err));
			log(text, arg);
		}
		free(list[i]);
	}
	free(list);
}
