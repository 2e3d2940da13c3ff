/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_PAYLOAD_FEATURES_H
#define KTSTR_LOOP_PAYLOAD_FEATURES_H
/* The features of the payload that have a file of their own; the table is in payload.c. */
#include "loop/payload.h"

int payload_schedulers(struct payload_draft *d, const struct payload_request *q, struct err *e);

#endif
