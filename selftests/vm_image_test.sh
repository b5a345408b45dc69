#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# VMs of images: what is seen inside, what comes out, streams, signals, the verbs,
# and what goes wrong. Each VM takes a while to boot: few do much.
#
# Needs root, the tool (LODGE, or `lodge` in PATH), the module, a static busybox
# in /bin, mkfs.erofs, and the host's kernel with its modules, or GUEST.
#
# Single quotes are for the shell inside; some functions are called by check.
# shellcheck disable=SC2016,SC2317

lodge=${LODGE:-$(command -v lodge)}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"
slow=${LODGE_TEST_PATIENCE:-1}
patience=$((600 * slow))
guests=/run/lodge/guests

details() {
	cat "$dir/out" "$dir/err" 2>/dev/null | tr -cd "\11\12\40-\176" | sed "s/^/# /" | head -n 20
}

# run ARGUMENT...: a VM; $status, $dir/out, $dir/err
run() {
	# shellcheck disable=SC2086 # $kernel is none or two words
	timeout $((120 * slow)) "$lodge" run --vm $kernel --store "$dir/store" -m 128 --net none "$@" \
		>"$dir/out" 2>"$dir/err" <"${input:-/dev/null}"
	status=$?
}

# verb ARGUMENT...: the same for any verb
verb() {
	timeout $((60 * slow)) "$lodge" "$@" >"$dir/out" 2>"$dir/err" <"${input:-/dev/null}"
	status=$?
}

# error WHAT STATUS WORDS: one line of error with WORDS
error() {
	if [ "$status" -ne "$2" ]; then
		fail "$1: status $status, not $2"
	elif [ "$(grep -c '^lodge: ' "$dir/err")" -ne 1 ]; then
		fail "$1: not one line of error"
	elif ! grep -q -e "$3" "$dir/err"; then
		fail "$1: the error does not say '$3'"
	else
		pass "$1"
	fi
}

