/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_TAP_H
#define KTSTR_TEST_TAP_H
/*
 * A TAP emitter for unit tests. Test cases are functions whose names are said
 * in the output; tap_ok() may be called any number of times in one.
 *
 *	static void an_empty_ring_has_no_frame(void)
 *	{
 *		tap_ok(shmring_read(&r, &f) == SHMRING_EMPTY, "empty");
 *	}
 *	int main(void)
 *	{
 *		TAP_RUN(an_empty_ring_has_no_frame);
 *		return tap_done();
 *	}
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct tap {
	unsigned cases, failed_cases;
	unsigned checks, failed_checks;	/* of the running case */
	const char *skip;
};

static struct tap tap_state;

#define tap_ok(cond, ...) tap_check((cond), #cond, __FILE__, __LINE__, __VA_ARGS__)
#define tap_eq(a, b) \
	tap_check_eq((unsigned long long)(a), (unsigned long long)(b), #a " == " #b, \
		     __FILE__, __LINE__)
#define tap_str(a, b) tap_check_str((a), (b), #a, __FILE__, __LINE__)

/* The rest of this case cannot be checked here; the reason is printed. */
__attribute__((unused)) static void tap_skip(const char *why)
{
	tap_state.skip = why;
}

__attribute__((format(printf, 5, 6), unused))
static bool tap_check(bool ok, const char *cond, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	tap_state.checks++;
	if (ok)
		return true;
	tap_state.failed_checks++;
	printf("# %s:%d: not true: %s: ", file, line, cond);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return false;
}

__attribute__((unused))
static bool tap_check_eq(unsigned long long a, unsigned long long b, const char *what,
			 const char *file, int line)
{
	return tap_check(a == b, what, file, line, "%llu (0x%llx) and %llu (0x%llx)", a, a, b, b);
}

__attribute__((unused))
static bool tap_check_str(const char *a, const char *b, const char *what, const char *file,
			  int line)
{
	return tap_check(a && b && !strcmp(a, b), what, file, line, "\"%s\" and \"%s\"",
			 a ? a : "(null)", b ? b : "(null)");
}

#define TAP_RUN(fn) tap_run(fn, #fn)

__attribute__((unused)) static void tap_run(void (*fn)(void), const char *name)
{
	char text[256];
	bool ok;

	tap_state.checks = tap_state.failed_checks = 0;
	tap_state.skip = NULL;
	snprintf(text, sizeof(text), "%s", name);
	for (char *p = text; *p; p++)
		if (*p == '_')
			*p = ' ';
	fn();
	if (!tap_state.checks && !tap_state.skip) {
		printf("# no check was made\n");
		tap_state.failed_checks++;
	}
	ok = !tap_state.failed_checks;
	tap_state.failed_cases += !ok;
	printf("%sok %u - %s%s%s\n", ok ? "" : "not ", ++tap_state.cases, text,
	       tap_state.skip ? " # SKIP " : "", tap_state.skip ? tap_state.skip : "");
	fflush(stdout);
}

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%u\n", tap_state.cases);
	return tap_state.failed_cases != 0;
}

#endif
