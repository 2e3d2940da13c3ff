/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_MACHINE_PRIVATE_H
#define KTSTR_LOOP_MACHINE_PRIVATE_H
/* The board's parts: machine.c makes and runs it, machine_ask.c answers its owner. */
#include <ev.h>

#include "loop/bus.h"
#include "loop/downlink.h"
#include "loop/freeze.h"
#include "loop/irqchip.h"
#include "loop/legacy.h"
#include "loop/machine.h"
#include "serial/serial.h"

/* A kick may be lost between the thread's test and KVM_RUN: repeat it. */
#define KICK_AGAIN_S 0.01

struct machine {
	/* the board, in the order in which it is built */
	struct vm *vm;
	int initrd_fd;			/* guest RAM may show its pages: it outlives that */
	struct mm *mm;
	struct bus ports, mmio;
	struct legacy legacy;
	bool split;			/* the irqchip: ours is used */
	struct irqchip irqchip;
	struct uart com1, com2;
	struct downlink downlink;	/* frames into COM2 */
	bool by_com2;			/* the guest hears nothing else */
	int com1_irq, com2_irq;		/* eventfds bound to their GSI */
	bool has_ring;
	struct shmring_reader up;
	struct shmring_writer down;
	int doorbell_fd;
	int wake_fd;			/* vCPU threads signal a post here */
	struct vcpu **vcpu;
	unsigned cpus;

	/* while it runs */
	struct ev_loop *loop;		/* NULL: not started */
	struct machine_ops ops;
	ev_io wake, doorbell;
	ev_timer kick, collected;
	bool ended;			/* on_end was called */
	bool stopping;
	struct freeze freeze;
	unsigned asking;		/* machine_ask(): CPU + 1, 0: nobody is asked */
	bool parked;			/* on_parked was called */
};

#endif
