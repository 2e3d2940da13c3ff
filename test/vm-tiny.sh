#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Guests of a few instructions that go wrong before there is a PID 1: they hang,
# halt, fault, print for ever, panic, reset. Any /dev/kvm runs them.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"

[ -r /dev/kvm ] && [ -w /dev/kvm ] || skip_all "/dev/kvm cannot be opened"
tiny=$top_builddir/test/tiny-kernel

# tiny KIND OPTION...: run that kernel
tiny()
{
	"$tiny" "$1" "$vm_dir/vmlinux" || exit 99
	shift
	vm_run run --accel kvm --kernel "$vm_dir/vmlinux" --topology 1,1,1,1 --json "$@"
}

ended()		# ended STOP PHASE ERE-OF-REASON
{
	vm_ends 1 && vm_says verdict fail && vm_says stop "$1" && vm_says phase "$2" &&
		vm_like reason "$3"
}

tiny hang --timeout 1s --vmcore "$vm_dir/core"
ok "a kernel that spins meets the deadline, and the reason has its RIP" \
	ended deadline loaded 'waited 1.0 s \(--timeout\).*vCPU 0 at 0x10000'
ok "a core of it is there" [ "$(head -c 4 "$vm_dir/core" | tail -c 3)" = ELF ]
ok "for its owner alone" [ "$(stat -c %a "$vm_dir/core")" = 600 ]
ok "which says that no Linux was found in it" vm_prints out 'without VMCOREINFO: '
tiny halt --timeout 1s
ok "a kernel that halts for ever is told as halted" \
	ended deadline loaded 'vCPU 0 at 0x10000.*halted.*nothing on the console'
# 252 characters are a name, but leave no room for that of the temporary file
tiny triple --vmcore "$vm_dir/$(printf '%0252d' 0)"
ok "a triple fault ends the run at once" ended triple-fault loaded 'vCPU 0: triple fault'
ok "a core that cannot be written is a finding" vm_prints out 'create .*/0*: File name too long'
tiny print --timeout 1s
ok "a kernel that prints for ever is bounded in time and memory" \
	ended deadline 'first output' 'last on the console: xxxx'
tiny panic
ok "panic text ends the run with that text" \
	ended panic 'first output' 'Kernel panic - not syncing: tiny'
tiny oops
ok "oops text ends the run with that text" ended oops 'first output' 'unable to handle page fault'
tiny banner --timeout 1s
ok "a hang after the banner is told as such" \
	ended deadline 'kernel banner' 'for PID 1 to start.*Linux version 0.0-tiny'
tiny reset
ok "a reset before any result is a failure" ended early-off loaded 'reset by the keyboard'
tiny off
ok "memory that nobody claims is no error, and ACPI powers off" \
	ended early-off loaded 'powered off by ACPI'

# Two vCPUs, one of which never leaves its wait: it still parks.
"$tiny" hang "$vm_dir/vmlinux"
vm_run run --accel kvm --kernel "$vm_dir/vmlinux" --topology 1,1,4,1 --json --timeout 1s
ok "vCPUs that wait for SIPI park too" ended deadline loaded 'vCPU 0 at'
ok "and every vCPU is in the record" vm_says vm.vcpus 4
# cores and threads that are no powers of two: the last APIC id is 966
vm_run run --accel kvm --kernel "$vm_dir/vmlinux" --topology 1,8,9,7 --json --timeout 1s
ok "504 vCPUs with large APIC ids start and park" ended deadline loaded 'vCPU 0 at'
ok "every one of them is in the record" vm_says vm.vcpus 504
ok "their irqchip is split" vm_says vm.irqchip split

# SIGINT while it spins: once is enough before PID 1 runs.
timeout -s INT 1 "$ktstr" run --accel kvm --kernel "$vm_dir/vmlinux" --json \
	--topology 1,1,1,1 >"$vm_dir/out" 2>"$vm_dir/err"
vm_status=$? vm_words="SIGINT"
ok "SIGINT ends it with a record" vm_says verdict error
ok "whose reason is the cancel" vm_like reason 'cancelled in phase loaded'

# SIGUSR1 as soon as the kernel has spoken: usr1 OPTION...
"$tiny" banner "$vm_dir/vmlinux"
usr1()
{
	rm -f "$vm_dir/fifo"
	mkfifo "$vm_dir/fifo"
	"$ktstr" run --accel kvm --kernel "$vm_dir/vmlinux" --json \
		--dmesg --topology 1,1,4,1 --timeout 1s "$@" >"$vm_dir/out" 2>"$vm_dir/fifo" &
	vm_job=$! vm_words="SIGUSR1 $*"
	(vm_gone "$vm_bound" "$vm_job" || kill -s KILL "$vm_job") >/dev/null 2>&1 &
	vm_guard=$!
	exec 3<"$vm_dir/fifo"
	read -r vm_line <&3
	kill -s USR1 "$vm_job"
	{ printf '%s\n' "$vm_line"; cat <&3; } >"$vm_dir/err"
	exec 3<&-
	wait "$vm_job"
	vm_status=$?
	wait "$vm_guard"
}

# Four vCPUs, three of which wait for SIPI, stand still for longer than the run may take.
usr1 --dump "$vm_dir/dump" --dump-hold 2s
ok "SIGUSR1 is not the end of a run" \
	ended deadline 'kernel banner' 'waited 1.0 s \(--timeout\)'
ok "the guest stood still once" vm_says vm.freezes 1
ok "for that time the deadline waited" \
	vm_like vm.frozen_ms '^(2[0-9]|[3-9][0-9]|[0-9]{3})[0-9]{2}\.'
# PATHS... of the dump, on one line
of_dump()
{
	"$jsonget" "$vm_dir/dump" "$@" | tr '\n' ' '
}
ok "the dump has that snapshot and the one of the end" \
	test "$(of_dump snapshots.0.trigger snapshots.0.reason snapshots.1.trigger)" = \
	"user SIGUSR1 deadline "
ok "with the registers of every vCPU" \
	test "$(of_dump snapshots.0.vcpus snapshots.0.vcpus.0.rip | cut -c 1-9)" = "4 0x10000"
usr1
ok "nor where there is no file for it" ended deadline 'kernel banner' 'waited 1.0 s'
ok "which it says" vm_prints err 'SIGUSR1: no dump: --dump has no file'

# A full /dev/shm: the ring is a memfd, which does not live there.
"$tiny" reset "$vm_dir/vmlinux"
cat >"$vm_dir/full.sh" <<'EOT'
mount -t tmpfs -o size=4k none /dev/shm && head -c 4096 /dev/zero >/dev/shm/full || exit 125
exec "$@"
EOT
if unshare -m true 2>/dev/null; then
	unshare -m sh "$vm_dir/full.sh" "$ktstr" run --accel kvm --kernel "$vm_dir/vmlinux" \
		--json --topology 1,1,1,1 >"$vm_dir/out" 2>"$vm_dir/err"
	vm_status=$? vm_words="full /dev/shm"
	ok "a full /dev/shm changes nothing" ended early-off loaded 'reset by the keyboard'
else
	skip "a full /dev/shm changes nothing" "no right to make a mount namespace"
fi
tap_done
