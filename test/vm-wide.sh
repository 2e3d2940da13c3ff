#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Machines whose interrupt controllers are split, as wide ones need it.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_guest

# The ring's wake byte comes by COM2's interrupt.
vm_run run --json --irqchip split "$top_builddir/test/guest-irqs"
ok "with a split irqchip a guest boots and its test passes" vm_ends 0
ok "COM2 has its interrupt from the IOAPIC and is not polled" \
	vm_test uart_interrupts pass 'Note [1-9][0-9]* interrupts: IO-APIC +3-edge +ttyS1'
ok "the result came over the ring" vm_says transport shmring
ok "the record tells the irqchip" vm_says vm.irqchip split

# More than 16 vCPUs for the one CPU that a nested run has: PID 1 brings them up.
vm_run run --json --topology 2,4,4,2 "$top_builddir/test/vm-topology"
ok "of 32 vCPUs all are up, and the kernel shows the shape that was asked for" vm_ends 0
ok "all that the kernel shows was compared" vm_says tests 11

# 288 CPUs at once would take minutes on emulated ones: the first and the last are enough.
vm_run run --json --topology 1,36,4,2 --cmdline maxcpus=1 "$top_builddir/test/guest-irqs" \
	-- last_cpu
ok "a machine of 288 vCPUs boots with one of them online" vm_ends 0
ok "CPU 287, whose APIC id is above 255, comes up and is interrupted by the IOAPIC" \
	vm_test last_cpu pass 'Note CPU 287: [1-9][0-9]* interrupts'

# All of them at once take minutes each where CPUs are emulated: KTSTR_TEST_CPUS=N has up to N.
while read -r cpus shape; do
	if [ "$cpus" -gt "${KTSTR_TEST_CPUS:-0}" ]; then
		skip "$cpus vCPUs are up at once" "KTSTR_TEST_CPUS=$cpus boots them"
		continue
	fi
	vm_bound=3600
	vm_run exec --topology "$shape" -- cat /sys/devices/system/cpu/online
	ok "a machine of $cpus vCPUs boots" vm_ends 0
	ok "$cpus vCPUs are up at once" vm_prints out "^0-$((cpus - 1))\$"
done <<END
252 1,14,9,2
288 1,36,4,2
512 2,16,16,2
END
tap_done
