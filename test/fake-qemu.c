/* SPDX-License-Identifier: GPL-2.0-only */
/* A QEMU that is not one: it finds its descriptors in its arguments and plays a part. */
#include "test/fake-qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/util.h"
#include "shmring/shmring.h"

#define FLOOD_BYTES (24u << 20)	/* on each of three streams */

struct fake {
	int argc;
	char **argv;
	int wire, console;
	uint32_t sequence;
	struct buf frames;
};

static const char *fake_arg(const struct fake *f, const char *before)
{
	for (int i = 1; i + 1 < f->argc; i++)
		if (!strcmp(f->argv[i], before))
			return f->argv[i + 1];
	return "";
}

/* The descriptor of "-chardev socket,id=NAME,fd=N". */
static int fake_fd(const struct fake *f, const char *name)
{
	char want[64];

	snprintf(want, sizeof(want), "socket,id=%s,fd=", name);
	for (int i = 1; i < f->argc; i++)
		if (!strncmp(f->argv[i], want, strlen(want)))
			return f->argv[i][strlen(want)] - '0';
	return -1;
}

static void fake_frame(struct fake *f, enum wire_type type, const void *bytes, size_t n)
{
	frame_to_stream(&f->frames, type, f->sequence++, bytes, n);
}

static void fake_text(struct fake *f, enum wire_type type, const char *text)
{
	fake_frame(f, type, text, strlen(text));
}

static void fake_status(struct fake *f, int code)
{
	fake_frame(f, WIRE_STATUS, &(struct wire_exit){ .code = code }, sizeof(struct wire_exit));
}

static void fake_phase(struct fake *f, enum wire_phase phase)
{
	struct wire_lifecycle l = { .phase = phase };

	fake_frame(f, WIRE_LIFECYCLE, &l, sizeof(l));
}

static void fake_push(struct fake *f)
{
	(void)file_write_all(f->wire, f->frames.data, f->frames.len);
	buf_reset(&f->frames);
}

static void fake_run(struct fake *f, int code)
{
	fake_phase(f, WIRE_PHASE_INIT);
	fake_phase(f, WIRE_PHASE_READY);
	fake_text(f, WIRE_STDOUT, "one ");
	fake_text(f, WIRE_STDERR, "a notice");
	fake_text(f, WIRE_STDOUT, "two");
	fake_status(f, code);
}

static int fake_normal(struct fake *f)
{
	fake_run(f, 3);
	fake_push(f);
	return 0;
}

static int fake_single_bytes(struct fake *f)
{
	fake_run(f, 3);
	for (size_t i = 0; i < f->frames.len; i++)
		(void)!write(f->wire, f->frames.data + i, 1);
	return 0;
}

static int fake_crowd(struct fake *f)
{
	char fds[64] = "", path[64], text[64] = "";
	int fd;

	for (int i = 0; i < 4096; i++)
		if (fcntl(i, F_GETFD) >= 0)
			snprintf(fds + strlen(fds), sizeof(fds) - strlen(fds), "%d ", i);
	fake_text(f, WIRE_STDOUT, fds);
	fake_text(f, WIRE_STDOUT, getsid(0) == getpid() ? "leader " : "follower ");
	fake_text(f, WIRE_STDOUT, read(STDIN_FILENO, path, 1) == 0 ? "empty " : "stdin ");
	fake_text(f, WIRE_STDOUT, signal(SIGPIPE, SIG_DFL) == SIG_DFL ? "default " : "ignored ");
	fake_text(f, WIRE_STDOUT, strstr(fake_arg(f, "-append"), "KTSTR_GUEST=outer") ?
		  "outer " : "? ");
	fake_text(f, WIRE_STDOUT, fake_arg(f, "-m"));
	fake_text(f, WIRE_STDOUT, " ");
	fd = open(fake_arg(f, "-initrd"), O_RDONLY);
	(void)!read(fd, text, sizeof(text) - 1);
	fake_text(f, WIRE_STDOUT, text);
	fd = open(fake_arg(f, "-initrd"), O_RDWR);
	fake_text(f, WIRE_STDOUT, write(fd, "x", 1) < 0 && errno == EPERM ? ", sealed" : ", open");
	fake_status(f, access(fake_arg(f, "-kernel"), R_OK) == 0 ? 0 : 1);
	fake_push(f);
	return 0;
}

static int fake_dies(struct fake *f)
{
	(void)f;
	fprintf(stderr, "qemu: a first line\nqemu: cannot set up guest memory\n");
	return 1;
}

static int fake_dies_by_signal(struct fake *f)
{
	(void)f;
	raise(SIGKILL);
	return 0;
}

static int fake_panics(struct fake *f)
{
	dprintf(f->console, "[    0.1] Linux version 6.1\r\n[    1.0] fine\r\n"
		"[    2.0] Kernel panic - not syncing: out of luck\r\n[    2.1] and more\r\n");
	return 0;
}

static int fake_ends(struct fake *f)
{
	dprintf(f->console, "line 1\r\nline 2\r\nline 3\r\n");
	fake_text(f, WIRE_LOG, "there is no /dev/kvm");
	fake_push(f);
	return 0;
}

