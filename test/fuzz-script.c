/* SPDX-License-Identifier: GPL-2.0-only */
/* What any bytes say as the first line of a script: nothing, or words that lie in them. */
#include "base/util.h"
#include "loop/payload_include.h"
#include "test/fuzz.h"

#define SEED(text) { text, sizeof(text) - 1 }

const struct fuzz_seed fuzz_seeds[] = {
	SEED("#!/bin/sh -e\n"),
	SEED("#!/usr/bin/env -S A=b python3 -u\n"),
	SEED("#! \t/env x"),
	SEED("#!/bin/env \0x\n"),
	{ NULL, 0 },
};

static bool is_word_of(const char *word, const uint8_t *data, size_t size)
{
	return *word && !strpbrk(word, " \t\n") && memmem(data, size, word, strlen(word));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *path = NULL, *name = NULL;

	if (!payload_script_parse((const char *)data, size, &path, &name)) {
		FUZZ_CHECK(!path && !name);
		return 0;
	}
	FUZZ_CHECK(path && *path == '/' && is_word_of(path, data, size));
	FUZZ_CHECK(!name || is_word_of(name, data, size));
	return 0;
}
