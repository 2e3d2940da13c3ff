/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU and its thread, and the loop's side of it. */
#include "vcpu/vcpu.h"

#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"
#include "vcpu/vm.h"

/*
 * Rounds to spin for the loop's answer: some microseconds, about what falling
 * asleep and waking up would cost.
 */
enum { SPIN_ROUNDS = 200 };

/*
 * A vCPU's thread calls ioctl() and little else. The default, often 8 MiB, is
 * address space only, but for hundreds of vCPUs it counts where that is limited.
 */
enum { STACK_BYTES = 256 * 1024 };

/* --- the signal ----------------------------------------------------------- */

/* Its arrival interrupts KVM_RUN, and that is all it is for. */
static void on_kick(int sig)
{
	(void)sig;
}

static int install_handler(struct err *e)
{
	const struct sigaction kick = { .sa_handler = on_kick };	/* no SA_RESTART */
	struct sigaction now;

	if (sigaction(VCPU_SIGNAL, NULL, &now) < 0)
		return err_sys(e, -errno, "signal %d", VCPU_SIGNAL);
	if (!(now.sa_flags & SA_SIGINFO) && now.sa_handler == on_kick)
		return 0;
	if (now.sa_flags & SA_SIGINFO || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN))
		return err_set(e, -EBUSY, "signal %d, which stops vCPUs, has another handler",
			       VCPU_SIGNAL);
	if (sigaction(VCPU_SIGNAL, &kick, NULL) < 0)
		return err_sys(e, -errno, "signal %d", VCPU_SIGNAL);
	return 0;
}

/* --- the thread ----------------------------------------------------------- */

static void count_exit(struct vcpu *v, enum vcpu_exit_kind kind)
{
	/* only this thread writes */
	__atomic_store_n(&v->exits[kind], v->exits[kind] + 1, __ATOMIC_RELAXED);
}

static void wake_loop(struct vcpu *v)
{
	const uint64_t one = 1;

	/* it fails only when the counter is full, and then the loop will look anyway */
	(void)!write(v->wake_fd, &one, sizeof(one));
}

/* True: there is an exit for the loop. */
static bool run_once(struct vcpu *v)
{
	enum vcpu_exit_kind kind;

	v->run_errno = ioctl(v->fd, KVM_RUN, 0) < 0 ? errno : 0;
	kind = vcpu_exit_kind_of(v->run, v->run_errno);
	v->posts_asked = false;
	/* acquire: see vcpu_stop() */
	if (v->run_errno == EINTR) {
		(void)__atomic_exchange_n(&v->run->immediate_exit, 0, __ATOMIC_ACQUIRE);
		v->posts_asked = __atomic_exchange_n(&v->asked, false, __ATOMIC_ACQUIRE);
		if (v->posts_asked)
			kind = VCPU_EXIT_ASKED;
	}
	count_exit(v, kind);
	return kind != VCPU_EXIT_NONE;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	char name[16];

	snprintf(name, sizeof(name), "vcpu-%u", v->cpu);
	(void)pthread_setname_np(pthread_self(), name);	/* only a name */
	__atomic_store_n(&v->tid, gettid(), __ATOMIC_RELAXED);
	while (baton_get(&v->baton) == BATON_VCPU) {
		if (!run_once(v) || !baton_post(&v->baton))
			continue;
		wake_loop(v);
		baton_wait(&v->baton, v->spin);
	}
	baton_park(&v->baton);
	wake_loop(v);
	return NULL;
}

/* A host with one CPU has nobody to spin for. */
static unsigned spin_rounds(void)
{
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1)
		return 0;
	return SPIN_ROUNDS;
}

/* --- create and destroy --------------------------------------------------- */

