#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the pages name is there: files, folders, functions, options; and every
# folder is on the maps. The man page is compared with the options in cli-usage.sh.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/style.sh"

pages()
{
	(cd "$1" && for f in *.md doc/*.md; do
		[ ! -e "$f" ] || echo "$f"
	done)
}

# Words in `code` on one line each: PAGE WORD
code_words()
{
	for page in $(pages "$1"); do
		awk '/^```/ { fence = !fence; next }
		!fence {
			n = split($0, part, "`")
			for (i = 2; i <= n; i += 2) {
				m = split(part[i], word, " ")
				for (k = 1; k <= m; k++) print FILENAME, word[k]
			}
		}' "$1/$page" | sed "s|^$1/||"
	done
}

# folder/file or folder/ of ours (a * may stand for more), and FILE.md.
check_files()
{
	code_words "$1" | sort -u | while read -r page word; do
		word=${word%[,.:;]}
		case $word in
		*[\<\>\"\$]*) continue ;;
		*.md) ;;
		*/*)
			case " $style_folders test bench doc .ci ktstr " in
			*" ${word%%/*} "*) ;;
			*) continue ;;
			esac ;;
		*) continue ;;
		esac
		# shellcheck disable=SC2086 # a pattern
		(cd "$1" && set -- $word && [ -e "$1" ] || [ -e "include/$word" ] ||
			[ -e "$(dirname "$page")/$word" ]) ||
			echo "$page: there is no $word"
	done
}

# name() or name_of_ours: said somewhere in the code.
check_functions()
{
	code_words "$1" | sed -n 's/^\([^ ]*\) \([a-z_0-9]*\)()$/\1 \2/p' | sort -u |
	while read -r page name; do
		(cd "$1" && grep -rqw --include='*.[ch]' "$name" .) ||
			echo "$page: there is no $name()"
	done
}

# Every folder with code is on the map of README.md and of ARCHITECTURE.md.
check_maps()
{
	for dir in $style_folders; do
		[ -d "$1/$dir" ] || continue
		for page in README.md ARCHITECTURE.md; do
			grep -q "$dir/" "$1/$page" || echo "$page: $dir/ is not on the map"
		done
	done
}

# Options of ours that a page names. Those of other programs stand in fenced blocks.
check_options()
{
	names=$(grep '^\.It.* Fl -' "$1/doc/ktstr.1" 2>/dev/null | tr ' ' '\n' |
		sed -n 's/^-\([a-z-]*\)$/\1/p')
	code_words "$1" | sed -n 's/^\([^ ]*\) --\([a-z-]*\).*/\1 \2/p' | sort -u |
	while read -r page name; do
		case $name in
		enable-* | disable-*)
			grep -qF "[${name#*able-}]" "$1/configure.ac" && continue
			[ "$name" = disable-shared ] && continue ;;
		esac
		echo "$names" | grep -qx -e "$name" ||
			echo "$page: ktstr(1) has no --$name"
	done
}

# The README's test is C that compiles.
check_example()
{
	[ -n "$style_tmp" ] || style_tmp=$(mktemp -d)
	sed -n '/^```c$/,/^```$/p' "$1/README.md" | grep -v '^```' >"$style_tmp/readme.c"
	grep -q KTSTR_TEST "$style_tmp/readme.c" || echo "README.md has no test"
	${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$1/include" \
		"$style_tmp/readme.c" 2>&1
	ktstr_lines=$(grep -c . "$style_tmp/readme.c")
	[ "$ktstr_lines" -le 15 ] || echo "README.md: a test of $ktstr_lines lines, at most 15"
}

style_clean "every file that a page names is there" check_files "$top_srcdir"
style_clean "every function that a page names is there" check_functions "$top_srcdir"
style_clean "every folder is on the maps" check_maps "$top_srcdir"
style_clean "every option that a page names is in the man page" check_options "$top_srcdir"
style_clean "the test in the README compiles, in 15 lines" check_example "$top_srcdir"

style_finds "a missing file is found" check_files README.md 'see `mm/none.h`.'
style_finds "a missing page is found" check_files README.md 'see `NONE.md`.'
style_finds "a missing option is found" check_options README.md 'use `--none`.'
style_finds "a missing function is found" check_functions README.md 'see `mm_none()`.'
tap_done
