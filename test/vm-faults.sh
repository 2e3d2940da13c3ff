#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tests and guests that go wrong in every way: each has its documented status
# and a reason that names the cause. Through a nested run it is the same.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_guest

# Those that end by themselves share one boot; the worst verdict is the run's.
vm_run run --json -- fault_crash fault_exit fault_fail fault_skip fault_inconclusive \
	fault_ring_fill fault_output smoke
ok "a run in which a test fails ends with 1" vm_ends 1
ok "and its verdict is fail" vm_says verdict fail
ok "a crash is a failure that names the signal" vm_test fault_crash fail SIGSEGV
ok "an exit without a result is a failure that says so" vm_test fault_exit fail 'exit'
ok "a failed check is a failure with what was seen" vm_test fault_fail fail '[a-z]'
ok "a skipped test says why" vm_test fault_skip skip '[a-z]'
ok "an inconclusive test says what was not measured" \
	vm_test fault_inconclusive inconclusive '[a-z]'
ok "a test after all of these still passes" vm_test smoke pass

# Who writes garbage all over the ring loses the ring, and COM2 carries the rest.
vm_run run --json -- fault_ring_garbage smoke
ok "garbage in the ring neither ends nor confuses the run" vm_ends 0
ok "a test after it still passes" vm_test smoke pass
# the host sees bad frames, or the guest sees it first
ok "the garbage is a finding" vm_prints out 'BadFrame|ring: somebody wrote over it'

# The codes of verdicts other than pass and fail.
vm_run run --json -- fault_skip
ok "a run in which all is skipped ends with 77" vm_ends 77
ok "and says why" vm_like reason 'fault_skip: .*[a-z]'
vm_run run --json --vmcore "$vm_dir/none" -- fault_inconclusive smoke
ok "what could not be measured makes the run inconclusive: 2" vm_ends 2
ok "and says what" vm_like reason 'fault_inconclusive: .*[a-z]'
ok "a run that ends in order leaves no core" [ ! -e "$vm_dir/none" ]

# A test that finds nothing wrong, under rules that do.
vm_run run --json -- fault_imbalance
ok "a rule that is enforced fails a run whose test passed" vm_ends 1
ok "which is told of the test" vm_test fault_imbalance pass
ok "and the reason is what the monitor saw" vm_like reason \
	'^imbalance: the longest runqueue is [3-9].[0-9] times the shortest, limit 3.0'
ok "as the finding in the record has it" vm_like monitor.findings.0.kind '^imbalance$'

# The guest as a whole.
vm_run run --json --vmcore "$vm_dir/core" -- fault_panic
ok "a panic of the guest ends the run with 1" vm_ends 1
ok "and is the reason" vm_like reason '[Pp]anic'
ok "the console's last lines are kept" vm_like console_tail '^[1-9]'
head -c 4096 "$vm_dir/core" >"$vm_dir/head"
ok "a core of it is there, with VMCOREINFO" grep -aq 'OSRELEASE=[1-9]' "$vm_dir/head"
ok "and the bytes of its memory" grep -aq 'Linux version [1-9]' "$vm_dir/core"
ok "and nothing is left of how it was written" [ "$(ls "$vm_dir"/core*)" = "$vm_dir/core" ]
vm_run run --json --cmdline rdinit=/none
ok "a guest without its init fails" vm_ends 1
ok "and says so" vm_like reason 'init'
vm_run run --json --timeout 3s -- fault_hang
ok "a test that hangs ends at --timeout with 1" vm_ends 1
ok "and the reason names the deadline" vm_like reason '3 ?s|deadline|timeout'
tap_done
