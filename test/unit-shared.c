/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many machines at once with the same base in their RAM: the pages of it are
 * there once. Each guest reads every page of its initramfs and powers off.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/segment.h"
#include "loop/machine.h"
#include "test/tap.h"
#include "test/tmp.h"
#include "vcpu/vm.h"

#define MACHINES 16
#define BASE_BYTES (4 * MIB + 100)
#define TAIL_BYTES 5000

struct fixture {
	char dir[TMP_DIR_MAX];
	struct boot_image img;
	struct segment base;
	uint8_t tail[TAIL_BYTES];
	struct ev_loop *loop;
	struct machine *m[MACHINES];
	struct err copied[MACHINES];
	unsigned off, parked;
	bool stopping;
	struct err e;
};

static int build(struct buf *ret, struct segment_info *info, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	*info = (struct segment_info){ 0 };
	while (ret->len < BASE_BYTES)
		buf_le32(ret, (uint32_t)ret->len);
	return 0;
}

static bool setup(struct fixture *f)
{
	const struct segment_builder b = { build, NULL };
	const struct initramfs_key key = { { 1 } };
	char command[512], path[TMP_DIR_MAX + 16];
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0) {
		tap_skip("/dev/kvm cannot be opened");
		return false;
	}
	close(kvm);
	*f = (struct fixture){ .base = SEGMENT_NONE, .e = ERR_INIT, .img = { .fd = -1 } };
	tmp_make(f->dir);
	setenv("KTSTR_SHM_DIR", f->dir, 1);
	snprintf(path, sizeof(path), "%s/vmlinux", f->dir);
	snprintf(command, sizeof(command), "%s/test/tiny-kernel touch %s",
		 getenv("top_builddir") ?: ".", path);
	if (!tap_ok(system(command) == 0, "%s", command) ||
	    !tap_ok(boot_image_open(path, &f->img, &f->e) == 0, "%s", err_text(&f->e)) ||
	    !tap_ok(segment_get(&key, &b, &f->base, &f->e) == 0, "%s", err_text(&f->e)) ||
	    !tap_ok(f->base.fd >= 0, "%s", err_text(&f->base.why)))
		return false;
	memset(f->tail, 't', sizeof(f->tail));
	f->loop = ev_loop_new(0);
	return true;
}

static void teardown(struct fixture *f)
{
	for (unsigned i = 0; i < MACHINES; i++)
		machine_destroy(f->m[i]);
	if (f->loop)
		ev_loop_destroy(f->loop);
	segment_fini(&f->base);
	boot_image_close(&f->img);
	file_remove_tree(f->dir, NULL);
}

static bool add_machine(struct fixture *f, unsigned i, int fd)
{
	const struct topo topo = TOPO(1, 1, 1, 1);
	struct cmdline cmdline;
	const struct machine_spec spec = {
		.kvm_device = "/dev/kvm", .irqchip = VM_IRQCHIP_KERNEL, .topo = &topo,
	};
	const struct machine_contents contents = {
		.topo = &topo, .image = &f->img, .cmdline = &cmdline,
		.initrd = f->base.data, .initrd_bytes = f->base.bytes, .initrd_fd = fd,
		.initrd_copied = &f->copied[i],
		.initrd_tail = f->tail, .initrd_tail_bytes = TAIL_BYTES,
		.memory_bytes = 32 * MIB,
	};

	cmdline_init(&cmdline);
	f->copied[i] = (struct err)ERR_INIT;
	return tap_ok(machine_create(&spec, &f->m[i], &f->e) == 0 &&
		      machine_load(f->m[i], &contents, &f->e) == 0, "%s", err_text(&f->e));
}

static void on_bytes(const uint8_t *bytes, size_t n, void *arg)
{
	(void)bytes;
	(void)n;
	(void)arg;
}

static void on_doorbell(void *arg)
{
	(void)arg;
}

