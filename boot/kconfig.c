/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel options: reading, writing and comparing them. */
#include "boot/kconfig.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"

#define PREFIX "CONFIG_"
#define NOT_SET " is not set"
#define OPTIONAL "# optional"
#define NAMED_MAX 8		/* in one error */

const char kconfig_fragment[] =
#include "boot/ktstr.kconfig.inc"
;

void kconfig_fini(struct kconfig *k)
{
	for (size_t i = 0; i < k->count; i++) {
		free(k->item[i].name);
		free(k->item[i].value);
	}
	free(k->item);
	*k = (struct kconfig){ 0 };
}

static int by_name(const void *a, const void *b)
{
	const struct kconfig_option *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static const struct kconfig_option *find(const struct kconfig *k, const char *name)
{
	const struct kconfig_option key = { .name = (char *)name };

	return k->count ? bsearch(&key, k->item, k->count, sizeof(key), by_name) : NULL;
}

const char *kconfig_get(const struct kconfig *k, const char *name)
{
	const struct kconfig_option *o = find(k, name);

	return o ? o->value : NULL;
}

/* --- lines ---------------------------------------------------------------- */

static size_t name_length(const char *s, const char *end)
{
	size_t n = strlen(PREFIX);

	if ((size_t)(end - s) <= n || memcmp(s, PREFIX, n))
		return 0;
	while (s + n < end && (isalnum((unsigned char)s[n]) || s[n] == '_'))
		n++;
	return n > strlen(PREFIX) ? n : 0;
}

static bool is_blank(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char)*s))
		s++;
	return s == end;
}

static const char *trim_blanks(const char *s, const char *end)
{
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	return end;
}

/* The end of the line without blanks and marks; *ret_optional: one was there. */
static const char *trim(const char *s, const char *end, bool *ret_optional)
{
	const size_t n = strlen(OPTIONAL);

	*ret_optional = false;
	end = trim_blanks(s, end);
	while ((size_t)(end - s) > n && !memcmp(end - n, OPTIONAL, n) &&
	       isspace((unsigned char)*(end - n - 1))) {
		*ret_optional = true;
		end = trim_blanks(s, end - n);
	}
	return end;
}

