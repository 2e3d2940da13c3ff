/* SPDX-License-Identifier: GPL-2.0-only */
/* A core, page by page: into a file, into the window, out of the window. */
#include "loop/vmcore.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "loop/dump.h"
#include "loop/vmcore_window.h"
#include "mm/mm.h"
#include "monitor/monitor.h"
#include "monitor/vmcore.h"

/* Memory of somebody: for its owner alone. */
#define CORE_MODE 0600
#define CHUNK_BYTES (UINT64_C(1) << 20)
/* Of the window, beside RAM: notes of 4096 vCPUs are 1.4 MiB. */
#define HEAD_BYTES_MAX (UINT64_C(2) << 20)

/* Where the bytes go; fd -1: into the window. */
struct sink {
	int fd;
	struct vmcore_window window;
	const atomic_bool *stop;
	uint64_t data_bytes;
};

static int put(struct sink *to, uint64_t at, const uint8_t *bytes, size_t n)
{
	if (atomic_load(to->stop))
		return -ECANCELED;
	to->data_bytes += n;
	if (to->fd < 0) {
		if (at > to->window.bytes || n > to->window.bytes - at)
			return -ENOSPC;
		memcpy(to->window.data + at, bytes, n);
		return 0;
	}
	while (n) {
		ssize_t w = pwrite(to->fd, bytes, n, (off_t)at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		bytes += w;
		at += (uint64_t)w;
		n -= (size_t)w;
	}
	return 0;
}

static bool is_zero(const uint8_t *page)
{
	const uint64_t *word = (const uint64_t *)page;
	uint64_t any = 0;

	for (size_t i = 0; i < VMCORE_ALIGN / sizeof(*word); i++)
		any |= word[i];
	return !any;
}

/* Pages that are not zero, as long as they follow each other. */
static int put_pages(struct sink *to, uint64_t at, const uint8_t *bytes, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i += VMCORE_ALIGN) {
		const size_t from = i;

		if (is_zero(bytes + i))
			continue;
		while (i < n && !is_zero(bytes + i))
			i += VMCORE_ALIGN;
		r = put(to, at + from, bytes + from, i - from);
	}
	return r;
}

static int put_ram(struct sink *to, const struct mm *mm, uint64_t at)
{
	const struct mm_layout *l = mm_layout(mm);
	int r = 0;

	for (unsigned i = 0; i < l->count && r == 0; i++) {
		const struct mm_region *g = &l->region[i];

		if (g->kind != MM_RAM)
			continue;
		for (uint64_t off = 0; off < g->size && r == 0; off += CHUNK_BYTES)
			/* zeros are put nowhere, and take their time as well */
			r = atomic_load(to->stop) ? -ECANCELED :
			    put_pages(to, at + off, mm_view(mm, g->gpa + off, CHUNK_BYTES),
				      CHUNK_BYTES);
		at += g->size;
	}
	return r;
}

/* --- of a guest -------------------------------------------------------------------- */

static void copy_regs(const struct dump_cpu *from, struct vmcore_cpu *to)
{
	const struct vcpu_regs *r = &from->regs;

	to->has_regs = from->has_regs;
	to->regs = (struct user_regs_struct){
		.r15 = r->r15, .r14 = r->r14, .r13 = r->r13, .r12 = r->r12,
		.rbp = r->rbp, .rbx = r->rbx, .r11 = r->r11, .r10 = r->r10,
		.r9 = r->r9, .r8 = r->r8, .rax = r->rax, .rcx = r->rcx,
		.rdx = r->rdx, .rsi = r->rsi, .rdi = r->rdi, .orig_rax = UINT64_MAX,
		.rip = r->rip, .cs = r->cs, .eflags = r->rflags, .rsp = r->rsp, .ss = r->ss,
		.fs_base = r->fs_base, .gs_base = r->gs_base,
		.ds = r->ds, .es = r->es, .fs = r->fs, .gs = r->gs,
	};
}

static int make_head(const struct dump_source *s, struct buf *ret, struct vmcore_size *size,
		     struct err *e)
{
	_cleanup_free_ struct vmcore_cpu *cpu = calloc(s->cpus, sizeof(*cpu));
	struct vmcore_source core = { .mm = s->memory, .cpus = s->cpus, .cpu = cpu };
	struct monitor *m;
	int r;

	if (!cpu)
		return err_sys(e, -ENOMEM, "core of the guest");
	for (unsigned i = 0; i < s->cpus; i++)
		copy_regs(&s->cpu[i], &cpu[i]);
	core.monitor = m = dump_attach(s, size->no_kernel);
	r = vmcore_head(&core, ret, &size->bytes, e);
	monitor_destroy(m);
	return r;
}

static int put_all(const struct dump_source *s, const struct buf *head, struct sink *to)
{
	int r = put_ram(to, s->memory, head->len);

	/* whoever reads memory must find all of it behind the head */
	atomic_thread_fence(memory_order_release);
	return r < 0 ? r : put(to, 0, head->data, head->len);
}

