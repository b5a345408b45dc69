#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Virtio devices under a stock kernel's drivers: disks that are read and written,
# read-only, direct, busy, cut short or full; the console, entropy, and memory that
# goes back to the host.

lodge=${LODGE:-$(command -v lodge)}
slow=${LODGE_TEST_PATIENCE:-1}
dir=$(mktemp -d) || exit 1
loop=''

# processes: those of the guest
processes() {
	for process in /proc/[0-9]*; do
		if tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q "$dir/initrd"; then
			echo "${process#/proc/}"
		fi
	done
}

# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	for process in $(processes); do
		kill -KILL "$process" 2>/dev/null
	done
	if [ "$loop" ]; then
		losetup -d "$loop"
	fi
	umount "$dir/small" "$dir/frozen" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
n=0
failed=0

echo "TAP version 13"
if [ ! -r "$GUEST" ] || [ ! -r "$GUEST_INITRD" ] || [ ! -r "$GUEST_MODULES" ]; then
	echo "1..0 # SKIP GUEST, GUEST_INITRD and GUEST_MODULES do not name what is to boot"
	exit 4
fi

# check WHAT GOT WANTED [OUTPUT]
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n $1"
		return
	fi
	failed=1
	echo "not ok $n $1: '$2', not '$3'"
	if [ -r "${4-}" ]; then
		tail -n 20 "$4" | sed 's/^/# /'
	fi
}

# contains FILE PATTERN: yes or no
contains() {
	grep -q "$2" "$1" && echo yes || echo no
}

# said OUTPUT KEY: what the guest has said of it
said() {
	tr -d '\r' <"$1" | sed -n "s/^$2: //p"
}

# make_initrd FILE: with a script, from standard input, that the guest runs
make_initrd() {
	mkdir -p "$dir/own"
	cat >"$dir/own/test.sh"
	(cd "$dir/own" && echo test.sh | cpio -o -H newc 2>/dev/null) | gzip >"$dir/own.cpio"
	cat "$GUEST_INITRD" "$GUEST_MODULES" "$dir/own.cpio" >"$1"
}
command=$(echo 'sh /test.sh' | base64 -w 0)

# run INITRD ARGUMENT...: standard input and output are the guest's
run() {
	initrd=$1
	shift
	timeout $((200 * slow)) "$lodge" run --vm --kernel "$GUEST" --initrd "$initrd" \
		--append "console=hvc0 quiet lodge.cmd=$command" "$@"
}

# start ARGUMENT...: in the background; what is written to descriptor 3 is typed
mkfifo "$dir/in"
start() {
	: >"$dir/out"
	run "$dir/initrd" "$@" <"$dir/in" >"$dir/out" 2>&1 &
	keeper=$!
	exec 3>"$dir/in"
}

# finish WHAT: the end of its input, and of it
finish() {
	exec 3>&-
	wait $keeper
	check "$1" $? 0 "$dir/out"
}

# wait_for TEXT: until the guest has said it, or is gone
wait_for() {
	while kill -0 $keeper 2>/dev/null && ! grep -q "$1" "$dir/out"; do
		sleep 0.2
	done
}

# Disks, entropy and console at once

make_initrd "$dir/initrd" <<'EOF'
stty -echo
echo ready
read -r line
echo "typed: $(echo "$line" | sha256sum)"
echo "serial: $(cat /sys/block/vda/serial)"
dd if=/dev/urandom of=/dev/vda bs=64k count=256 2>/dev/null
dd if=/dev/zero of=/dev/vda bs=512 seek=77 count=3 conv=fsync 2>/dev/null
echo "a: $(sha256sum </dev/vda)"
dd if=/dev/urandom of=/dev/vdc bs=4k count=1024 conv=fsync 2>/dev/null
echo "b: $(sha256sum </dev/vdb)"
echo "ro: $(cat /sys/block/vdb/ro)"
if dd if=/dev/zero of=/dev/vdb bs=4k count=1 conv=fsync 2>/dev/null; then
	echo "b-written: yes"
