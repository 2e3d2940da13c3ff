/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels built from source, with a tree whose Makefile only pretends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "boot/kernels_build.h"
#include "boot/kernels_source.h"
#include "test/kernels-fixture.h"

/* Where a build says that it ran, and may be made to wait: the environment's $PLACE. */
static const char makefile[] =
	"VERSION = 6\nPATCHLEVEL = 99\nSUBLEVEL = 3\nEXTRAVERSION = -rc1\n"
	"O ?= .\n"
	"allnoconfig:\n"
	"\t@echo '  HOSTCC  conf'\n"
	"\t@grep -v CONFIG_GONE $(KCONFIG_ALLCONFIG) >$(O)/.config\n"
	"bzImage:\n"
	"\t@echo run >>$(PLACE)/runs; test ! -p $(PLACE)/gate || cat $(PLACE)/gate\n"
	"\t@for i in 1 2 3 4 5 6 7 8 9; do echo \"  CC      f$$i.o\"; done\n"
	"\t@test ! -e $(PLACE)/fail || { echo 'f3.c:3:1: error: no such thing'; exit 2; }\n"
	"\t@mkdir -p $(O)/arch/x86/boot && cp image $(O)/arch/x86/boot/bzImage\n"
	"\t@cp image.map $(O)/System.map\n"
	"modules:\n"
	"\t@echo a/b.o >$(O)/modules.order; mkdir -p $(O)/a; echo module >$(O)/a/b.ko\n";

struct build {
	struct fixture f;
	const char *fragment;
	bool built;
	unsigned percent, steps;	/* the highest; a bit for each that was seen */
};

/* Programs that a build looks for and this one does not use. */
static void put_programs(const struct fixture *f)
{
	static const char *const names[] = { "gcc", "ld", "bc", "flex", "bison", "pahole", "lz4",
					     "strip" };
	const char *old = getenv("PATH");
	char path[PATH_MAX * 2];

	tap_eq(file_mkdirs(in_dir(f, "bin"), 0755, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char name[32];

		snprintf(name, sizeof(name), "bin/%s", names[i]);
		tap_eq(symlink("/bin/true", in_dir(f, name)), 0);
	}
	snprintf(path, sizeof(path), "%s:%s", in_dir(f, "bin"), old);
	setenv("PATH", path, 1);
}

static void start(struct build *b)
{
	*b = (struct build){ 0 };
	setup(&b->f);
	put_programs(&b->f);
	setenv("PLACE", b->f.dir, 1);
	unsetenv("MAKEFLAGS");		/* make check's own jobs are not this make's */
	put_text(&b->f, "linux/Makefile", makefile);
	put_text(&b->f, "linux/Kconfig", "");
	put_bzimage(&b->f, "linux/image", "6.99.3-rc1-ktstr", "built");
	put_text(&b->f, "linux/image.map", "ffffffff81000000 T _text\n");
}

static void end(struct build *b)
{
	char *path = getenv("PATH");

	setenv("PATH", strchr(path, ':') + 1, 1);
	teardown(&b->f);
}

static void on_progress(enum kernel_build_step step, unsigned percent, void *arg)
{
	struct build *b = arg;

	tap_ok(percent >= b->percent && percent <= 100, "%u %% after %u %%", percent, b->percent);
	b->percent = percent;
	b->steps |= 1u << step;
}

static int build(struct build *b, const char *source)
{
	const struct kernel_build_request q = {
		.source = in_dir(&b->f, source), .fragment = b->fragment, .cancel_fd = -1,
		.on_progress = on_progress, .arg = b,
	};

	kernel_fini(&b->f.k);
	err_clear(&b->f.e);
	b->percent = b->steps = 0;
	return kernel_build(&q, &b->f.k, &b->built, &b->f.e);
}

static unsigned runs(const struct build *b)
{
	struct file_map m = FILE_MAP_INIT;
	unsigned n = 0;

	if (exists(&b->f, "runs") && file_map(in_dir(&b->f, "runs"), &m, NULL) == 0)
		n = (unsigned)m.size / 4;
	file_unmap(&m);
	return n;
}

static void make_tarball(const struct build *b, const char *name)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command), "cd %s && tar -caf %s linux", b->f.dir, name);
	tap_eq(system(command), 0);
}