int vmcore_to_file(const struct dump_source *s, const char *path, const atomic_bool *stop,
		   struct vmcore_size *ret, struct err *e)
{
	_cleanup_(file_new_close) struct file_new f = FILE_NEW_INIT;
	_cleanup_(buf_fini) struct buf head = BUF_INIT;
	struct sink to = { .stop = stop };
	int r = make_head(s, &head, ret, e);

	if (r < 0 || (r = file_new_open(path, &f, e)) < 0)
		return r;
	to.fd = f.fd;
	r = ftruncate(f.fd, (off_t)ret->bytes) < 0 ? -errno : put_all(s, &head, &to);
	ret->data_bytes = to.data_bytes;
	return r < 0 ? err_sys(e, r, "write %s", path) : file_new_commit(&f, CORE_MODE, e);
}

int vmcore_to_window(const struct dump_source *s, const atomic_bool *stop,
		     struct vmcore_size *ret, struct err *e)
{
	_cleanup_(buf_fini) struct buf head = BUF_INIT;
	struct sink to = { .fd = -1, .stop = stop };
	int r = make_head(s, &head, ret, e);

	if (r < 0 || (r = vmcore_window_open(&to.window, e)) < 0)
		return r;
	r = put_all(s, &head, &to);
	ret->data_bytes = to.data_bytes;
	vmcore_window_close(&to.window);
	return r < 0 ? err_sys(e, r, "the window for the core") : 0;
}

/* --- out of the window --------------------------------------------------------------- */

uint64_t vmcore_window_bytes(uint64_t memory_bytes)
{
	uint64_t bytes = CHUNK_BYTES;

	while (bytes < memory_bytes + HEAD_BYTES_MAX)
		bytes *= 2;
	return bytes;
}

int vmcore_window_create(uint64_t bytes)
{
	int fd = memfd_create("ktstr-vmcore", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = ftruncate(fd, (off_t)bytes) < 0 ? -errno : 0;
	if (r < 0)
		close_fd(&fd);
	return r < 0 ? r : fd;
}

/* Where the last segment ends. The guest wrote it: at most what the window has. */
static int core_bytes(int fd, uint64_t window_bytes, uint64_t *ret)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	uint64_t end = 0;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_phoff != sizeof(eh) || eh.e_phnum > VMCORE_SEGMENTS_MAX)
		return -ENODATA;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		const off_t at = (off_t)(sizeof(eh) + i * sizeof(ph));

		if (pread(fd, &ph, sizeof(ph), at) != sizeof(ph) || ph.p_offset > window_bytes ||
		    ph.p_filesz > window_bytes - ph.p_offset)
			return -ENODATA;
		end = MAX(end, ph.p_offset + ph.p_filesz);
	}
	*ret = end;
	return 0;
}

bool vmcore_window_has_core(int window_fd)
{
	struct stat st;
	uint64_t bytes;

	return fstat(window_fd, &st) == 0 &&
	       core_bytes(window_fd, (uint64_t)st.st_size, &bytes) == 0;
}

static int copy_data(int from, uint64_t bytes, struct sink *to)
{
	_cleanup_free_ uint8_t *chunk = malloc(CHUNK_BYTES);
	off_t at = 0, hole;
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && (uint64_t)at < bytes && (at = lseek(from, at, SEEK_DATA)) >= 0) {
		hole = MIN(lseek(from, at, SEEK_HOLE), (off_t)bytes);
		while (r == 0 && at < hole) {
			const size_t n = MIN((size_t)(hole - at), (size_t)CHUNK_BYTES);

			if (pread(from, chunk, n, at) != (ssize_t)n)
				return -EIO;
			r = put(to, (uint64_t)at, chunk, n);
			at += (off_t)n;
		}
	}
	return r;
}

int vmcore_from_window(int window_fd, const char *path, const atomic_bool *stop,
		       struct vmcore_size *ret, struct err *e)
{
	_cleanup_(file_new_close) struct file_new f = FILE_NEW_INIT;
	struct sink to = { .stop = stop };
	struct stat st;
	int r;

	if (fstat(window_fd, &st) < 0 ||
	    core_bytes(window_fd, (uint64_t)st.st_size, &ret->bytes) < 0)
		return err_set(e, -ENODATA, "the inner ktstr has written no core");
	r = file_new_open(path, &f, e);
	if (r < 0)
		return r;
	to.fd = f.fd;
	r = ftruncate(f.fd, (off_t)ret->bytes) < 0 ? -errno : copy_data(window_fd, ret->bytes, &to);
	ret->data_bytes = to.data_bytes;
	return r < 0 ? err_sys(e, r, "write %s", path) : file_new_commit(&f, CORE_MODE, e);
}