static int add(struct kconfig *k, const char *name, size_t name_len, const char *value,
	       size_t value_len)
{
	struct kconfig_option *grown = k->item;

	/* powers of two, so that a full .config costs few copies */
	if (!(k->count & (k->count - 1)))
		grown = reallocarray(k->item, k->count ? 2 * k->count : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	k->item = grown;
	grown[k->count] = (struct kconfig_option){
		.name = strndup(name, name_len), .value = strndup(value, value_len),
	};
	k->count++;	/* half of it is freed as well */
	return grown[k->count - 1].name && grown[k->count - 1].value ? 0 : -ENOMEM;
}

/* 1: an option, 0: nothing, -EINVAL: neither. */
static int parse_line(struct kconfig *k, const char *s, const char *end)
{
	bool optional;
	size_t n;
	int r;

	end = trim(s, end, &optional);
	if (is_blank(s, end))
		return 0;
	if (memchr(s, '\0', (size_t)(end - s)))
		return -EINVAL;
	n = name_length(s, end);
	if (n && (size_t)(end - s) > n + 1 && s[n] == '=') {
		r = add(k, s, n, s + n + 1, (size_t)(end - s) - n - 1);
		if (r == 0)
			k->item[k->count - 1].optional = optional;
		return r < 0 ? r : 1;
	}
	if (*s != '#')
		return -EINVAL;
	n = end - s > 2 ? name_length(s + 2, end) : 0;
	if (!n || s[1] != ' ' || (size_t)(end - s) != 2 + n + strlen(NOT_SET) ||
	    memcmp(s + 2 + n, NOT_SET, strlen(NOT_SET)))
		return 0;
	r = add(k, s + 2, n, "n", 1);
	return r < 0 ? r : 1;
}

/* Sort; of equal names the last stays. The place in the array tells which that is. */
static int by_name_then_place(const void *a, const void *b, void *arg)
{
	const struct kconfig_option *const *x = a, *const *y = b;
	int r = strcmp((*x)->name, (*y)->name);

	(void)arg;
	return r ? r : (*x > *y) - (*x < *y);
}

static int sort(struct kconfig *k)
{
	_cleanup_free_ struct kconfig_option **order = calloc(k->count + 1, sizeof(*order));
	struct kconfig_option *sorted = calloc(k->count + 1, sizeof(*sorted));
	size_t n = 0;

	if (!order || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < k->count; i++)
		order[i] = &k->item[i];
	qsort_r(order, k->count, sizeof(*order), by_name_then_place, NULL);
	for (size_t i = 0; i < k->count; i++) {
		if (i + 1 < k->count && !strcmp(order[i]->name, order[i + 1]->name)) {
			free(order[i]->name);
			free(order[i]->value);
		} else {
			sorted[n++] = *order[i];
		}
	}
	free(k->item);
	k->item = reallocarray(sorted, MAX(n, (size_t)1), sizeof(*sorted)) ?: sorted;
	k->count = n;
	return 0;
}

int kconfig_parse(struct kconfig *k, const char *text, size_t n, const char *what, struct err *e)
{
	const char *end = text + n, *s = text;
	struct kconfig added = { 0 };
	int r = 0;

	/* what is there already goes first: the array grows by its own rule */
	for (size_t i = 0; i < k->count && r == 0; i++) {
		r = add(&added, k->item[i].name, strlen(k->item[i].name), k->item[i].value,
			strlen(k->item[i].value));
		if (r == 0)
			added.item[added.count - 1].optional = k->item[i].optional;
	}
	for (unsigned line = 1; s < end && r >= 0; line++) {
		const char *eol = memchr(s, '\n', (size_t)(end - s)) ?: end;

		r = parse_line(&added, s, eol);
		if (r == -EINVAL)
			err_set(e, r, "%s:%u: neither an option nor a comment: %.*s", what, line,
				(int)MIN(eol - s, 60), s);
		s = eol + (eol < end);
	}
	if (r >= 0)
		r = sort(&added);
	if (r < 0) {
		kconfig_fini(&added);
		return r == -ENOMEM ? err_sys(e, r, "%s", what) : r;
	}
	kconfig_fini(k);
	*k = added;
	return 0;
}

/* --- the way back ---------------------------------------------------------- */

void kconfig_write(const struct kconfig *k, struct buf *out)
{
	for (size_t i = 0; i < k->count; i++) {
		const struct kconfig_option *o = &k->item[i];

		if (!strcmp(o->value, "n"))
			buf_fmt(out, "# %s" NOT_SET "\n", o->name);
		else
			buf_fmt(out, "%s=%s\n", o->name, o->value);
	}
}

int kconfig_check(const struct kconfig *wanted, const struct kconfig *got, struct err *e)
{
	_cleanup_(buf_fini) struct buf lost = BUF_INIT;
	size_t count = 0;

	for (size_t i = 0; i < wanted->count; i++) {
		const struct kconfig_option *o = &wanted->item[i];
		const char *value = kconfig_get(got, o->name);

		if (!strcmp(value ? value : "n", o->value) || (!value && o->optional))
			continue;
		if (count++ < NAMED_MAX)
			buf_fmt(&lost, "%s%s=%s (%s%s)", count > 1 ? ", " : "", o->name, o->value,
				value ? "is " : "", value ? value : "absent");
	}
	if (count > NAMED_MAX)
		buf_fmt(&lost, " and %zu more", count - NAMED_MAX);
	buf_u8(&lost, 0);
	if (!count)
		return 0;
	return err_set(e, -EINVAL, "options that this kernel did not take: %s; absent: it does not "
		       "know them, or what they depend on is off",
		       buf_ok(&lost) ? (const char *)lost.data : "out of memory");
}
