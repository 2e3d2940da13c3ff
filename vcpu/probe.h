/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_PROBE_H
#define KTSTR_VCPU_PROBE_H
/*
 * Can this /dev/kvm run Linux? The existence of the file does not tell: some
 * KVMs only emulate (no SVM or VMX below them) and die of the first
 * instruction that KVM's emulator lacks. The probe runs a guest of a few
 * instructions in long mode, LOCK CMPXCHG16B and an SSE instruction among
 * them. Most of its time is making and closing the VM: some milliseconds, tens
 * on a busy machine.
 *
 * The guest's run is bounded by PROBE_TIMEOUT_MS; needs no loop. Thread: any.
 */
struct err;

#define PROBE_TIMEOUT_MS 2000

enum probe_result {
	PROBE_OK,		/* runs Linux */
	PROBE_ABSENT,		/* no such file */
	PROBE_DENIED,		/* no permission */
	PROBE_UNUSABLE,		/* opens, but lacks what we need */
	PROBE_EMULATES,		/* runs tiny guests only */
	PROBE_COUNT,
};

/* "ok", "absent", "denied", "unusable", "emulates" */
const char *probe_name(enum probe_result r);
/* What is to be said of the file: "only emulates instructions"; of PROBE_OK "". */
const char *probe_brief(enum probe_result r);

/* The story in *e says why for everything but PROBE_OK. */
enum probe_result probe_kvm(const char *path, struct err *e);

#endif
