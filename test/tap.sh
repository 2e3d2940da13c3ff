# SPDX-License-Identifier: GPL-2.0-only
# TAP for test scripts; sourced. The counterpart of tap.h.
#
#	. "$top_srcdir/test/tap.sh"
#	ok "a sentence about behaviour" test "$a" = "$b"
#	skip "another sentence" "why it cannot be checked here"
#	tap_done

top_builddir=${top_builddir:-$PWD}
tap_cases=0
tap_failed=0

pass()
{
	tap_cases=$((tap_cases + 1))
	printf 'ok %d - %s\n' "$tap_cases" "$1"
}

not_ok()
{
	tap_cases=$((tap_cases + 1))
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_cases" "$1"
}

# ok SENTENCE COMMAND...: does the command succeed? What it prints are diagnostics.
ok()
{
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		pass "$tap_name"
	else
		not_ok "$tap_name"
		printf '# failed: %s\n' "$*"
	fi
	[ -z "$tap_output" ] || printf '%s\n' "$tap_output" | sed 's/^/# /'
}

skip()
{
	tap_cases=$((tap_cases + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_cases" "$1" "$2"
}

# Nothing of this script can be checked here.
skip_all()
{
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

# Say what was seen, for a reader of the log.
diag()
{
	sed 's/^/# /'
}

tap_done()
{
	printf '1..%d\n' "$tap_cases"
	[ "$tap_failed" = 0 ]
	exit
}
