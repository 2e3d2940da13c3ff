#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every preset that fits: what the guest's kernel shows of the machine is what
# was asked for (vm-topology.c compares). Nested guests are slow, so that there
# only small machines fit; KTSTR_TEST_CPUS=N takes those of up to N CPUs.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_guest

ktstr=$top_builddir/test/vm-topology
list=$vm_dir/list
"$ktstr" list --topologies --json >"$list"

# CPUs of "NnLlCcTt/..."
cpus_of()
{
	# shellcheck disable=SC2046 # four words
	set -- $(echo "${1%%/*}" | tr nlct '    ')
	echo $(($2 * $3 * $4))
}

# shellcheck disable=SC2317 # called through ok
as_asked_for()
{
	vm_ends 0 && vm_says verdict pass && vm_says tests 10
}

vm_run run --json --topology 1n1l1c1t
ok "one CPU: the kernel shows what was asked for" as_asked_for
case $(vm_json accel) in
nested) limit=${KTSTR_TEST_CPUS:-8} ;;
*) limit=${KTSTR_TEST_CPUS:-64} ;;
esac

n=$("$jsonget" "$list" topologies) i=0
while [ "$i" -lt "${n:-0}" ]; do
	name=$("$jsonget" "$list" "topologies.$i.name")
	shape=$("$jsonget" "$list" "topologies.$i.shape")
	i=$((i + 1))
	[ "$(cpus_of "$shape")" -le "$limit" ] || continue
	vm_run run --json --topology "$name"
	ok "$name: the kernel shows what was asked for" as_asked_for
done
ok "there are presets" test "$i" -ge 38
tap_done
