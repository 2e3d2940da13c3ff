/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers, sizes and durations as people write them. */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/util.h"

/* Digits only: strtoull would take "-1", " 1" and "0x1". */
static int parse_digits(const char *s, const char **ret_end, uint64_t *ret)
{
	uint64_t v = 0;

	if (!s || !isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	*ret_end = s;
	*ret = v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int scale(uint64_t v, const struct unit *u, uint64_t *ret)
{
	if (v > UINT64_MAX / u->factor)
		return -ERANGE;
	*ret = v * u->factor;
	return 0;
}

int units_parse_uint(const char *s, uint64_t max, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r = parse_digits(s, &end, &v);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int units_parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "K", KIB }, { "KiB", KIB },
		{ "M", MIB }, { "MiB", MIB },
		{ "G", GIB }, { "GiB", GIB },
		{ "T", GIB * 1024 }, { "TiB", GIB * 1024 },
	};
	const char *end;
	uint64_t v;
	int r = parse_digits(s, &end, &v);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcasecmp(end, units[i].name))
			return scale(v, &units[i], ret_bytes);
	return -EINVAL;
}

int units_parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", NSEC_PER_MSEC },
		{ "s", NSEC_PER_SEC },
		{ "m", 60 * NSEC_PER_SEC },
	};
	const char *end;
	uint64_t v;
	int r = parse_digits(s, &end, &v);

	if (r < 0)
		return r;
	if (!*end && !v) {
		*ret_ns = 0;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].name))
			return scale(v, &units[i], ret_ns);
	return -EINVAL;
}

uint64_t units_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}
