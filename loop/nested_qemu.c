/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU as a process: its command line, its start and its end. */
#include "loop/nested_qemu.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "init/init.h"
#include "loop/nested.h"

#define QEMU "qemu-system-x86_64"
#define QEMU_PACKAGE "qemu-system-x86"
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* What a kernel takes to decompress itself and reach user space, roughly. */
#define KERNEL_BYTES (96 * MIB)

/* Descriptors of the child; the numbers are part of its command line. */
#define FD_WIRE 3
#define FD_CONSOLE 4
#define FD_INITRD 5
#define FD_KERNEL 6
#define FD_WINDOW 7
#define FD_COUNT 8
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/*
 * -erms: without it kernels copy by 8-byte string instructions, which TCG runs
 * eight times cheaper than byte ones. -la57: page walks of four levels, in the
 * outer guest, in its nested page tables and in the inner guest.
 */
static const char *const fixed_args[] = {
	"-nodefaults", "-no-user-config", "-no-reboot",
	"-display", "none",
	"-machine", "pc,hpet=off",
	"-cpu", "max,-erms,-la57",
	"-smp", "1",
	"-chardev", "socket,id=console,fd=" TEXT(FD_CONSOLE), "-serial", "chardev:console",
	"-chardev", "socket,id=wire,fd=" TEXT(FD_WIRE), "-serial", "chardev:wire",
	"-kernel", "/proc/self/fd/" TEXT(FD_KERNEL),
	"-initrd", "/proc/self/fd/" TEXT(FD_INITRD),
};

/*
 * The outer kernel's command line. What it spends before it runs us is spent
 * by every nested run, so it is told to leave out what nobody needs there.
 */
static const char *const outer_words[] = {
	INIT_ROLE_ENV "=" INIT_ROLE_OUTER,
	"console=ttyS0",
	"quiet",
	"panic=-1",			/* a panic ends QEMU, by -no-reboot */
	"reboot=t",			/* triple fault: the way that always works */
	"tsc=reliable",			/* no watchdog that doubts the emulated clock */
	"clocksource=tsc",
	"no_timer_check",
	"noreplace-smp",		/* LOCK prefixes cost nothing here, patching them does */
	"random.trust_cpu=on",
	"cryptomgr.notests",
	/* benchmarks, self-tests and certificates that are built in */
	"initcall_blacklist=raid6_select_algo,jent_mod_init,load_system_certificate_list",
};

/* --- the command line ------------------------------------------------------- */

struct command {
	char memory[32];
	char accel[64];
	char append[512];
	char window[128];
	const char *argv[64];
};

/* The cache of translated code; a run of the smoke test fills 125 MiB of it. */
static unsigned code_cache_mib(void)
{
	struct sysinfo si;
	uint64_t mib = 512;

	if (sysinfo(&si) == 0)
		mib = (uint64_t)si.totalram * si.mem_unit / 16 / MIB;
	return (unsigned)MIN(MAX(mib, 64u), 512u);
}

