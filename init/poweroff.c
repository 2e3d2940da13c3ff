/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of the guest. */
#include <sys/reboot.h>
#include <unistd.h>

#include "init/guest.h"
#include "init/tty.h"

/* The line is given up when it takes nothing for so long. */
#define STUCK_MS 2000

/*
 * Reset first: it works on every machine, and to the host it is an end like
 * power off. A kernel that knows no way to power off halts its CPUs instead,
 * in a way that does not come back to us and that KVM does not report.
 */
_Noreturn void init_poweroff(struct init_tty *tty)
{
	(void)init_tty_drain(tty, STUCK_MS);
	reboot(RB_AUTOBOOT);
	reboot(RB_POWER_OFF);
	/* refused both, which root in the first namespace is not: a panic ends it */
	_exit(1);
}
