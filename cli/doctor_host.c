/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks of the machine around a run: memory, limits, shared memory, the cache. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "cli/doctor.h"

/* A guest of some CPUs with a distribution's kernel; the outer guest with one in it. */
#define MEMORY_KVM_MIB 384
#define MEMORY_NESTED_MIB 1536

#define FDS_NEEDED 128
#define THREADS_NEEDED 16
#define SHARED_BYTES (4 * MIB)

void doctor_say(struct doctor_finding *f, enum doctor_level level, const char *fmt, ...)
{
	va_list ap;

	f->level = level;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void doctor_fix(struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->fix, sizeof(f->fix), fmt, ap);
	va_end(ap);
}

/* --- the cache -------------------------------------------------------------- */

void doctor_check_cache(const struct doctor_places *places, struct doctor_finding *f)
{
	_cleanup_free_ char *file = NULL;
	struct err e = ERR_INIT;

	doctor_fix(f, "set KTSTR_CACHE_DIR to a folder that can be written");
	if (!places->cache) {
		doctor_say(f, DOCTOR_NOTE, "no place: neither KTSTR_CACHE_DIR, XDG_CACHE_HOME nor HOME");
		return;
	}
	if (file_mkdirs(places->cache, 0755, &e) < 0 ||
	    asprintf(&file, "%s/.doctor.%ld", places->cache, (long)getpid()) < 0 ||
	    file_write_atomic(file, "", 0, 0600, &e) < 0) {
		doctor_say(f, DOCTOR_NOTE, "kernels cannot be imported: %s", err_text(&e));
		return;
	}
	unlink(file);
	doctor_say(f, DOCTOR_OK, "%s can be written", places->cache);
	f->fix[0] = '\0';
}

/* --- memory and limits ----------------------------------------------------------- */

/* MemAvailable in MiB; false when it is not told. */
static bool available_mib(const char *meminfo, uint64_t *ret)
{
	_cleanup_fclose_ FILE *f = fopen(meminfo, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	uint64_t kib;

	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1) {
			*ret = kib / 1024;
			return true;
		}
	}
	return false;
}

static void check_available(const struct doctor_places *places, unsigned need_mib,
			    struct doctor_finding *f)
{
	uint64_t mib;

	if (!available_mib(places->meminfo, &mib))
		doctor_say(f, DOCTOR_NOTE, "%s does not tell MemAvailable", places->meminfo);
	else if (mib >= need_mib)
		doctor_say(f, DOCTOR_OK, "%" PRIu64 " MiB available, %u needed", mib, need_mib);
	else
		doctor_say(f, DOCTOR_MISS, "%" PRIu64 " MiB available, about %u needed", mib,
			   need_mib);
	if (f->level == DOCTOR_MISS)
		doctor_fix(f, "end other programs, or give the machine more memory");
}

void doctor_check_memory(const struct doctor_places *places, struct doctor_finding *f)
{
	check_available(places, MEMORY_KVM_MIB, f);
}

void doctor_check_memory_nested(const struct doctor_places *places, struct doctor_finding *f)
{
	check_available(places, MEMORY_NESTED_MIB, f);
}

void doctor_check_files(const struct doctor_places *places, struct doctor_finding *f)
{
	int fd[FDS_NEEDED], n = 0;

	(void)places;
	while (n < FDS_NEEDED && (fd[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	if (n == FDS_NEEDED) {
		doctor_say(f, DOCTOR_OK, "%d files can be opened", n);
	} else {
		doctor_say(f, DOCTOR_MISS, "only %d of %d files could be opened: %s", n, FDS_NEEDED,
		    strerrordesc_np(errno));
		doctor_fix(f, "ulimit -n 1024");
	}
	while (n)
		close(fd[--n]);
}

static void *end_at_once(void *arg)
{
	return arg;
}

void doctor_check_threads(const struct doctor_places *places, struct doctor_finding *f)
{
	pthread_t thread[THREADS_NEEDED];
	int n = 0, r = 0;

	(void)places;
	while (n < THREADS_NEEDED && !(r = pthread_create(&thread[n], NULL, end_at_once, NULL)))
		n++;
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	if (!r) {
		doctor_say(f, DOCTOR_OK, "%d can be started", n);
		return;
	}
	doctor_say(f, DOCTOR_MISS, "only %d of %d could be started: %s", n, THREADS_NEEDED,
	    strerrordesc_np(r));
	doctor_fix(f, "ulimit -u unlimited");
}

/* --- shared memory ---------------------------------------------------------------- */

static int try_mapping(int fd)
{
	void *p;

	if (ftruncate(fd, SHARED_BYTES) < 0)
		return -errno;
	p = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	munmap(p, SHARED_BYTES);
	/* space is taken here, where a lack of it is an error and not a SIGBUS */
	return -posix_fallocate(fd, 0, SHARED_BYTES);
}

void doctor_check_memfd(const struct doctor_places *places, struct doctor_finding *f)
{
	_cleanup_close_ int fd = memfd_create("ktstr-doctor", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : try_mapping(fd);

	(void)places;
	if (r == 0) {
		doctor_say(f, DOCTOR_OK, "shared memory of %u MiB works",
			   (unsigned)(SHARED_BYTES / MIB));
		return;
	}
	doctor_say(f, DOCTOR_MISS, "shared memory for the ring: %s", strerrordesc_np(-r));
	doctor_fix(f, "raise the memory limit of this container or service; without the ring: "
	    "ktstr run --no-ring");
}

void doctor_check_shm(const struct doctor_places *places, struct doctor_finding *f)
{
	_cleanup_close_ int fd = open(places->shm, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : try_mapping(fd);

	if (r == 0) {
		doctor_say(f, DOCTOR_OK, "%s has room", places->shm);
		return;
	}
	doctor_say(f, DOCTOR_NOTE, "%s: %s", places->shm, strerrordesc_np(-r));
	doctor_fix(f, "mount -o remount,size=50%% %s", places->shm);
}
