/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_GUEST_VIEW_H
#define KTSTR_TEST_GUEST_VIEW_H
/* What guest-view does in the guest, and view-same looks for in the record. */

#define VIEW_SPINNERS 3			/* on the last CPU */
#define VIEW_SPIN_NAME "watched-spin"
/* The last version of /proc/schedstat whose domains guest-view can read; 17 came with 6.15. */
#define VIEW_SCHEDSTAT_MAX 16

#endif
