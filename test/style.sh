# SPDX-License-Identifier: GPL-2.0-only
# What the style tests share; sourced. They read the source folder only, and
# each is also run over small trees that break its rules, so that it is seen to fail.

. "$top_srcdir/test/tap.sh"

style_folders="base mm vcpu serial virtio shmring boot monitor loop init cli include"
style_tmp=
trap 'rm -rf "$style_tmp"' EXIT

# Files under TREE (the folders named, or all of ours) whose names match the patterns.
#	style_files TREE "FOLDER..." PATTERN...
style_files()
{
	style_tree=$1 style_where=
	for style_f in $2; do
		[ -d "$style_tree/$style_f" ] && style_where="$style_where $style_f"
	done
	[ -n "$style_where" ] || return 0
	shift 2
	style_names=
	for style_f in "$@"; do
		style_names="$style_names${style_names:+ -o }-name $style_f"
	done
	# shellcheck disable=SC2086 # lists of words
	(cd "$style_tree" && set -f && find $style_where -type f \( $style_names \) |
		LC_ALL=C sort)
}

# C code of the files named on stdin as "FILE:LINE:TEXT", without comments and
# with the contents of string literals and character constants left out.
#	style_code TREE <FILES
style_code()
{
	(cd "$1" && xargs -r awk '
	FNR == 1 { comment = 0 }
	{
		out = ""
		include = $0 ~ /^[ \t]*#[ \t]*include/
		n = length($0)
		for (i = 1; i <= n; i++) {
			c = substr($0, i, 1)
			two = substr($0, i, 2)
			if (comment) {
				if (two == "*/") { comment = 0; i++ }
			} else if (two == "/*") {
				comment = 1; i++; out = out " "
			} else if (two == "//") {
				break
			} else if (!include && (c == "\"" || c == "\047")) {
				for (i++; i <= n && substr($0, i, 1) != c; i++)
					if (substr($0, i, 1) == "\\") i++
				out = out c c
			} else {
				out = out c
			}
		}
		if (out ~ /[^ \t]/) print FILENAME ":" FNR ":" out
	}')
}

# A tree with one file, for a checker to find fault with.
#	style_sample FILE TEXT    leaves the tree's path in $style_tmp/tree
style_sample()
{
	[ -n "$style_tmp" ] || style_tmp=$(mktemp -d)
	rm -rf "$style_tmp/tree"
	mkdir -p "$style_tmp/tree/$(dirname "$1")"
	printf '%s\n' "$2" >"$style_tmp/tree/$1"
}

# The checker prints what it finds, one line each, and nothing for a clean tree.
#	style_clean SENTENCE CHECKER TREE
style_clean()
{
	style_found=$("$2" "$3")
	if [ -z "$style_found" ]; then
		pass "$1"
	else
		not_ok "$1"
		printf '%s\n' "$style_found" | diag
	fi
}

# ... and must find this one.
#	style_finds SENTENCE CHECKER FILE TEXT
style_finds()
{
	style_sample "$3" "$4"
	if [ -n "$("$2" "$style_tmp/tree")" ]; then
		pass "$1"
	else
		not_ok "$1"
		printf '%s\n' "found nothing wrong with $3:" "$4" | diag
	fi
}
