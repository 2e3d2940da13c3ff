/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of the command line itself, and the parser for them and a run's. */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/util.h"

#define SHOWN_MAX 100

/* --- setters --------------------------------------------------------------- */

static int set_help(struct cli_options *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	o->help = true;
	return 0;
}

static int set_json(struct cli_options *o, const char *value, struct err *e)
{
	(void)e;
	if (value)
		o->json_file = value;
	else
		o->json = true;
	return 0;
}

static int set_tap(struct cli_options *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	o->tap = true;
	return 0;
}

static int set_junit(struct cli_options *o, const char *value, struct err *e)
{
	(void)e;
	o->junit_file = value;
	return 0;
}

static int set_html(struct cli_options *o, const char *value, struct err *e)
{
	(void)e;
	o->html_file = value;
	return 0;
}

static int set_trace(struct cli_options *o, const char *value, struct err *e)
{
	(void)e;
	o->trace_file = value;
	return 0;
}

static int set_source(struct cli_options *o, const char *value, struct err *e)
{
	(void)e;
	o->source = value;
	return 0;
}

static int set_fragment(struct cli_options *o, const char *value, struct err *e)
{
	(void)e;
	o->fragment = value;
	return 0;
}

static int set_topologies(struct cli_options *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	o->topologies = true;
	return 0;
}

static int set_dump_acpi(struct cli_options *o, const char *value, struct err *e)
{
	(void)e;
	o->dump_acpi = value;
	return 0;
}

static int set_print_config(struct cli_options *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	o->print_config = true;
	return 0;
}

static int set_quiet(struct cli_options *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	o->quiet = true;
	o->verbose = 0;
	return 0;
}

static int set_verbose(struct cli_options *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	o->quiet = false;
	o->verbose++;
	return 0;
}

static int set_color(struct cli_options *o, const char *value, struct err *e)
{
	static const char *const names[] = {
		[REPORT_COLOR_AUTO] = "auto",
		[REPORT_COLOR_ALWAYS] = "always",
		[REPORT_COLOR_NEVER] = "never",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(value, names[i])) {
			o->color = (enum report_color)i;
			return 0;
		}
	}
	return err_set(e, -EINVAL, "--color %.*s: takes auto, always or never", SHOWN_MAX, value);
}

static const struct cli_option table[] = {
	{ "json", 0, CLI_ARG_OPTIONAL, CLI_TAKES_CONFIG, "FILE",
	  "the record as one JSON document on stdout, or in FILE beside the report", set_json },
	{ "json", 0, CLI_ARG_NONE,
	  CLI_TAKES_ALL & ~(CLI_TAKES_CONFIG | CLI_TAKES_COMPLETIONS | CLI_TAKES_HELP), NULL,
	  "one JSON document on stdout", set_json },
	{ "tap", 0, CLI_ARG_NONE, CLI_TAKES_REPORTS, NULL, "report on stdout as TAP 13", set_tap },
	{ "junit", 0, CLI_ARG_REQUIRED, CLI_TAKES_REPORTS, "FILE", "JUnit XML in FILE", set_junit },
	{ "html", 0, CLI_ARG_REQUIRED, CLI_TAKES_RUN, "FILE",
	  "a page with pictures of what the monitor saw in FILE", set_html },
	{ "html", 'o', CLI_ARG_REQUIRED, CLI_TAKES_REPORT, "FILE",
	  "a page with pictures of what the monitor saw in FILE", set_html },
	{ "trace", 0, CLI_ARG_REQUIRED, CLI_TAKES_REPORTS, "FILE",
	  "a timeline for Perfetto in FILE", set_trace },
	{ "source", 0, CLI_ARG_REQUIRED, CLI_TAKES_KERNEL, "PATH",
	  "build: a kernel tree or tarball, else the one of Debian's linux-source", set_source },
	{ "fragment", 0, CLI_ARG_REQUIRED, CLI_TAKES_KERNEL, "FILE",
	  "build: a file with more options for the kernel; they win", set_fragment },
	{ "print-config", 0, CLI_ARG_NONE, CLI_TAKES_CONFIG, NULL,
	  "print the resolved configuration as JSON and stop", set_print_config },
	{ "topologies", 0, CLI_ARG_NONE, CLI_TAKES_LIST, NULL,
	  "the shapes that have a name, instead of tests", set_topologies },
	{ "dump-acpi", 0, CLI_ARG_REQUIRED, CLI_TAKES_TOPO, "DIR",
	  "write the ACPI tables of the shape to files in DIR", set_dump_acpi },
	{ "quiet", 'q', CLI_ARG_NONE, CLI_TAKES_CONFIG, NULL,
	  "no progress, no notices", set_quiet },
	{ "verbose", 'v', CLI_ARG_NONE, CLI_TAKES_CONFIG | CLI_TAKES_REPORT, NULL,
	  "say what is done, and report more; twice: everything", set_verbose },
	{ "color", 0, CLI_ARG_REQUIRED, CLI_TAKES_REPORTS, "WHEN",
	  "auto, always or never; auto honours NO_COLOR", set_color },
	{ "help", 'h', CLI_ARG_NONE, CLI_TAKES_ALL, NULL, "this text", set_help },
};