static int build(struct vcpu *v, const struct topo *topo, struct err *e)
{
	unsigned id;
	void *run;
	int r;

	if ((r = install_handler(e)) < 0 ||
	    (r = vcpu_arch_id(v->vm, topo, v->cpu, &id, e)) < 0)
		return r;
	v->fd = ioctl(v->vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (v->fd < 0)
		return err_sys(e, -errno, "create vCPU with id %u", id);
	run = mmap(NULL, v->vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (run == MAP_FAILED)
		return err_sys(e, -errno, "map kvm_run");
	v->run = run;
	return vcpu_arch_init(v, topo, e);
}

int vcpu_create(struct vm *vm, const struct topo *topo, unsigned cpu, int wake_fd,
		struct vcpu **ret, struct err *e)
{
	struct vcpu *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return err_sys(e, -ENOMEM, "vCPU");
	v->vm = vm;
	v->cpu = cpu;
	v->wake_fd = wake_fd;
	v->spin = spin_rounds();
	v->fd = -1;
	r = build(v, topo, e);
	if (r < 0) {
		vcpu_destroy(v);
		return r;
	}
	*ret = v;
	return 0;
}

void vcpu_destroy(struct vcpu *v)
{
	if (!v)
		return;
	assert(vcpu_is_parked(v));
	if (v->has_thread)
		pthread_join(v->thread, NULL);
	if (v->run)
		munmap(v->run, v->vm->run_bytes);
	close_fd(&v->fd);
	free(v);
}

/* --- the loop's side ------------------------------------------------------ */

static int start_thread(struct vcpu *v)
{
	pthread_attr_t attr;
	sigset_t blocked;
	int r;

	sigfillset(&blocked);
	sigdelset(&blocked, VCPU_SIGNAL);
	r = pthread_attr_init(&attr);
	if (r)
		return -r;
	r = pthread_attr_setsigmask_np(&attr, &blocked);
	if (!r)
		r = pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (!r)
		r = pthread_create(&v->thread, &attr, vcpu_thread, v);
	pthread_attr_destroy(&attr);
	return -r;
}

int vcpu_start(struct vcpu *v, struct err *e)
{
	int r;

	if (!baton_start(&v->baton))
		return err_set(e, -EALREADY, "vCPU %u was started or stopped before", v->cpu);
	r = start_thread(v);
	if (r < 0) {
		baton_unstart(&v->baton);
		return err_sys(e, r, "start the thread of vCPU %u%s", v->cpu, r == -EAGAIN ?
			       " (ulimit -u and pids.max of the cgroup limit them)" : "");
	}
	v->has_thread = true;
	return 0;
}

static bool loop_holds(const struct vcpu *v)
{
	enum baton_state s = baton_get(&v->baton);

	return s == BATON_LOOP || s == BATON_LOOP_ASLEEP;
}

bool vcpu_has_exit(const struct vcpu *v)
{
	return loop_holds(v);
}

void vcpu_exit_get(struct vcpu *v, struct vcpu_exit *ret)
{
	assert(loop_holds(v));
	if (v->posts_asked)
		*ret = (struct vcpu_exit){ .kind = VCPU_EXIT_ASKED };
	else
		vcpu_exit_decode(v->run, v->vm->run_bytes, v->run_errno, ret);
}

void vcpu_resume(struct vcpu *v)
{
	baton_resume(&v->baton);
}

static void kick_thread(struct vcpu *v)
{
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_RELEASE);
	(void)pthread_kill(v->thread, VCPU_SIGNAL);
}

/*
 * The kick, for a thread that is in KVM_RUN or on its way there. The word says
 * STOP before immediate_exit becomes 1, and that before the signal is sent.
 *  - The thread looks at the word after STOP was written: it parks.
 *  - It looked before, and has not entered KVM_RUN yet: KVM finds
 *    immediate_exit set and returns EINTR. A signal that comes too early, in
 *    user space, is not needed for that.
 *  - KVM looked at immediate_exit before it was set: the thread is in the
 *    kernel, the signal stays pending until it leaves, and makes it leave.
 *  - The thread clears immediate_exit because of an earlier EINTR, at the same
 *    time: the exchange comes either before our store, and the 1 stays; or
 *    after it, then it reads the 1, and acquire with release makes STOP
 *    visible to the look at the word that follows.
 * So one call is enough as long as the signal is sent. It is not when the
 * user's queue of real-time signals is full (RLIMIT_SIGPENDING), which another
 * process may cause: hence callers repeat it.
 */
void vcpu_stop(struct vcpu *v)
{
	if (baton_stop(&v->baton))
		kick_thread(v);
}

void vcpu_ask(struct vcpu *v)
{
	if (vcpu_is_parked(v))
		return;
	__atomic_store_n(&v->asked, true, __ATOMIC_RELEASE);
	kick_thread(v);
}

bool vcpu_is_parked(const struct vcpu *v)
{
	enum baton_state s = baton_get(&v->baton);

	return s == BATON_PARKED || s == BATON_NEW;
}

pid_t vcpu_tid(const struct vcpu *v)
{
	return __atomic_load_n(&v->tid, __ATOMIC_RELAXED);
}

uint64_t vcpu_exit_count(const struct vcpu *v, enum vcpu_exit_kind kind)
{
	assert(kind < VCPU_EXIT_COUNT);
	return __atomic_load_n(&v->exits[kind], __ATOMIC_RELAXED);
}
