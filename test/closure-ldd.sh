#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The library closure of a program is what the machine's own dynamic linker
# says: the same files in the same order. All programs of /usr/bin, and some that
# are built here for the odd corners of its search.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/tap.sh"
print_closure=${top_builddir:=$PWD}/test/print-closure

command -v ldd >/dev/null || skip_all 'no ldd'
[ -x "$print_closure" ] || skip_all 'print-closure is not built'
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unset LD_LIBRARY_PATH

# Lines with "=>" are libraries, and those with a path that is not the
# interpreter's. CPU variants are passed over for the base version, which lies
# above them.
from_ldd()
{
	ldd "$1" 2>/dev/null |
		awk '$2 == "=>" { print $1, $3 }
			$1 ~ /^\// && $1 !~ /\/ld[^\/]*$/ { print $1, $1 }' |
		sed -E 's,glibc-hwcaps/[^/]*/,,'
}

from_ktstr()
{
	"$print_closure" "$1" 2>&1 | awk '$1 != "interp" && !/alias\)$/ { print $1, $3 }'
}

# same SENTENCE PROGRAM [WHAT-LDD-SAYS]
same()
{
	local want=${3:-$(from_ldd "$2")} got

	got=$(from_ktstr "$2")
	case $want in
	*' not'*) # one is missing: that is an error then
		if "$print_closure" "$2" >/dev/null 2>&1; then not_ok "$1"; else pass "$1"; fi ;;
	"$got") pass "$1" ;;
	*)
		not_ok "$1"
		diff <(echo "$want") <(echo "$got") | diag ;;
	esac
}

# --- /usr/bin ----------------------------------------------------------------

is_elf()
{
	[ -f "$1" ] && [ -r "$1" ] && [ "$(head -c 4 "$1" | tr -d '\177\0')" = ELF ]
}

# All of them are one case: what differs is shown. Links and copies that lead to
# one file are looked at once.
programs()
{
	local f

	for f in /usr/bin/*; do
		readlink -f "$f" # ldd takes $ORIGIN from the name that it is given
	done | sort -u
}

n=0 differ=0
while read -r f; do
	is_elf "$f" || continue
	want=$(from_ldd "$f")
	[ -n "$want" ] || continue
	n=$((n + 1))
	got=$(from_ktstr "$f")
	case $want in
	"$got") continue ;;
	*' not'*) "$print_closure" "$f" >/dev/null 2>&1 || continue ;; # an error, rightly
	esac
	differ=$((differ + 1))
	{ echo "$f"; diff <(echo "$want") <(echo "$got"); } | diag
done < <(programs)
echo "# $n dynamic programs in /usr/bin"
ok 'there are dynamic programs in /usr/bin' test "$n" -gt 0
ok 'every program of /usr/bin has the libraries that ldd lists' test "$differ" = 0

# --- made here ---------------------------------------------------------------

cd "$tmp" || exit 1
mkdir l m e
cc=${CC:-cc}

# lib FILE [FLAG...], prog FILE [FLAG...]: everything that is named is needed
lib()
{
	$cc -shared -nostdlib -Wl,--no-as-needed,--allow-shlib-undefined -o "$@" -x c /dev/null
}

prog()
{
	echo 'int main(void) { return 0; }' |
		$cc -Wl,--no-as-needed,--allow-shlib-undefined -o "$1" -x c - -x none "${@:2}"
}

old=-Wl,--disable-new-dtags new=-Wl,--enable-new-dtags
if ! lib l/libb.so 2>/dev/null || ! prog p 2>/dev/null; then
	skip 'programs built for the corners' "no compiler ($cc)"
	tap_done
fi
lib m/libb.so && lib e/libb.so
lib l/liba.so -L l -lb

prog p1 $old -Wl,-rpath,'$ORIGIN/l' -L l -la
same 'DT_RPATH is inherited by libraries' "$tmp/p1"
prog p2 $new -Wl,-rpath,'$ORIGIN/l' -L l -la
same 'DT_RUNPATH is not inherited' "$tmp/p2"
prog p3 $new -Wl,-rpath,'${ORIGIN}/l' -L l -la -lb
same 'a library that is loaded already needs no search' "$tmp/p3"

lib l/libr.so $new -Wl,-rpath,"$tmp/m" -L l -lb
prog p4 $old -Wl,-rpath,'$ORIGIN/l' -L l -lr
same 'a library with DT_RUNPATH ignores the DT_RPATH of others' "$tmp/p4"
lib l/libo.so $old -Wl,-rpath,"$tmp/m" -L l -lb
prog p5 $old -Wl,-rpath,'$ORIGIN/l' -L l -lo
same 'the DT_RPATH of the asking library comes first' "$tmp/p5"

export LD_LIBRARY_PATH=$tmp/none:$tmp/e
for p in p1 p2 p3 p4 p5; do
	same "LD_LIBRARY_PATH has its place in the order of $p" "$tmp/$p"
done
export LD_LIBRARY_PATH="$tmp/none;$tmp/m;$tmp/e"
same 'LD_LIBRARY_PATH may be divided by semicolons' "$tmp/p2"
unset LD_LIBRARY_PATH

lib l/libs.so.1 -Wl,-soname,libs.so.1 && ln -s libs.so.1 l/libs.so
lib l/libn.so && ln l/libn.so l/libn2.so
lib l/libt.so -L l -l:libs.so.1 -l:libn2.so
prog p6 $old -Wl,-rpath,'$ORIGIN/l' -L l -ls -l:libn.so -lt
same 'a file with two names is one library' "$tmp/p6"
prog p7 $new "$tmp/l/libb.so"
same 'a library may be named by its path' "$tmp/p7"

mkdir x && cp l/libb.so x/
printf '\267\0' | dd of=x/libb.so bs=1 seek=18 conv=notrunc 2>/dev/null # e_machine: arm64
prog p8 $new -Wl,-rpath,"$tmp/x:$tmp/l" -L l -lb
same 'a library for another machine is passed over' "$tmp/p8"
printf '\1' | dd of=x/libb.so bs=1 seek=4 conv=notrunc 2>/dev/null # e_ident: 32 bit
same 'a library of another word size is passed over' "$tmp/p8"

ln -s l link
prog p9 $new -Wl,-rpath,"$tmp/link" -L l -la
lib l/liba.so $new -Wl,-rpath,'$ORIGIN/../m' -L l -lb
same 'the $ORIGIN of a library is the folder as it was spelled' "$tmp/p9"
prog p10 $new -Wl,-rpath,'$ORIGINAL/l:$LIB:/$PLATFORM:$ORIGIN' -L l -lb
same 'words that only look like tokens are none' "$tmp/p10"
mkdir -p lib/x86_64-linux-gnu lib64 && cp l/libb.so lib/x86_64-linux-gnu/ && cp l/libb.so lib64/
prog p11 $new -Wl,-rpath,'$ORIGIN/$LIB' -L l -lb
same '$LIB is the folder of the libraries of this machine' "$tmp/p11"
tap_done
