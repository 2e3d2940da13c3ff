#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the monitor sees from outside beside what the guest's kernel says of itself:
# counters of runqueues, scheduling domains, running tasks, BPF maps (HACKING.md).
# Cells of a matrix: kernel; form and KASLR, which moves text and memory of a bzImage, only
# memory of an unpacked vmlinux; CPUs and nodes.
#	KTSTR_TEST_MATRIX=ERE	compare the cells whose names are like it; '.': all
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
PATH=$PATH:/usr/sbin
vm_need_guest
fixture=$top_builddir/test/sched/fixture
bpftool=$(command -v bpftool)

# Both forms of the kernel that is found, and of Debian's for clouds, when it is in the cache.
file=$("$ktstr" kernel path) || exit 99
[ ! -e "${file%/*}/vmlinuz" ] || file=${file%/*}
key=$(KTSTR_CACHE_DIR=$vm_dir/cache "$ktstr" kernel import "$file") || exit 99
found=$vm_dir/cache/kernels/$key
debian=$("$ktstr" kernel list | awk '$2 ~ /^6\.12\..*-cloud-amd64$/ { print $3; exit }')
debian=${debian%/*}

with_maps=
if [ -x "$fixture" ] && [ -n "$bpftool" ]; then
	with_maps=maps
fi

# Is the kernel where its file has it? Page tables of 4 or 5 levels have these direct maps.
is_moved()
{
	vm_where="$(vm_json monitor.kernel.kaslr_slide) $(vm_json monitor.kernel.direct_map)"
	echo "slide and direct map: $vm_where"
	case $vm_where in
	"0x0 0xffff888000000000" | "0x0 0xff11000000000000") return 1 ;;
	esac
}
is_not_moved()
{
	! is_moved
}

# compare CELL KERNEL-FILE SHAPE KASLR
compare()
{
	not_moved=
	[ "$4" = kaslr ] || not_moved='--cmdline nokaslr'
	# shellcheck disable=SC2086 # words
	vm_run run --json --kernel "$2" --topology "$3" $not_moved --monitor-interval 50ms \
		${with_maps:+--dump "$vm_dir/dump" --stage fixture="$fixture" -i "$bpftool"} \
		"$top_builddir/test/guest-view" -- $with_maps counters
	ok "$1: the guest tells its view" vm_ends 0
	if [ -n "$not_moved" ]; then
		ok "$1: the kernel is where its file has it" is_not_moved
	else
		ok "$1: the kernel was moved" is_moved
	fi
	for topic in counters domains load; do
		ok "$1: $topic are the same from outside" \
			"$top_builddir/test/view-same" $topic "$vm_dir/out"
	done
	if [ -n "$with_maps" ]; then
		ok "$1: BPF maps are the same from outside" \
			"$top_builddir/test/maps-same" "$vm_dir/dump" "$vm_dir/out"
	else
		skip "$1: BPF maps" "no bpftool, or no fixture scheduler: see configure"
	fi
}

# cell KERNEL FORM KASLR SHAPE CPUS NODES: one that was chosen
cell()
{
	name="$1, $2, $3, $5 CPUs, $6 nodes"
	if [ -n "${KTSTR_TEST_MATRIX-}" ]; then
		printf '%s\n' "$name" | grep -Eq -- "$KTSTR_TEST_MATRIX" || return 0
	elif [ "$name" != "found, vmlinuz, kaslr, 4 CPUs, 2 nodes" ] &&
		[ "$name" != "debian, vmlinuz, nokaslr, 2 CPUs, 1 nodes" ]; then
		left_out=$((left_out + 1))
		return
	fi
	folder=$found
	[ "$1" = found ] || folder=$debian
	if [ -z "$folder" ]; then
		skip "$name" "no linux-image-6.12*-cloud-amd64*.deb in the cache; ktstr kernel import"
	elif [ ! -e "$folder/$2" ]; then
		skip "$name" "this kernel has no $2"
	else
		compare "$name" "$folder/$2" "$4" "$3"
	fi
}

left_out=0
for kernel in found debian; do
	for form in 'vmlinuz kaslr' 'vmlinux kaslr' 'vmlinuz nokaslr'; do
		while read -r shape cpus nodes; do
			# shellcheck disable=SC2086 # two words
			cell $kernel $form "$shape" "$cpus" "$nodes"
		done <<-END
		1,1,1,1 1 1
		1,1,2,1 2 1
		1,1,4,1 4 1
		1,2,4,1 8 1
		2n1l1c1t/node:llcs=1/node:llcs=0,mem=256M 1 2
		2,2,1,1 2 2
		2,2,2,1 4 2
		2,2,2,2 8 2
		END
	done
done
[ "$left_out" = 0 ] || skip "$left_out further cells" "KTSTR_TEST_MATRIX=. compares all of them"
[ "$tap_cases" -gt 0 ] || ok "a cell is like '$KTSTR_TEST_MATRIX'" false
tap_done
