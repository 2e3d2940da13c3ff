#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every preset that fits: what the guest's kernel shows of the machine is what
# was asked for (vm-topology.c compares). Nested guests are slow, so that there
# only shapes of the zoo with up to 8 CPUs are booted: what the ladder of sizes
# has beside a size, they have, too. KTSTR_TEST_CPUS=N takes all of up to N CPUs.
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
	vm_ends 0 && vm_says verdict pass && vm_says tests 11
}

# What hwloc wrote to stdout as XML.
# shellcheck disable=SC2317 # called through ok
sees()
{
	vm_value=$("$top_builddir/ktstr" topo import "$vm_dir/out")
	[ "$vm_value" = "$1" ] && return 0
	echo "'$vm_value', not '$1'"
	vm_show
}

# No preset has a cache in front of memory, or a single CPU.
vm_run run --json --topology \
	"2n1l1c1t/node:llcs=1,cache=64M:direct:wb/node:llcs=0,latency=300ns,cache=1G:complex:wt:128"
ok "memory has caches: the kernel shows what was asked for" as_asked_for
accel=$(vm_json accel)

# hwloc is what programs ask; what it sees in there becomes the same shape again.
shape="2n4l1c2t/node:latency=90ns,bandwidth=30720M"
shape="$shape/node:latency=130ns,bandwidth=20480M,cache=64M:direct:wb:64"
shape="$shape/distances:10,17;17,10/package:node"
lstopo=$(command -v lstopo-no-graphics)
if [ -z "$lstopo" ] || [ ! -x "$top_builddir/ktstr-hwloc" ]; then
	skip "lstopo in the guest sees the shape that was asked for" \
		"needs packages hwloc-nox and libhwloc-dev"
else
	vm_run exec --topology "$shape" -i "$lstopo" -- lstopo-no-graphics --of xml -
	ok "lstopo runs in the guest" vm_ends 0
	ok "and sees the shape that was asked for" sees "$shape"
fi
limit=${KTSTR_TEST_CPUS:-64} zoo_only=
if [ "$accel" = nested ] && [ -z "${KTSTR_TEST_CPUS:-}" ]; then
	limit=8 zoo_only=1
fi

n=$("$jsonget" "$list" topologies) i=0
while [ "$i" -lt "${n:-0}" ]; do
	name=$("$jsonget" "$list" "topologies.$i.name")
	shape=$("$jsonget" "$list" "topologies.$i.shape")
	zoo=$("$jsonget" "$list" "topologies.$i.zoo")
	i=$((i + 1))
	[ -z "$zoo_only" ] || [ "$zoo" = true ] || continue
	[ "$(cpus_of "$shape")" -le "$limit" ] || continue
	vm_run run --json --topology "$name"
	ok "$name: the kernel shows what was asked for" as_asked_for
done
ok "there are presets" test "$i" -ge 38
tap_done