static void on_end(enum stop_reason why, const char *text, void *arg)
{
	struct fixture *f = arg;

	tap_ok(why == STOP_EARLY_OFF, "%s", text);
	if (++f->off == MACHINES)
		ev_break(f->loop, EVBREAK_ALL);
}

static void on_parked(void *arg)
{
	struct fixture *f = arg;

	if (++f->parked == MACHINES)
		ev_break(f->loop, EVBREAK_ALL);
}

/* The machines, each of which has read all of its initramfs. */
static bool run_all(struct fixture *f)
{
	const struct machine_ops ops = {
		.on_console = on_bytes, .on_program = on_bytes, .on_doorbell = on_doorbell,
		.on_end = on_end, .on_parked = on_parked, .arg = f,
	};

	for (unsigned i = 0; i < MACHINES; i++)
		if (!tap_ok(machine_start(f->m[i], f->loop, &ops, &f->e) == 0, "%s",
			    err_text(&f->e)))
			return false;
	ev_run(f->loop, 0);
	return tap_eq(f->off, MACHINES);
}

/*
 * Sum of Pss over the mappings of guest RAM that show a segment: private and
 * writable ones of its file. Copied pages count in full.
 */
static uint64_t shown_kib(unsigned *ret_mappings)
{
	_cleanup_fclose_ FILE *s = fopen("/proc/self/smaps", "re");
	char line[512], perms[8] = "";
	uint64_t sum = 0, kib;
	bool ours = false;

	*ret_mappings = 0;
	while (s && fgets(line, sizeof(line), s)) {
		if (sscanf(line, "%*x-%*x %7s", perms) == 1 && strchr(line, '-') < line + 18) {
			ours = strstr(line, "/ktstr-") && !strcmp(perms, "rw-p");
			*ret_mappings += ours;
		} else if (ours && sscanf(line, "Pss: %" SCNu64 " kB", &kib) == 1) {
			sum += kib;
		}
	}
	return sum;
}

static void stop_all(struct fixture *f)
{
	for (unsigned i = 0; i < MACHINES; i++)
		machine_stop(f->m[i]);
	ev_run(f->loop, 0);
	tap_eq(f->parked, MACHINES);
}

static void sixteen_guests_have_one_copy(void)
{
	const uint64_t one_kib = BASE_BYTES / KIB;
	unsigned mappings;
	struct fixture f;
	uint64_t kib;

	if (!setup(&f))
		return;
	for (unsigned i = 0; i < MACHINES; i++)
		if (!add_machine(&f, i, f.base.fd) ||
		    !tap_str(err_text(&f.copied[i]), ""))
			return;
	/* the file's own mapping of ours would share the sum */
	segment_fini(&f.base);
	if (run_all(&f)) {
		kib = shown_kib(&mappings);
		printf("# Pss of %u mappings: %" PRIu64 " KiB, one copy: %" PRIu64 " KiB\n",
		       mappings, kib, one_kib);
		tap_eq(mappings, MACHINES);
		tap_ok(kib >= one_kib * 9 / 10, "all of it is there");
		/* each has the page in which its suffix begins for itself */
		tap_ok(kib <= one_kib + MACHINES * 8, "and not twice");
	}
	stop_all(&f);
	teardown(&f);
}

static void what_cannot_be_mapped_is_copied_and_says_why(void)
{
	unsigned mappings;
	struct fixture f;
	int fd;

	if (!setup(&f))
		return;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (unsigned i = 0; i < MACHINES; i++) {
		if (!add_machine(&f, i, i % 2 ? fd : -1))
			break;
		if (i % 2)
			tap_ok(strstr(err_text(&f.copied[i]), "a file of 0 bytes"), "%s",
			       err_text(&f.copied[i]));
	}
	close(fd);
	run_all(&f);
	shown_kib(&mappings);
	tap_eq(mappings, 0);
	stop_all(&f);
	teardown(&f);
}

int main(void)
{
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	TAP_RUN(sixteen_guests_have_one_copy);
	TAP_RUN(what_cannot_be_mapped_is_copied_and_says_why);
	return tap_done();
}
