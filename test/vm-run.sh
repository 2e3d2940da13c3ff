#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The main job: a kernel boots, the smoke test passes, the record says so.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_guest

# vm_positive PATH...: numbers above zero
vm_positive()
{
	for vm_path in "$@"; do
		vm_like "$vm_path" '^[0-9.]*[1-9][0-9.]*$' || return
	done
}

vm_numbers()
{
	for vm_path in "$@"; do
		vm_like "$vm_path" '^[0-9]+(\.[0-9]+)?$' || return
	done
}

smoke_passes()
{
	vm_ends 0 && vm_says verdict pass && vm_says exit_code 0 &&
		vm_says tests 1 && vm_test smoke pass
}

for cpus in 1 2 4; do
	vm_run run --json --topology "1,1,$cpus,1"
	ok "smoke passes on $cpus vCPUs" smoke_passes
	ok "the guest sees $cpus CPUs" vm_says cpus "$cpus"
	ok "the record names the topology" vm_says topology "1n1l${cpus}c1t"
	ok "the result came over the ring" vm_says transport shmring
done

# the rest of the last record
ok "the record names its schema" vm_says schema ktstr.run/1
ok "the record names the accelerator" vm_like accel '^(kvm|nested)$'
ok "the record names the architecture" vm_says arch x86_64
ok "the record names the kernel's file" test -r "$(vm_json kernel.path)"
ok "the record names the kernel's release" vm_like kernel.release '^[0-9]+\.[0-9]+'
ok "the guest's memory is told" vm_positive memory_mib
ok "every phase has its time" vm_numbers phases_ms.setup phases_ms.boot phases_ms.init \
	phases_ms.test phases_ms.poweroff phases_ms.teardown
ok "frames came over the ring, whole and in order" vm_positive ring.frames ring.bytes
ok "none was dropped" vm_says ring.drops 0
ok "none was bad" vm_says ring.bad_frames 0
ok "the initramfs has a size" vm_positive initramfs.bytes
ok "exits are counted by kind" vm_positive vm.exits.io
ok "nothing is split that need not be" vm_says vm.irqchip kernel
ok "the test has its duration" vm_positive tests.0.duration_ms
ok "the scheduler was watched" vm_positive monitor.samples monitor.summary.cpus.3.nr_switches
if [ -z "${KTSTR_KERNEL:-}" ]; then
	ok "a line on stderr says which kernel was found, and why it was taken" \
		vm_prints err "^ktstr: kernel $(vm_json kernel.path) \(newest in "
fi
case $(vm_json accel) in
nested)
	ok "one line on stderr says that the run is nested" \
		vm_prints err '^ktstr: .*nested' ;;
esac

# memory: what is computed is enough, and less is refused before anything boots
least=$(vm_json memory_mib)
vm_run run --json --topology 1,1,4,1 --memory "${least}M"
ok "the memory that was computed is enough when it is given" smoke_passes
# even ones: memory comes in units of 2M
for mib in $((least - 2)) $((least / 4 * 2)) 4; do
	vm_run run --json --topology 1,1,4,1 --memory "${mib}M"
	ok "${mib}M, which are less, are refused" vm_ends 99
	ok "before anything boots, with the numbers" vm_like reason \
		"memory of ${mib}M is too small: kernel [0-9]+M, initramfs [0-9]+M packed and [0-9]+M unpacked, 4 CPUs: at least ${least}M"
done

# Lines of the kernel's log that find fault with the tables.
acpi_is_clean()
{
	! grep -E 'ACPI.*(Error|Warning|Exception|BIOS)|SRAT not used|hmat: (Ignoring|Unexpected)' \
		"$vm_dir/err"
}

# one boot for all the other outputs, and for the kernel's view of the tables
vm_run run --junit "$vm_dir/junit" --json="$vm_dir/json" --dmesg \
	--topology 2n1l2c1t/node:llcs=1/node:llcs=0,cache=1G
ok "a run for a person ends with 0, too" vm_ends 0
ok "its report names the test and the verdict" vm_prints out 'smoke.*pass|pass.*smoke'
ok "--dmesg streams the kernel's console to stderr" vm_prints err 'Linux version'
ok "the kernel finds the node of memory alone" vm_prints err 'SRAT: Node 1 PXM 1 .mem'
ok "and what HMAT says of it" vm_prints err 'hmat: Memory Flags:0001 .* Memory Domain:1'
ok "and has nothing to say against the tables" acpi_is_clean
ok "--junit FILE has the test" grep -q '<testcase.*smoke' "$vm_dir/junit"
ok "--json=FILE has the record" test "$("$jsonget" "$vm_dir/json" verdict)" = pass

vm_run run --tap --no-ring --no-monitor --json="$vm_dir/json"
ok "without the ring the test passes, too" vm_ends 0
ok "--tap has the test's line" vm_prints out '^ok 1 .*smoke'
ok "--tap has a plan" vm_prints out '^1\.\.1$'
ok "without the ring the record says com2" \
	test "$("$jsonget" "$vm_dir/json" transport)" = com2
ok "without the monitor the record has none" \
	test -z "$("$jsonget" "$vm_dir/json" monitor 2>/dev/null)"

# other kernels of the cache: a run chose the first
first=$("$jsonget" "$vm_dir/json" kernel.path)
others=0
for key in $("$ktstr" kernel list | awk '{ print $1 }'); do
	[ "$("$ktstr" kernel path "$key" 2>/dev/null)" != "$first" ] || continue
	[ "$others" -lt 2 ] || break
	others=$((others + 1))
	vm_run run --json --kernel "$key"
	ok "smoke passes on the kernel $key" smoke_passes
	ok "which is watched" vm_positive monitor.samples
done
tap_done
