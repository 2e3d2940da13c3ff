/* SPDX-License-Identifier: GPL-2.0-only */
/* The one place that knows the version, from configure.ac. */
#include <config.h>	/* of configure; loop/config.h is another one */

#include "ktstr/ktstr.h"

const char *ktstr_version(void)
{
	return PACKAGE_VERSION;
}
