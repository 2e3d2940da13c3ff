#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Hard limits on the size of files and functions. The aim is below: 400 lines
# a file, 50 a function, 150 a header. The largest are printed.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/style.sh"

source_max=600
header_max=250
function_max=80
folders="$style_folders test bench"

# "LINES FILE" of all sources
sizes()
{
	style_files "$1" "$folders" '*.[ch]' '*.sh' |
	(cd "$1" && xargs -r awk '{ n[FILENAME]++ } END { for (f in n) print n[f], f }')
}

# "LINES FILE:LINE" of all functions: from "{" to "}", both in the first column.
functions()
{
	style_files "$1" "$folders" '*.[ch]' |
	(cd "$1" && xargs -r awk '
	FNR == 1 { start = 0 }
	/^{/ { start = FNR }
	/^}/ && start { print FNR - start + 1, FILENAME ":" start; start = 0 }')
}

check_files()
{
	sizes "$1" | awk -v c=$source_max -v h=$header_max '
	{ max = $2 ~ /\.h$/ ? h : c }
	$1 > max { print $2 ": " $1 " lines, at most " max }'
}

check_functions()
{
	functions "$1" | awk -v max=$function_max '
	$1 > max { print $2 ": a function of " $1 " lines, at most " max }'
}

lines()
{
	awk -v n="$1" -v text="$2" 'BEGIN { for (i = 0; i < n; i++) print text }'
}

{
	echo "largest files:"
	sizes "$top_srcdir" | sort -rn | head -n 5
	echo "largest functions:"
	functions "$top_srcdir" | sort -rn | head -n 5
} | diag
style_clean "no file is larger than its limit" check_files "$top_srcdir"
style_clean "no function is larger than its limit" check_functions "$top_srcdir"
style_finds "a source that is too large is found" check_files mm/bad.c "$(lines 601 'int x;')"
style_finds "a header that is too large is found" check_files mm/bad.h "$(lines 251 'int x;')"
style_finds "a function that is too large is found" check_functions mm/bad.c \
	"$(printf 'int f(void)\n{\n'; lines 79 '	g();'; printf '}\n')"
tap_done