const struct cli_option *cli_options_table(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(table);
	return table;
}

void options_spell(const char *name, bool flag, char text[OPTIONS_SPELLED_MAX])
{
	bool both = flag && strncmp(name, "no-", 3);

	snprintf(text, OPTIONS_SPELLED_MAX, "--%s%s", both ? "[no-]" : "", name);
}

/* --- the parser ------------------------------------------------------------- */

struct parser {
	struct cli_options *o;
	enum cli_takes takes;
	char **next;			/* argv from here on is unread */
	struct err *e;
};

static const struct cli_option *find_own(const struct parser *p, const char *name, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!(table[i].commands & p->takes))
			continue;
		if (name ? !strcmp(table[i].name, name) : table[i].letter == letter)
			return &table[i];
	}
	return NULL;
}

/* The flag that NAME sets (*ret_on) or clears: dmesg and no-dmesg, ring and no-ring. */
static const struct option_row *find_flag(const char *name, bool *ret_on)
{
	const struct option_row *row = config_option_find(name);
	char negated[OPTIONS_SPELLED_MAX];

	*ret_on = true;
	if (row)
		return row;
	*ret_on = false;
	if (!strncmp(name, "no-", 3)) {
		row = config_option_find(name + 3);
	} else {
		snprintf(negated, sizeof(negated), "no-%s", name);
		row = config_option_find(negated);
	}
	return row && row->type == OPTION_FLAG ? row : NULL;
}

static int unknown(const struct parser *p, const char *word, const char *name)
{
	struct nearest n = NEAREST_INIT(name);
	const char *hint;
	size_t count;
	const struct option_row *rows = config_options(&count);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].commands & p->takes)
			nearest_offer(&n, table[i].name);
	for (size_t i = 0; i < count && (p->takes & CLI_TAKES_CONFIG); i++)
		if (!rows[i].positional)
			nearest_offer(&n, rows[i].name);
	hint = nearest_get(&n);
	return err_set(p->e, -EINVAL, "%.*s: unknown option%s%s%s", SHOWN_MAX, word,
		       hint ? "; did you mean --" : "", hint ? hint : "", hint ? "?" : "");
}

/* The value behind '=' or in the next word; NULL when there is none. */
static const char *take_value(struct parser *p, const char *inline_value)
{
	if (inline_value)
		return inline_value;
	/* "--kernel -- NAME" forgot the value; a file "--" can be given as --kernel=-- */
	if (!*p->next || !strcmp(*p->next, "--"))
		return NULL;
	return *p->next++;
}

static int parse_own(struct parser *p, const struct cli_option *opt, const char *value)
{
	if (opt->arg == CLI_ARG_NONE && value)
		return err_set(p->e, -EINVAL, "--%s: takes no value", opt->name);
	if (opt->arg == CLI_ARG_REQUIRED)
		value = take_value(p, value);
	if (opt->arg == CLI_ARG_REQUIRED && !value)
		return err_set(p->e, -EINVAL, "--%s: takes %s", opt->name, opt->placeholder);
	if (value && !*value)
		return err_set(p->e, -EINVAL, "--%s: takes %s, not an empty string", opt->name,
			       opt->placeholder);
	return opt->set(p->o, value, p->e);
}

static int parse_config(struct parser *p, const struct option_row *row, bool on,
			const char *value)
{
	if (row->type == OPTION_FLAG) {
		if (value)
			return err_set(p->e, -EINVAL, "--%s: takes no value", row->name);
		return config_set(&p->o->config, row->name, on ? "1" : "0", p->e);
	}
	value = take_value(p, value);
	if (!value)
		return err_set(p->e, -EINVAL, "--%s: takes %s", row->name, row->arg);
	return config_set(&p->o->config, row->name, value, p->e);
}

