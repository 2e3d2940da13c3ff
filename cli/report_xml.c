/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for XML and HTML. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/report_get.h"
#include "cli/report_html.h"

static void put_xml_char(FILE *out, char c)
{
	switch (c) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	case '\n':		/* in an attribute it would become a blank */
		fputs("&#10;", out);
		break;
	default:
		fputc(c, out);
	}
}

void report_put_xml(FILE *out, const char *s)
{
	_cleanup_free_ char *copy = report_clean(s);

	for (char *p = copy; p && *p; p++) {
		/* U+fffe and U+ffff are valid UTF-8, but no characters of XML */
		if (!strncmp(p, "\xef\xbf\xbe", 3) || !strncmp(p, "\xef\xbf\xbf", 3)) {
			fputc('?', out);
			p += 2;
		} else {
			put_xml_char(out, *p);
		}
	}
}
