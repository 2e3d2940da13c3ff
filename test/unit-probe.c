/* SPDX-License-Identifier: GPL-2.0-only */
/* The probe tells apart what cannot be opened, what is no KVM, and what runs. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "test/tap.h"
#include "vcpu/probe.h"

static void check(const char *path, enum probe_result want, const char *says)
{
	struct err e = ERR_INIT;
	enum probe_result got = probe_kvm(path, &e);

	tap_str(probe_name(got), probe_name(want));
	tap_ok(strstr(err_text(&e), path), "the story names the path: %s", err_text(&e));
	tap_ok(strstr(err_text(&e), says), "the story says \"%s\": %s", says, err_text(&e));
}

static void a_missing_path_is_absent(void)
{
	check("/nowhere/kvm", PROBE_ABSENT, "No such file or directory");
}

static void dev_null_is_unusable(void)
{
	check("/dev/null", PROBE_UNUSABLE, "not a KVM device");
}

static void a_directory_is_unusable(void)
{
	check("/", PROBE_UNUSABLE, "Is a directory");
}

/* A temporary file; its name goes to path. */
static bool make_file(char path[64], mode_t mode)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(path, 64, "%.40s/ktstr-probe-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	if (!tap_ok(fd >= 0 && !fchmod(fd, mode), "%s: %s", path, strerror(errno)))
		return false;
	close(fd);
	return true;
}

static void a_regular_file_is_unusable(void)
{
	char path[64];

	if (!make_file(path, 0600))
		return;
	check(path, PROBE_UNUSABLE, "not a KVM device");
	unlink(path);
}

static void a_file_without_permission_is_denied_and_says_what_to_do(void)
{
	const uid_t me = geteuid();
	char path[64];

	if (!make_file(path, 0))
		return;
	/* root may read everything: be nobody meanwhile */
	if (!me && seteuid(65534) < 0)
		tap_skip("cannot become another user");
	else
		check(path, PROBE_DENIED, "add yourself to the group kvm");
	if (!me)
		tap_ok(!seteuid(0), "back to root");
	unlink(path);
}

static void dev_kvm_gives_an_answer_in_time(void)
{
	struct err e = ERR_INIT;
	uint64_t start_ns = units_now_ns();
	enum probe_result r = probe_kvm("/dev/kvm", &e);
	uint64_t ms = (units_now_ns() - start_ns) / NSEC_PER_MSEC;

	printf("# /dev/kvm: %s in %llu ms %s\n", probe_name(r), (unsigned long long)ms,
	       err_text(&e));
	/* the bound is the probe's own; making and closing a VM comes on top */
	tap_ok(ms < 2 * PROBE_TIMEOUT_MS, "%llu ms", (unsigned long long)ms);
	if (r == PROBE_ABSENT || r == PROBE_DENIED) {
		tap_skip("/dev/kvm cannot be opened");
		return;
	}
	tap_ok(r == PROBE_OK || r == PROBE_EMULATES, "%s", err_text(&e));
	tap_ok((r == PROBE_OK) == !*err_text(&e), "a story unless it is ok: %s", err_text(&e));
	tap_str(probe_name(probe_kvm("/dev/kvm", NULL)), probe_name(r));
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void the_probe_leaves_no_fd_behind(void)
{
	unsigned before = open_fds();

	(void)probe_kvm("/dev/kvm", NULL);
	(void)probe_kvm("/dev/null", NULL);
	tap_eq(open_fds(), before);
}

int main(void)
{
	TAP_RUN(a_missing_path_is_absent);
	TAP_RUN(dev_null_is_unusable);
	TAP_RUN(a_directory_is_unusable);
	TAP_RUN(a_regular_file_is_unusable);
	TAP_RUN(a_file_without_permission_is_denied_and_says_what_to_do);
	TAP_RUN(dev_kvm_gives_an_answer_in_time);
	TAP_RUN(the_probe_leaves_no_fd_behind);
	return tap_done();
}
