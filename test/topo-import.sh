#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Other people's machines: hwloc's XML through the helper, and a tarball of
# sysfs. unit-import has what a shape is made of.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/tap.sh"

ktstr=$top_builddir/ktstr
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

# becomes SHAPE FILE
becomes()
{
	got=$("$ktstr" topo import "$2" 2>"$dir/err")
	[ "$got" = "$1" ] && [ ! -s "$dir/err" ] && return 0
	echo "'$got', not '$1'"
	cat "$dir/err"
	return 1
}

# refused FILE ERE
refused()
{
	"$ktstr" topo import "$1" >"$dir/out" 2>"$dir/err"
	[ $? = 99 ] && [ "$(wc -l <"$dir/err")" = 1 ] && grep -Eq "$2" "$dir/err" && return 0
	cat "$dir/out" "$dir/err"
	return 1
}

# --- a tarball, with the folder that hwloc-gather-topology makes --------------------

sys=$dir/host/sys/devices/system
for cpu in 0 1 2 3; do
	mkdir -p "$sys/cpu/cpu$cpu/topology" "$sys/cpu/cpu$cpu/cache/index3"
	echo $((cpu & 2))-$((cpu | 1)) >"$sys/cpu/cpu$cpu/topology/thread_siblings_list"
	echo 0 >"$sys/cpu/cpu$cpu/topology/physical_package_id"
	echo 3 >"$sys/cpu/cpu$cpu/cache/index3/level"
	echo 0-3 >"$sys/cpu/cpu$cpu/cache/index3/shared_cpu_list"
done
echo 0-3 >"$sys/cpu/online"
mkdir -p "$sys/node/node0"
echo 0-3 >"$sys/node/node0/cpulist"
tar -C "$dir" -czf "$dir/host.tar.gz" host
ok "a tarball of sysfs becomes a shape" becomes 1n1l2c2t "$dir/host.tar.gz"
ok "and so does its folder" becomes 1n1l2c2t "$dir/host"

echo "neither" >"$dir/text"
ok "a file that is neither is refused with a reason" refused "$dir/text" 'neither a tarball nor XML'

# --- hwloc's XML -------------------------------------------------------------------------

if [ ! -x "$top_builddir/ktstr-hwloc" ]; then
	skip "hwloc's XML" "the helper was not built (package libhwloc-dev)"
	tap_done
	exit
fi

# sets CPUS NODES
sets()
{
	echo "cpuset=\"$1\" complete_cpuset=\"$1\" nodeset=\"$2\" complete_nodeset=\"$2\""
}

# node NUMBER CPUS NODES [ID]
node()
{
	echo "<object type=\"NUMANode\" os_index=\"$1\" $(sets "$2" "$3") local_memory=\"4096\"" \
		"${4:+gp_index=\"$4\"}/>"
}

# package NUMBER CPUS NODES NODE: one core with one PU, whose number is the package's
package()
{
	sets=$(sets "$2" "$3")
	cat <<END
<object type="Package" os_index="$1" $sets>$4
<object type="L3Cache" $sets cache_size="4096" depth="3" cache_linesize="64"
	cache_associativity="1" cache_type="0">
<object type="Core" os_index="0" $sets><object type="PU" os_index="$1" $sets/></object>
</object></object>
END
}

# hwloc has a node of memory alone with the CPUs that are nearest, beside their own.
cache="<object type=\"MemCache\" $(sets 0x1 0x1) cache_size=\"1048576\" depth=\"1\""
cache="$cache cache_linesize=\"64\" cache_associativity=\"1\" cache_type=\"0\">"
cat >"$dir/far.xml" <<END
<?xml version="1.0" encoding="UTF-8"?>
<topology version="2.0">
<object type="Machine" os_index="0" $(sets 0x1 0x3) allowed_cpuset="0x1" allowed_nodeset="0x3">
$(package 0 0x1 0x3 "$cache$(node 0 0x1 0x1 7)</object>$(node 1 0x1 0x2 8)")
</object>
<memattr name="Latency" flags="6">
<memattr_value target_obj_type="NUMANode" target_obj_gp_index="7" value="400"
	initiator_cpuset="0x1"/>
<memattr_value target_obj_type="NUMANode" target_obj_gp_index="8" value="100"
	initiator_cpuset="0x1"/>
</memattr>
</topology>
END
ok "the CPUs' own node is the nearest, memory has its latency and its cache" becomes \
	"2n1l1c1t/node:llcs=0,latency=200ns,cache=1M:direct:wb:64/node:llcs=1,latency=100ns" \
	"$dir/far.xml"

# Node 0 is memory that belongs to no CPU; hwloc counts it last, and the first package is node 2.
cat >"$dir/cxl.xml" <<END
<?xml version="1.0" encoding="UTF-8"?>
<topology version="2.0">
<object type="Machine" os_index="0" $(sets 0x3 0x7) allowed_cpuset="0x3" allowed_nodeset="0x7">
$(node 0 0x0 0x1)
$(package 0 0x1 0x4 "$(node 2 0x1 0x4)")
$(package 1 0x2 0x2 "$(node 1 0x2 0x2)")
</object>
<distances2 type="NUMANode" nbobjs="3" kind="5" name="NUMALatency" indexing="os">
<indexes length="6">2 1 0 </indexes>
<u64values length="27">10 21 31 21 10 41 31 41 10 </u64values>
</distances2>
</topology>
END
ok "CPUs are in their own node, and distances are by the kernel's numbers" becomes \
	"3n2l1c1t/node:llcs=0/node:llcs=1/node:llcs=1/distances:10,41,31;41,10,21;31,21,10" \
	"$dir/cxl.xml"

echo "<topology" >"$dir/cut.xml"
ok "XML that hwloc does not take is refused" refused "$dir/cut.xml" 'hwloc does not take this file'
tap_done
