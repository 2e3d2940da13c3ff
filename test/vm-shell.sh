#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# ktstr shell on a terminal: what is typed and shown, its size, and that the
# terminal is as it was after each way out.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_guest
command -v busybox >/dev/null || skip_all "no busybox here: apt-get install busybox-static"
TERM=vt220
export TERM

# vm_shell WORD...
vm_shell()
{
	vm_do "$top_builddir/test/in-terminal" "$@" -- "$ktstr" shell </dev/null
}

# what is expected is never the echo of what was typed; and ^C is typed when the process
# that it is for has spoken, for before that it would be the shell's
vm_shell expect='Ctrl-A X ends' raw \
	'type=stty size; echo $TERM-$((1+1))^M' 'expect=33 77' expect=vt220-2 \
	size=20x60 'type=stty size^M' 'expect=20 60' \
	'type=sh -c "echo up-$((1+1)); exec cat"^M' expect=up-2 'type=^C' 'expect=ktstr:/# ' \
	'type=echo status-$?^M' expect=status-130 \
	'type=exit 5^M'
ok "a shell talks, follows the terminal's size, has job control and ends with its status" vm_ends 5
ok "it greets with the kernel and the CPUs" vm_prints out 'Linux [0-9.]+.*2 CPUs'

vm_shell expect='Ctrl-A X ends' raw 'type=^Ax'
ok "Ctrl-A X ends the machine, and the terminal is cooked again" vm_ends 0

vm_shell expect='Ctrl-A X ends' raw kill=9
ok "the terminal is cooked again even after SIGKILL" vm_ends 137

vm_shell expect='Ctrl-A X ends' raw kill=15
ok "and after SIGTERM, which ends the shell" vm_ends 143

vm_shell expect='Ctrl-A X ends' raw 'type=poweroff -f^M'
ok "poweroff is a way out as well" vm_ends 0

vm_shell expect='Ctrl-A X ends' raw 'type=echo c >/proc/sysrq-trigger^M'
ok "a guest that panics ends it" vm_ends 99
ok "with the reason" vm_prints out 'ktstr: the guest.s kernel said: .*Kernel panic'
tap_done
