#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Words and calls that do not belong in the tree, and the shape of lines.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/style.sh"

everywhere="$style_folders test bench doc .ci"

text_files()
{
	style_files "$1" "$everywhere" '*.[ch]' '*.sh' '*.md' '*.[1-8]' run
	(cd "$1" && for f in configure.ac Makefile.am quickstart *.md; do
		[ ! -e "$f" ] || echo "$f"
	done)
}

# The brackets keep a pattern from finding itself.
check_words()
{
	text_files "$1" | (cd "$1" && xargs -r grep -nE \
		-e '(^|[^A-Za-z])([T]ODO|[F]IXME|[X]XX)([^A-Za-z]|$)' \
		-e '(^|[ "=:(])/([h]ome|[w]ork)/[a-z]' /dev/null)
}

# Calls that C code must not make, each with its reason.
calls='
sleep usleep nanosleep          wait for the event instead of some time
alloca strcpy strcat sprintf vsprintf gets   has no bound
system popen                    goes through a shell
ev_default_loop                 the loop is the caller'\''s
ev_signal_init ev_child_init    signals and children are the caller'\''s
atoi atol strtok                hides errors or state
'

check_calls()
{
	style_files "$1" "$style_folders" '*.[ch]' | style_code "$1" |
	awk -v calls="$calls" '
	BEGIN {
		n = split(calls, line, "\n")
		for (i = 1; i <= n; i++) {
			why = line[i]; sub(/^.*  +/, "", why)
			names = line[i]; sub(/  +.*/, "", names)
			m = split(names, word, " ")
			for (j = 1; j <= m; j++) reason[word[j]] = why
		}
	}
	{
		split($0, part, ":")
		place = part[1] ":" part[2]
		rest = substr($0, length(place) + 2)
		while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
			name = substr(rest, RSTART, RLENGTH); sub(/[ \t]*\($/, "", name)
			before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : ""
			# the command owns its loop, the library does not
			if (name == "ev_signal_init" && place ~ /^cli\//)
				before = "."
			if (name in reason && before !~ /[.>]/)
				print place ": " name "(): " reason[name]
			rest = substr(rest, RSTART + RLENGTH)
		}
		if ($0 ~ /__attribute__.*[( ]constructor/)
			print place ": a constructor: who runs when is said in code"
	}'
}

# 100 columns with tabs of 8, but for a text at the end of the line, which is not cut so
# that it can be searched for; no blanks at the end.
check_lines()
{
	style_files "$1" "$style_folders test bench" '*.[ch]' '*.sh' |
	(cd "$1" && LC_ALL=C.UTF-8 xargs -r awk '
	/[ \t]$/ { print FILENAME ":" FNR ": blanks at the end of the line" }
	/^ +\t/ || (FILENAME ~ /\.[ch]$/ && /^        /) {
		print FILENAME ":" FNR ": indented by blanks" }
	{
		col = 0
		n = split($0, part, "\t")
		for (i = 1; i <= n; i++) {
			col += length(part[i])
			if (i < n) col += 8 - col % 8
		}
		if (col > 100 && !/"[,;)]*$/)
			print FILENAME ":" FNR ": " col " columns, at most 100"
	}')
}

style_clean "no word that does not belong in the tree" check_words "$top_srcdir"
style_clean "no call that the house rules forbid" check_calls "$top_srcdir"
style_clean "lines have the shape of the house rules" check_lines "$top_srcdir"

style_finds "a note to oneself is found" check_words mm/bad.c "/* TO""DO: later */"
style_finds "a path of a machine is found" check_words doc/bad.md "see /ho""me/someone/x"
style_finds "waiting by sleeping is found" check_calls loop/bad.c '	usleep (10);'
style_finds "a copy without a bound is found" check_calls mm/bad.c 'x = strcpy(a, b);'
style_finds "the default loop is found" check_calls loop/bad.c 'ev_run(ev_default_loop(0));'
style_finds "a constructor is found" check_calls mm/bad.c \
	'__attribute__((constructor)) static void f(void)'
style_finds "a line that is too long is found" check_lines mm/bad.c \
	"$(printf '\t%090d /* x */' 0)"
style_finds "blanks at the end of a line are found" check_lines mm/bad.c 'int x; '

style_sample mm/good.c '/* usleep(1) is wrong */ ops->system(m); static const char *s = "gets(";'
style_clean "comments, strings and members are no offence" check_calls "$style_tmp/tree"
tap_done
