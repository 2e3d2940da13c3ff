#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Schedulers under test: attached and stopped, and each way in which one can go
# wrong has its reason. The fixture scheduler does what it is told (sched/loader.c).
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_fixture

# vm_exit TEST KEY ERE: of the last scheduler that ended in that test, as the kernel has it.
vm_exit()
{
	vm_n=$(vm_json scheduler.kernel_exits)
	while [ "${vm_n:-0}" -gt 0 ]; do
		vm_n=$((vm_n - 1))
		[ "$(vm_json "scheduler.kernel_exits.$vm_n.test")" = "$1" ] || continue
		vm_like "scheduler.kernel_exits.$vm_n.$2" "$3"
		return
	done
	echo "no exit in test $1"
	vm_show
}

echo 'no program' >"$vm_dir/broken"
chmod +x "$vm_dir/broken"

# Tests that start schedulers share one boot.
vm_run run --json --stage fixture="$fixture" --stage broken="$vm_dir/broken" "$tests" -- \
	staged_works staged_fails_to_start staged_is_deaf staged_is_left \
	staged_errors staged_stalls staged_stays staged_bad_dsq staged_bad_cpu \
	staged_exits staged_crashes staged_without_link finds_it_attached
ok "a run in which schedulers fail ends with 1" vm_ends 1
ok "a test starts and stops a staged scheduler" vm_test staged_works pass 'attached as fixture'
ok "a start that fails has its errno" vm_test staged_fails_to_start pass 'could not be executed'
ok "and its reason as a note" vm_test staged_fails_to_start pass 'exited with status 3'
ok "what the kernel said is in it" \
	vm_test staged_fails_to_start pass 'ejected by the kernel: .*init'
ok "one that ignores SIGINT is killed" vm_test staged_is_deaf pass 'stopped: died of SIGKILL'
ok "one that a test leaves is stopped" vm_test staged_is_left pass 'stopped: exited with status 0'
ok "an ejection by scx_bpf_error has its text" \
	vm_test staged_errors fail 'ejected by the kernel: scx_bpf_error: as I was told'
ok "an ejection by the watchdog says so" \
	vm_test staged_stalls fail 'ejected by the kernel: runnable task stall'
ok "also when its process stays" vm_test staged_stays fail 'ejected by the kernel: runnable'
ok "a queue that does not exist is named" \
	vm_test staged_bad_dsq fail 'ejected by the kernel: runtime error: .*0xdead'
ok "a CPU that does not exist is named" \
	vm_test staged_bad_cpu fail 'ejected by the kernel: runtime error: .*9999'
ok "the kernel's memory has an exit" vm_exit staged_errors kind_name '^SCX_EXIT_ERROR_BPF$'
ok "its message" vm_exit staged_errors msg '^as I was told$'
ok "a stall's reason" vm_exit staged_stalls reason '^runnable task stall$'
ok "a stall's debug dump has its CPUs" vm_exit staged_stalls dump '^  *curr='
ok "a wish of user space is one" vm_exit staged_works kind_name '^SCX_EXIT_UNREG$'
ok "one that exits by itself died" vm_test staged_exits fail 'process exited with status 0'
ok "one that crashes died of its signal" vm_test staged_crashes fail 'process died of SIGSEGV'
ok "one without a link, too" vm_test staged_without_link fail 'process died of SIGSEGV'
ok "and nothing of it is left in the kernel" vm_test finds_it_attached fail 'not attached'

# The one of --scheduler, from the outside.
vm_run run --json --scheduler "$fixture" --sched-arg work --stage fixture="$fixture" \
	--sched-enable 'echo yes > /tmp/enabled' --watchdog-timeout 3s \
	--sched-disable 'echo "<2>switched off" > /dev/kmsg' \
	"$tests" -- finds_it_attached finds_it_enabled switches finds_it_attached
ok "tests under a scheduler pass" vm_ends 0
ok "the record names the scheduler's file" vm_says scheduler.path "$fixture"
ok "its arguments" vm_says scheduler.args.0 work
ok "its name in the kernel" vm_says scheduler.ops fixture
ok "how long it took to attach" vm_like scheduler.attach_ms '^[0-9.]*[1-9]'
ok "the watchdog that was asked for" vm_like scheduler.watchdog.requested_ms '^3000'
ok "the scheduler's own" vm_like scheduler.watchdog.was_ms '^1000'
ok "and what the kernel has now" vm_like scheduler.watchdog.now_ms '^3000'
ok "that it was stopped" vm_says scheduler.status stopped
ok "its true exit status" vm_says scheduler.exit.code 0
ok "and what it said" vm_prints out 'fixture: told to end'
ok "a test can switch schedulers" vm_test switches pass
ok "and the next one finds the first again" vm_test finds_it_attached pass
ok "--sched-enable is done before the tests" vm_test finds_it_enabled pass
ok "--sched-disable behind them" vm_prints out '\] switched off'

vm_run run --json --scheduler "$fixture" --sched-arg error --sched-arg 300 \
	--sched-arg 'as I was told' "$tests" -- outlives_it finds_it_attached
ok "an ejection ends the run with 1" vm_ends 1
ok "its reason is a reason of its own" vm_says stop scheduler-ejected
ok "with the kernel's words" \
	vm_like reason 'scheduler fixture: ejected by the kernel: scx_bpf_error: as I was told'
ok "and the kernel's record of it" vm_exit outlives_it msg '^as I was told$'
ok "the test fails, whatever its process returned" vm_test outlives_it fail 'ejected'
ok "and the next one is not run" vm_test finds_it_attached skip
ok "the process's status is told as well" vm_says scheduler.exit.code 2

vm_run run --json --scheduler "$fixture" --sched-arg die --sched-arg 3
ok "a scheduler that dies early ends the run with 1" vm_ends 1
ok "the reason is told apart" vm_says stop scheduler-died-early
ok "with status and last words" vm_like reason 'exited with status 3.*told to die early'
ok "no test was run" vm_says tests 0

vm_run run --json --scheduler "$fixture" --sched-arg hang --sched-timeout 3s
ok "a scheduler that is never attached ends the run with 1" vm_ends 1
ok "the reason is told apart, too" vm_says stop scheduler-not-attached
ok "with the time" vm_like reason 'scheduler fixture: never attached: .* after [0-9.]+ s'

vm_run run --json --scheduler "$vm_dir/broken"
ok "a scheduler that cannot be executed is an error" vm_ends 99
ok "and says so" vm_says stop scheduler-exec

if command -v busybox >/dev/null; then
	vm_run exec --scheduler "$fixture" --sched-arg work -- cat /sys/kernel/sched_ext/root/ops
	ok "a command runs on the scheduler" vm_prints out '^fixture$'
	ok "and has its own status" vm_ends 0

	vm_run exec --scheduler "$fixture" --sched-arg error --sched-arg 300 -- tail -f /dev/null
	ok "a command ends when its scheduler is ejected" vm_ends 99
	ok "with the reason" vm_prints err 'ktstr: scheduler fixture: ejected by the kernel'

	TERM=vt220 vm_do "$top_builddir/test/in-terminal" \
		expect='Ctrl-A X ends' expect='the scheduler was ejected: ' 'type=exit 4^M' -- \
		"$ktstr" shell --scheduler "$fixture" --sched-arg error --sched-arg 300 </dev/null
	ok "a terminal is told, and stays" vm_ends 4
else
	skip "commands on a scheduler" "no busybox here: apt-get install busybox-static"
fi
tap_done
