/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel command line and the table of options behind it. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "test/tap.h"

static void pieces_are_joined_by_one_blank(void)
{
	struct cmdline c;

	cmdline_init(&c);
	tap_str(c.text, "");
	cmdline_add(&c, "%s", "");
	cmdline_add(&c, "a=%d", 1);
	cmdline_add(&c, "%s", "");
	cmdline_add(&c, "b");
	cmdline_add(&c, "c d");
	tap_str(c.text, "a=1 b c d");
	tap_eq(c.len, strlen(c.text));
	tap_eq(cmdline_check(&c, 9, NULL), 0);
}

static void a_line_that_is_too_long_is_an_error_with_both_numbers(void)
{
	struct err e = ERR_INIT;
	struct cmdline c;

	cmdline_init(&c);
	cmdline_add(&c, "0123456789");
	tap_eq(cmdline_check(&c, 10, &e), 0);
	tap_eq(cmdline_check(&c, 9, &e), -E2BIG);
	tap_ok(strstr(err_text(&e), "10 bytes") && strstr(err_text(&e), "takes 9"), "%s",
	       err_text(&e));
}

static void a_full_buffer_keeps_what_it_has_and_says_so(void)
{
	struct err e = ERR_INIT;
	struct cmdline c;
	const size_t room = sizeof(c.text) - 1;

	/* one piece that fits exactly, and one that does not */
	cmdline_init(&c);
	cmdline_add(&c, "%*s", (int)room, "x");
	tap_ok(!c.overflow && c.len == room, "%zu", c.len);
	cmdline_init(&c);
	cmdline_add(&c, "%*s", (int)room + 1, "x");
	tap_ok(c.overflow && c.len == 0 && !*c.text, "%zu", c.len);
	/* the blank counts, too */
	cmdline_init(&c);
	cmdline_add(&c, "%*s", (int)room - 2, "x");
	cmdline_add(&c, "y");
	tap_ok(!c.overflow && c.len == room, "%zu", c.len);
	cmdline_init(&c);
	cmdline_add(&c, "%*s", (int)room - 1, "x");
	cmdline_add(&c, "y");
	tap_ok(c.overflow && c.len == room - 1 && strlen(c.text) == c.len, "%zu", c.len);
	cmdline_add(&c, "%s", "");
	tap_ok(c.overflow, "an overflow is not forgotten");
	tap_eq(cmdline_check(&c, 1 << 20, &e), -E2BIG);
	tap_ok(strstr(err_text(&e), "4095") && strstr(err_text(&e), "1048576"), "%s",
	       err_text(&e));
	/* full to the last byte: an empty piece is nothing, another one is too much */
	cmdline_init(&c);
	cmdline_add(&c, "%*s", (int)room, "x");
	cmdline_add(&c, "y");
	tap_ok(c.overflow && c.len == room && strlen(c.text) == room, "%zu", c.len);
}

