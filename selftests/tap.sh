# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
# What tests in shell have in common, which source this: points of TAP, with what
# may be of interest of one that failed. A test has a folder $dir, in which
# out and err are what its last command has printed, and that one's $status.
#
# shellcheck disable=SC2154 # the test's own

n=0
failed=0

# details ARGUMENT...: of a point that failed; tests may have one of their own
details() {
	sed 's/^/# /' "$dir/out" "$dir/err" 2>/dev/null | head -n 20
}

pass() {
	n=$((n + 1))
	echo "ok $n $1"
}

# fail WHAT ARGUMENT...: these are for details
fail() {
	n=$((n + 1))
	failed=$((failed + 1))
	echo "not ok $n $1"
	shift
	details "$@"
}

# skip WHAT [WHY]
skip() {
	n=$((n + 1))
	echo "ok $n # SKIP $1${2:+: $2}"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 4
}

# need_image_vms: this machine can run VMs of images; of the host's kernel, or $kernel is
# the option that names another
need_image_vms() {
	if [ -z "$lodge" ]; then
		skip_all "no lodge tool: set LODGE"
	elif [ ! -c /dev/lodge ]; then
		skip_all "the module is not loaded"
	elif ! "$lodge" check --vm >/dev/null; then
		skip_all "this machine cannot run VMs: see lodge check"
	elif [ ! -x /bin/busybox ] || ! command -v mkfs.erofs >/dev/null; then
		skip_all "no /bin/busybox, or no mkfs.erofs"
	fi
	kernel=''
	if [ ! -e "/boot/vmlinuz-$(uname -r)" ]; then
		[ -r "$GUEST" ] || skip_all "there is no /boot/vmlinuz-$(uname -r), and GUEST names no kernel"
		# shellcheck disable=SC2034 # for the test
		kernel="--kernel $GUEST"
	fi
}

# check WHAT COMMAND...: passed if it succeeds
check() {
	what=$1
	shift
	if "$@" >"$dir/check" 2>&1; then
		pass "$what"
	else
		fail "$what"
		head -n 20 "$dir/check" | sed 's/^/# /'
	fi
}

# gives WHAT STATUS TEXT: of the last run: all of standard output is TEXT
gives() {
	if [ "$status" -ne "$2" ]; then
		fail "$1: status $status, not $2"
	elif [ "$(cat "$dir/out")" != "$3" ]; then
		fail "$1: not '$3'"
	else
		pass "$1"
	fi
}

# says WHAT STATUS WORDS: standard output has a line like WORDS
says() {
	if [ "$status" -ne "$2" ]; then
		fail "$1: status $status, not $2"
	elif ! grep -q -e "$3" "$dir/out"; then
		fail "$1: nothing says '$3'"
	else
		pass "$1"
	fi
}

# until_true COMMAND...: waits for up to $patience tenths of a second
until_true() {
	tries=$patience
	while [ "$tries" -gt 0 ]; do
		if "$@" >/dev/null 2>&1; then
			return 0
		fi
		tries=$((tries - 1))
		sleep 0.1
	done
	return 1
}
