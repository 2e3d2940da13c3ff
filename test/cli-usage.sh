#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The command line without a guest: usage errors, help, the machine formats of
# errors, the man page. No KVM, no kernel, no network.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
. "$top_srcdir/test/tap.sh"

ktstr=$top_builddir/ktstr
jsonget=$top_builddir/test/jsonget
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM HUP INT

# A user's variables shall not change what is tested.
for v in $(env | sed -n 's/^\(KTSTR_[A-Z_]*\)=.*/\1/p'); do
	unset "$v"
done
KTSTR_CACHE_DIR=$dir/cache
export KTSTR_CACHE_DIR

call()
{
	words="ktstr $*"
	timeout -k 5 60 "$ktstr" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

show()
{
	echo "$words: exit status $status"
	head -n 20 "$dir/err" | sed 's/^/stderr: /'
	head -n 20 "$dir/out" | sed 's/^/stdout: /'
	return 1
}

ends()
{
	[ "$status" = "$1" ] || show
}

# prints out|err ERE
prints()
{
	grep -Eq -- "$2" "$dir/$1" && return 0
	echo "std$1 has no '$2'"
	show
}

is_empty()
{
	[ ! -s "$dir/$1" ] || show
}

# One line on stderr that begins with our name, and nothing else.
one_line()
{
	if [ "$(wc -l <"$dir/err")" != 1 ] || ! grep -q '^ktstr: ' "$dir/err"; then
		show
	fi
}

# usage ERE WORD...: refused with 64 and one line that says so
usage_is()
{
	say=$1
	shift
	call "$@"
	ends 64 && one_line && prints err "$say" && is_empty out
}

json()
{
	"$jsonget" "$dir/out" "$1"
}

# json_is PATH VALUE
json_is()
{
	value=$(json "$1")
	[ "$value" = "$2" ] && return 0
	echo "$1 is '$value', not '$2'"
	show
}

# --- usage errors --------------------------------------------------------------

while IFS='|' read -r say args; do
	[ -n "$say" ] || continue
	# shellcheck disable=SC2086 # words
	ok "refused: ktstr $args" usage_is "$say" $args
done <<'TABLE'
no command|
runn: unknown command; did you mean run\?|runn
frobnicate: unknown command|frobnicate
-x: unknown command|-x
stdin is no terminal|shell
no command; it comes after --|exec
a command comes after --: uname: unexpected argument|exec uname
--tap: unknown option|exec --tap -- true
--nope: unknown option|run --nope
--topolgy.*: unknown option; did you mean --topology\?|run --topolgy=1,1,1,1
--topo: unknown option|run --topo 1,1,1,1
--numa.*: takes llcs=|run --numa lcs=2
distance of NUMA node 0 to itself is 11, must be 10|run --distances 11
--sched-arg: there is no --scheduler|run --sched-arg x
--sched-timeout: there is no scheduler|run --sched-timeout 3s
--dump-hold: there is no --dump|run --dump-hold 3s
--watchdog-timeout 1h: takes a duration with its unit, ns, us, ms, s or m|run --watchdog-timeout 1h
--watchdog-timeout 3660s: takes 100ms to 60m|run --scheduler /bin/true --watchdog-timeout 61m
--bpf-write: there is no --scheduler|run --bpf-write a.b=1
--bpf-write a.b: takes MAP.FIELD=VALUE|run --bpf-write a.b
--bpf-write: needs the monitor|run --scheduler /bin/true --no-monitor --bpf-write a.b=1
--sched-enable true: takes echo VALUE > FILE|run --sched-enable true
--stage a: takes NAME=PATH|run --stage a
--stage: two of the name a|run --stage a=./b --stage a=./c
--rules: \"x\": takes imbalance=|run --rules x
--rules: enforce needs the monitor|run --rules enforce --no-monitor
--monitor-interval 1us: takes 1ms to 10s|run --monitor-interval 1us
--monitor-interval fast: takes a duration|run --monitor-interval fast
--include: takes HOST|run -i
--include x:/dev/y: .*/dev is reserved in the guest|run -i x:/dev/y
--include x:/a/../b: .*"\.\."|run -ix:/a/../b
--include /bin/true:../x: GUEST must begin with /|run -i /bin/true:../x
--include :/x: .*HOST is empty|run -i :/x
--tty: is for ktstr exec and ktstr shell|run --tty
--binary.*: unknown option|run --binary x
--test.*: unknown option|run --test x
--no-kernel: unknown option|run --no-kernel
--no-json: unknown option|run --no-json
---: unknown option|run ---
--=x: unknown option|run --=x
--topology 0,1,1,1: .*0.*1 to 64|run --topology 0,1,1,1
3 LLCs do not divide among 2 NUMA nodes|exec --topology 2,3,1,1 -- true
topo: topology 1n8l64c2t: 1024 CPUs, must be 1 to 512|topo 1,8,64,2
the NUMA nodes have 2 LLCs in all, must be 1|run --topology 1,1,2,1 --numa llcs=2
2 NUMA nodes, but 1 are described|shell --topology 2,2,1,1 --numa llcs=1
cache=1G:direct:wb:99999: a line is of 1 to 65535 bytes|run --numa cache=1G:direct:wb:99999
20 one way and 21 the other|run --topology 2,2,1,1 --distances 10,20;21,10
nodes 0 and 1 is 10, must be 11 to 254|run --topology 2,2,1,1 --distances 10,10;10,10
--package socket: takes llc, node, all|run --package socket
1 possible CPUs, must be 2 to 512|run --max-cpus 1
CPU 0 cannot be offline|run --offline-cpus 0
offline CPU 2, must be below 2|run --offline-cpus 1-2
--irqchip kernel: .*ids above 254 take split|run --irqchip kernel --topology 1,36,4,2
--topology 1,1,1: |run --topology 1,1,1
--topology x: |run --topology=x
--memory 12x: takes a size|run --memory 12x
--memory -1: takes a size|run --memory -1
--memory: takes SIZE|run --memory
--memory: takes SIZE|run --memory -- smoke
--timeout 10: takes a duration|run --timeout 10
--timeout 0s: must be more than 0|run --timeout 0s
--accel tcg: takes auto, kvm or nested|run --accel tcg
--kernel : takes SPEC, not an empty string|run --kernel=
--dmesg: takes no value|run --dmesg=1
--tap: takes no value|run --tap=x
--junit: takes FILE|run --junit
--json: takes FILE, not an empty|run --json=
--color pink: takes auto, always or never|run --color pink
two: unexpected argument|run one two
no test named .smok.; did you mean .smoke.\?|run -- smok
KTSTR_GUEST= belongs to ktstr|run --cmdline KTSTR_GUEST=x
--memory: .*NUMA|run --memory 2M --topology 2,2,1,1
--qemu-memory: must be more than --memory|run --qemu-memory 1G --memory 1G
--kernel.*: unknown option|list --kernel x
two: unexpected argument|list one two
extra: unexpected argument|list --topologies extra
b: unexpected argument|help run b
frob: unknown command|help frob
kernel: takes list, build, import, check, path or clean|kernel
kernel clean: takes KEY or all|kernel clean
kernel: frob: unknown action|kernel frob
did you mean import|kernel imprt
did you mean build|kernel buidl
kernel list: --source: only build takes it|kernel list --source x
--fragment: takes FILE|kernel build --fragment
kernel import: takes FILE, FOLDER, or PACKAGE|kernel import
kernel list: more: unexpected argument|kernel list more
kernel path: b: unexpected argument|kernel path a b
kernel: --force: unknown option|kernel import --force x
doctor: x: unexpected argument|doctor x
completions: takes bash, zsh or fish|completions
completions: takes bash, zsh or fish|completions tcsh
completions: .*b: unexpected argument|completions bash b
x: unexpected argument|version x
x: unexpected argument|version -- x
TABLE

call exec --json -- true
ok "the stdout of exec is not for a record" prints err "^ktstr: --json: stdout is the command's"
ok "which is a usage error" ends 64

call run --tap --json
ok "stdout has room for one format" prints err '^ktstr: --tap and --json: '
ok "which is a usage error" ends 64
ok "a variable is named as such" eval \
	'KTSTR_MEMORY=lots; export KTSTR_MEMORY; usage_is "KTSTR_MEMORY=lots: takes a size" run'
unset KTSTR_MEMORY
call run "--kernel=a
b$(printf '\033')[2J"
ok "an error is one line, whatever was given" one_line
ok "and no terminal sequence" sh -c '! grep -q "$(printf "\033")" "$1"' - "$dir/err"

# --- errors of ktstr -------------------------------------------------------------

call list /nowhere/binary
ok "a binary that is not there is an error" ends 99
ok "told in one line" one_line
ok "that names it" prints err 'run /nowhere/binary: No such file or directory'
call list /bin/true
ok "a binary that is no test program is an error" ends 99
ok "that says so" prints err '/bin/true: not a ktstr test program'
call run --kernel /nowhere/kernel
ok "a kernel that is not there is an error" ends 99
ok "told in one line on stderr" prints err '^ktstr: .*/nowhere/kernel.*No such file or directory$'
ok "and by the verdict on stdout, with nothing of a run" prints out \
	'^error: .*/nowhere/kernel: No such file or directory$'
if command -v script >/dev/null; then
	TERM=dumb script -qec "$ktstr run --kernel /nowhere/kernel" /dev/null \
		>"$dir/out" 2>"$dir/err" </dev/null
	words="ktstr run on a terminal"
	ok "on a terminal it is told once" test "$(grep -c /nowhere/kernel "$dir/out")" = 1
else
	skip "on a terminal it is told once" "no script(1) here"
fi

# --- the machine formats, also of errors ------------------------------------------

call run --json --kernel /nowhere/kernel
ok "--json: an error is one document" json_is verdict error
ok "with its exit status" json_is exit_code 99
ok "and its reason" prints out '"reason": ".*/nowhere/kernel'
ok "which is the exit status" ends 99

for args in "--json --nope" "--nope --json"; do
	# shellcheck disable=SC2086 # words
	call run $args
	ok "--json: a usage error is one document, too ($args)" json_is exit_code 64
	ok "and ends with 64 ($args)" ends 64
done

call run --json="$dir/record" --junit "$dir/junit" --kernel /nowhere/kernel
ok "--json=FILE: the record is in the file" \
	test "$("$jsonget" "$dir/record" verdict)" = error
ok "and the report on stdout" prints out '^error: '
ok "--junit: the error is in the file" grep -q '<error message=.*/nowhere/kernel' "$dir/junit"
if command -v xmllint >/dev/null; then
	ok "which is XML" xmllint --noout "$dir/junit"
else
	skip "which is XML" "no xmllint here"
fi

call run --tap --kernel /nowhere/kernel
ok "--tap: an error bails out" prints out '^Bail out! .*/nowhere/kernel'

printf old >"$dir/real"
ln -s real "$dir/link"
call run --json="$dir/link" --kernel /nowhere/kernel
ok "a symbolic link to the record stays one" test -L "$dir/link"
ok "and the file it leads to has the record" grep -q ktstr.run/1 "$dir/real"
call report /nowhere/record
ok "a record that is not there is an error" prints err \
	'^ktstr: report: open /nowhere/record: No such file or directory$'
for t in "" '{"schema": "ktstr.run/1", "tests'; do
	printf %s "$t" >"$dir/rec"
	call report "$dir/rec"
	ok "a record that is not whole is an error" prints err "/rec: empty or cut short\$"
done
{ cat "$dir/real"; echo '{}'; } >"$dir/rec"
call report "$dir/rec"
ok "so is one behind which something follows" prints err '/rec: no JSON: .* more follows$'
echo '{ x' >"$dir/rec"
call report "$dir/rec"
ok "so is what is no JSON" ends 99
ok "which says where" prints err '^ktstr: report: .*/rec: no JSON: .* at byte 2$'
call report --html "$dir/nowhere/page" "$dir/real"
ok "a page that cannot be written is told" prints err \
	"^ktstr: report: --html $dir/nowhere/page: its folder: No such file"
call topo 1n1l1c1t
ok "topo counts as people do" prints out '^1 CPU, 1 LLC, 1 package, 1 NUMA node$'
ok "and has one id for one CPU" prints out '^  LLC 0   package 0   APIC id 0  \[0\]$'
call topo 1n1l2c1t/node:cache=64M:direct:wt:128
ok "topo draws a cache in front of memory" prints out \
	', cached by 64M \(direct, wt, lines of 128 bytes\)$'
call topo --json 1n1l2c1t/node:cache=64M:direct:wt:128
ok "and has it in its document" json_is nodes.0.cache.bytes 67108864
ok "with its policy" json_is nodes.0.cache.write wt
call topo --dump-acpi "$dir/tables" 1n1l2c1t
ok "topo --dump-acpi makes a folder" test -s "$dir/tables/APIC.dat"
ok "and says what is in it" prints out "^[1-9][0-9]* ACPI tables in $dir/tables\$"
call topo --json --dump-acpi "$dir/tables" 1n1l2c1t
ok "with --json it says so in a document" json_is folder "$dir/tables"
call topo --dump-acpi "$dir/nowhere/tables" 1n1l2c1t
ok "but none above it" ends 99
ok "which it says" prints err "dump-acpi: mkdir $dir/nowhere/tables: No such file"
call run --junit=/dev/stdout --json=/dev/null --kernel /nowhere/kernel
ok "/dev/stdout may be a file to write to" prints out '<testsuites'
ok "and /dev/null stays what it is" test -c /dev/null
for o in json junit html trace dump vmcore; do
	call run "--$o=$dir/nowhere/file" --kernel /nowhere/kernel --tap
	ok "--$o: a file that cannot be written is an error" ends 99
	ok "before the run, with the option and the file" one_line
	ok "as it was given" prints err "^ktstr: --$o $dir/nowhere/file: its folder: No such file"
done
call exec --vmcore "$dir/nowhere/core" --kernel /nowhere/kernel -- true
ok "so it is for a command" prints err "^ktstr: --vmcore $dir/nowhere/core: its folder: "
call run --dump /dev/null --kernel /nowhere/kernel
ok "a device is not replaced by a dump" prints err '^ktstr: --dump /dev/null: is no regular file$'
call run --html "$dir/nowhere/page" --json="$dir/record" --kernel /nowhere/kernel
ok "the other files have the error" sh -c '"$1" "$2" reason | grep -q "^--html "' - \
	"$jsonget" "$dir/record"
call run smoke
ok "a test where a program belongs is a usage error" ends 64
ok "with the right command" prints err 'smoke: no such program; .*: ktstr run -- smoke$'
call run -- nosuchtest
ok "a test that is nowhere is a usage error" ends 64
ok "that says who knows them" prints err "no test named 'nosuchtest'; ktstr list shows them\$"

ok "a stdout that is full is an error" sh -c '"$1" version >/dev/full 2>"$2"; [ $? = 99 ]' \
	- "$ktstr" "$dir/err"
ok "and told in one line" one_line

# --- reports, with the tools of others ---------------------------------------------

cat >"$dir/rec" <<'RECORD'
{"verdict": "fail", "reason": "b: Check: 1 < 2 & more", "accel": "kvm", "topology": "1n1l1c1t",
 "tests": [{"name": "a", "verdict": "pass", "duration_ms": 5},
  {"name": "b # x", "verdict": "fail", "details": [{"kind": "Check", "text": "1 < 2 & \"more\""}]},
  {"name": "c", "verdict": "skip", "details": [{"kind": "Skip", "text": "why"}]}],
 "console_tail": ["]]> \u0001 \u001b[2J"]}
RECORD
render=$top_builddir/test/render
if command -v xmllint >/dev/null; then
	"$render" junit <"$dir/rec" >"$dir/junit"
	ok "a JUnit report is XML" xmllint --noout "$dir/junit"
	ok "with a failure" test 1 = \
		"$(xmllint --xpath 'count(//testcase/failure)' "$dir/junit")"
	ok "and a skipped test" test 1 = \
		"$(xmllint --xpath 'count(//testcase/skipped)' "$dir/junit")"
else
	skip "a JUnit report is XML" "no xmllint here"
fi
if command -v prove >/dev/null; then
	"$render" tap <"$dir/rec" >"$dir/t.tap"
	prove -e cat "$dir/t.tap" >"$dir/out" 2>"$dir/err"
	status=$? words="prove"
	ok "prove reads a TAP report" prints out 'Failed test: +2'
	ok "and finds nothing to complain of in its form" \
		sh -c '! grep -qi "parse error" "$1" "$2"' - "$dir/out" "$dir/err"
else
	skip "prove reads a TAP report" "no prove here"
fi

# --- configuration ---------------------------------------------------------------

export KTSTR_MEMORY=1G KTSTR_ACCEL=nested KTSTR_FAST_BOOT=0
call run --print-config --accel kvm --no-ring --timeout 90s ./mine -- one two
ok "--print-config is a document" json_is schema ktstr.config/1
ok "with what the variables say" json_is memory 1G
ok "with what the options say, which win" json_is accel kvm
ok "with flags" json_is fast-boot false
ok "that are turned on by no-" json_is no-ring true
ok "with durations" json_is timeout 90s
ok "with the binary, which was not opened" json_is binary ./mine
ok "with the tests" json_is test.1 two
ok "with null for what is not set" json_is kernel null
call run --print-config --ring --fast-boot --memory=2G
ok "a flag named no- is cleared without it" json_is no-ring false
ok "an option wins over its variable" json_is fast-boot true
ok "also with =" json_is memory 2G
unset KTSTR_MEMORY KTSTR_ACCEL KTSTR_FAST_BOOT

# --- help and manual ----------------------------------------------------------------

call --help
ok "--help ends with 0" ends 0
ok "on stdout alone" is_empty err
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\).*/\1/p' "$dir/out")
for c in run list shell exec kernel doctor cleanup version help; do
	ok "--help has $c" sh -c 'echo "$1" | grep -qx "$2"' - "$commands" "$c"
done
# --- completions ------------------------------------------------------------------

# complete WORD...: what bash offers for the last one
complete_bash()
{
	"$ktstr" completions bash >"$dir/complete" && bash -c '. "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_ktstr; echo "${COMPREPLY[*]}"' - "$dir/complete" "$@"
}
ok "bash completes commands" test "$(complete_bash ktstr compl)" = completions
ok "and options of a command" test "$(complete_bash ktstr exec --qemu)" = --qemu-memory
ok "and what clears a flag" test "$(complete_bash ktstr run --no-fast)" = --no-fast-boot
ok "and what kernel does" test "$(complete_bash ktstr kernel ch)" = check
ok "and shapes for --topology" test "$(complete_bash ktstr run --topology tiny-1l)" = tiny-1llc
ok "and for topo" test "$(complete_bash ktstr topo tiny-1l)" = tiny-1llc
ok "and commands for help" test "$(complete_bash ktstr help clea)" = cleanup
ok "but none that the command does not have" test -z "$(complete_bash ktstr exec --tap)"
for shell in zsh fish; do
	call completions "$shell"
	ok "$shell gets a script" prints out qemu-memory
	if command -v "$shell" >/dev/null; then
		ok "which it can read" "$shell" -n "$dir/out"
	fi
done

man=$top_srcdir/doc/ktstr.1
for c in $commands; do
	call "$c" --help
	ok "$c --help ends with 0" ends 0
	ok "$c --help is on stdout" prints out "^usage: ktstr $c"
	call help "$c"
	ok "help $c is the same" prints out "^usage: ktstr $c"
	ok "$c is in the man page" grep -q "^\.It Cm $c" "$man"
	sed -n '/^Options:/,$s/^  \(-[a-z], \)*--\(\[no-\]\)*\([a-z0-9-]*\).*/\3/p' "$dir/out"
done >"$dir/help.log"
sed '/^[a-z0-9-]*$/d' "$dir/help.log"
options=$(grep -x '[a-z0-9-]*' "$dir/help.log" | sort -u)
ok "the help has options" test "$(echo "$options" | wc -l)" -gt 15
for o in $options; do
	ok "--$o is in the man page" grep -Eq "^\.It (Fl [a-z] , )?Fl -$o( |\$)" "$man"
done
for v in $(echo "$options" | tr 'a-z-' 'A-Z_'); do
	case $v in
	HTML | TRACE | JSON | TAP | JUNIT | PRINT_CONFIG | DUMP_ACPI | TOPOLOGIES) continue ;;
	QUIET | VERBOSE | COLOR | HELP | SOURCE | FRAGMENT) continue ;;
	esac
	ok "KTSTR_$v is in the man page" grep -q "KTSTR_$v\b" "$man"
