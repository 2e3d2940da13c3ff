/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_CONFIG_PRIV_H
#define KTSTR_LOOP_CONFIG_PRIV_H
/* What config.c (values in), config_check.c (together) and config_text.c (values out) share. */
#include "loop/config.h"

/* How much of a value an error repeats. */
#define CONFIG_SHOWN_MAX 100

/* Says "--NAME VALUE: takes RANGE" of an option that has a value. Returns -EINVAL. */
int config_range_error(const struct config *c, const char *name, const char *range,
		       struct err *e);

bool config_is_given(const struct config *c, const struct option_row *row);

#endif