static void command_build(struct command *c, const char *path, const struct nested_request *q)
{
	const char *const own[] = {
		"-accel", c->accel, "-m", c->memory, "-append", c->append,
	};
	size_t n = 0, len = 0;

	static_assert(ARRAY_SIZE(fixed_args) + ARRAY_SIZE(own) + 8 <= ARRAY_SIZE(c->argv),
		      "room for all arguments");
	snprintf(c->memory, sizeof(c->memory), "%" PRIu64 "M", q->memory_bytes / MIB);
	snprintf(c->accel, sizeof(c->accel), "tcg,thread=%s,tb-size=%u",
		 q->counted ? "single" : "multi", code_cache_mib());
	for (size_t i = 0; i < ARRAY_SIZE(outer_words); i++)
		len += (size_t)snprintf(c->append + len, sizeof(c->append) - len, "%s%s",
					i ? " " : "", outer_words[i]);
	if (q->tsc_khz)
		snprintf(c->append + len, sizeof(c->append) - len, " tsc_early_khz=%u", q->tsc_khz);
	c->argv[n++] = path;
	for (size_t i = 0; i < ARRAY_SIZE(fixed_args); i++)
		c->argv[n++] = fixed_args[i];
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		c->argv[n++] = own[i];
	if (q->counted) {
		c->argv[n++] = "-icount";
		c->argv[n++] = "shift=0,sleep=off";
	}
	if (q->window_bytes) {
		snprintf(c->window, sizeof(c->window), "memory-backend-file,id=window,share=on,"
			 "size=%" PRIu64 ",mem-path=/proc/self/fd/" TEXT(FD_WINDOW),
			 q->window_bytes);
		c->argv[n++] = "-object";
		c->argv[n++] = c->window;
		c->argv[n++] = "-device";
		c->argv[n++] = "ivshmem-plain,memdev=window";
	}
	c->argv[n] = NULL;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* An empty element of PATH means the current directory: not for us. */
static int find_qemu(const char *name, char **ret, struct err *e)
{
	const char *p = getenv("PATH");
	size_t n;

	for (p = p ? p : DEFAULT_PATH; *p; p += n + (p[n] == ':')) {
		char *path;

		n = strcspn(p, ":");
		if (!n)
			continue;
		if (asprintf(&path, "%.*s/%s", (int)n, p, name) < 0)
			return err_sys(e, -ENOMEM, "%s", name);
		if (is_program(path)) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	return err_set(e, -ENOENT, "%s: not found: install the package %s", name, QEMU_PACKAGE);
}

static int resolve_qemu(const char *name, char **ret, struct err *e)
{
	if (!name)
		name = QEMU;
	if (!strchr(name, '/'))
		return find_qemu(name, ret, e);
	if (access(name, F_OK) < 0)
		return err_sys(e, -errno, "%s", name);
	if (!is_program(name))
		return err_set(e, -EACCES, "%s: not a program that may be run", name);
	*ret = strdup(name);
	return *ret ? 0 : err_sys(e, -ENOMEM, "%s", name);
}

/* --- descriptors ------------------------------------------------------------ */

/* Move it above the child's numbers, so that dup2() there cannot hit another one. */
static int raise_fd(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_COUNT);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return high;
}

static int open_pair(int *ret_ours, int *ret_child)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	*ret_ours = fd[0];
	*ret_child = raise_fd(fd[1]);
	if (*ret_child < 0 || fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static int open_text(int *ret_ours, int *ret_child)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fd[0];
	*ret_child = raise_fd(fd[1]);
	if (*ret_child < 0 || fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* A file without a name: whatever happens to us, nothing stays behind. */
static int open_initrd(const struct buf *initrd, int *ret)
{
	int fd = raise_fd(memfd_create("ktstr-initrd", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	int r;

	if (fd < 0)
		return -errno;
	*ret = fd;
	r = file_write_all(fd, initrd->data, initrd->len);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

/* Everything that it shall have; what was opened is in the arrays on failure, too. */
static int open_all(const struct nested_request *q, struct nested_qemu *p, int child[FD_COUNT],
		    struct err *e)
{
	int r;

	child[FD_KERNEL] = raise_fd(open(q->outer_bzimage, O_RDONLY | O_CLOEXEC));
	if (child[FD_KERNEL] < 0)
		return err_sys(e, -errno, "outer kernel: open %s", q->outer_bzimage);
	child[STDIN_FILENO] = raise_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
	if (child[STDIN_FILENO] < 0)
		return err_sys(e, -errno, "open /dev/null");
	if (q->window_bytes)
		child[FD_WINDOW] = raise_fd(dup(q->window_fd));
	if (q->window_bytes && child[FD_WINDOW] < 0)
		return err_sys(e, -errno, "descriptor for %s", QEMU);
	r = open_pair(&p->wire, &child[FD_WIRE]);
	if (r >= 0)
		r = open_pair(&p->console, &child[FD_CONSOLE]);
	if (r < 0)
		return err_sys(e, r, "socket pair for %s", QEMU);
	r = open_text(&p->text, &child[STDERR_FILENO]);
	if (r >= 0)
		child[STDOUT_FILENO] = raise_fd(dup(child[STDERR_FILENO]));
	if (r < 0 || child[STDOUT_FILENO] < 0)
		return err_sys(e, r < 0 ? r : -errno, "pipe for %s", QEMU);
	r = open_initrd(q->initrd, &child[FD_INITRD]);
	return r < 0 ? err_sys(e, r, "outer initramfs in a memory file") : 0;
}

/* --- the process -------------------------------------------------------------- */

/* For the child, where only async-signal-safe functions may be called. */
static _Noreturn void child_die(const char *what)
{
	const char *const part[] = { what, ": ", strerrordesc_np(errno), "\n" };

	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		(void)!write(STDERR_FILENO, part[i], strlen(part[i]));
	_exit(127);
}

/* A program around us that has children reaped by itself could have it gone before. */
static void child_wait(const int go[2])
{
	uint8_t byte;

	close(go[1]);
	while (read(go[0], &byte, sizeof(byte)) < 0 && errno == EINTR)
		;
}

static _Noreturn void child_exec(const char *const *argv, const int fd[FD_COUNT], pid_t parent)
{
	sigset_t none;

	for (int i = 0; i < FD_COUNT; i++) {
		if (fd[i] < 0)
			close(i);
		else if (dup2(fd[i], i) < 0)
			child_die("dup2");
	}
	/* an old kernel refuses; then only what is close-on-exec is closed */
	(void)close_range(FD_COUNT, ~0U, 0);
	setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		child_die("PR_SET_PDEATHSIG");
	if (getppid() != parent)	/* it died before it could be watched */
		_exit(127);
	/* an ignored signal stays ignored over exec, and a handler of ours must not run here */
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], (char *const *)argv);
	child_die(argv[0]);
}

/* The child goes on when it is told that there is a pidfd of it. */
static int spawn(const char *const *argv, const int fd[FD_COUNT], struct nested_qemu *p)
{
	pid_t parent = getpid(), pid;
	sigset_t all, old;
	int go[2], r = 0;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* not posix_spawn(): it has no way to say PR_SET_PDEATHSIG */
	pid = fork();
	if (pid == 0) {
		child_wait(go);
		child_exec(argv, fd, parent);
	}
	if (pid < 0)
		r = -errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0) {
		p->pid = pid;
		p->pidfd = pidfd_open(pid, 0);
		r = p->pidfd < 0 ? -errno : 0;
	}
	(void)!write(go[1], "", 1);
	close(go[0]);
	close(go[1]);
	return r;
}

/* With less its kernel may hang without a word. */
static int check_memory(const struct nested_request *q, struct err *e)
{
	uint64_t least = KERNEL_BYTES + 2 * q->initrd->len;

	if (q->memory_bytes >= least)
		return 0;
	return err_set(e, -EINVAL, "outer guest: %" PRIu64 " MiB of memory, it needs %" PRIu64
		       " MiB at the very least", q->memory_bytes / MIB, least / MIB + 1);
}

int nested_qemu_start(const struct nested_request *q, struct nested_qemu *ret, struct err *e)
{
	_cleanup_(nested_qemu_fini) struct nested_qemu p = NESTED_QEMU_INIT;
	_cleanup_free_ char *path = NULL;
	int child[FD_COUNT];
	struct command c;
	int r = check_memory(q, e);

	if (r >= 0)
		r = resolve_qemu(q->qemu, &path, e);
	if (r < 0)
		return r;
	for (int i = 0; i < FD_COUNT; i++)
		child[i] = -1;
	command_build(&c, path, q);
	r = open_all(q, &p, child, e);
	if (r >= 0) {
		r = spawn(c.argv, child, &p);
		if (r < 0)
			err_sys(e, r, "start %s", path);
	}
	for (int i = 0; i < FD_COUNT; i++)
		close_fd(&child[i]);
	if (r < 0)
		return r;
	log_debug("nested run: %s, %s of memory, process %d", path, c.memory, (int)p.pid);
	*ret = p;
	p = (struct nested_qemu)NESTED_QEMU_INIT;
	return 0;
}

void nested_qemu_fini(struct nested_qemu *p)
{
	siginfo_t si;

	if (p->pid) {
		nested_qemu_kill(p);
		/* not for long: nothing delays SIGKILL but the release of its memory */
		while (waitid(p->pidfd < 0 ? P_PID : P_PIDFD,
			      (id_t)(p->pidfd < 0 ? p->pid : p->pidfd), &si, WEXITED) < 0 &&
		       errno == EINTR)
			;
		p->pid = 0;
	}
	close_fd(&p->pidfd);
	close_fd(&p->wire);
	close_fd(&p->console);
	close_fd(&p->text);
}

void nested_qemu_kill(struct nested_qemu *p)
{
	if (!p->pid)
		return;
	/* by pidfd: somebody else may have reaped it, and its number be another's now */
	if (p->pidfd < 0)
		kill(p->pid, SIGKILL);
	else
		(void)pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
}

bool nested_qemu_reap(struct nested_qemu *p, siginfo_t *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	do
		r = waitid(P_PIDFD, (id_t)p->pidfd, ret, WEXITED | WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r == 0 && ret->si_pid == 0)
		return false;
	if (r < 0)		/* ECHILD: the embedding program reaps all children */
		memset(ret, 0, sizeof(*ret));
	p->pid = 0;
	return true;
}