fi
blkdiscard -o 1048576 -l 1048576 /dev/vdc && echo "discarded: yes"
echo 3 >/proc/sys/vm/drop_caches
echo "zeros: $(dd if=/dev/vdc bs=1M skip=1 count=1 2>/dev/null | sha256sum)"
echo "c: $(sha256sum </dev/vdc)"
echo "rng: $(cat /sys/class/misc/hw_random/rng_current)"
echo "random: $(dd if=/dev/hwrng bs=512 count=64 2>/dev/null | gzip -9 | wc -c)"
i=0
while [ $i -lt 500 ]; do
	echo "line $i of what the guest has to say by its console"
	i=$((i + 1))
done
EOF
truncate -s 16M "$dir/a"
truncate -s 4M "$dir/c"
modprobe loop 2>/dev/null
loop=$(losetup -f)
losetup "$loop" "$dir/c"
dd if=/dev/urandom of="$dir/b" bs=4k count=100 2>/dev/null
b=$(sha256sum <"$dir/b")
# More than the device has room for at once
line=$(head -c 1500 /dev/zero | tr '\0' y)
start -m 256 -c 2 --disk "$dir/a" --disk "$dir/b,ro" --disk "$loop,direct"
wait_for '^ready'
echo "$line" >&3
finish "a guest with three disks powers off"
check "what it wrote is in the file" "$(sha256sum <"$dir/a")" "$(said "$dir/out" a)" "$dir/out"
check "and, with ',direct', on the block device" "$(sha256sum <"$loop")" \
	"$(said "$dir/out" c)" "$dir/out"
check "what it discards" "$(said "$dir/out" discarded)" yes "$dir/out"
check "reads as zeros" "$(said "$dir/out" zeros)" \
	"$(dd if=/dev/zero bs=1M count=1 2>/dev/null | sha256sum)" "$dir/out"
check "it reads a read-only disk" "$(said "$dir/out" b)" "$b" "$dir/out"
check "which it sees is one" "$(said "$dir/out" ro)" 1 "$dir/out"
check "and cannot write to" "$(said "$dir/out" b-written)$(sha256sum <"$dir/b")" "$b" "$dir/out"
check "a disk has its file's name" "$(said "$dir/out" serial)" a "$dir/out"
check "the entropy device is there" "$(said "$dir/out" rng)" virtio_rng.0 "$dir/out"
random=$(said "$dir/out" random)
check "its numbers cannot be packed" "$([ "${random:-0}" -gt 32000 ] && echo yes)" yes "$dir/out"
check "all of the input arrives" "$(said "$dir/out" typed)" "$(echo "$line" | sha256sum)" "$dir/out"
check "and all of the output" "$(grep -c '^line .*console' "$dir/out")" 500 "$dir/out"

# A disk that becomes shorter, one whose file system is full

make_initrd "$dir/initrd" <<'EOF'
stty -echo
dd if=/dev/urandom of=/dev/vda bs=4k count=256 conv=fsync 2>/dev/null
echo "flushed: $(dd if=/dev/vda bs=4k count=256 2>/dev/null | sha256sum)"
if dd if=/dev/urandom of=/dev/vdb bs=64k conv=fsync 2>/dev/null; then
	echo "full: no"
else
	echo "full: yes"
fi
dd if=/dev/vdb of=/dev/null bs=64k count=16 2>/dev/null && echo "readable: yes"
echo "ready"
read -r word
echo 3 >/proc/sys/vm/drop_caches
dd if=/dev/vda bs=4k of=/dev/null skip=512 count=1 2>/dev/null || echo "short: yes"
echo "still: $(dd if=/dev/vda bs=4k count=256 2>/dev/null | sha256sum)"
EOF
mkdir "$dir/small"
mount -t tmpfs -o size=8m small "$dir/small"
truncate -s 4M "$dir/shrinks"
truncate -s 32M "$dir/small/full"
start -m 256 --disk "$dir/shrinks" --disk "$dir/small/full"
wait_for '^ready'
# While it runs: is the file its own?
timeout $((50 * slow)) "$lodge" run --vm --kernel "$GUEST" --disk "$dir/shrinks" </dev/null >"$dir/busy" 2>&1
check "another guest cannot write to its disk" $? 125 "$dir/busy"
check "and hears why" "$(contains "$dir/busy" 'in use by another guest')" yes "$dir/busy"
timeout $((50 * slow)) "$lodge" run --vm --kernel "$GUEST" --disk "$dir/shrinks,ro" </dev/null >"$dir/busy" 2>&1
check "or read from it" $? 125 "$dir/busy"
truncate -s 1M "$dir/shrinks"
echo go >&3
finish "a guest with disks that fail powers off"
check "where the file system is full, it has an I/O error" "$(said "$dir/out" full)" yes "$dir/out"
check "and the user a line" "$(contains "$dir/out" "full' has a write error.*No space")" yes "$dir/out"
check "it goes on with what is there" "$(said "$dir/out" readable)" yes "$dir/out"
check "so it is where the disk has become shorter" "$(said "$dir/out" short)" yes "$dir/out"
check "what was flushed is there still" "$(said "$dir/out" still)" \
	"$(said "$dir/out" flushed)" "$dir/out"
