#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Another kernel starts by kexec while guests run, and from that yet another while
# VMs are made and freed. Each must find root mode off: all CPUs come up, and
# lodge.ko runs a guest.
#
# It ends the machine, so it is for test machines alone (scripts/testvm), one of
# its own; what the first kernel would have reported, the last one does.

echo "TAP version 13"
if [ -z "$TESTVM_CPU" ]; then
	echo "1..0 # SKIP this would end the machine: it is for test machines"
	exit 4
fi
if ! grep -q ' T __x64_sys_kexec_file_load$' /proc/kallsyms; then
	echo "1..0 # SKIP this kernel has no kexec_file_load()"
	exit 4
fi

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
root=$dir/root
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/lib"
cp /bin/busybox exits_test kexec-into "$root/bin/"
cp -r /lib/modules "$root/lib/"
cp "$GUEST" "$root/vmlinuz"

cat >"$root/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin LODGE_TEST_SLOW=$LODGE_TEST_SLOW LODGE_TEST_PATIENCE=$LODGE_TEST_PATIENCE
cpus=$(cat /sys/devices/system/cpu/online)
END
cat >>"$root/init" <<'END'
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
stty -F /dev/ttyS1 115200 raw -echo
stty -F /dev/ttyS2 115200 raw -echo
exec >/dev/ttyS1 2>&1

point() {
	if [ "$1" = 0 ]; then
		echo "# ok $2 $3"
	else
		echo "# not ok $2 $3"
		: >/failed
	fi
}

while read -r module; do
	modprobe "$module"
done </lib/modules/lodge.depends
insmod /lib/modules/lodge.ko check_state=1
exits_test >/tmp/exits 2>&1
status=$?
[ $status = 0 ] || sed 's/^/# # /' /tmp/exits
[ "$(cat /sys/devices/system/cpu/online)" = "$cpus" ]
all=$?

if ! grep -q kexec=last /proc/cmdline; then
	point $all 1 "all CPUs are there after guests"
	point $status 2 "a guest runs after guests"
	find / -xdev | cpio -o -H newc >/tmp/initramfs 2>/dev/null
	sleep 1
	kexec-into make /vmlinuz /tmp/initramfs "$(cat /proc/cmdline) kexec=last"
	: >/failed
fi
point $all 3 "all CPUs are there after VMs were made"
point $status 4 "a guest runs after VMs were made"

not=''
[ ! -e /failed ] || not="not "
echo "${not}ok 1 selftests: lodge: kexec_test.sh"
[ ! -e /failed ]
{
	echo "status $?"
	echo log
	dmesg | gzip
} >/dev/ttyS2
stty -F /dev/ttyS1 raw -echo
stty -F /dev/ttyS2 raw -echo
poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc >"$dir/initramfs" 2>/dev/null)

echo "1..4"
sleep 1
./kexec-into run "$root/vmlinuz" "$dir/initramfs" "$(cat /proc/cmdline)"
echo "not ok 1 kexec"
exit 1
