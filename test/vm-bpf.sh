#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# BPF maps from outside: --bpf-write, and a dump beside what bpftool says inside. Also
# the monitor on a kernel whose file tells nothing.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
PATH=$PATH:/usr/sbin
bpftool=$(command -v bpftool) || skip_all "there is no bpftool"
vm_need_fixture
view=$top_builddir/test/guest-view

# What the host wrote is what bpftool finds, and the dump has what bpftool found.
vm_run run --json --scheduler "$fixture" --sched-arg work -i "$bpftool" \
	--dump "$vm_dir/dump" --cmdline sysctl.kernel.bpf_stats_enabled=1 \
	--bpf-write 'entries_array[1].in.words[2]=0x77' \
	--bpf-write '.data.args.args.text[0]=72' \
	--bpf-write '.data.args.args.after_ns=60000000000' \
	--bpf-write '.data.args.args.mode=FIXTURE_BAD_DSQ' "$view" -- maps_and_panic
ok "a guest that panics fails" vm_ends 1
ok "the record has what was written" vm_says scheduler.bpf_writes 4
ok "in which map" vm_says scheduler.bpf_writes.0.map entries_array
ok "over what" vm_says scheduler.bpf_writes.0.was 3
ok "and a number for a name" vm_like scheduler.bpf_writes.3.now '^[1-9]'
"$top_builddir/test/maps-same" "$vm_dir/dump" "$vm_dir/out" >"$vm_dir/same"
cat "$vm_dir/same"
for map in entries_hash entries_array entries_percpu .data.args .bss.state fixture_ops; do
	ok "map $map is as bpftool shows it inside" grep -qx "$map: same" "$vm_dir/same"
done
ok "bpftool sees what was written" vm_test maps_and_panic inconclusive 'words": \[1,2,119'
ok "by an enumerator's name, too" vm_test maps_and_panic \
	inconclusive 'mode": "FIXTURE_BAD_DSQ"'

# programs FILE PATH: NAME RUNS of each.
programs()
{
	vm_n=$("$jsonget" "$1" "$2") vm_i=0
	while [ "$vm_i" -lt "${vm_n:-0}" ]; do
		"$jsonget" "$1" "$2.$vm_i.name" "$2.$vm_i.runs" | tr '\n' ' '
		vm_i=$((vm_i + 1))
	done
}
# counted ERE FILE PATH
counted()
{
	vm_programs=$(programs "$2" "$3")
	printf '%s\n' "$vm_programs" | grep -Eq "$1" && return 0
	echo "$vm_programs"
	return 1
}
for where in "$vm_dir/dump snapshots.0.programs" "$vm_dir/out monitor.bpf.programs"; do
	# shellcheck disable=SC2086 # two words
	ok "a program that ran once is counted once: ${where##* }" counted 'fixture_init 1 ' $where
	# shellcheck disable=SC2086
	ok "and one that runs often, often" counted 'fixture_enqueue [1-9][0-9]+ ' $where
done

# A kernel whose index is spoilt: nothing is known of it but what the guest tells, and
# the writes wait for that. The scheduler does what it is told while it runs.
# An unpacked kernel would do: a nested run makes its index anew inside. So take the packed one.
image=$(vm_json kernel.path)
for packed in vmlinuz bzImage; do
	[ "${image##*/}" = vmlinux ] && [ -r "${image%/*}/$packed" ] && image=${image%/*}/$packed
done
mkdir "$vm_dir/kernel" && cp "$image" "$vm_dir/kernel/" && echo spoilt >"$vm_dir/kernel/kernel.index"
vm_run run --json --kernel "$vm_dir/kernel/${image##*/}" --scheduler "$fixture" --sched-arg work \
	--bpf-write '.data.args.args.text[0]=72' --bpf-write .data.args.args.mode=FIXTURE_ERROR \
	"$tests" -- outlives_it
if [ "${image##*/}" = vmlinux ]; then
	skip "a kernel whose file tells nothing tells of itself" "there is no bzImage of it"
else
	ok "a kernel whose file tells nothing tells of itself" vm_says monitor.kernel.source guest
fi
ok "a scheduler that is told to err is ejected" vm_says stop scheduler-ejected
ok "what the kernel does not count is absent" \
	test "$(vm_json monitor.bpf.programs.0)" = "id name"
ok "with the reason" vm_prints out '"kernel.bpf_stats_enabled is 0"'
ok "writes are done in their order" vm_like reason 'scx_bpf_error: H'

vm_run run --json --scheduler "$fixture" --sched-arg work \
	--bpf-write 'entries_array[1].below=-7' --bpf-write .data.args.args.nobody=1 \
	"$tests" -- finds_it_attached
ok "a field that does not exist is an error" vm_ends 99
ok "it is told apart" vm_says stop bpf-write
ok "and names the map and the field" vm_like reason \
	'^--bpf-write .data.args.args.nobody=1: map .data.args:'
ok "and what is wrong with them" vm_like reason 'struct fixture_args has no member nobody'
ok "no test ran" vm_test finds_it_attached skip
tap_done
