/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints the library closure of each program named, one "soname => path" per line. */
#include <stdio.h>

#include "base/err.h"
#include "boot/initramfs.h"

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++) {
		struct err e = ERR_INIT;
		struct closure c;

		if (closure_resolve(argv[i], &c, &e) < 0) {
			fprintf(stderr, "%s\n", err_text(&e));
			status = 1;
			continue;
		}
		if (argc > 2)
			printf("%s:\n", argv[i]);
		if (c.interp)
			printf("interp => %s\n", c.interp);
		for (size_t k = 0; k < c.count; k++)
			printf("%s => %s (%s%s%s)\n", c.lib[k].soname, c.lib[k].path,
			       closure_via_name(c.lib[k].via),
			       c.lib[k].default_dir ? ", default" : "",
			       c.lib[k].alias ? ", alias" : "");
		closure_fini(&c);
	}
	return status;
}
