/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_FUZZ_H
#define KTSTR_TEST_FUZZ_H
/*
 * What fuzz-*.c share. Each defines LLVMFuzzerTestOneInput() and is driven by
 * libFuzzer (clang -fsanitize=fuzzer) or, in make check, by fuzz-main.c. An
 * input is a little program: operations and operands are taken from its bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Inputs that fuzz-main.c begins with; a fuzz-*.c may define them, up to one
 * whose size is 0. libFuzzer does not know them.
 */
struct fuzz_seed {
	const void *bytes;
	size_t size;
};

extern const struct fuzz_seed fuzz_seeds[] __attribute__((weak));

/* A broken promise. Not assert(): the check must be there with NDEBUG, too. */
#define FUZZ_CHECK(cond) \
	((cond) ? (void)0 : fuzz_failed(#cond, __FILE__, __LINE__))

__attribute__((unused, noreturn))
static void fuzz_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, cond);
	abort();
}

struct fuzz_in {
	const uint8_t *data;
	size_t left;
};

/* The next byte, 0 at the end. */
__attribute__((unused)) static uint8_t fuzz_u8(struct fuzz_in *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

__attribute__((unused)) static uint16_t fuzz_u16(struct fuzz_in *in)
{
	uint16_t low = fuzz_u8(in);

	return (uint16_t)(low | fuzz_u8(in) << 8);
}

__attribute__((unused)) static uint64_t fuzz_u64(struct fuzz_in *in)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 64; i += 8)
		v |= (uint64_t)fuzz_u8(in) << i;
	return v;
}

/* Up to max of the next bytes. */
__attribute__((unused))
static const uint8_t *fuzz_take(struct fuzz_in *in, size_t max, size_t *ret_n)
{
	const uint8_t *p = in->data;

	*ret_n = max < in->left ? max : in->left;
	in->data += *ret_n;
	in->left -= *ret_n;
	return p;
}

#endif
