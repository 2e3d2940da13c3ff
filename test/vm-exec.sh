#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A command in a guest: its status, its streams, what -i brings. A boot for each
# status; everything else is one script.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/vm.sh"
vm_need_guest
command -v busybox >/dev/null || skip_all "no busybox here: apt-get install busybox-static"

files=$vm_dir/files
mkdir -p "$files/folder/deep"
cp "$jsonget" "$files/tool"
printf '#!/bin/bash\necho "script ${BASH_VERSION:+in bash} has $*"\n' >"$files/folder/script"
chmod +x "$files/folder/script"
echo content >"$files/folder/deep/data"
ln -s deep/data "$files/folder/link"
head -c 300000 /dev/urandom >"$vm_dir/in"
# the first 0x00 to 0xff, then a newline that must stay one
printf '\000\001\r\n\r\n\377\n' >"$vm_dir/binary"

cat >"$vm_dir/script" <<'SCRIPT'
exec 2>&1
echo "release=$(uname -r)"
echo '{"a":"b"}' >/tmp/x.json
echo "tool=$(tool /tmp/x.json a)"
echo "script=$(script one two)"
echo "link=$(cat /include/folder/link) $(readlink /include/folder/link)"
echo "placed=$(ls /opt/placed)"
echo "stdin=$(md5sum)"
echo "path=$PATH"
SCRIPT
vm_exec()
{
	vm_do "$ktstr" exec "$@"
}

vm_exec -i "$files/tool" -i "$files/folder" -i "$files/folder/deep/data:/opt/placed/" \
	--json="$vm_dir/json" -- sh -c "$(cat "$vm_dir/script")" <"$vm_dir/in"
ok "a command exits with 0" vm_ends 0
ok "an applet of busybox runs" vm_prints out '^release=[0-9]+\.'
ok "a program runs with its libraries, found in PATH" vm_prints out '^tool=b$'
ok "a script runs with its interpreter" vm_prints out '^script=script in bash has one two$'
ok "a link in a folder stays a link" vm_prints out '^link=content deep/data$'
ok "GUEST/ places a file below it" vm_prints out '^placed=data$'
ok "stdin comes whole, and ends" vm_prints out \
	"^stdin=$(md5sum <"$vm_dir/in" | cut -d ' ' -f 1)"
ok "the record has the status" test "$("$jsonget" "$vm_dir/json" command.status)" = 0
ok "and what went in" test "$("$jsonget" "$vm_dir/json" command.stdin_bytes)" = 300000

# both streams at once and apart, more than all windows hold, then death by a signal
vm_exec -i "$vm_dir/binary:/binary" -- sh -c \
	'cat /binary; seq 100000 | tee /dev/stderr; kill -9 $$' </dev/null
ok "a signal is 128 and its number" vm_ends 137
{ cat "$vm_dir/binary" && seq 100000; } >"$vm_dir/want"
ok "stdout is binary-clean and whole" cmp "$vm_dir/want" "$vm_dir/out"
seq 100000 >"$vm_dir/want"
ok "stderr is a stream of its own" sh -c \
	'grep -vE "^ktstr: (.*: running nested in QEMU, |kernel )" "$1" | cmp - "$2"' - \
	"$vm_dir/err" "$vm_dir/want"

# by COM2, which is slow: frames as text one way, as a stream the other
vm_exec --no-ring -- sh -c 'wc -c; echo to stderr >&2; exit 7' <"$vm_dir/binary"
ok "without a ring the status comes, too" vm_ends 7
ok "and stdout" vm_prints out '^8$'
ok "and stderr" vm_prints err '^to stderr$'

vm_exec -- nothing-of-that-name </dev/null
ok "no such command is 127" vm_ends 127
ok "and is said" vm_prints err 'nothing-of-that-name: No such file'
tap_done
