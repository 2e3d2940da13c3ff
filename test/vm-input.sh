#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Bad input is refused before anything boots: with the documented status, and
# one line that says what and why. Needs no guest, but for the last part.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"

# vm_refuses STATUS ERE: with a line "ktstr: ..." on stderr.
vm_refuses()
{
	vm_ends "$1" && vm_prints err "^ktstr: .*($2)"
}

# --- usage -------------------------------------------------------------------

vm_run no-such-command
ok "an unknown command is a usage error that names it" vm_refuses 64 'no-such-command'
vm_run run --no-such-option
ok "an unknown option is a usage error that names it" vm_refuses 64 'no-such-option'
vm_run run --memory
ok "an option without its argument is a usage error" vm_refuses 64 'memory'
for pair in topology=0,1,1,1 topology=1,1,2 topology=banana memory=lots memory=-1 \
	timeout=soon timeout=5 accel=magic; do
	vm_run run "--${pair%%=*}" "${pair#*=}"
	ok "--${pair%%=*} ${pair#*=} is a usage error" \
		vm_refuses 64 "${pair%%=*}.*${pair#*=}|${pair#*=}.*${pair%%=*}"
done
vm_run run -- no_such_test
ok "an unknown test is named" vm_prints err '^ktstr: .*no_such_test'
ok "and ends with 64 or 99" test "$vm_status" = 64 -o "$vm_status" = 99

# --- kernels -----------------------------------------------------------------

vm_run run --kernel "$vm_dir/none" --json
ok "with --json an error is a record, too" vm_says verdict error
ok "with its exit code" vm_says exit_code 99
ok "a kernel that is not there" vm_refuses 99 "kernel.*$vm_dir/none"
mkdir "$vm_dir/empty-dir"
vm_run run --kernel "$vm_dir/empty-dir"
ok "a folder without a kernel" vm_refuses 99 "kernel.*empty-dir"
: >"$vm_dir/empty"
vm_run run --kernel "$vm_dir/empty"
ok "an empty file as kernel" vm_refuses 99 'kernel.*empty'
head -c 300000 /dev/urandom >"$vm_dir/noise"
vm_run run --kernel "$vm_dir/noise"
ok "noise as kernel" vm_refuses 99 'kernel.*noise.*not a '
vm_run run --kernel "$ktstr"
ok "a program as kernel" vm_refuses 99 'kernel.*ktstr'
echo words >"$vm_dir/sealed"
chmod 000 "$vm_dir/sealed"
if [ -r "$vm_dir/sealed" ]; then
	skip "a kernel that may not be read" "root may read everything"
else
	vm_run run --kernel "$vm_dir/sealed"
	ok "a kernel that may not be read" vm_refuses 99 'kernel.*Permission denied'
fi
kernel=$("$ktstr" kernel path 2>/dev/null)
if [ -r "$kernel" ]; then
	head -c 200000 "$kernel" >"$vm_dir/truncated"
	vm_run run --kernel "$vm_dir/truncated"
	ok "a truncated kernel" vm_refuses 99 'kernel.*truncated'
	vm_run run --memory 2M
	ok "too little memory: both numbers are told" vm_refuses 99 'memory.*[0-9]+.*[0-9]+'
else
	skip "a truncated kernel" "no kernel here"
	skip "too little memory: both numbers are told" "no kernel here"
fi

# --- accelerators and programs -----------------------------------------------

vm_run run "$vm_dir/none"
ok "a program that is not there is refused by name" vm_prints err "^ktstr: .*$vm_dir/none"
ok "with 64 or 99" test "$vm_status" = 64 -o "$vm_status" = 99
if [ ! -r "$kernel" ]; then
	skip "devices and programs that are of no use" "no kernel here"
	tap_done
fi
vm_run run --accel kvm --kvm-device "$vm_dir/none"
ok "a KVM device that is not there" vm_refuses 99 "$vm_dir/none"
vm_run run --accel kvm --kvm-device /dev/null
ok "a device that is no KVM" vm_refuses 99 '/dev/null'
timeout=$(command -v timeout)
env PATH="$vm_dir/empty-dir" "$timeout" -k 10 60 "$ktstr" run --accel nested \
	>"$vm_dir/out" 2>"$vm_dir/err" </dev/null
vm_status=$? vm_words="ktstr run --accel nested, without QEMU in PATH"
if grep -q 'outer kernel: none' "$vm_dir/err"; then
	skip "no QEMU: the package to install is named" "no outer kernel here"
else
	ok "no QEMU: the package to install is named" vm_refuses 99 'qemu-system-x86'
fi
vm_run run /bin/true
ok "a program that has no tests is refused by name" vm_prints err '^ktstr: .*/bin/true'
ok "with 64 or 99, too" test "$vm_status" = 64 -o "$vm_status" = 99
tap_done