static void a_tarball_becomes_an_entry_of_the_cache(void)
{
	struct build b;

	start(&b);
	make_tarball(&b, "linux-6.99.tar.gz");
	tap_ok(build(&b, "linux-6.99.tar.gz") == 0, "%s", err_text(&b.f.e));
	tap_ok(b.built && !strncmp(b.f.k.key, "6.99.3-rc1-x86_64-", 18) &&
	       strlen(b.f.k.key) == 26, "%s", b.f.k.key);
	tap_str(b.f.k.release, "6.99.3-rc1-ktstr");
	tap_str(b.f.k.source, in_dir(&b.f, "linux-6.99.tar.gz"));
	tap_eq(b.f.k.files_built, 9);
	tap_ok(b.f.k.config && b.f.k.system_map && b.f.k.bzimage, "all parts");
	tap_eq(kernel_config_value(&b.f.k, "CONFIG_SCHED_CLASS_EXT"), 'y');
	tap_eq(b.percent, 99);
	tap_eq(b.steps, (1u << KERNEL_BUILD_STEPS) - 1 - (1u << KERNEL_BUILD_WAIT) -
	       (1u << KERNEL_BUILD_CANCEL));
	tap_eq(count_entries(&b.f, false), 1);
	tap_eq(count_entries(&b.f, true), 1);	/* its lock */
	end(&b);
}

static void the_same_is_not_built_again(void)
{
	struct build b;
	char first[64];

	start(&b);
	make_tarball(&b, "a.tar.xz");
	tap_ok(build(&b, "a.tar.xz") == 0, "%s", err_text(&b.f.e));
	snprintf(first, sizeof(first), "%s", b.f.k.key);
	tap_eq(build(&b, "a.tar.xz"), 0);
	tap_ok(!b.built && runs(&b) == 1, "%u runs", runs(&b));
	tap_str(b.f.k.key, first);
	/* other options, or another source of the same version, are another kernel */
	b.fragment = put_text(&b.f, "more", "CONFIG_MORE=y\n");
	tap_ok(build(&b, "a.tar.xz") == 0, "%s", err_text(&b.f.e));
	tap_ok(b.built && strcmp(b.f.k.key, first), "%s", b.f.k.key);
	b.fragment = put_text(&b.f, "comment", "# nothing\n\n");
	tap_eq(build(&b, "a.tar.xz"), 0);
	tap_ok(!b.built, "a comment is not an option");
	put_text(&b.f, "linux/patched", "");
	make_tarball(&b, "b.tar.xz");
	tap_eq(build(&b, "b.tar.xz"), 0);
	tap_ok(b.built && strcmp(b.f.k.key, first), "%s", b.f.k.key);
	end(&b);
}

static void a_tree_with_changes_is_built_each_time_and_stays_clean(void)
{
	struct build b;
	char first[64];

	start(&b);
	tap_ok(build(&b, "linux") == 0, "%s", err_text(&b.f.e));
	snprintf(first, sizeof(first), "%s", b.f.k.key);
	put_bzimage(&b.f, "linux/image", "6.99.3-rc1-ktstr", "changed");
	tap_ok(build(&b, "linux") == 0, "%s", err_text(&b.f.e));
	tap_ok(b.built && runs(&b) == 2, "%u runs", runs(&b));
	tap_str(b.f.k.key, first);
	tap_eq(count_entries(&b.f, false), 1);
	tap_ok(same_files(b.f.k.bzimage, in_dir(&b.f, "linux/image")), "the new one");
	tap_ok(!exists(&b.f, "linux/.config") && !exists(&b.f, "linux/arch"), "the tree is as it was");
	end(&b);
}

