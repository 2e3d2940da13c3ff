#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A test program outside the tree: built by the installed library's own flags,
# run by the installed command.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"

root=$vm_dir/root
# make's own settings are for the make that runs the tests
unset MAKEFLAGS MFLAGS MAKELEVEL
install()
{
	(cd "$top_builddir" && ${MAKE:-make} install DESTDIR="$root") >"$vm_dir/install" 2>&1 &&
		return
	tail -n 20 "$vm_dir/install"
	return 1
}
ok "make install DESTDIR= works" install
pc=$(find "$root" -name ktstr.pc)
ok "ktstr.pc is installed" test -r "$pc"
ok "ktstr(1) is installed" test -n "$(find "$root" -name ktstr.1)"
ktstr=$(find "$root" -path '*/bin/ktstr')
ok "the command is installed and runs" "$ktstr" version
libdir=$(dirname "$pc")/..
libs=--libs
[ -e "$libdir/libktstr.so" ] || libs='--libs --static'

flags()
{
	PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$root pkg-config "$@" ktstr
}

build()
{
	# shellcheck disable=SC2046,SC2086 # lists of words
	${CC:-cc} -Wall -Wextra -Werror $EXAMPLE_CFLAGS $(flags --cflags) \
		-o "$vm_dir/two_cpus" "$top_srcdir/doc/examples/two_cpus.c" \
		$(flags $libs) -Wl,-rpath,"$libdir"
}
ok "the example compiles with pkg-config's flags" build
ok "the example lists its tests" sh -c "\"$vm_dir/two_cpus\" list | grep -q two_cpus"
ok "the installed command lists them, too" \
	sh -c "\"$ktstr\" list \"$vm_dir/two_cpus\" | grep -q ask_for_more"

if ! why=$(vm_has_guest); then
	skip "the example passes" "no guest can run here: $why"
	tap_done
fi
vm_run run --json "$vm_dir/two_cpus"
ok "the example passes" vm_ends 0
ok "its test is in the record, the manual one is not" test "$(vm_json tests)" = 1
ok "and has what the test noted" vm_test two_cpus pass 'worker 0: [0-9]+ ms of CPU'

ktstr=$vm_dir/two_cpus
vm_run run --json -- ask_for_more
ok "the program itself is a ktstr command; its manual test fails as it should" vm_ends 1
ok "with what was seen" vm_test ask_for_more fail 'only [0-9]+ CPUs'
tap_done
