/* SPDX-License-Identifier: GPL-2.0-only */
/* What a nested run needs: an outer kernel with KVM, and the inner ktstr's arguments. */
#include "loop/plan_nested.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/kernel_index.h"
#include "loop/nested.h"
#include "loop/plan.h"
#include "loop/sched_nested.h"
#include "loop/ticks.h"
#include "monitor/kindex.h"

/* The first kernel of the cache that can be an outer one. */
static int find_in_cache(struct plan *p)
{
	struct kernel *all;
	size_t n;
	int r = kernel_list(&all, &n, &p->err);
	bool found = false;

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!found && all[i].bzimage && kernel_can_nest(&all[i])) {
			p->outer = all[i];
			found = true;
		} else {
			kernel_fini(&all[i]);
		}
	}
	free(all);
	if (!found)
		return err_set(&p->err, -ENOENT,
			       "outer kernel: none in the cache has KVM for AMD: import a distribution's kernel (ktstr kernel import FILE.deb) or give one with --outer-kernel");
	return 0;
}

static int find_outer(struct plan *p, const struct config *c)
{
	int r;

	if (c->outer_kernel) {
		r = kernel_find(c->outer_kernel, &p->outer, &p->err);
		if (r < 0)
			return err_ctx(&p->err, r, "outer kernel");
	} else if (kernel_can_nest(&p->kernel) && p->kernel.bzimage) {
		/* the guest's own kernel serves as well: look it up once more, to own it */
		r = kernel_find(p->kernel.key ? p->kernel.key : p->kernel.bzimage, &p->outer,
				&p->err);
		if (r < 0)
			return err_ctx(&p->err, r, "outer kernel");
	} else {
		r = find_in_cache(p);
		if (r < 0)
			return r;
	}
	if (!p->outer.bzimage)
		return err_set(&p->err, -EINVAL, "outer kernel: %s: QEMU needs a bzImage",
			       p->outer.image);
	return 0;
}

__attribute__((format(printf, 2, 3)))
static int add_arg(struct strlist *args, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (r < 0) {
		s = NULL;
		return -ENOMEM;
	}
	return strlist_add(args, s);
}

/* Those that go along, with what they need, in this order; what is built in is not there. */
static int add_modules(struct strlist *args, const struct kernel_modules *m)
{
	int r = 0;

	for (size_t i = 0; i < m->count && r == 0; i++)
		r = add_arg(args, "--module=%s", m->item[i].name);
	return r;
}

/* Files of the user are found, with what they need, on this host only. */
static bool brings_initramfs(const struct config *c)
{
	return config_has_command(c) || c->includes.count;
}

/* Both parts, as the guest's kernel gets them. */
static int join_payload(struct plan *p, struct buf *ret)
{
	buf_add(ret, p->payload.base.data, p->payload.base.bytes);
	buf_add(ret, p->payload.suffix.data, p->payload.suffix.len);
	return buf_ok(ret) ? 0 : err_sys(&p->err, -ENOMEM, "initramfs");
}

/* Everything that was decided here is told, so that the inner run decides the same. */
static int inner_args(struct strlist *args, const struct plan *p, const struct config *c)
{
	const char *slash = strrchr(p->kernel.image, '/');
	_cleanup_free_ char *topo = NULL;
	const struct strlist *words;
	struct buf shape = BUF_INIT;
	int r;

	topo_format_whole(&p->topo, &shape);
	topo = buf_take(&shape);
	if (!topo)
		return -ENOMEM;
	if ((r = strlist_add(args, config_has_command(c) ? "exec" : "run")) < 0 ||
	    (config_has_command(c) && (r = add_arg(args, "--relay")) < 0) ||
	    (r = config_to_args(c, args)) < 0 ||
	    (r = sched_nested_args(c, args)) < 0 ||
	    (r = add_arg(args, "--accel=kvm")) < 0 ||
	    (r = add_arg(args, "--slow")) < 0 ||
	    (c->vmcore && (r = add_arg(args, "--relay-vmcore")) < 0) ||
	    (c->dump && (r = add_arg(args, "--relay-dump")) < 0) ||
	    (r = add_arg(args, "--kernel=" NESTED_KERNEL_DIR "/%s",
			 slash ? slash + 1 : p->kernel.image)) < 0 ||
	    (r = add_arg(args, "--topology=%s", topo)) < 0 ||
	    (r = add_arg(args, "--memory=%" PRIu64 "M", p->memory_bytes / MIB)) < 0 ||
	    (r = add_modules(args, &p->modules)) < 0 ||
	    (p->timeout_ns && (r = add_arg(args, "--timeout=%" PRIu64 "ms",
					   p->timeout_ns / NSEC_PER_MSEC)) < 0) ||
	    (brings_initramfs(c) && (r = add_arg(args, "--initramfs=" NESTED_INITRAMFS)) < 0) ||
	    (r = add_arg(args, "--json")) < 0 ||
	    (r = strlist_add(args, log_level() >= LOG_INFO ? "-v" : "-q")) < 0 ||
	    (r = add_arg(args, "--")) < 0)
		return r;
	words = config_has_command(c) ? &c->command : &c->tests;
	for (size_t i = 0; i < words->count && r == 0; i++)
		r = strlist_add(args, words->item[i]);
	return r;
}

/* The inner run could not make it; without it it is not watched, and says so. */
static struct kindex *open_index(const char *image)
{
	struct kindex *k = NULL;
	struct err why = ERR_INIT;

	if (kernel_index_open(image, &k, &why) < 0)
		log_info("the scheduler will not be watched: %s", err_text(&why));
	return k;
}

int plan_nested(struct plan *p, const struct config *c)
{
	_cleanup_(strlist_fini) struct strlist args = { 0 };
	struct nested_payload payload = {
		.outer = &p->outer,
		.inner_image = p->kernel.image,
		.inner_modules = &p->modules,
		.binary = p->binary,
		.args = &args,
	};
	_cleanup_(buf_fini) struct buf initramfs = BUF_INIT;
	const struct ticks before = ticks_read();
	struct kindex *index;
	struct nested_file *file = NULL;
	struct ticks after;
	int r = find_outer(p, c);

	if (r < 0)
		return r;
	r = inner_args(&args, p, c);
	if (r == 0)
		r = sched_nested_files(c, &file, &payload.file_count);
	if (r < 0)
		return err_sys(&p->err, r, "nested run");
	payload.file = file;
	payload.inner_index = index = open_index(p->kernel.image);
	if (brings_initramfs(c))
		r = join_payload(p, &initramfs);
	if (initramfs.len)
		payload.inner_initramfs = &initramfs;
	if (r == 0)
		r = nested_pack(&payload, p->memory_bytes, &p->outer_initrd,
				&p->outer_memory_bytes, &p->err);
	kindex_close(index);
	sched_nested_free(file, payload.file_count);
	after = ticks_read();
	p->tsc_khz = ticks_khz(&before, &after);
	if (r == 0 && c->qemu_memory_bytes)
		p->outer_memory_bytes = c->qemu_memory_bytes;
	return r < 0 ? err_ctx(&p->err, r, "nested run") : 0;
}
