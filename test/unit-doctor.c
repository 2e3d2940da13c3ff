/* SPDX-License-Identifier: GPL-2.0-only */
/* The checks of ktstr doctor, on machines that are not there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "cli/doctor.h"
#include "test/tap.h"

static char dir[] = "/tmp/ktstr-unit-doctor.XXXXXX";

/* A file of the faked machine; the path lives until the next call but three. */
static const char *fake(const char *name, const char *text, mode_t mode)
{
	static char paths[4][128];
	static unsigned turn;
	char *path = paths[turn++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	if (file_write_atomic(path, text, strlen(text), mode, NULL) < 0)
		tap_ok(false, "write %s", path);
	return path;
}

static struct doctor_finding check(const char *name, const struct doctor_places *places)
{
	struct doctor_finding f = { .level = DOCTOR_LEVEL_COUNT };
	size_t count;
	const struct doctor_check *checks = doctor_checks(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(checks[i].name, name))
			checks[i].run(places, &f);
	tap_ok(f.level < DOCTOR_LEVEL_COUNT && f.text[0], "%s says something", name);
	return f;
}

static void the_cpu_is_read_from_its_flags(void)
{
	static const struct {
		const char *cpuinfo;
		enum doctor_level level;
		const char *text, *fix;
	} cases[] = {
		{ "model name : x\nflags\t\t: fpu svm sse\n", DOCTOR_OK, "svm", "" },
		{ "flags\t\t: fpu vmx\n", DOCTOR_OK, "vmx", "" },
		{ "flags : vmx hypervisor\n", DOCTOR_OK, "nested in another hypervisor", "" },
		{ "flags : fpu svmx xsvm\n", DOCTOR_NOTE, "no hardware", "firmware" },
		{ "flags : fpu hypervisor\n", DOCTOR_NOTE, "hides it", "hypervisor above" },
		{ "", DOCTOR_NOTE, "no hardware", "firmware" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct doctor_places p = {
			.cpuinfo = fake("cpuinfo", cases[i].cpuinfo, 0644),
		};
		struct doctor_finding f = check("cpu", &p);

		tap_eq(f.level, cases[i].level);
		tap_ok(strstr(f.text, cases[i].text), "%s: %s", cases[i].cpuinfo, f.text);
		tap_ok(strstr(f.fix, cases[i].fix), "%s: %s", cases[i].cpuinfo, f.fix);
	}
}

static void a_kvm_that_is_not_there_is_a_miss_with_the_module_to_load(void)
{
	struct doctor_places p = {
		.kvm = "/nowhere/kvm", .cpuinfo = fake("cpuinfo", "flags : svm\n", 0644),
	};
	struct doctor_finding f = check("kvm", &p);

	tap_eq(f.level, DOCTOR_MISS);
	tap_ok(!strncmp(f.text, "absent: ", 8), "%s", f.text);
	tap_str(f.fix, "modprobe kvm_amd");
	p.cpuinfo = fake("cpuinfo", "flags : vmx\n", 0644);
	f = check("kvm", &p);
	tap_str(f.fix, "modprobe kvm_intel");
	p.cpuinfo = fake("cpuinfo", "flags : fpu\n", 0644);
	f = check("kvm", &p);
	tap_str(f.fix, "");
}

static void a_kvm_that_is_no_device_is_a_miss(void)
{
	const struct doctor_places p = {
		.kvm = fake("kvm", "", 0644), .cpuinfo = "/nowhere",
	};

	tap_eq(check("kvm", &p).level, DOCTOR_MISS);
}

static void a_kvm_without_permission_is_a_miss_with_the_group(void)
{
	const struct doctor_places p = {
		.kvm = fake("kvm", "", 0), .cpuinfo = "/nowhere",
	};
	struct doctor_finding f;

	if (geteuid() == 0) {
		tap_skip("root may open everything");
		return;
	}
	f = check("kvm", &p);
	tap_eq(f.level, DOCTOR_MISS);
	tap_ok(strstr(f.fix, "usermod -aG kvm"), "%s", f.fix);
}

static void qemu_is_looked_for_in_the_path_and_started(void)
{
	static const struct {
		const char *text;
		enum doctor_level level;
		const char *says;
	} cases[] = {
		{ "#!/bin/sh\necho \"QEMU $1\"\necho more\n", DOCTOR_OK, ": QEMU --version" },
		{ "#!/bin/sh\necho broken >&2; exit 1\n", DOCTOR_MISS, "does not start: broken" },
		{ "#!/bin/sh\n", DOCTOR_MISS, "does not start: no output" },
		{ "#!/nowhere/sh\n", DOCTOR_MISS, "No such file" },
	};
	char search[160];

	snprintf(search, sizeof(search), "/nowhere::%s:/also/nowhere", dir);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct doctor_places p = { .search = search };
		struct doctor_finding f;

		fake("qemu-system-x86_64", cases[i].text, 0755);
		f = check("qemu", &p);
		tap_eq(f.level, cases[i].level);
		tap_ok(strstr(f.text, cases[i].says), "%s: %s", cases[i].says, f.text);
		tap_str(f.fix, f.level == DOCTOR_OK ? "" : "apt-get install qemu-system-x86");
	}
}

static void a_missing_qemu_is_a_miss_with_the_package(void)
{
	static const char *const searches[] = { NULL, "", ":", "/nowhere", "/nowhere:" };

	for (size_t i = 0; i < ARRAY_SIZE(searches); i++) {
		const struct doctor_places p = { .search = searches[i] };
		struct doctor_finding f = check("qemu", &p);

		tap_eq(f.level, DOCTOR_MISS);
		tap_str(f.text, "qemu-system-x86_64 is not in PATH");
		tap_str(f.fix, "apt-get install qemu-system-x86");
	}
}

static void memory_is_compared_with_what_is_needed(void)
{
	static const struct {
		const char *meminfo;
		enum doctor_level kvm, nested;
	} cases[] = {
		{ "MemTotal: 9 kB\nMemAvailable:    8000000 kB\n", DOCTOR_OK, DOCTOR_OK },
		{ "MemAvailable: 800000 kB\n", DOCTOR_OK, DOCTOR_MISS },
		{ "MemAvailable: 80000 kB\n", DOCTOR_MISS, DOCTOR_MISS },
		{ "MemTotal: 80000 kB\n", DOCTOR_NOTE, DOCTOR_NOTE },
		{ "", DOCTOR_NOTE, DOCTOR_NOTE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct doctor_places p = {
			.meminfo = fake("meminfo", cases[i].meminfo, 0644),
		};

		tap_eq(check("memory", &p).level, cases[i].kvm);
		tap_eq(check("nested-memory", &p).level, cases[i].nested);
	}
}

static void too_few_files_are_a_miss(void)
{
	const struct doctor_places p = { 0 };
	struct rlimit old, few = { 0 };
	struct doctor_finding f = check("files", &p);

	tap_eq(f.level, DOCTOR_OK);
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){ .rlim_cur = 32, .rlim_max = old.rlim_max };
	tap_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	f = check("files", &p);
	setrlimit(RLIMIT_NOFILE, &old);
	tap_eq(f.level, DOCTOR_MISS);
	tap_ok(strstr(f.text, "Too many open files"), "%s", f.text);
	tap_str(f.fix, "ulimit -n 1024");
}

static void shared_memory_is_really_taken(void)
{
	const struct doctor_places here = { .shm = dir }, nowhere = { .shm = "/nowhere" };
	struct doctor_finding f = check("memfd", &here);

	tap_eq(f.level, DOCTOR_OK);
	f = check("shm", &nowhere);
	tap_eq(f.level, DOCTOR_NOTE);
	tap_ok(strstr(f.fix, "/nowhere"), "%s", f.fix);
}

static void the_cache_is_written_to(void)
{
	char path[128];
	const struct doctor_places none = { 0 }, here = { .cache = path };
	struct doctor_finding f = check("cache", &none);
	struct stat st;

	tap_eq(f.level, DOCTOR_NOTE);
	tap_ok(strstr(f.fix, "KTSTR_CACHE_DIR"), "%s", f.fix);
	snprintf(path, sizeof(path), "%s/new/cache", dir);
	f = check("cache", &here);
	tap_eq(f.level, DOCTOR_OK);
	tap_ok(stat(path, &st) == 0 && S_ISDIR(st.st_mode), "%s was made", path);
	tap_eq(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s", fake("file", "", 0644));
	f = check("cache", &here);
	tap_eq(f.level, DOCTOR_NOTE);
}

static void a_kernel_that_is_none_is_a_miss(void)
{
	const struct doctor_places p = {
		.kernel = fake("garbage", "not a kernel", 0644), .outer_kernel = "/nowhere/bzImage",
	};
	struct doctor_finding f = check("kernel", &p);

	tap_eq(f.level, DOCTOR_MISS);
	tap_ok(strstr(f.text, "garbage"), "%s", f.text);
	tap_ok(strstr(f.fix, "ktstr kernel import"), "%s", f.fix);
	f = check("outer-kernel", &p);
	tap_eq(f.level, DOCTOR_MISS);
	tap_ok(strstr(f.text, "/nowhere/bzImage"), "%s", f.text);
}

static void what_works_follows_from_the_misses(void)
{
	static const struct {
		const char *miss;
		enum doctor_need works;
	} cases[] = {
		{ "", DOCTOR_NEED_BOTH }, { "cpu", DOCTOR_NEED_BOTH }, { "shm", DOCTOR_NEED_BOTH },
		{ "cache", DOCTOR_NEED_BOTH }, { "kvm", DOCTOR_NEED_NESTED },
		{ "qemu", DOCTOR_NEED_KVM }, { "outer-kernel", DOCTOR_NEED_KVM },
		{ "nested-memory", DOCTOR_NEED_KVM }, { "kernel", DOCTOR_NEED_NONE },
		{ "memory", DOCTOR_NEED_NONE }, { "memfd", DOCTOR_NEED_NONE },
		{ "files", DOCTOR_NEED_NONE }, { "threads", DOCTOR_NEED_NONE },
	};
	struct doctor_finding findings[32];
	size_t count;
	const struct doctor_check *checks = doctor_checks(&count);

	tap_ok(count == ARRAY_SIZE(cases) - 1 && count <= ARRAY_SIZE(findings),
	       "a case for each of %zu checks", count);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t k = 0; k < count; k++)
			findings[k].level = strcmp(checks[k].name, cases[i].miss) ?
					    DOCTOR_OK : DOCTOR_MISS;
		tap_ok(doctor_works(findings) == cases[i].works, "without %s", cases[i].miss);
	}
	for (size_t k = 0; k < count; k++)
		findings[k].level = DOCTOR_NOTE;
	tap_eq(doctor_works(findings), DOCTOR_NEED_BOTH);
	for (size_t k = 0; k < count; k++)
		findings[k].level = !strcmp(checks[k].name, "kvm") ||
				    !strcmp(checks[k].name, "qemu") ? DOCTOR_MISS : DOCTOR_OK;
	tap_eq(doctor_works(findings), DOCTOR_NEED_NONE);
}

int main(void)
{
	if (!mkdtemp(dir)) {
		printf("Bail out! no folder for a faked machine\n");
		return 99;
	}
	TAP_RUN(the_cpu_is_read_from_its_flags);
	TAP_RUN(a_kvm_that_is_not_there_is_a_miss_with_the_module_to_load);
	TAP_RUN(a_kvm_that_is_no_device_is_a_miss);
	TAP_RUN(a_kvm_without_permission_is_a_miss_with_the_group);
	TAP_RUN(qemu_is_looked_for_in_the_path_and_started);
	TAP_RUN(a_missing_qemu_is_a_miss_with_the_package);
	TAP_RUN(memory_is_compared_with_what_is_needed);
	TAP_RUN(too_few_files_are_a_miss);
	TAP_RUN(shared_memory_is_really_taken);
	TAP_RUN(the_cache_is_written_to);
	TAP_RUN(a_kernel_that_is_none_is_a_miss);
	TAP_RUN(what_works_follows_from_the_misses);
	file_remove_tree(dir, NULL);
	return tap_done();
}
