/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames that PID 1 makes itself. */
#include "init/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/util.h"
#include "init/machine.h"

/* Both sides write fields as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");

#define TEXT_MAX 512

static size_t format(char text[TEXT_MAX], const char *fmt, va_list ap)
{
	int n = vsnprintf(text, TEXT_MAX, fmt, ap);

	return n < 0 ? 0 : MIN((size_t)n, (size_t)TEXT_MAX - 1);
}

void init_log(struct init_host *h, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = format(text, fmt, ap);
	va_end(ap);
	h->send(h, WIRE_LOG, text, n, NULL, 0);
}

void init_detail(struct init_host *h, enum wire_verdict verdict, const char *kind,
		 const char *fmt, ...)
{
	struct wire_detail d = { .verdict = verdict };
	char text[TEXT_MAX];
	va_list ap;
	size_t n;

	snprintf(d.kind, sizeof(d.kind), "%s", kind);
	va_start(ap, fmt);
	n = format(text, fmt, ap);
	va_end(ap);
	h->send(h, WIRE_DETAIL, &d, sizeof(d), text, n);
}

void init_lifecycle(struct init_host *h, enum wire_phase phase, const struct init_machine *m)
{
	struct wire_lifecycle l = { .phase = phase };
	struct timespec ts;
	struct utsname u;

	if (m) {
		l.cpus = m->cpus;
		l.memory_kib = m->memory_kib;
		l.kernel_gpa = m->kernel_gpa;
	}
	clock_gettime(CLOCK_BOOTTIME, &ts);
	l.uptime_ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	if (phase == WIRE_PHASE_READY && uname(&u) == 0)
		snprintf(l.release, sizeof(l.release), "%s", u.release);
	h->send(h, WIRE_LIFECYCLE, &l, sizeof(l), NULL, 0);
}

void init_exit(struct init_host *h, int code)
{
	struct wire_exit x = { .code = code };

	h->send(h, WIRE_EXIT, &x, sizeof(x), NULL, 0);
}
