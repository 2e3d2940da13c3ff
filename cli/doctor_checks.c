/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of checks; those of KVM, QEMU and kernels. doctor_host.c has the others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/kernels.h"
#include "cli/doctor.h"
#include "loop/child.h"
#include "vcpu/probe.h"

#define QEMU "qemu-system-x86_64"
#define QEMU_TIMEOUT_MS 20000

/* The metapackage names the one with the image; it need not be installed. */
#define GET_KERNEL \
	"apt-get download $(apt-cache depends linux-image-cloud-amd64 | " \
	"awk '/Depends: linux-image/ {print $2; exit}') && " \
	"ktstr kernel import ./linux-image-*.deb"

/* --- the CPU and KVM --------------------------------------------------------- */

static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = line; (p = strstr(p, word)); p += n)
		if ((p == line || p[-1] == ' ' || p[-1] == '\t') && strchr(" \n", p[n]))
			return true;
	return false;
}

/* "svm", "vmx" or NULL; *ret_hypervisor: are we in a virtual machine? */
static const char *cpu_flag(const char *cpuinfo, bool *ret_hypervisor)
{
	_cleanup_fclose_ FILE *f = fopen(cpuinfo, "re");
	_cleanup_free_ char *line = NULL;
	const char *flag = NULL;
	size_t size = 0;

	*ret_hypervisor = false;
	while (f && getline(&line, &size, f) > 0) {
		if (strncmp(line, "flags", 5))
			continue;
		*ret_hypervisor = has_word(line, "hypervisor");
		flag = has_word(line, "svm") ? "svm" : has_word(line, "vmx") ? "vmx" : NULL;
		break;
	}
	return flag;
}

static void check_cpu(const struct doctor_places *places, struct doctor_finding *f)
{
	bool hypervisor;
	const char *flag = cpu_flag(places->cpuinfo, &hypervisor);

	if (flag) {
		doctor_say(f, DOCTOR_OK, "virtualization: %s%s", flag,
		    hypervisor ? ", nested in another hypervisor" : "");
		return;
	}
	doctor_say(f, DOCTOR_NOTE, "no hardware virtualization (svm, vmx)%s",
	    hypervisor ? ": the hypervisor above hides it" : "");
	doctor_fix(f, hypervisor ? "enable nested virtualization in the hypervisor above" :
	    "enable AMD SVM or Intel VT-x in the firmware's set-up");
}

static void fix_absent(const struct doctor_places *places, struct doctor_finding *f)
{
	bool hypervisor;
	const char *flag = cpu_flag(places->cpuinfo, &hypervisor);

	if (flag)
		doctor_fix(f, "modprobe %s", strcmp(flag, "svm") ? "kvm_intel" : "kvm_amd");
}

static void check_kvm(const struct doctor_places *places, struct doctor_finding *f)
{
	struct err e = ERR_INIT;
	enum probe_result r = probe_kvm(places->kvm, &e);

	if (r == PROBE_OK) {
		doctor_say(f, DOCTOR_OK, "%s can run Linux", places->kvm);
		return;
	}
	doctor_say(f, DOCTOR_MISS, "%s: %s", probe_name(r), err_text(&e));
	if (r == PROBE_ABSENT)
		fix_absent(places, f);
	else if (r == PROBE_DENIED)
		doctor_fix(f, "usermod -aG kvm $(id -un), then log in again; on a CI machine: "
		    "echo 'KERNEL==\"kvm\", MODE=\"0666\"' >/etc/udev/rules.d/99-kvm.rules && "
		    "udevadm control --reload && udevadm trigger --name-match=kvm");
}

/* --- nested runs --------------------------------------------------------------- */

