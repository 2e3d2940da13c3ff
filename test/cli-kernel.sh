#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# ktstr kernel build that is ended by signals, and what ktstr cleanup says of
# the rest. Nothing is compiled: the tree's Makefile waits at a gate.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/tap.sh"

ktstr=$top_builddir/ktstr
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM HUP INT

KTSTR_CACHE_DIR=$dir/cache
KTSTR_SHM_DIR=off
export KTSTR_CACHE_DIR KTSTR_SHM_DIR
unset MAKEFLAGS MFLAGS MAKELEVEL

# programs that a build looks for and this one does not use
mkdir "$dir/bin" "$dir/linux"
for name in gcc ld bc flex bison pahole lz4 strip; do
	ln -s /bin/true "$dir/bin/$name"
done
PATH=$dir/bin:$PATH
mkfifo "$dir/gate"
: >"$dir/linux/Kconfig"
cat >"$dir/linux/Makefile" <<END
VERSION = 6
PATCHLEVEL = 99
O ?= .
allnoconfig:
	@cp \$(KCONFIG_ALLCONFIG) \$(O)/.config
bzImage:
	@head -c 3000000 /dev/urandom >\$(O)/half; cat $dir/gate
END

# A build that has come to the gate, which is open for writing as 9. Under nohup SIGHUP is
# ignored, as ktstr then does, too.
start()
{
	env --default-signal=HUP "$ktstr" kernel build --source "$dir/linux" \
		>"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	exec 9>"$dir/gate"
}

rest()
{
	find "$dir/cache/kernels" -mindepth 1 -maxdepth 1 -name '.tmp.*' | wc -l
}

# Not within ok, whose subshell is not the build's parent.
end_by()
{
	kill "-$1" "$pid"
	wait "$pid"
	status=$?
}

ended()
{
	[ "$status" = "$1" ] && return 0
	echo "exit status $status"
	cat "$dir/err"
	return 1
}

says()
{
	grep -Eq -- "$2" "$dir/$1" && return 0
	cat "$dir/$1"
	return 1
}

for signal in TERM HUP; do
	start
	end_by "$signal"
	ok "a build that gets SIG$signal ends as an error" ended 99
	ok "it says that it was cancelled" says err 'build 6\.99.*: cancelled$'
	ok "it leaves nothing" test "$(rest)" = 0
	exec 9>&-
done

# Of the same key while another is at the gate; told is its stderr, read to where it waits.
mkfifo "$dir/told"
start
first=$pid
"$ktstr" kernel build --source "$dir/linux" >"$dir/out" 2>"$dir/told" </dev/null 9>&- &
pid=$!
exec 8<"$dir/told"
while read -r line <&8; do
	case $line in *waiting) break ;; esac
done
end_by TERM
cat <&8 >"$dir/err"
exec 8<&-
ok "a build that waits for another one ends by SIGTERM, too" ended 99
ok "it says that it was cancelled, too" says err 'build 6\.99.*: cancelled$'
ok "the other one goes on" kill -0 "$first"
pid=$first
end_by TERM
exec 9>&-

TERM=vt220 timeout -k 5 60 "$top_builddir/test/in-terminal" expect=compiling type=^C \
	expect=removing -- "$ktstr" kernel build --source "$dir/linux" >"$dir/out" 2>"$dir/err"
status=$?
ok "a build on a terminal ends by ^C" ended 99
ok "it leaves nothing, too" test "$(rest)" = 0

start
maker=$(ps -o pid= --ppid "$pid")
end_by KILL
ok "what a killed build started ends with it" timeout 60 tail -s 0.1 --pid="$((maker))" -f /dev/null
exec 9>&-
ok "its tree stays" test "$(rest)" = 1
"$ktstr" cleanup >"$dir/out" 2>"$dir/err"
ok "cleanup says what it removes" says err \
	"^ktstr: .*removing $dir/cache/kernels/\.tmp\.$pid\.[^ ]*: [23] MiB"
ok "it says how much that was" says out 'unfinished imports and builds: 1, [23] MiB$'
ok "then it is gone" test "$(rest)" = 0
"$ktstr" cleanup --json >"$dir/out" 2>"$dir/err"
ok "once more there is nothing" test "$("$top_builddir/test/jsonget" "$dir/out" imports)" = 0
ok "and no word of it" test ! -s "$dir/err"
tap_done
