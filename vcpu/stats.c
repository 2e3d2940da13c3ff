/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's own statistics of a vCPU: a file with a header, descriptors and
 * numbers (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD).
 */
#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"

/* Far above what any KVM has; keeps the arithmetic small. */
enum { NAME_MAX_BYTES = 4096, STATS_MAX = 4096 };

static int read_at(int fd, void *bytes, size_t n, uint64_t offset)
{
	ssize_t got = pread(fd, bytes, n, (off_t)offset);

	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EIO;
}

/* One descriptor and its name at desc; histograms are left out. */
static int report(int fd, const struct kvm_stats_header *h, const uint8_t *desc,
		  void (*fn)(const char *name, uint64_t value, void *arg), void *arg)
{
	struct kvm_stats_desc d;
	uint64_t value;
	int r;

	memcpy(&d, desc, sizeof(d));
	if (d.size != 1)
		return 0;
	r = read_at(fd, &value, sizeof(value), (uint64_t)h->data_offset + d.offset);
	if (r < 0)
		return r;
	fn((const char *)desc + sizeof(d), value, arg);
	return 0;
}

static int report_all(int fd, void (*fn)(const char *name, uint64_t value, void *arg), void *arg)
{
	_cleanup_free_ uint8_t *descs = NULL;
	struct kvm_stats_header h;
	size_t each, total;
	int r;

	r = read_at(fd, &h, sizeof(h), 0);
	if (r < 0)
		return r;
	if (!h.name_size || h.name_size > NAME_MAX_BYTES || h.num_desc > STATS_MAX)
		return -EIO;
	each = sizeof(struct kvm_stats_desc) + h.name_size;
	total = each * h.num_desc;
	descs = malloc(total + 1);
	if (!descs)
		return -ENOMEM;
	r = read_at(fd, descs, total, h.desc_offset);
	for (size_t i = 0; i < total && !r; i += each) {
		descs[i + each - 1] = '\0';
		r = report(fd, &h, descs + i, fn, arg);
	}
	return r;
}

int vcpu_stats(struct vcpu *v, void (*fn)(const char *name, uint64_t value, void *arg),
	       void *arg, struct err *e)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (ioctl(v->vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) <= 0)
		return err_set(e, -EOPNOTSUPP, "this KVM has no statistics");
	fd = ioctl(v->fd, KVM_GET_STATS_FD, 0);
	if (fd < 0)
		return err_sys(e, -errno, "open the statistics of vCPU %u", v->cpu);
	r = report_all(fd, fn, arg);
	if (r < 0)
		return err_sys(e, r, "read the statistics of vCPU %u", v->cpu);
	return 0;
}