nothing_left() {
	[ -z "$(ls $guests 2>/dev/null)" ] && ! ls -d /sys/fs/cgroup/lodge/*/ 2>/dev/null &&
		[ "$(cat /sys/module/lodge/refcnt)" = 0 ]
}

# Its keeper hears of it in a moment.
is_paused() {
	"$lodge" ps | grep -q " $1 .*paused"
}

echo "TAP version 13"
need_image_vms

mkdir -p "$dir/image/bin" "$dir/image/etc"
cp /bin/busybox "$dir/image/bin/busybox"
for applet in $(/bin/busybox --list); do
	if [ "$applet" != busybox ]; then
		ln -s busybox "$dir/image/bin/$applet"
	fi
done
printf 'root:x:0:0:root:/root:/bin/sh\njoe:x:1000:100:Joe:/home/joe:/bin/sh\n' >"$dir/image/etc/passwd"
printf 'root:x:0:\nusers:x:100:\nwheel:x:10:joe\n' >"$dir/image/etc/group"
echo text >"$dir/image/etc/data"
if ! "$lodge" image import --store "$dir/store" -c 'ENV FROM=image' -c 'WORKDIR /etc' \
	busybox "$dir/image" >"$dir/out" 2>&1; then
	cat "$dir/out"
	echo "Bail out! cannot import an image"
	exit 1
fi
head -c 10485760 /dev/urandom >"$dir/in"

# What comes out
input=$dir/in
run busybox sh -c 'tee /tmp.in | cat; sha256sum </tmp.in >&2'
input=''
check "10 MiB in and out, as they were" cmp "$dir/in" "$dir/out"
check "and they were in the guest" [ "$(cat "$dir/err")" = "$(sha256sum <"$dir/in")" ]
run busybox nosuch
error "no such command" 127 "no command 'nosuch'"
run -t --read-only -u joe --ulimit nofile=77 busybox sh -c \
	'tty; echo x 2>/dev/null >/x || echo refused; ulimit -n; kill -TERM $$'
check "-t: a terminal of its own, --read-only, --ulimit" \
	[ "$(tr -d '\r' <"$dir/out")" = "$(printf '/dev/pts/0\nrefused\n77')" ]
check "a signal" [ "$status" -eq 143 ]

# A VM that stays, and all that is done to it
run -d --net bridge --name one --hostname guest --cpus 1.5 --cpu-weight 50 -e A=b busybox \
	sh -c 'echo hello; trap "echo bye; exit 7" TERM; trap "echo usr1" USR1; while :; do sleep 0.1; done'
gives "run -d prints the name" 0 one
check "logs" until_true grep -q hello $guests/one/log
verb ps
says "ps" 0 ' one *vm .*running'
verb inspect one
says "inspect" 0 '"name": *"one"'
check "limits are its process's" [ "$(cd /sys/fs/cgroup/lodge/one && cat cpu.max cpu.weight)" = \
	"$(printf '150000 100000\n50')" ]
verb exec one nproc
gives "--cpus 1.5: two CPUs" 0 2
resident() {
	"$lodge" stats --json | sed -n 's/.*"memory-resident": \([0-9]*\).*/\1/p'
}
has_given() {
	[ "$("$lodge" inspect one | sed -n 's/.*"memory-given": \([0-9]*\).*/\1/p')" = "$1" ]
}
verb update one -m 88m --cpus 0.9
gives "update" 0 ""
check "update, in its cgroup" grep -q '^90000 ' /sys/fs/cgroup/lodge/one/cpu.max
check "the guest gives 40 MiB back" until_true has_given 41943040
check "which are the host's" [ "$(resident)" -le $((90 << 20)) ]
verb inspect one
says "inspect shows limits" 0 '"memory": 92274688, "memory-size": 134217728, "memory-given": 41943040, "cpus": 0.9, "cpu-weight": 50'
verb update one -m 129
error "more memory than it was started with" 125 "128 MiB of memory and cannot have more"
verb update one --pids 9
error "update --pids of a VM" 125 "'--pids' is for containers"
verb update one -m max
check "and takes it again" until_true has_given 0
verb exec one sh -c 'hostname; cat /etc/hostname; id -u; pwd; echo $A $FROM; cat /etc/data; exit 5'
gives "exec, in its environment" 5 "$(printf 'guest\nguest\n0\n/etc\nb image\ntext')"
verb exec -u joe -w / -e A=c one sh -c 'id; pwd; echo $A $HOME'
gives "exec -u, -w, -e" 0 "$(printf 'uid=1000(joe) gid=100(users) groups=10(wheel)\n/\nc /home/joe')"
verb exec one /etc/data
error "exec of what cannot be executed" 126 "cannot execute '/etc/data'"
verb exec -u nobody-here one true
error "exec as nobody" 125 "no user 'nobody-here'"
verb exec one sh -c 'mount | grep " / "; ls /dev/vda; grep -c lodge-init /proc/1/comm; echo x >/etc/data && echo ok'
check "its root is an overlay" grep -q '^overlay on / type overlay (rw' "$dir/out"
check "which can be written" grep -qx ok "$dir/out"
address=$("$lodge" exec one ip -4 addr show eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p')
check "an address, which is in /etc/hosts" "$lodge" exec one grep "^$address.guest" /etc/hosts
check "the host reaches it" ping -c 1 -W $((5 * slow)) "$address"
verb exec one sh -c 'ping -c 1 -W 30 $(ip route | sed -n "s/default via \([0-9.]*\).*/\1/p") >/dev/null && echo ok'
gives "it reaches the bridge by its route" 0 ok
input=$dir/in
verb exec -i one cat
input=''
check "exec: 10 MiB in and out" cmp "$dir/in" "$dir/out"
verb exec -t one sh -c 'tty && stty size'
check "exec -t" grep -q '^/dev/pts/' "$dir/out"
"$lodge" exec one sh -c 'yes | head -c 3000000' >"$dir/slow" &
"$lodge" exec one sh -c 'dd if=/dev/zero bs=1M count=3 2>/dev/null; sleep 1000' | { sleep 1000; cat; } >/dev/null 2>&1 &
blocked=$!
verb exec one echo quick
gives "a session that nobody reads does not hold up another" 0 quick
kill $blocked
wait %1
check "nor a third" [ "$(wc -c <"$dir/slow")" -eq 3000000 ]
"$lodge" exec one sleep 1000 &
sleeper=$!
until_true "$lodge" exec one pidof sleep
kill -TERM $sleeper
wait $sleeper
check "a signal to exec" [ $? -eq 143 ]
verb kill -s USR1 one
check "kill -s" until_true grep -q usr1 $guests/one/log
verb pause one
check "pause" until_true is_paused one
verb exec one true
error "exec where it is paused" 125 "is paused"
verb resume one
verb exec one echo again
gives "resume" 0 again
run --name one busybox true
error "a name that is taken" 125 "has the name 'one' already"
verb rm one
error "rm of one that runs" 125 "is running"
verb stop one
gives "stop" 0 ""
verb logs one
says "it has ended by itself" 0 '^bye$'
verb ps -a
says "with its status" 0 ' one .*exited (7)'
verb exec one true
error "exec in one that has ended" 125 "is not running"
verb rm one
gives "rm" 0 ""

# What is the kernel's is done: the rest is the tool's, and the same with each.
if [ "$TESTVM_KERNEL" = 6.12 ]; then
	skip "ends that nobody wants, compare, bad input" "see 6.1"
	check "nothing is left" until_true nothing_left
	echo "1..$n"
	exit $((failed > 0))
fi

# Ends that nobody wants
run -d --name two busybox sleep 1000
"$lodge" exec two sleep 1000 &
sleeper=$!
until_true "$lodge" exec two pidof sleep
verb kill two
wait $sleeper
check "kill ends it, and what was in there" [ $? -eq 137 ]
verb rm -f two
run -d --name three --rm busybox sleep 1000
kill -KILL "$(sed -n 's/.*"keeper": *\([0-9]*\).*/\1/p' $guests/three/state.json)"
check "nothing is left when its keeper is killed" until_true nothing_left
run --append rdinit=/nosuch busybox true
error "a kernel that cannot go on" 70 "reset itself before its command ran"
check "its last words are shown" grep -q '^guest: .*panic' "$dir/err"

# The same in a container
# shellcheck disable=SC2086 # $kernel is none or two words
timeout $((120 * slow)) "$lodge" compare $kernel --store "$dir/store" -m 128 --net none --json \
	--svg "$dir/svg" busybox sh -c 'head -c 20000000 /dev/zero >/data; exit 42' >"$dir/out" 2>"$dir/err"
status=$?
figure() {
	sed -n "s/.*\"$1\": {.*\"$2\": \([0-9]*\).*/\1/p" "$dir/out" | grep -x '[0-9]\+' || echo 0
}
says "compare, and an exit status" 42 '^ *"vm": { "time-to-command": '
check "of both" [ "$(grep -c 'failed in the .*: exit status 42$' "$dir/err")" -eq 2 ]
check "a VM takes longer" \
	[ "$(figure vm time-to-command)" -gt "$(figure container time-to-command)" ]
check "and more memory, which both have" [ "$(figure vm memory-peak)" -gt \
	"$(figure container memory-peak)" -a "$(figure container memory-peak)" -gt 20000000 ]
check "and has processes of its kernel" [ "$(figure vm processes)" -gt 20 -a \
	"$(figure container processes)" -eq 2 ]
check "their kernels" grep -q "\"container\": {.*\"kernel\": \"$(uname -r)\"" "$dir/out"
check "an SVG" grep -q '^</svg>$' "$dir/svg"
verb compare --store "$dir/store" nosuch
error "compare of no image" 125 "no image nosuch"

# Bad input
run nosuch
error "no such image" 125 "no image nosuch"
run --kernel /nowhere busybox true
error "no such kernel" 125 "cannot open the kernel '/nowhere'"
run --kernel /etc/passwd --modules /lib/modules busybox true
error "no kernel" 125 "module\|not a kernel"
mkdir "$dir/empty"
mount --bind "$dir/empty" /boot
kernel='' run busybox true
umount /boot
error "no kernel of this host" 125 "no kernel of this host"
# The guest's kernel may be another than the host's, whose modules are beside it.
erofs=$(find /lib/modules -name 'erofs.ko*' | head -n 1)
version=${erofs#/lib/modules/}
cp -r "/lib/modules/${version%%/*}" "$dir/modules"
find "$dir/modules" -name 'erofs.ko*' -exec rm {} +
run --modules "$dir/modules" busybox true
error "a module's file is missing" 125 "cannot read the module .*erofs"
run --modules "$dir/empty" busybox true
error "no modules" 125 "no module 'virtio_mmio'"
run --initrd /etc/passwd busybox true
error "an image and an initramfs" 125 "leave --initrd away"
run -w /nowhere busybox true
error "-w to nowhere" 127 "folder '/nowhere'"
run --pids 3 busybox true
error "--pids" 125 "'--pids' is for containers"
verb run --vm --kernel /etc/passwd --cpus 1
error "--cpus of a kernel alone" 125 "'--cpus' is for a VM of an image"
verb run --vm --kernel /etc/passwd -d
error "an option that is for images" 125 "'-d' is for a VM of an image"
check "nothing is left" until_true nothing_left

echo "1..$n"
[ $failed = 0 ]
