# SPDX-License-Identifier: GPL-2.0-only
# What the tests that run ktstr share; sourced. They use the command that was
# built, a kernel that it finds by itself, and the accelerator that works here.
#
#	vm_need_guest                     else the whole script is skipped, with the reason
#	vm_run run --json --topology 1,1,2,1
#	ok "two CPUs pass" vm_ends 0
#	ok "and are told" vm_says .cpus 2

. "$top_srcdir/test/tap.sh"

ktstr=$top_builddir/ktstr
jsonget=$top_builddir/test/jsonget
vm_bound=${KTSTR_TEST_BOUND:-240}	# seconds that no single run may take
vm_dir=$(mktemp -d) || exit 99
trap 'rm -rf "$vm_dir"' EXIT
trap 'exit 143' TERM HUP INT
vm_status=

# Options of a user's shell shall not change what is tested.
unset KTSTR_TOPOLOGY KTSTR_MEMORY KTSTR_CMDLINE KTSTR_TIMEOUT KTSTR_BINARY KTSTR_TEST

# Can a guest run here: an accelerator, a kernel? Prints why not.
vm_has_guest()
{
	if grep -qaE '__(asan|tsan)_init' "$ktstr"; then
		echo "a sanitizer's runtime cannot be PID 1"
		return 1
	fi
	vm_why=$("$ktstr" doctor 2>&1) && return 0
	printf '%s\n' "$vm_why" | grep -E '^miss|accelerator' | tr '\n' ';' | cut -c 1-400
	return 1
}

# Else skip the whole script.
vm_need_guest()
{
	vm_why=$(vm_has_guest) || skip_all "no guest can run here: $vm_why"
}

# The fixture scheduler and the tests that use it, or skip the whole script.
vm_need_fixture()
{
	fixture=$top_builddir/test/sched/fixture
	tests=$top_builddir/test/sched/tests
	[ -x "$fixture" ] ||
		skip_all "the fixture scheduler was not built: ${BPF_MISSING:-see configure}"
	vm_need_guest
}

# Run a program with a bound: its streams in out and err, its status in vm_status.
vm_do()
{
	vm_words=$*
	timeout -k 10 "$vm_bound" "$@" >"$vm_dir/out" 2>"$vm_dir/err"
	vm_status=$?
}

# The same for ktstr, which has nothing to read.
vm_run()
{
	vm_do "$ktstr" "$@" </dev/null
}

# For the log, when something is not as it should be.
vm_show()
{
	echo "$vm_words: exit status $vm_status"
	tail -n 30 "$vm_dir/err" | cut -c 1-500 | sed 's/^/stderr: /'
	tail -n 60 "$vm_dir/out" | cut -c 1-500 | sed 's/^/stdout: /'
	return 1
}

vm_ends()
{
	[ "$vm_status" = "$1" ] || vm_show
}

# vm_json PATH: from the record on stdout.
vm_json()
{
	"$jsonget" "$vm_dir/out" "$1"
}

# vm_says PATH VALUE
vm_says()
{
	vm_value=$(vm_json "$1")
	[ "$vm_value" = "$2" ] && return 0
	echo "$1 is '$vm_value', not '$2'"
	vm_show
}

# vm_like PATH ERE
vm_like()
{
	vm_value=$(vm_json "$1")
	printf '%s\n' "$vm_value" | grep -Eq -- "$2" && return 0
	echo "$1 is '$vm_value', not like '$2'"
	vm_show
}

# vm_prints out|err ERE
vm_prints()
{
	grep -Eq -- "$2" "$vm_dir/$1" && return 0
	echo "std$1 has no '$2'"
	vm_show
}

# Index of a test in the record, by its name.
vm_index()
{
	vm_n=$(vm_json tests) vm_i=0
	while [ "$vm_i" -lt "${vm_n:-0}" ]; do
		[ "$(vm_json "tests.$vm_i.name")" = "$1" ] && echo "$vm_i" && return 0
		vm_i=$((vm_i + 1))
	done
	return 1
}

# vm_test NAME VERDICT [ERE]: a test of the record, and a detail of it like ERE.
vm_test()
{
	if ! vm_at=$(vm_index "$1"); then
		echo "the record has no test $1"
		vm_show
		return
	fi
	vm_says "tests.$vm_at.verdict" "$2" || return
	[ $# -gt 2 ] || return 0
	vm_n=$(vm_json "tests.$vm_at.details") vm_i=0
	while [ "$vm_i" -lt "${vm_n:-0}" ]; do
		vm_text=$(vm_json "tests.$vm_at.details.$vm_i.kind" &&
			vm_json "tests.$vm_at.details.$vm_i.text")
		printf '%s\n' "$vm_text" | tr '\n' ' ' | grep -Eq -- "$3" && return 0
		vm_i=$((vm_i + 1))
	done
	echo "test $1 has no detail like '$3'"
	vm_show
}

# Processes that carry our mark in their environment: what a run has left behind.
#	vm_mark; vm_run ...; vm_left
vm_mark()
{
	vm_token=ktstr-test-$$-$(date +%N)
	KTSTR_TEST_MARK=$vm_token
	export KTSTR_TEST_MARK
}

vm_left()
{
	for vm_p in /proc/[0-9]*; do
		case $(cat "$vm_p/comm" 2>/dev/null) in
		*qemu* | ktstr*) ;;
		*) continue ;;
		esac
		# it may be gone by now
		{ tr '\0' '\n' <"$vm_p/environ"; } 2>/dev/null |
			grep -qx "KTSTR_TEST_MARK=$vm_token" && echo "${vm_p#/proc/}"
	done
}

# Wait, bounded, for a process that is not a child of ours to be gone.
#	vm_gone SECONDS PID...
vm_gone()
{
	vm_limit=$1
	shift
	for vm_p in "$@"; do
		timeout "$vm_limit" tail -s 0.1 --pid="$vm_p" -f /dev/null || return 1
	done
}