/* The program in the search path, the caller's to free; NULL: not there. */
static char *find_program(const char *search, const char *name)
{
	for (const char *p = search; p && *p; p += strcspn(p, ":"), p += *p == ':') {
		size_t n = strcspn(p, ":");
		char *path = NULL;

		if (!n || asprintf(&path, "%.*s/%s", (int)n, p, name) < 0)
			continue;
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static void check_qemu(const struct doctor_places *places, struct doctor_finding *f)
{
	_cleanup_free_ char *path = find_program(places->search, QEMU);
	char *argv[] = { path, (char *)"--version", NULL };
	_cleanup_(child_output_fini) struct child_output o = { 0 };
	struct err e = ERR_INIT;
	int r;

	doctor_fix(f, "apt-get install qemu-system-x86");
	if (!path) {
		doctor_say(f, DOCTOR_MISS, QEMU " is not in PATH");
		return;
	}
	r = child_run(argv, QEMU_TIMEOUT_MS, 64 * KIB, &o, &e);
	if (r < 0 || o.status || !o.out.len) {
		doctor_say(f, DOCTOR_MISS, "%s does not start: %s", path,
		    r < 0 ? err_text(&e) : o.err.len ? (const char *)o.err.data : "no output");
		return;
	}
	doctor_say(f, DOCTOR_OK, "%s: %.*s", path, (int)strcspn((char *)o.out.data, "\n"),
	    (const char *)o.out.data);
	f->fix[0] = '\0';
}

static bool can_be_outer(const struct kernel *k)
{
	return k->bzimage && kernel_can_nest(k);
}

/* The same choice as a run's: the one named, the guest's own, one of the cache. */
static int find_outer(const struct doctor_places *places, struct kernel *ret, struct err *e)
{
	struct kernel k = { 0 }, *all = NULL;
	size_t n = 0;
	bool found;
	int r;

	if (places->outer_kernel)
		return kernel_find(places->outer_kernel, ret, e);
	if (kernel_find(places->kernel, &k, NULL) == 0 && can_be_outer(&k)) {
		*ret = k;
		return 0;
	}
	kernel_fini(&k);
	r = kernel_list(&all, &n, e);
	found = false;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (!found && can_be_outer(&all[i])) {
			*ret = all[i];
			found = true;
		} else {
			kernel_fini(&all[i]);
		}
	}
	free(all);
	if (r < 0 || found)
		return r;
	return err_set(e, -ENOENT, "no kernel with KVM for AMD is in the cache");
}

static void check_outer(const struct doctor_places *places, struct doctor_finding *f)
{
	struct kernel k = { 0 };
	struct err e = ERR_INIT;
	int r = find_outer(places, &k, &e);

	if (r >= 0 && can_be_outer(&k)) {
		doctor_say(f, DOCTOR_OK, "%s", k.bzimage);
	} else {
		doctor_say(f, DOCTOR_MISS, "%s", r < 0 ? err_text(&e) :
		    "the outer kernel that is set has no KVM for AMD or is no bzImage");
		doctor_fix(f, "%s", GET_KERNEL);
	}
	kernel_fini(&k);
}

/* --- the guest's kernel ------------------------------------------------------ */

static void check_kernel(const struct doctor_places *places, struct doctor_finding *f)
{
	_cleanup_(boot_image_close) struct boot_image img = { .fd = -1 };
	struct kernel k = { 0 };
	struct err e = ERR_INIT;
	int r = kernel_find(places->kernel, &k, &e);

	if (r >= 0)
		r = boot_image_open(k.image, &img, &e);
	if (r < 0) {
		doctor_say(f, DOCTOR_MISS, "%s", err_text(&e));
		doctor_fix(f, "%s", GET_KERNEL);
	} else {
		doctor_say(f, DOCTOR_OK, "%s (%s, %s)", k.image,
		    img.release[0] ? img.release : k.release ? k.release : "release not known",
		    k.why);
	}
	kernel_fini(&k);
}

/* In the order of the output: what is missing most often comes first. */
static const struct doctor_check checks[] = {
	{ "cpu", DOCTOR_NEED_NONE, check_cpu },
	{ "kvm", DOCTOR_NEED_KVM, check_kvm },
	{ "kernel", DOCTOR_NEED_BOTH, check_kernel },
	{ "memory", DOCTOR_NEED_BOTH, doctor_check_memory },
	{ "files", DOCTOR_NEED_BOTH, doctor_check_files },
	{ "threads", DOCTOR_NEED_BOTH, doctor_check_threads },
	{ "memfd", DOCTOR_NEED_BOTH, doctor_check_memfd },
	{ "shm", DOCTOR_NEED_NONE, doctor_check_shm },
	{ "cache", DOCTOR_NEED_NONE, doctor_check_cache },
	{ "qemu", DOCTOR_NEED_NESTED, check_qemu },
	{ "outer-kernel", DOCTOR_NEED_NESTED, check_outer },
	{ "nested-memory", DOCTOR_NEED_NESTED, doctor_check_memory_nested },
};

const struct doctor_check *doctor_checks(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(checks);
	return checks;
}

enum doctor_need doctor_works(const struct doctor_finding *findings)
{
	unsigned works = DOCTOR_NEED_BOTH;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (findings[i].level == DOCTOR_MISS)
			works &= ~(unsigned)checks[i].needed_by;
	return (enum doctor_need)works;
}
