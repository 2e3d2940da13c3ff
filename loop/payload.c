/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's payload: what each feature brings, packed as base and suffix. */
#include "loop/payload.h"

#include <errno.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "init/init.h"
#include "loop/config.h"
#include "loop/modules.h"
#include "loop/payload_features.h"
#include "vcpu/topo.h"
#include "loop/payload_include.h"

struct payload_draft {
	struct initramfs *part[PAYLOAD_PARTS];
};

/* --- features ------------------------------------------------------------- */

static int add_init(struct payload_draft *d, const struct payload_request *q, struct err *e)
{
	int r = payload_add_program(d, PAYLOAD_SUFFIX, "/init", q->binary, e);

	if (r == 0)
		payload_strip(d, PAYLOAD_SUFFIX, "/init");
	return r;
}

static int add_tests(struct payload_draft *d, const struct payload_request *q, struct err *e)
{
	_cleanup_(buf_fini) struct buf names = BUF_INIT;

	for (size_t i = 0; i < q->config->tests.count; i++)
		buf_fmt(&names, "%s\n", q->config->tests.item[i]);
	return payload_add_bytes(d, PAYLOAD_SUFFIX, INIT_TESTS_PATH, &names, e);
}

static int add_modules(struct payload_draft *d, const struct payload_request *q, struct err *e)
{
	return q->modules ? modules_pack(d->part[PAYLOAD_BASE], q->modules, e) : 0;
}

static int add_shape(struct payload_draft *d, const struct payload_request *q, struct err *e)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT;

	topo_format_whole(q->topo, &text);
	return payload_add_bytes(d, PAYLOAD_SUFFIX, INIT_SHAPE_PATH, &text, e);
}

/* One row for each feature that brings files. */
static int (*const features[])(struct payload_draft *d, const struct payload_request *q,
			       struct err *e) = {
	add_init,
	add_tests,
	add_modules,
	payload_schedulers,
	add_shape,
	payload_add_includes,
};

/* --- adding --------------------------------------------------------------- */

int payload_add_bytes(struct payload_draft *d, enum payload_part part, const char *guest,
		      const struct buf *bytes, struct err *e)
{
	if (!buf_ok(bytes))
		return err_sys(e, -ENOMEM, "add %s", guest);
	return initramfs_add_bytes(d->part[part], guest, bytes->data, bytes->len, 0644, e);
}

int payload_add_symlink(struct payload_draft *d, enum payload_part part, const char *guest,
			const char *target, struct err *e)
{
	return initramfs_add_symlink(d->part[part], guest, target, e);
}

int payload_add_dir(struct payload_draft *d, enum payload_part part, const char *guest,
		    struct err *e)
{
	return initramfs_add_dir(d->part[part], guest, e);
}

int payload_add_program(struct payload_draft *d, enum payload_part part, const char *guest,
			const char *host, struct err *e)
{
	return initramfs_add_program(d->part[part], guest, host, e);
}

void payload_strip(struct payload_draft *d, enum payload_part part, const char *guest)
{
	initramfs_strip(d->part[part], guest);
}

/* --- packing -------------------------------------------------------------- */

/* The archive as the guest's kernel gets it. */
static int pack(struct initramfs *fs, bool lz4, struct buf *ret, struct segment_info *info,
		struct err *e)
{
	_cleanup_(buf_fini) struct buf cpio = BUF_INIT;
	int r = initramfs_finish(fs, &cpio, e);

	if (r < 0)
		return r;
	info->raw_bytes = cpio.len;
	info->unpacked_bytes = initramfs_unpacked_bytes(fs);
	if (lz4)
		return initramfs_lz4(cpio.data, cpio.len, ret, e);
	*ret = cpio;
	cpio = (struct buf)BUF_INIT;
	return 0;
}

struct base_request {
	struct initramfs *fs;
	bool lz4;
};

static int build_base(struct buf *ret, struct segment_info *info, void *arg, struct err *e)
{
	const struct base_request *q = arg;

	return pack(q->fs, q->lz4, ret, info, e);
}

static int pack_parts(struct payload_draft *d, bool lz4, struct payload *p, struct err *e)
{
	struct base_request q = { d->part[PAYLOAD_BASE], lz4 };
	const struct segment_builder builder = { build_base, &q };
	struct initramfs_key key;
	struct segment_info info;
	int r = initramfs_key(q.fs, lz4, &key, e);

	if (r == 0)
		r = segment_get(&key, &builder, &p->base, e);
	if (r == 0)
		r = pack(d->part[PAYLOAD_SUFFIX], lz4, &p->suffix, &info, e);
	if (r < 0)
		return r;
	p->cached = p->base.cached;
	p->bytes = p->base.info.raw_bytes + info.raw_bytes;
	p->unpacked_bytes = p->base.info.unpacked_bytes + info.unpacked_bytes;
	if (lz4)
		p->packed_bytes = payload_loaded_bytes(p);
	return 0;
}

/* What an earlier ktstr has packed for this run. */
static int take_packed(const char *path, struct payload *p, struct err *e)
{
	struct file_map m = FILE_MAP_INIT;
	struct buf bytes = BUF_INIT;
	int r = file_map(path, &m, e);

	if (r < 0)
		return r;
	buf_add(&bytes, m.data, m.size);
	file_unmap(&m);
	if (!buf_ok(&bytes))
		return err_sys(e, -ENOMEM, "%s", path);
	p->bytes = p->base.bytes = bytes.len;
	p->base.data = bytes.data;
	return 0;
}

static int make(struct payload_draft *d, const struct payload_request *q, struct payload *p,
		struct err *e)
{
	int r = initramfs_create(&d->part[PAYLOAD_BASE], e);

	if (r == 0)
		r = initramfs_create_over(d->part[PAYLOAD_BASE], &d->part[PAYLOAD_SUFFIX], e);
	for (size_t i = 0; i < ARRAY_SIZE(features) && r == 0; i++)
		r = features[i](d, q, e);
	return r < 0 ? r : pack_parts(d, q->config->lz4, p, e);
}

int payload_make(const struct payload_request *q, struct payload *ret, struct err *e)
{
	struct payload_draft d = { 0 };
	struct payload p = PAYLOAD_NONE;
	const char *packed = q->config->initramfs;
	int r = packed ? take_packed(packed, &p, e) : make(&d, q, &p, e);

	initramfs_destroy(d.part[PAYLOAD_SUFFIX]);
	initramfs_destroy(d.part[PAYLOAD_BASE]);
	if (r < 0) {
		payload_release(&p);
		return err_ctx(e, r, "initramfs");
	}
	*ret = p;
	return 0;
}

void payload_release(struct payload *p)
{
	segment_fini(&p->base);
	buf_fini(&p->suffix);
}

uint64_t payload_loaded_bytes(const struct payload *p)
{
	return p->base.bytes + p->suffix.len;
}
