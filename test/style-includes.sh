#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Who may include whom (ARCHITECTURE.md, "Folders"), and who may name KVM and libev.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/style.sh"

# folder: folders (with a slash) and files that it may include by "...".
# config.h is made by configure.
rules='
base      base/
mm        mm/ base/
vcpu      vcpu/ base/
serial    serial/ base/
virtio    virtio/ mm/ base/
shmring   shmring/ base/
boot      boot/ mm/ base/ vcpu/topo.h
monitor   monitor/ mm/ base/
loop      loop/ monitor/ boot/ shmring/ virtio/ serial/ vcpu/ mm/ base/ ktstr/ init/init.h
init      init/ shmring/ base/ ktstr/
cli       cli/ loop/ monitor/ boot/ shmring/ virtio/ serial/ vcpu/ mm/ base/ ktstr/ init/init.h
include   ktstr/
'
# <...> headers that only some folders may include
systems='
linux/kvm.h   vcpu
ev.h          loop cli
'

# Lines "FILE:LINE: what is wrong".
check_includes()
{
	style_files "$1" "$style_folders" '*.[ch]' | style_code "$1" |
	awk -v rules="$rules" -v systems="$systems" '
	BEGIN {
		n = split(rules, line, "\n")
		for (i = 1; i <= n; i++) {
			m = split(line[i], word, " ")
			for (j = 2; j <= m; j++) may[word[1], word[j]] = 1
		}
		n = split(systems, line, "\n")
		for (i = 1; i <= n; i++) {
			m = split(line[i], word, " ")
			if (m) guarded[word[1]] = 1
			for (j = 2; j <= m; j++) system_may[word[1], word[j]] = 1
		}
	}
	function wrong(text) { print place ": " text }
	{
		split($0, part, ":")
		place = part[1] ":" part[2]
		folder = part[1]; sub(/\/.*/, "", folder)
		code = substr($0, length(place) + 2)
		if (code ~ /^[ \t]*#[ \t]*include[ \t]*"/) {
			name = code; sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
			top = name; sub(/\/.*/, "/", top)
			if (name != "config.h" && !((folder, top) in may) &&
			    !((folder, name) in may))
				wrong(folder "/ includes \"" name "\"")
		} else if (code ~ /^[ \t]*#[ \t]*include[ \t]*</) {
			name = code; sub(/^[^<]*</, "", name); sub(/>.*/, "", name)
			if (name in guarded && !((name, folder) in system_may))
				wrong(folder "/ includes <" name ">")
		} else if (folder != "vcpu" && code ~ /(^|[^A-Za-z0-9_])KVM_[A-Z]/) {
			wrong("KVM_ is said outside vcpu/:" code)
		}
	}'
}

# "folder/file.h" that is not there, and folders with code that have no rule.
check_names()
{
	style_files "$1" "$style_folders test bench" '*.[ch]' | style_code "$1" |
	sed -n 's/^\([^:]*:[0-9]*\): *#.*include.*"\([^"]*\)".*/\1 \2/p' |
	while read -r place name; do
		case $name in
		config.h) continue ;;
		*/*) ;;
		*) echo "$place: \"$name\" does not name its folder"; continue ;;
		esac
		[ -e "$1/$name" ] || [ -e "$1/include/$name" ] ||
			echo "$place: no file \"$name\""
	done
	(cd "$1" && for dir in */; do
		dir=${dir%/}
		case " $style_folders test bench doc build-aux m4 " in
		*" $dir "*) continue ;;
		esac
		# build folders have a config.status, unpacked releases a configure
		[ -e "$dir/config.status" ] || [ -e "$dir/configure" ] && continue
		for file in "$dir"/*.[ch]; do
			[ -e "$file" ] || continue
			echo "$dir/: a folder with code, but without a rule"
			break
		done
	done)
}

style_clean "every include keeps the rules of its folder" check_includes "$top_srcdir"
style_clean "every include names a file that is there" check_names "$top_srcdir"

style_finds "a lower folder that includes a higher one is found" \
	check_includes mm/bad.c '#include "vcpu/vcpu.h"'
style_finds "vcpu that includes mm is found" check_includes vcpu/bad.h '#include "mm/mm.h"'
style_finds "boot that includes more of vcpu than topo.h is found" \
	check_includes boot/bad.c '# include "vcpu/vcpu.h"'
style_finds "a folder that includes cli is found" check_includes loop/bad.c '#include "cli/cli.h"'
style_finds "a folder that includes test is found" check_includes base/bad.c '#include "test/tap.h"'
style_finds "init that includes boot is found" \
	check_includes init/bad.c '#include "boot/initramfs.h"'
style_finds "KVM_ outside vcpu is found" check_includes loop/bad.c 'ioctl(fd, KVM_RUN, 0);'
style_finds "linux/kvm.h outside vcpu is found" check_includes mm/bad.c '#include <linux/kvm.h>'
style_finds "libev below the loop is found" check_includes serial/bad.c '#include <ev.h>'
style_finds "an include without a folder is found" check_names mm/bad.c '#include "mm.h"'
style_finds "an include of a missing file is found" check_names mm/bad.c '#include "mm/none.h"'
style_finds "a new folder without a rule is found" check_names attic/bad.c 'int x;'

style_sample boot/good.c '#include "vcpu/topo.h" /* "cli/cli.h" */
/* KVM_RUN is
 * KVM_RUN */ static const char text[] = "KVM_RUN"; int CONFIG_KVM_AMD;'
style_clean "words in comments and strings are no offence" check_includes "$style_tmp/tree"
tap_done
