/* SPDX-License-Identifier: GPL-2.0-only */
/* I/O ports from user space. */
#include <errno.h>
#include <sys/io.h>

#include "init/ring.h"

#define WIDTH 4

int init_port_open(unsigned port)
{
	return ioperm(port, WIDTH, 1) < 0 ? -errno : 0;
}

void init_port_close(unsigned port)
{
	/* only a way to find mistakes sooner: a child may ask for the port again */
	(void)ioperm(port, WIDTH, 0);
}

void init_port_write(unsigned port, uint32_t value)
{
	outl(value, (unsigned short)port);
}
