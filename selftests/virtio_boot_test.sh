#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A guest with Debian's own drivers has a console and a disk on virtio. It is short,
# so that it can run on a slow machine; virtio_test.sh has the rest.

lodge=${LODGE:-$(command -v lodge)}
slow=${LODGE_TEST_PATIENCE:-1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

echo "TAP version 13"
if [ ! -r "$GUEST" ] || [ ! -r "$GUEST_INITRD" ] || [ ! -r "$GUEST_MODULES" ]; then
	echo "1..0 # SKIP GUEST, GUEST_INITRD and GUEST_MODULES do not name what is to boot"
	exit 4
fi

cat "$GUEST_INITRD" "$GUEST_MODULES" >"$dir/initrd"
dd if=/dev/urandom of="$dir/disk" bs=64k count=16 2>/dev/null
before=$(sha256sum <"$dir/disk")
command=$(base64 -w 0 <<-'EOF'
	echo "console: $(tail -n 1 /sys/class/tty/console/active)"
	echo "before: $(sha256sum </dev/vda)"
	echo written-by-the-guest | dd of=/dev/vda conv=fsync 2>/dev/null
	echo "after: $(sha256sum </dev/vda)"
EOF
)
timeout $((200 * slow)) "$lodge" run --vm --kernel "$GUEST" --initrd "$dir/initrd" -m 256 \
	--disk "$dir/disk" --append "console=hvc0 quiet lodge.cmd=$command" \
	</dev/null >"$dir/out.raw" 2>&1
status=$?
tr -d '\r' <"$dir/out.raw" >"$dir/out"

n=0
failed=0
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n $1"
	else
		failed=1
		echo "not ok $n $1: '$2', not '$3'"
		tail -n 15 "$dir/out" | sed 's/^/# /'
	fi
}

# said KEY: what the guest has said of it
said() {
	sed -n "s/^$1: //p" "$dir/out"
}

check "the guest powers off" "$status" 0
check "hvc0 is its console" "$(said console)" hvc0
check "it reads its disk" "$(said before)" "$before"
check "it writes to it" "$(head -n 1 "$dir/disk")" "written-by-the-guest"
check "and the host has all of it" "$(sha256sum <"$dir/disk")" "$(said after)"
echo "1..$n"
[ $failed = 0 ]
