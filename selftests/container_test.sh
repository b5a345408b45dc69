#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Containers as `lodge run --container` makes them: what is seen inside, what
# comes out, limits and rights, the verbs, errors, and that nothing is left.
#
# Needs root, the tool (LODGE, or `lodge` in PATH), the module, a static busybox
# in /bin and mkfs.erofs.
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
patience=$((100 * ${LODGE_TEST_SLOW:-1}))
cgroup=/sys/fs/cgroup/lodge
guests=/run/lodge/guests

# run ARGUMENT...: a container; $status, $dir/out, $dir/err
run() {
	"$lodge" run --store "$dir/store" --net none "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

# verb ARGUMENT...: the same for any verb
verb() {
	"$lodge" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

# error WHAT STATUS WORDS: one line of error with WORDS, and nothing is left
error() {
	if [ "$status" -ne "$2" ]; then
		fail "$1: status $status, not $2"
	elif [ "$(grep -c '^lodge: ' "$dir/err")" -ne 1 ] || [ "$(wc -l <"$dir/err")" -ne 1 ]; then
		fail "$1: not one line of error"
	elif ! grep -q -e "$3" "$dir/err"; then
		fail "$1: the error does not say '$3'"
	else
		pass "$1"
	fi
}

# processes COMMAND_LINE: their numbers
processes() {
	for file in /proc/[0-9]*/cmdline; do
		if [ "$(tr '\0' ' ' <"$file" 2>/dev/null)" = "$1 " ]; then
			echo "$file" | cut -d / -f 3
		fi
	done
}

runs() {
	[ -n "$(processes "$1")" ]
}

runs_not() {
	[ -z "$(processes "$1")" ]
}

nothing_left() {
	[ -z "$(ls "$guests" 2>/dev/null)" ] && ! ls -d "$cgroup"/*/ 2>/dev/null &&
		[ "$(wc -l </proc/mounts)" = "$mounts" ]
}

echo "TAP version 13"
if [ -z "$lodge" ]; then
	skip_all "no lodge tool: set LODGE"
elif [ ! -c /dev/lodge ]; then
	skip_all "the module is not loaded"
elif [ ! -x /bin/busybox ] || ! command -v mkfs.erofs >/dev/null; then
	skip_all "no /bin/busybox, or no mkfs.erofs"
fi

mkdir -p "$dir/image/bin" "$dir/image/etc" "$dir/image/tmp" "$dir/volume"
cp /bin/busybox "$dir/image/bin/busybox"
for applet in $(/bin/busybox --list); do
	if [ "$applet" != busybox ]; then
		ln -s busybox "$dir/image/bin/$applet"
	fi
done
printf 'root:x:0:0:root:/root:/bin/sh\njoe:x:1000:100:Joe:/home/joe:/bin/sh\n' >"$dir/image/etc/passwd"
printf 'root:x:0:\nusers:x:100:\nwheel:x:10:joe\n' >"$dir/image/etc/group"
ln -s /etc "$dir/image/link"
echo text >"$dir/image/etc/data"
echo volume >"$dir/volume/file"
if ! "$lodge" image import --store "$dir/store" busybox "$dir/image" >"$dir/out" 2>&1; then
	cat "$dir/out"
	echo "Bail out! cannot import an image"
	exit 1
fi
run busybox true		# so that the kernel has loaded what it needs
mounts=$(wc -l </proc/mounts)

# What is seen inside
run --name see --hostname box busybox sh -c 'id -u; hostname; cat /etc/hostname'
gives "user and host name" 0 "$(printf '0\nbox\nbox')"
run busybox ps
says "PID 1 is lodge-init" 0 '^ *1 root *{lodge-init}'
check "the command is the next process" grep -q '^ *2 root *ps' "$dir/out"
check "no other process is seen" [ "$(wc -l <"$dir/out")" -eq 3 ]
run busybox ip addr
says "a network of its own" 0 'inet 127.0.0.1/8'
check "with nothing but lo" [ "$(grep -c '^[0-9]' "$dir/out")" -eq 1 ]
run busybox mount
says "its root is an overlay" 0 '^overlay on / type overlay (rw,nodev'
check "/sys is read-only" grep -q '^sysfs on /sys type sysfs (ro' "$dir/out"
check "/dev/pts" grep -q ' on /dev/pts type devpts' "$dir/out"
check "no mount of the host" [ -z "$(grep -E "type (rootfs|ext4|debugfs|tracefs)|erofs|$dir" "$dir/out")" ]
run busybox sh -c 'for ns in cgroup ipc mnt net pid time uts; do readlink /proc/self/ns/$ns; done'
for ns in cgroup ipc mnt net pid time uts; do
	readlink /proc/self/ns/$ns
done >"$dir/host"
check "namespaces of its own" [ "$(grep -cxFf "$dir/host" "$dir/out")" -eq 0 ]
run busybox sh -c 'ls /proc/self/fd | wc -l; ls -l /proc/self/fd'
check "descriptors are /dev/null and pipes" \
	[ "$(grep -c -e '-> pipe:' -e '-> /dev/null' "$dir/out")" -eq 3 ]
run busybox sh -c 'cat /proc/keys /proc/timer_list; ls -A /sys/firmware; ls -A /proc/acpi 2>/dev/null'
gives "masked paths are empty" "$status" ""
run busybox sh -c 'echo 1 >/proc/sys/kernel/panic || echo refused'
gives "/proc/sys cannot be written" 0 refused
run busybox sh -c 'cat /proc/1/environ || readlink /proc/1/exe || ls /proc/1/cwd/ || echo refused'
gives "PID 1 is closed to it" 0 refused

# The command
run busybox sh -c 'exit 42'
gives "an exit status" 42 ""
run busybox sh -c 'kill -KILL $$'
gives "a signal" 137 ""
run busybox nosuch
error "no such command" 127 "no command 'nosuch'"
run busybox /etc/data
error "a command that cannot be executed" 126 "cannot execute '/etc/data'"
run busybox sh -c 'echo out; echo err >&2'
gives "standard output" 0 out
check "standard error" [ "$(cat "$dir/err")" = err ]
seq 1 50000 >"$dir/in"
"$lodge" run --store "$dir/store" --net none -i busybox cat <"$dir/in" >"$dir/out" 2>"$dir/err"
status=$?
check "-i: all of standard input" cmp "$dir/in" "$dir/out"
"$lodge" run --store "$dir/store" --net none busybox cat <"$dir/in" >"$dir/out" 2>"$dir/err"
status=$?
check "no -i: standard input that is no terminal" cmp "$dir/in" "$dir/out"
run -t busybox sh -c 'tty; ls /dev/console; echo $TERM'
check "-t: a terminal of its own" [ "$(tr -d '\r' <"$dir/out")" = "$(printf '/dev/pts/0\n/dev/console\nxterm')" ]
run -e A=b -e C= -w /etc busybox sh -c 'echo "$A-$C-$HOME-$PATH"; pwd'
gives "-e and -w" 0 "$(printf 'b--/root-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/etc')"
run -u joe busybox id
gives "-u NAME" 0 "uid=1000(joe) gid=100(users) groups=10(wheel)"
run -u 12:34 busybox sh -c 'id -u; id -g; echo ok >/dev/stdout'
gives "-u UID:GID" 0 "$(printf '12\n34\nok')"
run -u nobody-here busybox true
error "-u of nobody" 125 "no user 'nobody-here'"
run -w /nowhere busybox true
error "-w to nowhere" 127 "folder '/nowhere'"

# Mounts
run -v "$dir/volume:/a/b" busybox sh -c 'cat /a/b/file; echo new >/a/b/new'
gives "-v" 0 volume
check "-v writes to the host" [ "$(cat "$dir/volume/new")" = new ]
run -v "$dir/volume:/a:ro" busybox sh -c 'cat /a/file; echo x >/a/file || echo refused'
gives "-v :ro" 0 "$(printf 'volume\nrefused')"
run -v "$dir/volume:/link/v" busybox cat /etc/v/file
gives "-v through a link of the image stays inside" 0 volume
check "-v does not touch the host's folder" [ ! -e /etc/v ]
run -v "$dir/volume:/proc/sys/v" busybox true
error "-v into /proc" 125 "proc"
run -v "$dir/nothing:/a" busybox true
error "-v of nothing" 125 "cannot open the volume"
run --tmpfs /t:size=1m busybox sh -c 'mount | grep -c "tmpfs on /t .*size=1024k"; echo >/t/x'
gives "--tmpfs" 0 1
run --read-only busybox sh -c 'echo >/x || echo refused; echo >/dev/shm/x && echo ok'
gives "--read-only" 0 "$(printf 'refused\nok')"
run busybox sh -c 'rm -r /etc/data && echo x >/etc/passwd && mkdir /new && echo ok'
gives "its root can be written" 0 ok
run busybox cat /etc/data
gives "the image is unchanged" 0 text
run --device /dev/kmsg:/dev/log busybox sh -c 'ls -l /dev/log | grep -c "1, *11"'
gives "--device" 0 1
run --device /etc/passwd busybox true
error "--device of a file" 125 "not a device"
run busybox sh -c 'mknod /dev/mem c 1 1; cat /dev/mem >/dev/null && echo open'
check "a device that was not given" [ ! -s "$dir/out" ]

# Rights
run busybox grep -E 'CapEff|CapBnd|CapInh|NoNewPrivs|Seccomp:' /proc/self/status
says "default capabilities" 0 'CapEff:.*00000000a80425fb'
check "as a bound, too" grep -q 'CapBnd:.*00000000a80425fb' "$dir/out"
check "none is inherited" grep -q 'CapInh:.*0000000000000000' "$dir/out"
check "no new privileges" grep -q 'NoNewPrivs:.*1' "$dir/out"
check "system calls are filtered" grep -q 'Seccomp:.*2' "$dir/out"
run --cap-drop all --cap-add net_raw --cap-add CAP_SYS_TIME busybox grep CapEff /proc/self/status
says "--cap-drop and --cap-add" 0 'CapEff:.*0000000002002000'
run --cap-add nonsense busybox true
error "--cap-add of nonsense" 125 "'nonsense' is not a capability"
run busybox sh -c 'mount -t tmpfs x /tmp || unshare -m true || echo refused'
gives "mount and unshare are refused" 0 refused
run --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
says "seccomp=unconfined" 0 'Seccomp:.*0'
run --privileged busybox sh -c 'mount -t tmpfs x /tmp && grep -E "CapEff|Seccomp:" /proc/self/status'
says "--privileged" 0 'CapEff:.*1ff'
run busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c'
gives "resource limits" 0 "$(printf '1024\n524288\n0')"
run --ulimit nofile=100:200 --ulimit core=unlimited busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c'
gives "--ulimit" 0 "$(printf '100\n200\nunlimited')"
run --userns auto busybox sh -c 'id -u; cat /proc/self/uid_map; ls -ln /etc/data | tr -s " " | cut -d " " -f 3; echo x >/new && echo ok; mount | grep -c " / "'
says "--userns auto: root inside" 0 '^0$'
check "--userns auto: somebody else outside" grep -q '^ *0 1879048192 *65536$' "$dir/out"
check "--userns auto: the image's files are its root's" [ "$(grep -cx 0 "$dir/out")" -eq 2 ]
check "--userns auto: its root can be written" grep -qx ok "$dir/out"

# Limits
run -m 64 --cpus 0.5 --cpu-shares 512 --pids 20 busybox \
	sh -c 'cd /sys/fs/cgroup && cat memory.max cpu.max cpu.weight pids.max'
gives "limits" 0 "$(printf '67108864\n50000 100000\n50\n20')"
run --pids 3 busybox sh -c 'sleep 1 & sleep 1 & sleep 1 & wait'
check "--pids" grep -qi 'fork' "$dir/err"
run -m 16 busybox sh -c 'dd if=/dev/zero of=/dev/null bs=32M count=1'
check "--memory" [ "$status" -ne 0 ]
run --io-max '8:99 rbps=1' busybox true
error "a limit for no disk" 125 "no disk with the number of '8:99 rbps=1'\|does not limit"
run --io-max '8:0 speed=1' busybox true
error "a limit of no kind" 125 "'speed=1' is not a limit for --io-max"
head -c 4194304 /dev/zero >"$dir/disk"
disk=$(losetup -f)
if losetup "$disk" "$dir/disk" 2>/dev/null; then
	before=$(cut -d . -f 1 /proc/uptime)
	run --device "$disk:/dev/disk" --io-max "$disk wbps=1m" busybox \
		sh -c 'grep -o "wbps=.*" /sys/fs/cgroup/io.max; dd if=/dev/zero of=/dev/disk bs=256k count=12 oflag=direct'
	gives "--io-max of a disk" 0 "wbps=1048576 riops=max wiops=max"
	check "3 MiB at 1 MiB a second take a while" [ $(($(cut -d . -f 1 /proc/uptime) - before)) -ge 2 ]
	losetup -d "$disk"
else
	skip "--io-max" "no loop device"
	skip "--io-max, how long it takes"
fi
run --cpus 0 busybox true
error "--cpus 0" 125 "not a number of CPUs"
run --ulimit files=1 busybox true
error "--ulimit of no limit" 125 "names no limit"
run --ulimit nofile=1:x busybox true
error "--ulimit without a number" 125 "no number"
run --ulimit nofile=2:1 busybox true
error "--ulimit, soft above hard" 125 "above the hard one"
run -m x busybox true
error "-m x" 125 "not an amount of memory"

check "nothing is left so far" until_true nothing_left

# The verbs
run -d --name one busybox sh -c 'echo hello; trap "echo bye; exit 7" TERM; while :; do sleep 0.1; done'
gives "run -d prints the name" 0 one
until_true grep -q hello $guests/one/log
verb logs one
gives "logs" 0 hello
run --name one busybox true
error "a name that is taken" 125 "has the name 'one' already"
verb ps
says "ps" 0 ' one *container '
verb exec one sh -c 'hostname; id -u; exit 5'
gives "exec" 5 "$(printf 'one\n0')"
verb exec one ps
says "exec is in its PID namespace" 0 '1 root *{lodge-init}'
"$lodge" exec -i one cat <"$dir/in" >"$dir/out" 2>"$dir/err"
check "exec -i" cmp "$dir/in" "$dir/out"
verb exec -t one tty
check "exec -t" grep -q '^/dev/pts/' "$dir/out"
verb exec -u joe -e A=b -w /etc one sh -c 'id -un; echo $A; pwd'
gives "exec -u -e -w" 0 "$(printf 'joe\nb\n/etc')"
verb exec one grep -E 'CapEff|Seccomp:' /proc/self/status
says "exec has the container's rights" 0 'CapEff:.*00000000a80425fb'
check "exec has its filter" grep -q 'Seccomp:.*2' "$dir/out"
verb update one -m 32 --cpus max --cpu-weight 300 --pids 40
gives "update" 0 ""
check "update, in its cgroup" [ "$(cd $cgroup/one && cat memory.max cpu.max cpu.weight pids.max)" = \
	"$(printf '33554432\nmax 100000\n300\n40')" ]
verb inspect one
says "inspect shows limits" 0 '"memory": 33554432, "pids": 40, "cpus": null, "cpu-weight": 300'
verb update one
error "update of nothing" 125 "nothing to change"
verb update --cpu-weight 0 one
error "update with a bad weight" 125 "'0' is not a weight for --cpu-weight"
verb update -m 1g nosuch
error "update of nobody" 125 "no guest 'nosuch'"
verb exec one cat /proc/self/cgroup
gives "exec is in its cgroup" 0 "0::/"
verb exec one nosuch
error "exec of no command" 127 "no command 'nosuch'"
verb pause one
check "pause" grep -q 'frozen 1' $cgroup/one/cgroup.events
verb exec one true
error "exec where it is paused" 125 "is paused"
verb resume one
check "resume" grep -q 'frozen 0' $cgroup/one/cgroup.events
verb rm one
error "rm of one that runs" 125 "is running"
"$lodge" logs -f one >"$dir/followed" 2>&1 &
follower=$!
verb stop one
check "stop" [ $status -eq 0 ]
wait $follower
check "logs -f ends with it" [ "$(cat "$dir/followed")" = "$(printf 'hello\nbye')" ]
verb logs one
gives "logs after its end" 0 "$(printf 'hello\nbye')"
verb exec one true
error "exec after its end" 125 "not running"
verb rm one
check "rm" [ $status -eq 0 ]
verb logs one
error "logs after rm" 125 "no guest 'one'"

run -d --name two busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'
verb stop -t 1 two
check "stop kills what does not listen" [ $status -eq 0 ]
verb rm two
run -d --rm --name three busybox sleep 1000
verb kill -s USR1 three
until_true nothing_left
check "kill -s, and --rm" nothing_left
run -d --name four busybox sleep 1000
verb kill four
until_true grep -q '"status":137' $guests/four/state.json
check "kill" grep -q '"status":137' $guests/four/state.json
verb rm -f four
run -d --name five busybox sleep 1000
verb rm -f five
check "rm -f" [ $status -eq 0 ]
verb kill -s nonsense five
error "kill -s nonsense" 125 "not a signal"
for v in stop kill pause resume rm logs; do
	verb $v nobody
	error "$v of nobody" 125 "no guest 'nobody'"
	verb $v
	error "$v without a name" 125 "no guest is named"
done
verb exec nobody true
error "exec in nobody" 125 "no guest 'nobody'"
check "nothing is left of them" until_true nothing_left

# Signals of the keeper are the command's.
for signal in TERM USR1 HUP; do
	# Not the last one's word
	: >"$dir/out"
	"$lodge" run --store "$dir/store" --net none --name signals busybox sh -c \
		"trap 'exit 9' $signal; echo ready; while :; do sleep 0.1; done" >"$dir/out" 2>"$dir/err" &
	pid=$!
	until_true grep -q ready "$dir/out"
	kill -$signal $pid
	wait $pid
	status=$?
	check "SIG$signal is handed on" [ $status -eq 9 ]
done

# A keeper that is killed
"$lodge" run --store "$dir/store" --net none --name killed busybox sleep 4321 >"$dir/out" 2>"$dir/err" &
pid=$!
until_true runs "sleep 4321"
check "a container before its keeper is killed" [ -d $cgroup/killed ]
kill -KILL $pid
wait $pid 2>/dev/null
until_true nothing_left
check "kill -9 of the keeper leaves nothing" nothing_left
check "and no process" runs_not "sleep 4321"
run -d --name killed busybox sleep 4321
keeper=$(sed -n 's/.*"keeper":\([0-9]*\).*/\1/p' $guests/killed/state.json)
grep -lx lodge-janitor /proc/[0-9]*/comm | cut -d / -f 3 | while read -r pid; do
	kill -KILL "$pid"
done
kill -KILL "$keeper"
until_true runs_not "sleep 4321"
check "without a janitor, too, its processes end" runs_not "sleep 4321"
check "only an empty cgroup is left" [ -d $cgroup/killed ]
run --name after busybox true
check "which the next run removes" [ ! -d $cgroup/killed ]
verb rm killed
check "rm of one whose keeper was killed" [ $status -eq 0 ]

# Bad input
run
error "no image" 125 "no image to run"
run nosuch true
error "no such image" 125 "nosuch"
run --rootfs "$dir/none" true
error "--rootfs of nothing" 125 "cannot open the folder"
run --rootfs "$dir/image"
error "--rootfs without a command" 125 "no command to run"
run --name 'a/b' busybox true
error "a bad name" 125 "cannot be a guest's name"
run --net nonsense busybox true
error "--net nonsense" 125 "not a network"
run -p 80:80 busybox true
error "-p without a bridge" 125 "--net bridge only"
run --userns auto --net host busybox true
error "--userns auto with --net host" 125 "exclude each other"
run -v nonsense busybox true
error "-v nonsense" 125 "is not a volume"
run --security-opt nonsense busybox true
error "--security-opt nonsense" 125 "not a security option"
run --vm --container busybox true
error "both kinds" 125 "a VM or a container"
run --frob busybox true
error "an unknown option" 125 "'--frob' is not known"
umount /sys/fs/cgroup 2>/dev/null && {
	run busybox true
	error "no cgroup version 2" 125 "cgroup version 2 is not mounted"
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
}
check "nothing is left in the end" until_true nothing_left
check "the module is not in use" [ "$(cat /sys/module/lodge/refcnt)" = 0 ]

echo "1..$n"
exit $((failed > 0))
