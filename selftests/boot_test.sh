#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A stock kernel boots as a guest, with one and with several CPUs, several
# guests at once; it powers off, resets, and can be ended at any moment.
#
# GUEST and GUEST_INITRD name the kernel and an initramfs whose /init prints
# "Lodge guest is up" and what it sees, and powers off (scripts/machine).

lodge=${LODGE:-$(command -v lodge)}
slow=${LODGE_TEST_PATIENCE:-1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

# details FILE...: what the guest printed last
details() {
	for file; do
		tail -n 15 "$file" | sed 's/^/# /'
	done
}

echo "TAP version 13"
if [ ! -r "$GUEST" ] || [ ! -r "$GUEST_INITRD" ]; then
	echo "1..0 # SKIP GUEST and GUEST_INITRD do not name a kernel and an initramfs"
	exit 4
fi

# boot OUTPUT ARGUMENT...
boot() {
	output=$1
	shift
	timeout $((100 * slow)) "$lodge" run --vm --kernel "$GUEST" --initrd "$GUEST_INITRD" \
		"$@" </dev/null >"$output" 2>&1
}

# check_boot WHAT STATUS OUTPUT CPUS MIB: is up, with so many CPUs and about so
# much memory (the kernel keeps some), and neither it nor its CPUs complained
check_boot() {
	cpus=$(sed -n 's/^cpus: *\([0-9]*\).*/\1/p' "$3")
	mib=$(sed -n 's/^memory: *\([0-9]*\).*/\1/p' "$3")
	if [ "$2" -ne 0 ]; then
		fail "$1: status $2" "$3"
	elif ! grep -q "^Lodge guest is up" "$3"; then
		fail "$1: the guest's init did not run" "$3"
	elif [ "$cpus" != "$4" ]; then
		fail "$1: $cpus CPUs, not $4" "$3"
	elif [ "$mib" -gt "$5" ] || [ "$mib" -lt $(($5 * 7 / 10)) ]; then
		fail "$1: $mib MiB of memory, not about $5" "$3"
	elif grep -qE "WARNING:|BUG:|Oops|Call Trace|stalls on CPU|unchecked MSR" "$3"; then
		fail "$1: the guest complains" "$3"
	else
		pass "$1"
	fi
}

# check_clock OUTPUT. Where the counter never stops, Linux has the paravirtual clock for
# its offset and wall time, and counts with the counter itself.
check_clock() {
	clock=kvm-clock
	if grep -q '^flags.* constant_tsc.* nonstop_tsc' /proc/cpuinfo; then
		clock=tsc
	fi
	if grep -q 'kvm-clock: Using msrs' "$1" && grep -q "^clocksource: *$clock" "$1"; then
		pass "it uses the paravirtual clock"
	else
		fail "it does not use the paravirtual clock, or its clock is not $clock" "$1"
	fi
}

# Where a boot takes minutes, the two at once below are all.
if [ "$TESTVM_CPU" = vmx ]; then
	quiet=''
	skip "a stock kernel boots with 1 CPU and powers off" "see virtio_boot_test.sh: a boot takes minutes"
	skip "a stock kernel boots with 4 CPUs" "a boot takes minutes"
else
	quiet=quiet
	boot "$dir/1" -m 256 -c 1 --append 'console=ttyS0'
	check_boot "a stock kernel boots with 1 CPU and powers off" $? "$dir/1" 1 256
	check_clock "$dir/1"
	boot "$dir/4" -m 512 -c 4 --append 'console=ttyS0'
	check_boot "a stock kernel boots with 4 CPUs" $? "$dir/4" 4 512
fi

# start OUTPUT APPEND ARGUMENT...: a guest that runs for ever, in the background
start() {
	output=$1
	append="console=ttyS0 lodge.hold $2"
	shift 2
	"$lodge" run --vm --kernel "$GUEST" --initrd "$GUEST_INITRD" \
		--append "$append" "$@" </dev/null >"$output" 2>&1 &
}

# wait_for OUTPUT: until the guest has said all
wait_for() {
	i=0
	while [ $i -lt $((100 * slow)) ] && ! grep -q "^uptime:" "$1"; do
		sleep 1
		i=$((i + 1))
	done
}

# number KEY JSON: of a guest
number() {
	printf '%s\n' "$2" | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p"
}

# check_wall PROCESS NAME OUTPUT: another process than lodge's own runs the guest,
# behind a wall that enforces, and has never run into it
check_wall() {
	ps=$(timeout $((20 * slow)) "$lodge" ps --json | grep "\"$2\"")
	policy=$(timeout $((20 * slow)) "$lodge" policy get --json "$2")
	# All guests are in one line.
	stats=$(timeout $((20 * slow)) "$lodge" stats --json | sed 's/, { "id"/\n{ "id"/g' |
		grep "\"$2\".*\"memory-resident\"")
	vmm=$(number init-pid "$ps")
	if [ "$(number keeper-pid "$ps")" != "$1" ]; then
		fail "its keeper is not $1: $ps" "$3"
	elif [ "$(readlink "/proc/${vmm:-0}/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] ||
		[ ! -d "/proc/${vmm:-0}/fd" ]; then
		fail "process $vmm does not run it in a pid namespace of its own" "$3"
	elif ! printf '%s\n' "$policy" | grep -q '"mode": "enforce"'; then
		fail "its wall does not enforce: $policy" "$3"
	elif ! printf '%s\n' "$stats" | grep -q '"denials": 0, "hooks": \[\]'; then
		fail "it has run into its wall: $stats" "$3"
	else
		pass "its process is behind a wall"
	fi
}

# end_by SIGNAL PROCESS OUTPUT
end_by() {
	kill -"$1" "$2"
	wait "$2"
	status=$?
	if [ $status -eq $((128 + $(kill -l "$1"))) ]; then
		pass "SIG$1 ends a guest"
	else
		fail "SIG$1: status $status" "$3"
	fi
}

start "$dir/a" "$quiet" -m 256 -c 1
first=$!
# The old interface to the local APIC: its register page in memory.
start "$dir/b" "quiet nox2apic" -m 320 -c 2 --name walled
second=$!
wait_for "$dir/a"
wait_for "$dir/b"
check_boot "two guests at once: the first" 0 "$dir/a" 1 256
check_boot "two guests at once: the second, in xAPIC mode" 0 "$dir/b" 2 320
if [ -z "$quiet" ]; then
	check_clock "$dir/a"
fi
check_wall $second walled "$dir/b"
end_by TERM $first "$dir/a"
end_by KILL $second "$dir/b"
sleep 1
if [ "$(cat /sys/module/lodge/refcnt)" = 0 ]; then
	pass "they leave nothing behind"
else
	fail "the module is still in use" "$dir/a" "$dir/b"
fi

echo "1..$n"
[ $failed = 0 ]
