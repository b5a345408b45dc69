#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Guests other than a stock Linux kernel: a kernel of our own by each of the loaders,
# a BIOS, a memory tester, a hypervisor, and Linux without ACPI. The last ones are
# Debian's (scripts/fetch guests), and skipped where they are not.

lodge=${LODGE:-$(command -v lodge)}
here=$(dirname "$0")
guests=${LODGE_GUESTS:-/usr/lib/lodge/guests}
slow=${LODGE_TEST_PATIENCE:-1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

# What the guest printed last
details() {
	tail -n 15 "$dir/out" | cat -v | cut -c 1-200 | sed 's/^/# /'
}

echo "TAP version 13"

run() {
	timeout $((60 * slow)) "$lodge" run --vm "$@" </dev/null >"$dir/out" 2>&1
	status=$?
}

# expect WHAT STATUS LINE...: the guest ended so, and printed these
expect() {
	what=$1 want=$2
	shift 2
	if [ $status -ne "$want" ]; then
		fail "$what: status $status, not $want"
		return
	fi
	for line; do
		if ! grep -qF -- "$line" "$dir/out"; then
			fail "$what: no '$line'"
			return
		fi
	done
	pass "$what"
}

# run_until TEXT ARGUMENT...: ends the guest when it has printed that
run_until() {
	text=$1
	shift
	"$lodge" run --vm "$@" </dev/null >"$dir/out" 2>&1 &
	guest=$!
	status=1
	i=0
	while [ $i -lt $((120 * slow)) ] && kill -0 $guest 2>/dev/null; do
		if grep -qF -- "$text" "$dir/out"; then
			status=0
			break
		fi
		sleep 1
		i=$((i + 1))
	done
	kill $guest 2>/dev/null
	wait $guest 2>/dev/null
	# It may have ended by itself.
	if grep -qF -- "$text" "$dir/out"; then
		status=0
	fi
}

printf 'content' >"$dir/module"
printf 'initrd' >"$dir/initrd"

run -m 64 --kernel "$here/boot-multiboot" --append 'some words' --initrd "$dir/initrd" \
	--module "$dir/module with words" --debug "$dir/debug"
expect "Multiboot, ELF" 0 "Multiboot by lodge: '$here/boot-multiboot some words'" \
	"module '$dir/initrd' has 'initrd'" "module '$dir/module with words' has 'content'" \
	"memory 0 9fc00 usable" "memory 100000 3f00000 usable" "the PIT counts" \
	"year $(date +%Y)"
if [ "$(cat "$dir/debug")" = "debug port" ]; then
	pass "the debug port"
else
	fail "the debug port"
fi
run -m 64 --kernel "$here/boot-multiboot-flat" --append 'some words'
expect "Multiboot, with addresses in its header" 0 "Multiboot by lodge: '$here/boot-multiboot-flat some words'"
run -m 64 --kernel "$here/boot-pvh" --append 'some words' --module "$dir/module with words"
expect "PVH" 0 "PVH: 'some words', tables: RSD PTR" \
	"module '$dir/module with words' has 'content'" "memory 100000 3f00000 usable"
run -m 16 --kernel "$here/boot-flat16" --boot real --no-reboot
expect "real mode" 0 "real mode"
run -m 16 --kernel "$here/boot-flat32" --boot protected
expect "protected mode" 0 "protected mode"
run -m 16 --kernel "$here/boot-flat64" --boot long
expect "long mode" 0 "long mode"

# What is no kernel, or lies
run -m 16 --kernel "$here/boot-flat64"
expect "an unknown file" 125 "has no Linux boot header" "--boot"
head -c 5000 "$here/boot-pvh" >"$dir/short"
run -m 16 --kernel "$dir/short"
expect "an ELF file that lies about its sizes" 125 "cut short or lies"
run -m 1 --kernel "$here/boot-multiboot"
expect "too little memory" 125 "give more memory with -m"
run --kernel "$here/boot-flat64" --boot short
expect "an unknown kind" 125 "is no kind of kernel"
run --firmware "$here/boot-flat64"
expect "what is no firmware" 125 "is no firmware"

if [ ! -e "$guests/version" ]; then
	skip "other systems" "scripts/fetch has not got them"
else
	run_until "No bootable device" -m 64 --firmware "$guests/bios-256k.bin" \
		--debug "$dir/bios"
	expect "SeaBIOS finds nothing to boot" 0 "SeaBIOS (version" "No bootable device"
	run_until "Ctrl-B" -m 64 --firmware "$guests/bios-256k.bin" \
		--kernel "$guests/ipxe.lkrn" --append ""
	expect "iPXE, by its 16-bit entry" 0 "SeaBIOS (version" "iPXE 1" "Ctrl-B"
	run_until "Address test" -m 64 --kernel "$guests/memtest86+x64.bin" \
		--append 'console=ttyS0,115200'
	expect "memtest86+ begins" 0 "Memtest86+ v6" "Address test"
	run_until "Address test" -m 64 --kernel "$guests/memtest86+ia32.bin" --boot linux32 \
		--append 'console=ttyS0,115200'
	expect "memtest86+ of 32 bits begins" 0 "Memtest86+ v6" "Address test"
	run_until "ot specified" -m 256 --kernel "$guests/xen-4.17-amd64.gz" \
		--append 'console=com1 com1=115200,8n1 noreboot'
	expect "Xen misses its dom0" 0 "Xen version 4.17" "ot specified"
fi

# Linux with MP tables, the PIC and the PIT instead of ACPI
# shellcheck disable=SC2153 # the test machine sets them
if [ -r "$GUEST" ] && [ -r "$GUEST_INITRD" ]; then
	run_until "uptime:" -m 256 -c 2 --kernel "$GUEST" --initrd "$GUEST_INITRD" \
		--append 'console=ttyS0 acpi=off'
	expect "Linux without ACPI" 0 "Intel MultiProcessor Specification v1.4" \
		"Lodge guest is up" "cpus:        2"
else
	skip "Linux without ACPI" "GUEST and GUEST_INITRD name none"
fi

echo "1..$n"
[ $failed = 0 ]