/* Is text a word (or words) of the command line? */
static bool has(const struct cmdline *c, const char *text)
{
	const char *p = c->text;
	size_t n = strlen(text);

	while ((p = strstr(p, text))) {
		if ((p == c->text || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
		p += n;
	}
	return false;
}

static void one_switch_leaves_the_risky_options_out(void)
{
	size_t n, seen[BOOT_WHEN_COUNT] = { 0 };
	const struct boot_option *o = boot_options(&n);

	for (unsigned mode = 0; mode < 16; mode++) {
		bool fast = mode & 1, verbose = mode & 2, crowded = mode & 4, late = mode & 8;
		struct cmdline c;

		cmdline_init(&c);
		cmdline_add(&c, "first");
		boot_cmdline_defaults(&c, (struct boot_choice){ fast, verbose, crowded, late });
		tap_eq(cmdline_check(&c, 1024, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			bool wanted = o[i].when == BOOT_WHEN_ALWAYS ||
				      (o[i].when == BOOT_WHEN_FAST && fast) ||
				      (o[i].when == BOOT_WHEN_CROWDED && crowded) ||
				      (o[i].when == BOOT_WHEN_LATE && late) ||
				      (o[i].when == BOOT_WHEN_VERBOSE && verbose) ||
				      (o[i].when == BOOT_WHEN_QUIET && !verbose);

			tap_ok(has(&c, o[i].text) == wanted, "%s (mode %u) in %s", o[i].text,
			       mode, c.text);
			seen[o[i].when]++;
		}
	}
	for (unsigned i = 0; i < BOOT_WHEN_COUNT; i++)
		tap_ok(seen[i], "no option of kind %u", i);
}

static void every_option_has_a_reason_and_the_risky_ones_a_cost(void)
{
	size_t n;
	const struct boot_option *o = boot_options(&n);

	for (size_t i = 0; i < n; i++) {
		tap_ok(*o[i].why, "%s has no reason", o[i].text);
		tap_ok(o[i].when != BOOT_WHEN_FAST || *o[i].cost, "%s costs nothing?", o[i].text);
		for (size_t j = 0; j < i; j++)
			tap_ok(strcmp(o[i].text, o[j].text), "%s twice", o[i].text);
	}
}

/* A row of the document's table: "| `OPTION` | WHEN | WHY | SAVES | COST |". */
static bool has_row(const char *doc, const struct boot_option *o, const char *when)
{
	char row[256];
	const char *p, *end;

	snprintf(row, sizeof(row), "\n| `%s` | %s | ", o->text, when);
	p = strstr(doc, row);
	end = p ? strchr(p + 1, '\n') : NULL;
	return end && memmem(p, (size_t)(end - p), o->why, strlen(o->why)) &&
	       memmem(p, (size_t)(end - p), o->cost, strlen(o->cost));
}

static void the_document_shows_the_table(void)
{
	static const char *const when[] = {
		[BOOT_WHEN_ALWAYS] = "always", [BOOT_WHEN_QUIET] = "quiet",
		[BOOT_WHEN_VERBOSE] = "verbose", [BOOT_WHEN_FAST] = "fast",
		[BOOT_WHEN_CROWDED] = "crowded", [BOOT_WHEN_LATE] = "late",
	};
	const char *top = getenv("top_srcdir");
	struct file_map map;
	char path[4096], *doc;
	size_t n, rows = 0;
	const struct boot_option *o = boot_options(&n);

	snprintf(path, sizeof(path), "%s/doc/boot-options.md", top ? top : ".");
	if (!tap_ok(file_map(path, &map, NULL) == 0, "%s", path))
		return;
	doc = strndup((const char *)map.data, map.size);
	file_unmap(&map);
	for (size_t i = 0; i < n; i++)
		tap_ok(has_row(doc, &o[i], when[o[i].when]), "%s has no such row", o[i].text);
	/* and no others, up to the table of what was left out */
	for (const char *p = doc, *end = strstr(doc, "\n## ");
	     end && (p = strstr(p, "\n| `")) && p < end; p++)
		rows++;
	tap_eq(rows, n);
	free(doc);
}

static void a_word_is_found_where_it_stands_alone(void)
{
	struct cmdline c;

	cmdline_init(&c);
	cmdline_add(&c, "a=nokaslr nokaslrx");
	tap_ok(!cmdline_has(&c, "nokaslr"), "a part of a word is none");
	cmdline_add(&c, "nokaslr");
	tap_ok(cmdline_has(&c, "nokaslr"), "the last");
	cmdline_init(&c);
	cmdline_add(&c, "nokaslr quiet");
	tap_ok(cmdline_has(&c, "nokaslr"), "the first");
}

static void an_option_is_found_by_its_name(void)
{
	const char *text = "xmaxcpus=1 quiet \"a=b maxcpus\" c=\"d nosmp e\"  maxcpus=4 nosmp";

	tap_str(cmdline_find(text, "maxcpus"), "maxcpus=4 nosmp");
	tap_str(cmdline_find(text, "nosmp"), "nosmp");
	tap_str(cmdline_find(text, "a"), "a=b maxcpus\" c=\"d nosmp e\"  maxcpus=4 nosmp");
	tap_ok(!cmdline_find(text, "max"), "a part of a name is none");
	tap_ok(!cmdline_find(text, "4"), "nor is a value");
	tap_ok(!cmdline_find("", "maxcpus"), "nothing has none");
}

int main(void)
{
	TAP_RUN(pieces_are_joined_by_one_blank);
	TAP_RUN(a_line_that_is_too_long_is_an_error_with_both_numbers);
	TAP_RUN(an_option_is_found_by_its_name);
	TAP_RUN(a_word_is_found_where_it_stands_alone);
	TAP_RUN(a_full_buffer_keeps_what_it_has_and_says_so);
	TAP_RUN(one_switch_leaves_the_risky_options_out);
	TAP_RUN(every_option_has_a_reason_and_the_risky_ones_a_cost);
	TAP_RUN(the_document_shows_the_table);
	return tap_done();
}