static int fake_leaves(struct fake *f)
{
	(void)f;
	return 0;
}

static int fake_complains(struct fake *f)
{
	dprintf(f->console, "Out of memory: Killed process 1 (ktstr)\r\n");
	fake_status(f, 137);
	fake_push(f);
	return 0;
}

static _Noreturn void wait_for_ever(void)
{
	while (true)
		pause();
}

static int fake_stays(struct fake *f)
{
	fake_status(f, 4);
	fake_push(f);
	wait_for_ever();
}

static int fake_hangs(struct fake *f)
{
	const char *fifo = getenv(FAKE_QEMU_FIFO);
	int fd = fifo ? open(fifo, O_WRONLY) : -1;

	(void)f;
	if (fd >= 0)
		(void)!write(fd, "x", 1);
	wait_for_ever();
}

static int fake_floods(struct fake *f)
{
	char block[4096];

	fake_phase(f, WIRE_PHASE_READY);
	fake_push(f);
	memset(block, 'x', sizeof(block));
	for (unsigned i = 0; i < FLOOD_BYTES / sizeof(block); i++) {
		fake_text(f, WIRE_STDERR, "flood");
		fake_push(f);
		(void)file_write_all(f->wire, block, sizeof(block));
		(void)file_write_all(f->console, block, sizeof(block));
		(void)file_write_all(STDERR_FILENO, block, sizeof(block));
	}
	fake_text(f, WIRE_STDOUT, "still here");
	fake_status(f, 0);
	fake_push(f);
	return 0;
}

/* Every kind of damage, each followed by something good. */
static int fake_garbage(struct fake *f)
{
	const uint8_t huge[] = "\xabKT\xba\x0a\0\0\0\1\0\0\0\xff\xff\xff\xff....";
	const struct wire_exit bad_phase = { .code = 99 };
	size_t at;

	buf_str(&f->frames, "no frame");
	fake_text(f, WIRE_STDOUT, "a");
	buf_add(&f->frames, huge, sizeof(huge));
	fake_text(f, WIRE_STDOUT, "b");
	at = f->frames.len;
	fake_text(f, WIRE_STDOUT, "lost");
	f->frames.data[at + 20] ^= 1;		/* its payload: a wrong checksum */
	fake_text(f, WIRE_STDOUT, "c");
	fake_frame(f, WIRE_LIFECYCLE, &bad_phase, sizeof(bad_phase));
	fake_frame(f, WIRE_STATUS, "x", 1);
	fake_frame(f, WIRE_RESULT, "x", 1);
	fake_frame(f, WIRE_SIGNAL, &bad_phase, sizeof(bad_phase));
	fake_text(f, WIRE_STDOUT, "d");
	fake_status(f, -1);
	fake_status(f, 5);
	buf_add(&f->frames, WIRE_STREAM_MARK, 4);
	fake_push(f);
	return 0;
}

static void fake_on_frame(const struct frame *frame, void *arg)
{
	struct fake *f = arg;
	struct wire_exit x;
	char text[64];

	if (frame->type != WIRE_SIGNAL || !frame_get_exit(frame, &x))
		return;
	snprintf(text, sizeof(text), "signal %d ", x.code);
	fake_text(f, WIRE_STDOUT, text);
	if (x.code == SIGTERM)
		fake_status(f, 0);
	fake_push(f);
}

/* Tells each signal; ends with SIGTERM. */
static int fake_echoes(struct fake *f)
{
	struct frame_decoder d;
	uint8_t bytes[64];
	ssize_t n;

	frame_decoder_init(&d, FRAME_STREAM, fake_on_frame, NULL, f);
	fake_phase(f, WIRE_PHASE_INIT);
	fake_phase(f, WIRE_PHASE_READY);
	fake_push(f);
	while ((n = read(f->wire, bytes, sizeof(bytes))) > 0) {
		uint32_t before = f->sequence;

		frame_decoder_add(&d, bytes, (size_t)n);
		if (f->sequence - before > 1)
			break;
	}
	frame_decoder_fini(&d);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct fake *f);
} fakes[] = {
	{ "normal", fake_normal },
	{ "single bytes", fake_single_bytes },
	{ "crowd", fake_crowd },
	{ "dies", fake_dies },
	{ "dies by signal", fake_dies_by_signal },
	{ "panics", fake_panics },
	{ "ends", fake_ends },
	{ "leaves", fake_leaves },
	{ "complains", fake_complains },
	{ "stays", fake_stays },
	{ "hangs", fake_hangs },
	{ "floods", fake_floods },
	{ "garbage", fake_garbage },
	{ "echoes", fake_echoes },
};

int fake_qemu_main(const char *name, int argc, char **argv)
{
	struct fake f = { .argc = argc, .argv = argv };
	int r = 126;

	f.wire = fake_fd(&f, "wire");
	f.console = fake_fd(&f, "console");
	for (size_t i = 0; i < ARRAY_SIZE(fakes); i++)
		if (!strcmp(fakes[i].name, name))
			r = fakes[i].run(&f);
	buf_fini(&f.frames);
	return r;
}
