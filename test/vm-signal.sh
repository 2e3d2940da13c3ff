#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A run that is interrupted: it ends in order, or is killed, and in both cases
# nothing of it stays behind and the next run works.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_guest

# Start a run that would take for ever and wait until its guest's kernel talks.
# The console comes through a FIFO, so that the waiting is for the event itself.
start()
{
	rm -f "$vm_dir/fifo"
	mkfifo "$vm_dir/fifo"
	vm_mark
	# a shell starts background jobs with SIGINT ignored: put that right
	env --default-signal=INT "$ktstr" run --json --dmesg --timeout 200s "$@" \
		>"$vm_dir/out" 2>"$vm_dir/fifo" </dev/null &
	vm_job=$!
	(vm_gone "$vm_bound" $vm_job || kill -s KILL $vm_job) >/dev/null 2>&1 3<&- &
	vm_guard=$!
	exec 3<"$vm_dir/fifo"
	: >"$vm_dir/err"
	vm_words="ktstr run --json --dmesg $*"
	await "Linux version"
}

# Until a line has that text.
await()
{
	while read -r line <&3; do
		printf '%s\n' "$line" >>"$vm_dir/err"
		case $line in
		*"$1"*) return ;;
		esac
	done
}

finish()
{
	cat <&3 >>"$vm_dir/err" &
	vm_reader=$!
	wait "$vm_job"
	vm_status=$?
	exec 3<&-
	wait "$vm_reader"
	wait "$vm_guard"
}

nothing_left()
{
	vm_pids=$(vm_left)
	[ -z "$vm_pids" ] && return 0
	# it may be on its way out
	# shellcheck disable=SC2086 # a list
	vm_gone 10 $vm_pids && return 0
	echo "still there: $vm_pids"
	return 1
}

for signal in INT TERM; do
	# the first guest goes on from its snapshot, the other one is still held
	rm -f "$vm_dir/dump"
	if [ "$signal" = INT ]; then
		start -v --dump "$vm_dir/dump" -- fault_hang
		still="the guest stood still"
	else
		start -v --dump "$vm_dir/dump" --dump-hold 60m -- fault_hang
		still="the guest stands still for 3600"
	fi
	ok "a run is under way before SIG$signal" test -n "$(vm_left)"
	kill -s USR1 "$vm_job"
	await "$still"
	kill -s "$signal" "$vm_job"
	finish
	ok "SIG$signal ends the run with 99" vm_ends 99
	ok "the record says error" vm_says verdict error
	ok "and that it was cancelled" vm_like reason 'cancelled'
	ok "nothing is left behind after SIG$signal" nothing_left
	ok "SIGUSR1 before it left a snapshot, and it left none" test \
		"$("$jsonget" "$vm_dir/dump" snapshots snapshots.0.trigger | tr '\n' ' ')" = "1 user "
done

start -- fault_hang
kill -s KILL "$vm_job"
finish
ok "nothing is left behind after SIGKILL" nothing_left
vm_run run --json
ok "and the next run works" vm_ends 0
tap_done
