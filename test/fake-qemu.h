/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_FAKE_QEMU_H
#define KTSTR_TEST_FAKE_QEMU_H
/*
 * A QEMU that is not one, for tests of nested runs: the test program is started
 * in QEMU's place and plays the part that the environment names.
 */
#define FAKE_QEMU_PART "KTSTR_TEST_FAKE_QEMU"
#define FAKE_QEMU_FIFO "KTSTR_TEST_FIFO"	/* "hangs" holds it open */

int fake_qemu_main(const char *part, int argc, char **argv);

#endif
