/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of sched_ext: sysfs, uevents, the kernel's log. */
#include "init/scx.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "init/guest.h"

#define KERNEL_EVENTS 1			/* the multicast group, lib/kobject_uevent.c */
#define EVENT_MAX 4096			/* UEVENT_BUFFER_SIZE is 2048 */

/* --- sysfs ------------------------------------------------------------------ */

/* The first line of DIR/NAME, "" when it cannot be read. */
static void read_line(const char *dir, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[256];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, size - 1);
	text[MAX(n, 0)] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

bool scx_is_supported(const char *dir)
{
	return access(dir, F_OK) == 0;
}

void scx_state(const char *dir, char state[32])
{
	read_line(dir, "state", state, 32);
}

bool scx_is_enabled(const char *dir)
{
	char state[32];

	scx_state(dir, state);
	return !strcmp(state, "enabled");
}

void scx_ops(const char *dir, char ops[WIRE_NAME_MAX])
{
	read_line(dir, "root/ops", ops, WIRE_NAME_MAX);
}

/* --- uevents ---------------------------------------------------------------- */

int scx_events_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_EVENTS };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* "add@/kernel/sched_ext/root", then NUL-terminated K=V; one NUL stands behind all. */
static enum scx_event parse(const char *msg, size_t n, char ops[WIRE_NAME_MAX])
{
	static const char place[] = "@/kernel/sched_ext/root", name[] = "SCXOPS=";
	const char *at = strchr(msg, '@');
	enum scx_event event;

	if (!at || strcmp(at, place))
		return SCX_NOTHING;
	if (!strncmp(msg, "add@", 4))
		event = SCX_ADD;
	else if (!strncmp(msg, "remove@", 7))
		event = SCX_REMOVE;
	else
		return SCX_NOTHING;
	*ops = '\0';
	for (const char *p = msg; p < msg + n; p += strlen(p) + 1)
		if (!strncmp(p, name, strlen(name)))
			snprintf(ops, WIRE_NAME_MAX, "%s", p + strlen(name));
	return event;
}

bool scx_events_next(int fd, enum scx_event *ret, char ops[WIRE_NAME_MAX])
{
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	char msg[EVENT_MAX];
	ssize_t n;

	do
		n = recvfrom(fd, msg, sizeof(msg) - 1, 0, (struct sockaddr *)&from, &len);
	while (n < 0 && errno == EINTR);
	*ret = SCX_LOST;
	if (n < 0)
		return errno == ENOBUFS;
	msg[n] = '\0';
	/* programs may write to the group as well; the kernel's port is 0 */
	*ret = from.nl_pid ? SCX_NOTHING : parse(msg, (size_t)n, ops);
	return true;
}

/* --- the kernel's log --------------------------------------------------------- */

/*
 * Two lines, scx_ops_disable_workfn() in 6.12:
 *	sched_ext: BPF scheduler "NAME" disabled (REASON)
 *	sched_ext: NAME: MESSAGE
 * and one, scx_ops_enable_workfn(), behind which an end that came before is another's:
 *	sched_ext: BPF scheduler "NAME" enabled
 */
static void take_line(const char *line, char *text, size_t size, bool *ret_user)
{
	static const char mark[] = "sched_ext: ", disabled[] = "\" disabled (";
	static const char scheduler[] = "BPF scheduler \"", enabled[] = "\" enabled";
	const char *at = strstr(line, mark), *reason;
	size_t n;

	if (!at)
		return;
	at += strlen(mark);
	reason = strstr(at, disabled);
	if (reason) {
		reason += strlen(disabled);
		*ret_user = !strncmp(reason, "unregistered from user space", 28);
		snprintf(text, size, "%.*s", (int)strcspn(reason, ")"), reason);
		return;
	}
	if (!strncmp(at, scheduler, strlen(scheduler)) && strstr(at, enabled)) {
		*text = '\0';
		*ret_user = false;
		return;
	}
	n = strlen(text);
	at = strstr(at, ": ");
	if (n && at && !strchr(text, ':'))
		snprintf(text + n, size - n, "%s", at);
}

void scx_why(int kmsg, char *text, size_t size, bool *ret_user)
{
	char record[INIT_KMSG_MAX], *line;

	*text = '\0';
	*ret_user = false;
	while ((line = init_kmsg_next(kmsg, record)))
		take_line(line, text, size, ret_user);
}
