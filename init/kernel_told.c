/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/kallsyms, BTF and version to the host. */
#include "init/kernel_told.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "init/host.h"
#include "shmring/wire_kernel.h"

/* Half of what a frame takes: the ring holds several. */
#define PIECE_BYTES (32u << 10)

static const char *const paths[WIRE_KERNEL_END] = {
	[WIRE_KERNEL_SYMBOLS] = "/proc/kallsyms",
	[WIRE_KERNEL_TYPES] = "/sys/kernel/btf/vmlinux",
	[WIRE_KERNEL_VERSION] = "/proc/version",
};

/* Files of /proc come a page at a time. */
static size_t read_piece(int fd, char *piece)
{
	size_t n = 0;
	ssize_t got;

	while (n < PIECE_BYTES && (got = read(fd, piece + n, PIECE_BYTES - n)) > 0)
		n += (size_t)got;
	return n;
}

static void tell_part(struct init_host *h, struct wire_kernel *w, int fd, char *piece)
{
	size_t n;

	while ((n = read_piece(fd, piece))) {
		h->send(h, WIRE_KERNEL, w, sizeof(*w), piece, n);
		w->offset += (uint32_t)n;
	}
}

void init_kernel_tell(struct init_host *h, const char *root)
{
	_cleanup_free_ char *piece = malloc(PIECE_BYTES);
	struct wire_kernel w = { 0 };

	for (; piece && w.part < WIRE_KERNEL_END; w.part++) {
		char path[PATH_MAX];
		int fd;

		snprintf(path, sizeof(path), "%s%s", root, paths[w.part]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		w.offset = 0;
		if (fd < 0)
			continue;
		tell_part(h, &w, fd, piece);
		close(fd);
	}
	w = (struct wire_kernel){ .part = WIRE_KERNEL_END };
	h->send(h, WIRE_KERNEL, &w, sizeof(w), NULL, 0);
}