static void a_clean_git_tree_is_known_by_its_commit(void)
{
	static const char git[] =
		"cd %s/linux && git init -q . && git add . && "
		"git -c user.name=t -c user.email=t@example.org commit -qm t";
	char command[2 * PATH_MAX];
	struct build b;

	start(&b);
	snprintf(command, sizeof(command), git, b.f.dir);
	if (system("git --version >/dev/null 2>&1") != 0) {
		tap_skip("no git");
	} else {
		tap_eq(system(command), 0);
		tap_ok(build(&b, "linux") == 0, "%s", err_text(&b.f.e));
		tap_eq(build(&b, "linux"), 0);
		tap_ok(!b.built, "%u runs", runs(&b));
		put_text(&b.f, "linux/Makefile", makefile);
		put_text(&b.f, "linux/image.map", "ffffffff81000000 T _stext\n");
		tap_eq(build(&b, "linux"), 0);
		tap_ok(b.built, "changes are built");
	}
	end(&b);
}

static void options_that_do_not_survive_are_named(void)
{
	struct build b;

	start(&b);
	b.fragment = put_text(&b.f, "x", "CONFIG_GONE_A=y\nCONFIG_FINE=y\nCONFIG_GONE_B=12\n"
			      "CONFIG_GONE_C=y  # optional\n# CONFIG_GONE_D is not set\n");
	tap_eq(build(&b, "linux"), -EINVAL);
	tap_ok(strstr(err_text(&b.f.e), "CONFIG_GONE_A=y (absent), CONFIG_GONE_B=12 (absent);"), "%s",
	       err_text(&b.f.e));
	tap_ok(!strstr(err_text(&b.f.e), "GONE_C") && !strstr(err_text(&b.f.e), "GONE_D") &&
	       !strstr(err_text(&b.f.e), "FINE"), "%s", err_text(&b.f.e));
	tap_eq(runs(&b), 0);
	tap_eq(count_entries(&b.f, false), 0);
	/* a later line wins */
	b.fragment = put_text(&b.f, "x", "CONFIG_GONE_A=y\nCONFIG_GONE_A=n\n");
	tap_ok(build(&b, "linux") == 0, "%s", err_text(&b.f.e));
	b.fragment = put_text(&b.f, "x", "CONFIG_A=y\nnonsense\n");
	tap_eq(build(&b, "linux"), -EINVAL);
	tap_ok(strstr(err_text(&b.f.e), "x:2: neither an option"), "%s", err_text(&b.f.e));
	end(&b);
}

static void modules_are_built_when_they_are_asked_for(void)
{
	struct build b;

	start(&b);
	b.fragment = put_text(&b.f, "x", "CONFIG_MODULES=y\n");
	tap_ok(build(&b, "linux") == 0, "%s", err_text(&b.f.e));
	tap_ok(b.f.k.modules && strstr(b.f.k.modules, b.f.k.key), "modules");
	end(&b);
}

static void a_failed_build_says_why_and_leaves_its_log(void)
{
	struct build b;
	const char *log;
	char path[PATH_MAX];

	start(&b);
	put_text(&b.f, "fail", "");
	tap_eq(build(&b, "linux"), -EIO);
	tap_ok(strstr(err_text(&b.f.e), "f3.c:3:1: error: no such thing"), "%s", err_text(&b.f.e));
	log = strstr(err_text(&b.f.e), "all of it: ");
	if (tap_ok(log, "%s", err_text(&b.f.e))) {
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(log + 11, ")"), log + 11);
		tap_ok(access(path, R_OK) == 0, "%s", path);
	}
	tap_eq(count_entries(&b.f, false), 0);
	tap_eq(count_entries(&b.f, true), 1);
	end(&b);
}

