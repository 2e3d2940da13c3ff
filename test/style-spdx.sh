#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every source names its licence in its first line (the second of a script).
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/style.sh"

licence='SPDX-License-Identifier: GPL-2.0-only'

sources()
{
	style_files "$1" "$style_folders test bench doc .ci" \
		'*.[ch]' '*.sh' '*.awk' '*.[1-8]' run
	(cd "$1" && for f in configure.ac Makefile.am quickstart; do
		[ ! -e "$f" ] || echo "$f"
	done)
}

check_licence()
{
	sources "$1" | (cd "$1" && xargs -r awk -v licence="$licence" '
	FNR == 1 { script = /^#!/; bad = !index($0, licence) }
	FNR == 1 && !script && bad { print FILENAME ": the first line does not name the licence" }
	FNR == 2 && script && !index($0, licence) {
		print FILENAME ": the second line does not name the licence" }')
}

style_clean "every source names its licence" check_licence "$top_srcdir"
style_finds "a source without one is found" check_licence mm/bad.c 'int x;'
style_finds "another licence is found" check_licence mm/bad.c \
	'/* SPDX-License-Identifier: MIT */'
style_finds "a script without one is found" check_licence test/bad.sh '#!/bin/sh
echo'
tap_done