done
if command -v groff >/dev/null && groff -mdoc -Tascii "$man" >/dev/null 2>&1; then
	ok "the man page is well-formed" test -z "$(groff -mdoc -Tascii -ww "$man" 2>&1 >/dev/null)"
else
	skip "the man page is well-formed" "no groff with mdoc here"
fi

# --- list, version, kernel, doctor ----------------------------------------------------

call version
ok "version is one line" prints out '^ktstr [0-9]+\.[0-9]+\.[0-9]+$'
call --version
ok "--version, too" prints out '^ktstr [0-9]+\.[0-9]+\.[0-9]+$'
call version --json
ok "version --json has a schema" json_is schema ktstr.version/1
ok "and features" prints out '"transport-shmring"'

call list
ok "list has the built-in test" prints out '^smoke +1n1l2c1t .*[a-z]'
ok "and tags" prints out '^fault_crash .*\[manual\]'
call list --json
ok "list --json has a schema" json_is schema ktstr.list/1
cp "$dir/out" "$dir/own"
call list --json "$ktstr"
ok "the list of a binary is what it says itself" cmp -s "$dir/own" "$dir/out"

mkdir "$dir/shm" "$dir/shm/ktstr-$(id -u)" "$dir/shm/cache" "$dir/shm/cache/kernels"
chmod 700 "$dir/shm/ktstr-$(id -u)"
echo text >"$dir/shm/ktstr-$(id -u)/0123456789abcdef0123456789abcdef"
mkdir "$dir/shm/cache/kernels/.tmp.1.abcdef"
KTSTR_SHM_DIR=$dir/shm KTSTR_CACHE_DIR=$dir/shm/cache
export KTSTR_SHM_DIR
call cleanup --json
ok "cleanup empties shared memory" json_is segments 1
ok "and removes what imports left" json_is imports 1
ok "so that nothing is there" test -z "$(find "$dir/shm/ktstr-$(id -u)" "$dir/shm/cache" -mindepth 2 2>/dev/null)"
call cleanup
ok "again is nothing" prints out '^shared memory: 0 segments'
unset KTSTR_SHM_DIR
KTSTR_CACHE_DIR=$dir/cache

