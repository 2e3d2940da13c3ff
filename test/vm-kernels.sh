#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Kernels by boot form and vCPUs: the kernel that runs find, and of each kind
# below the newest in the cache. bzImage with one vCPU and vmlinux with four:
# two boots cover both forms and both counts. KTSTR_TEST_MATRIX=. boots all four.
# KTSTR_TEST_KERNELS=FOLDER boots every kernel file in it, too, as it is and
# unpacked: one of each compression, say.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"

vm_need_guest

# boots NAME FORM FILE CPUS OPTION...
boots()
{
	boots_what="$1 as $2 with $4 vCPUs"
	if [ ! -e "$3" ]; then
		skip "$boots_what" "it has no $2"
		return
	fi
	boots_file=$3 boots_cpus=$4
	shift 4
	vm_run run --json --kernel "$boots_file" --topology "1,1,$boots_cpus,1" "$@"
	ok "$boots_what passes" vm_ends 0
	ok "$boots_what is that kernel" vm_says kernel.path "$boots_file"
	ok "$boots_what has them all" vm_says cpus "$boots_cpus"
}

# forms NAME FOLDER: a folder like an entry of the cache
forms()
{
	forms_modules=
	# what a distribution has as modules is loaded; a kernel without modules has it built in
	[ ! -d "$2/modules/kernel" ] || forms_modules='--module virtio_mmio --module virtio_blk'
	boots "$1" bzImage "$2/vmlinuz" 1
	# shellcheck disable=SC2086 # words
	boots "$1" vmlinux "$2/vmlinux" 4 $forms_modules
	[ -n "${KTSTR_TEST_MATRIX:-}" ] || return 0
	boots "$1" vmlinux "$2/vmlinux" 1
	# shellcheck disable=SC2086 # words
	boots "$1" bzImage "$2/vmlinuz" 4 $forms_modules
}

# --- the kernel that is found ------------------------------------------------

# An import of its own makes both forms of it, from a bzImage or a folder that has both.
file=$("$ktstr" kernel path) || exit 99
found=$file
[ ! -e "${file%/*}/vmlinuz" ] || found=${file%/*}
key=$(KTSTR_CACHE_DIR=$vm_dir/cache "$ktstr" kernel import "$found")
ok "the kernel that is found can be imported" test -n "$key"
forms "the kernel that is found" "$vm_dir/cache/kernels/$key"

# --- kinds in the cache ------------------------------------------------------

while IFS='|' read -r name pattern hint; do
	[ -n "$name" ] || continue
	image=$("$ktstr" kernel list | awk -v p="$pattern" '$2 ~ p { print $3; exit }')
	if [ -n "$image" ] && [ "$image" != "$file" ]; then
		forms "$name" "${image%/*}"
	elif [ -n "$image" ]; then
		skip "$name" "it is the one above"
	else
		skip "$name" "not in the cache; ktstr kernel $hint adds it"
	fi
done <<END
a kernel of ktstr kernel build|-ktstr\$|build
Debian's 6.12 for clouds|^6\.12\..*-cloud-amd64\$|import linux-image-6.12*-cloud-amd64*.deb
Debian's 6.12|^6\.12\.[0-9+a-z]*-amd64\$|import linux-image-6.12*-amd64*.deb
Debian's 6.1|^6\.1\..*-amd64\$|import linux-image-6.1.*-amd64*.deb
END
[ -n "${KTSTR_TEST_MATRIX:-}" ] ||
	skip "each form with 1 and with 4 vCPUs" "KTSTR_TEST_MATRIX=. boots all four of each kernel"

# --- kernel files of a folder ------------------------------------------------

# file FILE: the guest unpacks it, then the host
file()
{
	vm_run kernel check --json "$1"
	packed=$(vm_json packed)
	ok "$1 is packed in a way that is known" test -n "$packed"
	boots "$1 ($packed)" bzImage "$1" 1
	key=$(KTSTR_CACHE_DIR=$vm_dir/files "$ktstr" kernel import "$1")
	boots "$1 ($packed), unpacked," vmlinux "$vm_dir/files/kernels/$key/vmlinux" 1
}

if [ -n "${KTSTR_TEST_KERNELS:-}" ]; then
	find "$KTSTR_TEST_KERNELS" -type f \( -name 'bzImage*' -o -name 'vmlinuz*' \) \
		>"$vm_dir/list"
	ok "there are kernel files in $KTSTR_TEST_KERNELS" test -s "$vm_dir/list"
	while read -r one; do
		file "$one"
	done <"$vm_dir/list"
else
	skip "kernel files of a folder" "KTSTR_TEST_KERNELS names none"
fi
tap_done
