/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_TMP_H
#define KTSTR_TEST_TMP_H
/* A folder for the files of a test case; its maker removes it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define TMP_DIR_MAX 64

/* Below $TMPDIR or /tmp; others may look into it. Ends the program when it cannot be made. */
__attribute__((unused)) static void tmp_make(char dir[TMP_DIR_MAX])
{
	const char *parent = getenv("TMPDIR");

	snprintf(dir, TMP_DIR_MAX, "%s/ktstr-test.XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0) {
		printf("Bail out! cannot make a folder in %s\n", parent ? parent : "/tmp");
		exit(1);
	}
}

#endif
