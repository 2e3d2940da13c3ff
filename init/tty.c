/* SPDX-License-Identifier: GPL-2.0-only */
/* A serial line with a queue. */
#include "init/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>

#include "base/err.h"
#include "base/util.h"

/* Move the queue to its start when this much of it has been sent. */
#define COMPACT_BYTES (64u << 10)

int init_tty_open(struct init_tty *t, const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios tio;

	if (fd < 0)
		return err_sys(e, -errno, "open %s", path);
	/* a port without a UART opens, but is not a terminal that works */
	if (tcgetattr(fd, &tio) < 0)
		return err_sys(e, -errno, "%s", path);
	cfmakeraw(&tio);
	tio.c_cflag |= CLOCAL | CREAD;
	tio.c_cflag &= ~(tcflag_t)CRTSCTS;
	tio.c_cc[VMIN] = 1;
	tio.c_cc[VTIME] = 0;
	/* the virtual UART has no speed, but the driver's timeouts follow it */
	cfsetspeed(&tio, B115200);
	if (tcsetattr(fd, TCSANOW, &tio) < 0)
		return err_sys(e, -errno, "%s: raw mode", path);
	*t = (struct init_tty)INIT_TTY_INIT;
	t->fd = take_fd(&fd);
	return 0;
}

void init_tty_fini(struct init_tty *t)
{
	close_fd(&t->fd);
	buf_fini(&t->out);
	t->sent = 0;
}

size_t init_tty_waiting(const struct init_tty *t)
{
	return t->out.len - t->sent;
}

static void forget_sent(struct init_tty *t)
{
	size_t left = init_tty_waiting(t);

	if (left && t->sent < COMPACT_BYTES)
		return;
	memmove(t->out.data, t->out.data + t->sent, left);
	t->out.len = left;
	t->sent = 0;
}

void init_tty_push(struct init_tty *t)
{
	while (t->fd >= 0 && init_tty_waiting(t)) {
		ssize_t n = write(t->fd, t->out.data + t->sent, init_tty_waiting(t));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			close_fd(&t->fd);
		else
			t->sent += (size_t)n;
	}
	/* without memory or without a line the bytes have nowhere to go */
	if (t->fd < 0 || !buf_ok(&t->out)) {
		buf_reset(&t->out);
		t->sent = 0;
	} else if (t->sent) {
		forget_sent(t);
	}
}

bool init_tty_flush(struct init_tty *t, unsigned timeout_ms)
{
	for (;;) {
		struct pollfd p = { .fd = t->fd, .events = POLLOUT };

		init_tty_push(t);
		if (t->fd < 0)
			return false;
		if (!init_tty_waiting(t))
			return true;
		if (poll(&p, 1, (int)timeout_ms) == 0)
			return false;
	}
}

bool init_tty_drain(struct init_tty *t, unsigned timeout_ms)
{
	/* a UART that has just taken bytes goes on: no bound is needed behind this one */
	return init_tty_flush(t, timeout_ms) && tcdrain(t->fd) == 0;
}

size_t init_tty_read(struct init_tty *t, void *bytes, size_t size)
{
	ssize_t n = t->fd < 0 ? 0 : read(t->fd, bytes, size);

	if (n > 0)
		return (size_t)n;
	if (t->fd >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR)))
		close_fd(&t->fd);
	return 0;
}