static int parse_long(struct parser *p, const char *word)
{
	const char *equals = strchr(word, '=');
	const char *value = equals ? equals + 1 : NULL;
	_cleanup_free_ char *name = strndup(word + 2, equals ? (size_t)(equals - word - 2) :
					    strlen(word + 2));
	const struct cli_option *own;
	const struct option_row *row;
	bool on;

	if (!name)
		return err_set(p->e, -ENOMEM, "out of memory");
	own = find_own(p, name, 0);
	if (own)
		return parse_own(p, own, value);
	row = p->takes & CLI_TAKES_CONFIG ? find_flag(name, &on) : NULL;
	if (row && !row->positional)
		return parse_config(p, row, on, value);
	return unknown(p, word, name);
}

static const struct option_row *find_letter(const struct parser *p, char letter)
{
	size_t count;
	const struct option_row *rows = config_options(&count);

	for (size_t i = 0; i < count && (p->takes & CLI_TAKES_CONFIG); i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* "-qv": letters without values, one after the other; "-qi FILE", "-iFILE" */
static int parse_letters(struct parser *p, const char *word)
{
	for (const char *c = word + 1; *c; c++) {
		const struct cli_option *own = find_own(p, NULL, *c);
		const struct option_row *row = own ? NULL : find_letter(p, *c);
		int r;

		if (row)
			return parse_config(p, row, true, c[1] ? c + 1 : NULL);
		if (!own)
			return unknown(p, word, word + 1);
		r = parse_own(p, own, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_word(struct parser *p, const char *word)
{
	if (word[0] == '-' && word[1] == '-')
		return parse_long(p, word);
	if (word[0] == '-' && word[1])
		return parse_letters(p, word);
	p->o->word[p->o->word_count++] = word;
	return 0;
}

/* Behind "--" are the names of tests; to other commands they are words like any. */
static void take_rest(struct parser *p, char **end)
{
	struct cli_options *o = p->o;

	o->rest = p->next;
	o->rest_count = (size_t)(end - p->next);
	if (p->takes & CLI_TAKES_CONFIG)
		return;
	while (p->next < end)
		o->word[o->word_count++] = *p->next++;
}

/* What belongs to a run but has no --NAME. */
static int take_positional(struct cli_options *o, enum cli_takes takes, struct err *e)
{
	bool command = takes & CLI_TAKES_COMMAND;
	int r = command ? 0 : options_check_words(o, 1, e);

	if (r >= 0 && !command && o->word_count)
		r = config_set(&o->config, "binary", o->word[0], e);
	for (size_t i = 0; i < o->rest_count && r >= 0; i++)
		r = config_set(&o->config, command ? "command" : "test", o->rest[i], e);
	return r;
}

static int resolve_run(struct cli_options *o, enum cli_takes takes, struct err *e)
{
	int r = take_positional(o, takes, e);

	if (r >= 0)
		r = config_from_env(&o->config, e);
	if (r >= 0)
		r = config_check(&o->config, e);
	if (r >= 0 && !(takes & CLI_TAKES_COMMAND) && o->config.tty)
		r = err_set(e, -EINVAL, "--tty: is for ktstr exec and ktstr shell");
	if (r >= 0 && o->tap && o->json)
		r = err_set(e, -EINVAL, "--tap and --json: stdout has room for one; "
			    "--json=FILE goes with both");
	return r;
}

int options_parse(struct cli_options *o, const struct cli_command *command, int argc,
		  char **argv, struct err *e)
{
	struct err later = ERR_INIT;
	struct parser p = { .o = o, .takes = command->takes, .next = argv + 1, .e = e };
	int r;

	*o = (struct cli_options){ .color = REPORT_COLOR_AUTO };
	r = config_init(&o->config);
	o->word = calloc((size_t)argc + 1, sizeof(*o->word));
	if (r < 0 || !o->word)
		return err_set(e, -ENOMEM, "out of memory");
	while (*p.next) {
		char *word = *p.next++;
		int r2;

		if (!strcmp(word, "--")) {
			take_rest(&p, argv + argc);
			break;
		}
		r2 = parse_word(&p, word);
		if (r2 < 0 && r == 0) {
			r = r2;
			p.e = &later;	/* the first error is the one to tell */
		}
	}
	if (r == 0 && (command->takes & CLI_TAKES_CONFIG) && !o->help)
		r = resolve_run(o, command->takes, e);
	return r;
}

void options_fini(struct cli_options *o)
{
	config_fini(&o->config);
	free(o->word);
	*o = (struct cli_options){ 0 };
}

int options_check_words(const struct cli_options *o, size_t max, struct err *e)
{
	if (o->word_count > max)
		return err_set(e, -EINVAL, "%.*s: unexpected argument", SHOWN_MAX, o->word[max]);
	return 0;
}