static void what_is_no_source_is_refused_with_the_reason(void)
{
	static const struct {
		const char *name, *says;
	} cases[] = {
		{ "none", "none: No such file" },
		{ "empty", "not a kernel source tree: no Makefile" },
		{ "file.tar.xz", "file.tar.xz: not a tarball of a kernel" },
		{ "linux", "mrproper" },
		{ "old", "no kernel version" },
	};
	struct build b;

	start(&b);
	put_text(&b.f, "empty/readme", "");
	put_text(&b.f, "file.tar.xz", "words");
	put_text(&b.f, "linux/.config", "");
	put_text(&b.f, "old/Makefile", "all:\n");
	put_text(&b.f, "old/Kconfig", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tap_ok(build(&b, cases[i].name) < 0, "%s", cases[i].name);
		tap_ok(strstr(err_text(&b.f.e), cases[i].says), "%s", err_text(&b.f.e));
	}
	end(&b);
}

static void missing_programs_are_named_with_their_packages(void)
{
	struct build b;
	char *path;

	start(&b);
	path = strdup(getenv("PATH"));
	unlink(in_dir(&b.f, "bin/bison"));
	unlink(in_dir(&b.f, "bin/pahole"));
	setenv("PATH", in_dir(&b.f, "bin"), 1);
	tap_eq(build(&b, "linux"), -ENOENT);
	tap_ok(strstr(err_text(&b.f.e), "bison, pahole") && strstr(err_text(&b.f.e), "apt-get install"),
	       "%s", err_text(&b.f.e));
	setenv("PATH", path, 1);
	free(path);
	end(&b);
}

static void debians_newest_package_is_the_default(void)
{
	_cleanup_free_ char *none = NULL, *found = NULL;
	struct build b;

	start(&b);
	none = kernel_source_find_package(b.f.dir);
	tap_ok(!none, "%s", none);
	put_text(&b.f, "src/linux-source-6.1.tar.xz", "");
	put_text(&b.f, "src/linux-source-6.12.tar.xz", "");
	put_text(&b.f, "src/linux-source-6.9.tar.xz", "");
	found = kernel_source_find_package(in_dir(&b.f, "src"));
	tap_str(found, in_dir(&b.f, "src/linux-source-6.12.tar.xz"));
	end(&b);
}

/* --- two at once, and one that is ended ------------------------------------- */

enum { BUILT, FOUND, FAILED, CANCELLED };	/* exit status */

/* told: gets a byte when it has to wait. */
static void tell_wait(enum kernel_build_step step, unsigned percent, void *arg)
{
	const int *told = arg;

	(void)percent;
	if (step == KERNEL_BUILD_WAIT)
		(void)!write(*told, "w", 1);
}

static pid_t fork_build(const char *source, int told, int cancel)
{
	const struct kernel_build_request q = { .source = source, .cancel_fd = cancel,
						.on_progress = tell_wait, .arg = &told };
	pid_t pid = fork();

	if (pid == 0) {
		struct kernel k = { 0 };
		bool built;
		int r = kernel_build(&q, &k, &built, NULL);

		_exit(r == -ECANCELED ? CANCELLED : r < 0 ? FAILED : built ? BUILT : FOUND);
	}
	return pid;
}

