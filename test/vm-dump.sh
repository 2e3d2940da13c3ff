#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Schedulers that let a task wait, and a dump that names it while it does; the guest
# stands still for that and does not notice.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_fixture
dump=$vm_dir/dump

# elements PATH: its paths, one for each element of the array before a * in it
elements()
{
	vm_m=1 vm_i=0
	case $1 in
	*\**) vm_m=$("$jsonget" "$dump" "${1%%.\**}") ;;
	esac
	while [ "$vm_i" -lt "${vm_m:-0}" ]; do
		printf '%s\n' "$1" | sed "s/\*/$vm_i/"
		vm_i=$((vm_i + 1))
	done
}

# dump_has TRIGGER PATH ERE: a snapshot of that trigger has PATH like ERE
dump_has()
{
	for vm_snapshot in $(elements 'snapshots.*.trigger'); do
		[ "$("$jsonget" "$dump" "$vm_snapshot")" = "$1" ] || continue
		for vm_path in $(elements "${vm_snapshot%.trigger}.$2"); do
			"$jsonget" "$dump" "$vm_path" | grep -Eq -- "$3" && return 0
		done
	done
	echo "no snapshot '$1' has a $2 like '$3', of these:"
	for vm_snapshot in $(elements 'snapshots.*.trigger'); do
		"$jsonget" "$dump" "$vm_snapshot" "${vm_snapshot%.trigger}.reason"
	done
	vm_show
}

# Tests whose schedulers go wrong share one boot.
vm_run run --json --dump "$dump" --watchdog-timeout 3s --stage fixture="$fixture" "$tests" -- \
	staged_forgets staged_hoards staged_errors staged_is_killed
ok "a run in which schedulers stall ends with 1" vm_ends 1
ok "the kernel names the task that was forgotten" \
	vm_test staged_forgets fail 'runnable task stall: forgotten\[[0-9]+\] failed to run'
ok "so does an early snapshot, by its reason" \
	dump_has early reason '^task forgotten\[[0-9]+\] has waited for'
ok "and among its tasks" dump_has early 'tasks.*.comm' '^forgotten$'
ok "where the CPUs were has names" dump_has early 'vcpus.*.symbol' '[a-z]'
ok "the kernel's objection is a snapshot with its words" \
	dump_has scheduler-error reason '^fixture: runnable task stall'
ok "sched_ext's state is in it, and the exit" \
	dump_has scheduler-error 'scx.exits.*.reason' '^runnable task stall$'
ok "a scheduler that never dispatches is ejected as well" \
	vm_test staged_hoards fail 'runnable task stall: forgotten'
ok "the queue where its task lies is told" dump_has early 'dsqs.*.dsq' '^0x2a$'
ok "with the task in it" dump_has early 'dsqs.*.tasks.0.comm' '^forgotten$'
ok "a scheduler's own error is a snapshot with its text" \
	dump_has scheduler-error reason 'as I was told'
ok "a scheduler's process that is killed fails the test with its signal" \
	vm_test staged_is_killed fail 'process died of SIGKILL while it was attached'
ok "the kernel lets go of its scheduler, which is a snapshot" \
	dump_has scheduler-exit reason '^fixture: (SCX_EXIT_UNREG|unregistered from user space); '
ok "it names the task that was waiting" \
	dump_has scheduler-exit reason 'task forgotten\[[0-9]+\] has waited for [0-9.]+ s on'
ok "how often the guest stood still is in the record" vm_like vm.freezes '^[1-9][0-9]?$'

# A long pause, 3 s, three times the watchdog's: for a test, early, and at the error.
rm -f "$dump"
vm_run run --json --dump "$dump" --dump-hold 3s --scheduler "$fixture" --sched-arg stall \
	--sched-arg 0 --sched-arg forgotten "$tests" -- sees_no_pause is_forgotten
ok "a stall under --scheduler ends with 1" vm_ends 1
ok "a test can ask for a snapshot and sees no pause" vm_test sees_no_pause pass
ok "its words are in the dump" dump_has test reason '^as I wished$'
ok "the run's reason is the stall" vm_says stop scheduler-ejected
ok "as the guest counts: the pause is not in it" \
	vm_like reason 'forgotten\[[0-9]+\] failed to run for [12]\.'
ok "the early snapshot has the task" dump_has early 'tasks.*.comm' '^forgotten$'
ok "and the last one is of the end" dump_has scheduler-ejected 'vcpus.*.rip' 0x
ok "the pauses took their time" vm_like vm.frozen_ms '^[0-9]{4,}'

# Somebody kills the scheduler under test while it lets a task wait.
rm -f "$dump"
vm_run run --json --dump "$dump" --watchdog-timeout 10s --scheduler "$fixture" --sched-arg stall \
	--sched-arg 0 --sched-arg forgotten "$tests" -- kills_it
ok "a scheduler that is killed ends the run with 1" vm_ends 1
ok "the reason is its own" vm_says stop scheduler-died
ok "with the signal" vm_like reason 'scheduler fixture: died: died of SIGKILL while it was attached'
ok "which is in the record" vm_says scheduler.exit.signal SIGKILL
ok "the test fails" vm_test kills_it fail
ok "a snapshot names the task that was waiting" \
	dump_has scheduler-exit reason '; task forgotten\[[0-9]+\] has waited for'
ok "and the last one is of the end" dump_has scheduler-died 'vcpus.*.rip' 0x
tap_done