call kernel list
ok "an empty cache has no kernels" ends 0
ok "and prints nothing" is_empty out
call kernel list --json
ok "kernel list --json is a document all the same" json_is kernels 0
call kernel clean all --json
ok "and so is what kernel clean removed" json_is keys 0
call kernel import /nowhere/file
ok "a kernel that is not there cannot be imported" ends 99
call kernel path /nowhere/file
ok "nor found" ends 99

call doctor --json
ok "doctor --json has a schema" json_is schema ktstr.doctor/1
ok "doctor has checks" sh -c '[ "$("$1" "$2" checks)" -gt 5 ]' - "$jsonget" "$dir/out"
works=$(json works)
doctor_status=0
[ "$works" = true ] || doctor_status=99
ok "doctor ends with 0 when a run can work, else with 99" ends "$doctor_status"
export KTSTR_KERNEL=/nowhere/kernel
call doctor
ok "without a kernel no run can work" ends 99
ok "and doctor says which it is" prints out '^miss +kernel: .*/nowhere/kernel'
ok "and what fixes it" prints out '^ +fix: .*ktstr kernel import'
export KTSTR_ACCEL=nested
words="ktstr doctor"
timeout 60 env PATH="$dir" "$ktstr" doctor >"$dir/out" 2>"$dir/err"
status=$?
ok "without QEMU nothing runs nested" ends 99
ok "QEMU is missed" prints out '^miss +qemu: '
ok "the package is named" prints out '^ +fix: apt-get install qemu-system-x86$'
tap_done