static int end_of(pid_t pid)
{
	int status = -1;

	tap_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void of_two_builds_of_one_key_the_second_waits_and_takes_the_first(void)
{
	struct build b;
	int told[2], gate, status[2];
	pid_t pid[2];
	char byte;

	start(&b);
	make_tarball(&b, "a.tar.gz");
	tap_eq(mkfifo(in_dir(&b.f, "gate"), 0600), 0);
	tap_eq(pipe(told), 0);
	for (int i = 0; i < 2; i++)
		pid[i] = fork_build(in_dir(&b.f, "a.tar.gz"), told[1], -1);
	/* one of them is at the gate, the other one waits for its lock */
	tap_eq(read(told[0], &byte, 1), 1);
	gate = open(in_dir(&b.f, "gate"), O_WRONLY);
	close(gate);
	for (int i = 0; i < 2; i++)
		status[i] = end_of(pid[i]);
	tap_ok(status[0] + status[1] == BUILT + FOUND, "%d and %d", status[0], status[1]);
	tap_eq(runs(&b), 1);
	tap_eq(count_entries(&b.f, false), 1);
	close(told[0]);
	close(told[1]);
	end(&b);
}

static void a_build_that_is_cancelled_leaves_nothing(void)
{
	int told[2], cancel[2], gate;
	struct build b;
	pid_t pid;

	start(&b);
	make_tarball(&b, "a.tar.gz");
	tap_eq(mkfifo(in_dir(&b.f, "gate"), 0600), 0);
	tap_eq(pipe(told) | pipe(cancel), 0);
	signal(SIGPIPE, SIG_IGN);
	pid = fork_build(in_dir(&b.f, "a.tar.gz"), told[1], cancel[0]);
	gate = open(in_dir(&b.f, "gate"), O_WRONLY);	/* make's child reads it */
	tap_eq(write(cancel[1], "x", 1), 1);
	tap_eq(end_of(pid), CANCELLED);
	tap_ok(write(gate, "x", 1) < 0 && errno == EPIPE, "what make started has ended");
	tap_eq(count_entries(&b.f, false), 0);
	tap_eq(count_entries(&b.f, true), 1);		/* its lock */
	tap_eq(count_names(&b.f, "cache", false), 1);	/* no log */
	signal(SIGPIPE, SIG_DFL);
	close(gate);
	close(told[0]);
	close(told[1]);
	close(cancel[0]);
	close(cancel[1]);
	end(&b);
}

static void who_waits_for_another_build_can_be_cancelled(void)
{
	int told[2], cancel[2], gate;
	pid_t first, second;
	struct build b;
	char byte;

	start(&b);
	make_tarball(&b, "a.tar.gz");
	tap_eq(mkfifo(in_dir(&b.f, "gate"), 0600), 0);
	tap_eq(pipe(told) | pipe(cancel), 0);
	first = fork_build(in_dir(&b.f, "a.tar.gz"), told[1], -1);
	gate = open(in_dir(&b.f, "gate"), O_WRONLY);
	second = fork_build(in_dir(&b.f, "a.tar.gz"), told[1], cancel[0]);
	tap_eq(read(told[0], &byte, 1), 1);
	tap_eq(write(cancel[1], "x", 1), 1);
	tap_eq(end_of(second), CANCELLED);
	close(gate);
	tap_eq(end_of(first), BUILT);			/* the other one is not touched */
	tap_eq(count_entries(&b.f, false), 1);
	close(told[0]);
	close(told[1]);
	close(cancel[0]);
	close(cancel[1]);
	end(&b);
}

int main(void)
{
	TAP_RUN(a_tarball_becomes_an_entry_of_the_cache);
	TAP_RUN(the_same_is_not_built_again);
	TAP_RUN(a_tree_with_changes_is_built_each_time_and_stays_clean);
	TAP_RUN(a_clean_git_tree_is_known_by_its_commit);
	TAP_RUN(options_that_do_not_survive_are_named);
	TAP_RUN(modules_are_built_when_they_are_asked_for);
	TAP_RUN(a_failed_build_says_why_and_leaves_its_log);
	TAP_RUN(what_is_no_source_is_refused_with_the_reason);
	TAP_RUN(missing_programs_are_named_with_their_packages);
	TAP_RUN(debians_newest_package_is_the_default);
	TAP_RUN(of_two_builds_of_one_key_the_second_waits_and_takes_the_first);
	TAP_RUN(a_build_that_is_cancelled_leaves_nothing);
	TAP_RUN(who_waits_for_another_build_can_be_cancelled);
	return tap_done();
}
