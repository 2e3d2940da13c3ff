/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drives one fuzz-*.c where libFuzzer is not at hand.
 *
 *	fuzz-x FILE|FOLDER...	runs these inputs, e.g. one that libFuzzer found
 *	fuzz-x			runs KTSTR_FUZZ_RUNS (20000) inputs made from the
 *				seeds and the seed KTSTR_FUZZ_SEED (1)
 *	KTSTR_FUZZ_ONLY=N	runs the Nth of these alone
 *
 * Not a replacement for coverage: it finds what breaks again, in seconds, and
 * always the same.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/util.h"
#include "test/fuzz.h"

#define INPUT_MAX 4096
#define HANG_SECONDS 300

/* Only what the signal handler must know is outside of main(). */
static struct {
	uint64_t seed, number;
	const char *file;
} running;

/* splitmix64: tiny, and good for any seed. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n)
{
	return n ? (size_t)(next(state) % n) : 0;
}

static size_t seed_count(void)
{
	size_t n = 0;

	while (fuzz_seeds && fuzz_seeds[n].size)
		n++;
	return n;
}

static size_t copy_seed(uint8_t *out, uint64_t *state)
{
	const struct fuzz_seed *s = &fuzz_seeds[below(state, seed_count())];
	size_t n = MIN(s->size, (size_t)INPUT_MAX);

	memcpy(out, s->bytes, n);
	return n;
}

static size_t random_bytes(uint8_t *out, uint64_t *state)
{
	/* short ones more often: they reach the odd ends sooner */
	size_t n = below(state, (size_t)1 << below(state, 13));

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)next(state);
	return n;
}

/* One small change; returns the new size. */
static size_t mutate(uint8_t *out, size_t n, uint64_t *state)
{
	static const uint8_t edges[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x10 };
	size_t at = below(state, n), k = below(state, 16) + 1, from;

	if (!n)
		return random_bytes(out, state);
	k = MIN(k, n - at);
	switch (next(state) % 6) {
	case 0:
		out[at] ^= (uint8_t)(1u << below(state, 8));
		return n;
	case 1:
		out[at] = edges[below(state, sizeof(edges))];
		return n;
	case 2:
		out[at] = (uint8_t)next(state);
		return n;
	case 3:
		memmove(out + at, out + at + k, n - at - k);
		return n - k;
	case 4:		/* one piece again, elsewhere */
		from = below(state, n - k + 1);
		memmove(out + at, out + from, k);
		return n;
	default:	/* one piece twice */
		if (n + k > INPUT_MAX)
			return n;
		memmove(out + at + k, out + at, n - at);
		return n + k;
	}
}

static void run_made(uint64_t number)
{
	/* heap and exact, so that a sanitizer sees a read behind the input */
	uint8_t *scratch = malloc(INPUT_MAX), *input;
	uint64_t state = running.seed * UINT64_C(0x100000001b3) + number;
	size_t n;

	if (!scratch)
		abort();
	running.number = number;
	n = seed_count() && next(&state) % 4 ? copy_seed(scratch, &state) :
						random_bytes(scratch, &state);
	for (size_t i = below(&state, 8); i; i--)
		n = mutate(scratch, n, &state);
	input = malloc(n ? n : 1);
	if (!input)
		abort();
	memcpy(input, scratch, n);
	(void)LLVMFuzzerTestOneInput(input, n);
	free(input);
	free(scratch);
}

static uint64_t run_path(const char *path)
{
	struct file_map map;
	struct stat st;
	struct dirent *d;
	uint64_t n = 0;
	DIR *dir;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		dir = opendir(path);
		while (dir && (d = readdir(dir))) {
			char child[4096];

			snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
			if (d->d_name[0] != '.')
				n += run_path(child);
		}
		if (dir)
			closedir(dir);
		return n;
	}
	if (file_map(path, &map, NULL) < 0) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	running.file = path;
	(void)LLVMFuzzerTestOneInput(map.data, map.size);
	file_unmap(&map);
	return 1;
}

/* Which input it was; also called by the address sanitizer before it ends us. */
void __asan_on_error(void);
void __asan_on_error(void)
{
	char line[256];
	int n;

	if (running.file)
		n = snprintf(line, sizeof(line), "# died in %s\n", running.file);
	else
		n = snprintf(line, sizeof(line),
			     "# died in KTSTR_FUZZ_ONLY=%llu KTSTR_FUZZ_SEED=%llu\n",
			     (unsigned long long)running.number, (unsigned long long)running.seed);
	(void)!write(STDOUT_FILENO, line, (size_t)n);
}

static void on_death(int signo)
{
	__asan_on_error();
	raise(signo);		/* SA_RESETHAND: the default now */
}

static void catch_deaths(void)
{
	static const int signals[] = { SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV };
	const struct sigaction act = { .sa_handler = on_death, .sa_flags = (int)SA_RESETHAND };
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* a sanitizer that has a handler tells more than ours */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			(void)sigaction(signals[i], &act, NULL);
	}
	alarm(HANG_SECONDS);
}

static uint64_t env_number(const char *name, uint64_t fallback)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : fallback;
}

int main(int argc, char **argv)
{
	uint64_t runs = env_number("KTSTR_FUZZ_RUNS", 20000);

	running.seed = env_number("KTSTR_FUZZ_SEED", 1);
	catch_deaths();
	printf("1..1\n");
	fflush(stdout);
	if (argc > 1) {
		runs = 0;
		for (int i = 1; i < argc; i++)
			runs += run_path(argv[i]);
		printf("ok 1 - %llu inputs from files\n", (unsigned long long)runs);
		return 0;
	}
	if (getenv("KTSTR_FUZZ_ONLY")) {
		run_made(env_number("KTSTR_FUZZ_ONLY", 0));
		printf("ok 1 - 1 input, seed %llu\n", (unsigned long long)running.seed);
		return 0;
	}
	for (uint64_t i = 0; i < runs; i++)
		run_made(i);
	printf("ok 1 - %llu inputs, seed %llu\n", (unsigned long long)runs,
	       (unsigned long long)running.seed);
	return 0;
}
