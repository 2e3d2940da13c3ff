#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The ACPI tables, read by somebody else: iasl must disassemble each without
# an error, and compile what it read to the same bytes again.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/tap.sh"

command -v iasl >/dev/null || skip_all "iasl is not installed (package acpica-tools)"

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# iasl prints errors on stdout and does not always fail
disassembles()
{
	iasl -d "$1.dat" >"$1.log" 2>&1 && [ -s "$1.dsl" ] &&
	! grep -iE 'error|warning|invalid|incorrect|unknown|bad checksum' "$1.log" "$1.dsl"
}

# The header differs in who compiled it: compare what is behind it.
compiles_to_the_same()
{
	iasl -ve -oa -p "$1" "$1.dsl" >"$1.log" 2>&1 || { cat "$1.log"; return 1; }
	tail -c +37 "$1.dat" >"$1.a" && tail -c +37 "$1.aml" >"$1.b" && cmp "$1.a" "$1.b"
}

ktstr=$top_builddir/ktstr

# What no preset has: a cache in front of memory, a node of memory alone that
# comes first, CPUs and nodes at their most.
more="2n2l2c1t/node:/node:cache=1G:complex:wt:128,latency=250ns,bandwidth=20G
3n2l2c1t/node:llcs=0/node:llcs=1/node:llcs=1,mem=0
64n64l8c1t"

n=0
for shape in $("$ktstr" list --topologies | cut -d' ' -f1) $more; do
	n=$((n + 1))
	dir=$tmp/$n
	ok "the tables of $shape are written" "$ktstr" topo "$shape" --dump-acpi "$dir"
	# the root pointer is no table, and iasl does not know it; unit-acpi checks it
	ok "and its root pointer" test -s "$dir/RSDP.bin"
	for table in "$dir"/*.dat; do
		table=${table%.dat}
		ok "iasl reads the ${table##*/} of $shape" disassembles "$table"
	done
	ok "the DSDT of $shape is what its source compiles to" compiles_to_the_same "$dir/DSDT"
done
ok "there were presets" [ $n -gt 10 ]
tap_done
