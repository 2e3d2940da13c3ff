/* SPDX-License-Identifier: GPL-2.0-only */
/* struct_ops programs and their maps, from look to look. */
#include "monitor/kbpf_seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "monitor/kbpf_private.h"
#include "monitor/monitor.h"

struct kbpf_seen {
	struct kbpf *b;
	uint64_t next;			/* id at the last walk */
	bool walked;
	struct err none, uncounted;
	bool counted;			/* at some look */
	bool dropped;
	unsigned programs, maps;
	struct kbpf_seen_program program[KBPF_SEEN_MAX];
	struct kbpf_map map[KBPF_SEEN_MAX];
};

/* One walk. */
struct look {
	struct kbpf_seen *s;
	const struct monitor *m;
	bool counts;
	bool found;			/* a struct_ops program */
};

int kbpf_seen_create(const struct kindex *k, struct kbpf_seen **ret, struct err *e)
{
	struct kbpf_seen *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_sys(e, -ENOMEM, "monitor");
	s->none = s->uncounted = (struct err)ERR_INIT;
	r = kbpf_create(k, &s->b, e);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void kbpf_seen_destroy(struct kbpf_seen *s)
{
	if (!s)
		return;
	kbpf_destroy(s->b);
	free(s);
}

static int on_program(const struct kbpf_program *p, void *arg)
{
	struct look *l = arg;
	struct kbpf_seen *s = l->s;
	struct kbpf_seen_program *seen = NULL;

	if (p->type != BPF_PROG_TYPE_STRUCT_OPS)
		return 0;
	l->found = true;
	for (unsigned i = 0; i < s->programs && !seen; i++)
		if (s->program[i].id == p->id)
			seen = &s->program[i];
	if (!seen) {
		if (s->programs == KBPF_SEEN_MAX) {
			s->dropped = true;
			return 0;
		}
		seen = &s->program[s->programs++];
		seen->id = p->id;
	}
	memcpy(seen->name, p->name, sizeof(seen->name));
	if (l->counts && kbpf_count(s->b, l->m, p, &seen->count, NULL) == 0)
		seen->counted = true;
	return 0;
}

static int on_map(const struct kbpf_map *map, void *arg)
{
	struct kbpf_seen *s = arg;

	for (unsigned i = 0; i < s->maps; i++)
		if (s->map[i].id == map->id)
			return 0;
	if (s->maps == KBPF_SEEN_MAX)
		s->dropped = true;
	else
		s->map[s->maps++] = *map;
	return 0;
}

/* Has a program been loaded since the last walk? True where that cannot be told. */
static bool is_new(struct kbpf_seen *s, const struct monitor *m)
{
	uint64_t idr, next;

	if (!s->b->idr.has_next || !monitor_symbol(m, "prog_idr", &idr) ||
	    monitor_field(m, idr, &s->b->idr.next, &next) < 0)
		return true;
	if (s->walked && next == s->next)
		return false;
	s->next = next;
	return true;
}

void kbpf_seen_take(struct kbpf_seen *s, const struct monitor *m)
{
	struct look l = { .s = s, .m = m };
	const bool fresh = is_new(s, m);

	l.counts = kbpf_counts(m, &s->uncounted) == 0;
	s->counted |= l.counts;
	if (!fresh && !l.counts)
		return;
	s->walked = true;
	err_clear(&s->none);
	/* torn while something was loaded: what was found stays, the next look sees more */
	if (kbpf_each_program(s->b, m, on_program, &l, &s->none) < 0)
		s->walked = false;
	else if (fresh && l.found)
		(void)kbpf_each_map(s->b, m, on_map, s, NULL);
}

const struct kbpf_seen_program *kbpf_seen_programs(const struct kbpf_seen *s, unsigned *ret_n)
{
	*ret_n = s->programs;
	return s->program;
}

const struct kbpf_map *kbpf_seen_maps(const struct kbpf_seen *s, unsigned *ret_n)
{
	*ret_n = s->maps;
	return s->map;
}

bool kbpf_seen_dropped(const struct kbpf_seen *s)
{
	return s->dropped;
}

const char *kbpf_seen_none(const struct kbpf_seen *s)
{
	return !s->programs && *err_text(&s->none) ? err_text(&s->none) : NULL;
}

const char *kbpf_seen_uncounted(const struct kbpf_seen *s)
{
	return s->counted ? NULL : err_text(&s->uncounted);
}