check "in the file, too" "$(sha256sum <"$dir/shrinks")" "$(said "$dir/out" flushed)" "$dir/out"

# Disks that cannot be

# refused WHAT PATTERN DISK
refused() {
	timeout $((50 * slow)) "$lodge" run --vm --kernel "$GUEST" --disk "$3" </dev/null >"$dir/refused" 2>&1
	status=$?
	check "$1" "$status $(wc -l <"$dir/refused") $(contains "$dir/refused" "$2")" \
		"125 1 yes" "$dir/refused"
}
refused "a disk that is missing" "No such file" "$dir/none"
truncate -s 1000 "$dir/odd"
refused "one whose size is odd" "1000 bytes" "$dir/odd"
: >"$dir/empty"
refused "an empty one" "0 bytes" "$dir/empty"
refused "a folder" "disk '$dir'" "$dir"
refused "no block device" "cannot be a disk" /dev/null
mkdir "$dir/frozen"
mount -t tmpfs frozen "$dir/frozen"
truncate -s 1M "$dir/frozen/disk"
mount -o remount,ro "$dir/frozen"
refused "a read-only file" "put ',ro' behind its name" "$dir/frozen/disk"

# Memory that the guest frees

make_initrd "$dir/initrd" <<'EOF'
stty -echo
mkdir -p /mnt
mount -t tmpfs -o size=600m fill /mnt
echo "begin"
read -r word
dd if=/dev/zero of=/mnt/fill bs=1M count=512 2>/dev/null
echo "filled"
read -r word
rm /mnt/fill
echo "freed"
read -r word
EOF
# resident: MiB of the process that has the guest's memory
resident() {
	for process in $(processes); do
		sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$process/status" 2>/dev/null
	done | sort -n | tail -n 1 | awk '{ print int($1 / 1024) }'
}
start -m 768
wait_for '^begin'
before=$(resident)
echo go >&3
wait_for '^filled'
full=$(resident)
echo go >&3
wait_for '^freed'
i=0
while [ $i -lt $((5 * slow)) ] && [ $((full - $(resident))) -lt $(((full - before) * 9 / 10)) ]; do
	sleep 1
	i=$((i + 1))
done
after=$(resident)
echo "# $before MiB before, $full when it was full, $after after $i s"
check "the guest fills 512 MiB" "$([ $((full - before)) -ge 500 ] && echo yes)" yes "$dir/out"
check "and 90 % are the host's again, 5 s after it freed them" \
	"$([ $((full - after)) -ge $(((full - before) * 9 / 10)) ] && echo yes)" yes "$dir/out"
echo go >&3
finish "that guest powers off"

# Where io_uring is forbidden to all

forbidden=/proc/sys/kernel/io_uring_disabled
if [ -w $forbidden ]; then
	make_initrd "$dir/initrd" <<-'EOF'
		dd if=/dev/urandom of=/dev/vda bs=64k count=16 conv=fsync 2>/dev/null
		echo "a: $(sha256sum </dev/vda)"
	EOF
	truncate -s 1M "$dir/a"
	old=$(cat $forbidden)
	echo 2 >$forbidden
	run "$dir/initrd" -m 256 --disk "$dir/a" </dev/null >"$dir/out" 2>&1
	echo "$old" >$forbidden
	check "a disk works without io_uring" "$(said "$dir/out" a)" "$(sha256sum <"$dir/a")" "$dir/out"
fi

echo "1..$n"
[ $failed = 0 ]
