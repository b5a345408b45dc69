#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The tool's errors: each is one line that says what, why and what to do, with
# the exit status that `lodge run --help` documents, and leaves nothing behind.
#
# Needs root, the tool (LODGE, or `lodge` in PATH) and for what runs guests the
# module. GUEST may name a stock kernel.

lodge=${LODGE:-$(command -v lodge)}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

details() {
	sed 's/^/# /' "$dir/err"
}

# result WHAT WANTED_STATUS WORDS: of the last run, in $status, $dir/out and
# $dir/err. One line on stderr, which has WORDS (a basic regular expression).
result() {
	if [ "$status" -ne "$2" ]; then
		fail "$1: status $status, not $2"
	elif [ "$(wc -l <"$dir/err")" -ne 1 ]; then
		fail "$1: $(wc -l <"$dir/err") lines of error, not 1"
	elif ! grep -q "^lodge: .*$3" "$dir/err"; then
		fail "$1: the error does not say '$3'"
	else
		pass "$1"
	fi
}

# error WHAT WANTED_STATUS WORDS ARGUMENT...
error() {
	what=$1 wanted=$2 words=$3
	shift 3
	"$lodge" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	result "$what" "$wanted" "$words"
}

# says WHAT WORDS ARGUMENT...: status 0, output on stdout, nothing on stderr
says() {
	what=$1 words=$2
	shift 2
	"$lodge" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	if [ $status -eq 0 ] && [ ! -s "$dir/err" ] && grep -q "$words" "$dir/out"; then
		pass "$what"
	else
		fail "$what: status $status"
	fi
}

# put FILE OFFSET ESCAPES
put() {
	# shellcheck disable=SC2059 # the bytes are escapes
	printf "$3" | dd of="$1" bs=1 seek="$(($2))" conv=notrunc 2>/dev/null
}

# make_kernel FILE ESCAPES: a bzImage that is nothing but a header and, at its
# 64-bit entry, the given machine code
make_kernel() {
	rm -f "$1"
	dd if=/dev/zero of="$1" bs=1024 count=5 2>/dev/null
	put "$1" 0x1f1 '\001'			# setup_sects
	put "$1" 0x1f4 '\000\001'		# syssize: 4096 bytes
	put "$1" 0x1fe '\125\252\353\152HdrS'	# boot_flag, jump, header
	put "$1" 0x206 '\017\002'		# version 2.15
	put "$1" 0x22c '\377\377\377\177'	# initrd_addr_max
	put "$1" 0x236 '\001'			# xloadflags: 64-bit
	put "$1" 0x238 '\377\007'		# cmdline_size
	put "$1" 0x258 '\000\000\000\001'	# pref_address: 16 MiB
	put "$1" 0x260 '\000\000\020'		# init_size: 1 MiB
	put "$1" 0x600 "$2"
}

# start FILE: a guest in the background, $pid
start() {
	"$lodge" run --vm --kernel "$1" -m 32 >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
}

now() {
	cut -d. -f1 /proc/uptime
}

echo "TAP version 13"
if [ -z "$lodge" ]; then
	echo "1..0 # SKIP no lodge tool: set LODGE"
	exit 4
fi

# The command line
says "lodge --help" "^Usage: lodge" --help
says "lodge help" "^Usage: lodge" help
says "lodge run --help" "Exit status" run --help
says "lodge help run" "Exit status" help run
says "lodge check --help" "Exit status" check --help
says "lodge version" "^lodge [0-9]" version
for command in version "check --json"; do
	# shellcheck disable=SC2086 # they are several words
	"$lodge" $command >/dev/full 2>"$dir/err"
	status=$?
	result "lodge $command with nowhere to write to" 125 "cannot write to standard output: No space"
done
error "an unknown verb" 125 "no verb 'frobnicate'; " frobnicate
error "an unknown option" 125 "'--frob' is not known; " run --frob
error "an unknown short option" 125 "'-z' is not known; " run -z
error "an option without its value" 125 "'--kernel' needs a value; " run --vm --kernel
error "no image" 125 "no image to run; " run --container
error "both kinds" 125 "a VM or a container" run --vm --container x
error "no kernel" 125 "a kernel to boot; " run --vm
error "0 CPUs" 125 "'0' is not a number of CPUs" run --vm --kernel x -c 0
error "9 CPUs" 125 "'9' is not a number of CPUs" run --vm --kernel x -c 9
error "-1 CPUs" 125 "'-1' is not a number of CPUs" run --vm --kernel x -c -1
error "0 MiB" 125 "0 MiB of memory; " run --vm --kernel x -m 0
error "-1 MiB" 125 "not an amount of memory; " run --vm --kernel x -m -1
error "10^9 MiB" 125 "more memory than .*; " run --vm --kernel x -m 1000000000
error "10^30 MiB" 125 "more memory than .*; " run --vm --kernel x \
	-m 1000000000000000000000000000000
error "no place for a debugger" 125 "'x' is no place for a debugger; give" \
	run --vm --kernel x --gdb x
error "a debugger from elsewhere" 125 "'tcp:0.0.0.0:1234' is no .*; give tcp:127" \
	run --vm --kernel x --gdb tcp:0.0.0.0:1234
error "a debugger's port" 125 "'tcp:127.0.0.1:65536' is no .*; give tcp:127" \
	run --vm --kernel x --gdb tcp:127.0.0.1:65536
error "a debugger's socket over a file" 125 "cannot make the socket '$lodge' .*; give" \
	run --vm --kernel x --gdb "unix:$lodge"
error "nothing to attach to" 125 "only a VM's screen to attach to; give" attach x
error "no such time" 125 "'yesterday' is not a time; give" events --since yesterday
error "no such filter" 125 "'x=y' is not a filter; give" events --filter x=y
error "neither get nor set" 125 "get or set a policy?; " policy frob x
error "a policy of no container" 125 "no guest is named; " policy get
error "no policy to set" 125 "give a file, --complain or --enforce; " policy set x
error "two changes of a policy" 125 "give a file, --complain or --enforce; " \
	policy set x y --complain
error "--json for policy set" 125 "for 'policy get'; " policy set x y --json

# Files
make_kernel "$dir/good" '\017\013'
: >"$dir/empty"
dd if="$dir/good" of="$dir/short" bs=1 count=3000 2>/dev/null
dd if="$dir/good" of="$dir/shorter" bs=1 count=505 2>/dev/null
cp "$dir/good" "$dir/big"
put "$dir/big" 0x260 '\000\000\000\100'		# init_size: 1 GiB
cp "$dir/good" "$dir/old"
put "$dir/old" 0x206 '\011\002'
cp "$dir/good" "$dir/i386"
put "$dir/i386" 0x236 '\000'
error "no such kernel" 125 "cannot open the kernel .*No such file" \
	run --vm --kernel "$dir/none"
error "a folder as kernel" 125 "Is a directory" run --vm --kernel "$dir"
error "a text as kernel" 125 "not a kernel that can be booted.*; give" \
	run --vm --kernel "$0"
error "a program as kernel" 125 "ELF file.*; give" run --vm --kernel "$lodge"
error "an empty kernel" 125 "it is empty; give" run --vm --kernel "$dir/empty"
error "a kernel cut short" 125 "cut short: it has 3000 of 5120" \
	run --vm --kernel "$dir/short"
error "a kernel cut in its header" 125 "no Linux boot header" \
	run --vm --kernel "$dir/shorter"
error "a kernel too large for memory" 125 "1040 MiB .* the guest has 64; give more" \
	run --vm --kernel "$dir/big" -m 64
error "an initrd too large for memory" 125 "need .* the guest has 17; give more" \
	run --vm --kernel "$dir/good" --initrd "$(readlink -f /proc/self/exe)" -m 17
error "no such initrd" 125 "cannot open the initrd" \
	run --vm --kernel "$dir/good" --initrd "$dir/none"
error "a kernel too old" 125 "boot protocol 2.09.*; use" run --vm --kernel "$dir/old"
error "a 32-bit kernel" 125 "no 64-bit entry; leave" \
	run --vm --boot linux --kernel "$dir/i386"
if [ -r "$GUEST" ]; then
	dd if="$GUEST" of="$dir/half" bs=1048576 count=2 2>/dev/null
	error "half a Debian kernel" 125 "cut short.*; copy" run --vm --kernel "$dir/half"
	error "a Debian kernel in 16 MiB" 125 "the guest has 16; give more" \
		run --vm --kernel "$GUEST" -m 16
else
	skip "half a Debian kernel: no GUEST"
	skip "a Debian kernel in 16 MiB: no GUEST"
fi

# The device
if unshare -m true 2>/dev/null; then
	export lodge dir
	# shellcheck disable=SC2016 # expanded there
	unshare -m sh -c 'mount --make-rprivate / || exit 77
		mount -t tmpfs none /dev || exit 77
		"$lodge" run --vm --kernel "$dir/good"' >"$dir/out" 2>"$dir/err"
	status=$?
	result "no /dev/lodge" 125 "the module is not loaded; run 'modprobe lodge'"
else
	skip "no /dev/lodge: no unshare"
fi

# What images need
mkdir "$dir/bin"
: >"$dir/bin/mkfs.erofs"
checks_mkfs() {
	PATH=$dir/bin "$lodge" check --container >"$dir/out" 2>"$dir/err"
	if grep -q "^$1 *mkfs.erofs *$2" "$dir/out" && [ ! -s "$dir/err" ]; then
		pass "lodge check --container: mkfs.erofs: $2"
	else
		fail "lodge check --container: mkfs.erofs: $(grep mkfs "$dir/out")"
	fi
}
checks_mkfs warn "not in PATH.* -> apt install erofs-utils"
chmod 755 "$dir/bin/mkfs.erofs"
checks_mkfs ok "for 'lodge image import'"
if unshare -m true 2>/dev/null; then
	# shellcheck disable=SC2016 # expanded there
	unshare -m sh -c 'mount --make-rprivate / && mount -t tmpfs none /dev &&
		"$lodge" check --container' >"$dir/out" 2>"$dir/err"
	status=$?
	if [ $status -eq 1 ] && grep -q "^no *loop devices .* -> modprobe loop\|^no *loop devices .*CONFIG_BLK_DEV_LOOP" "$dir/out"; then
		pass "lodge check --container: no loop devices"
	else
		fail "lodge check --container: $(grep loop "$dir/out")"
	fi
else
	skip "lodge check --container: no unshare"
fi

# as_nobody ARGUMENT...: the tool, without any right
as_nobody() {
	if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$lodge" "$@"
	else
		su -s /bin/sh nobody -c "'$lodge' $*"
	fi
}

if [ ! -c /dev/lodge ]; then
	skip "the rest: the module is not loaded"
	echo "1..$n"
	exit $((failed > 0))
fi

chmod 755 "$dir"
error "a policy of nobody" 125 "no guest 'nobody'; 'lodge ps -a'" policy get nobody
if as_nobody version >/dev/null 2>&1; then
	as_nobody policy set x --complain >"$dir/out" 2>"$dir/err"
	status=$?
	result "no permission to change a policy" 125 "not permitted; run lodge as root"
	as_nobody run --vm --kernel "$dir/good" >"$dir/out" 2>"$dir/err"
	status=$?
	result "no permission" 125 "/dev/lodge: Permission denied; run lodge as root"
else
	skip "no permission: neither setpriv nor su works"
fi

"$lodge" check --vm >"$dir/out" 2>"$dir/err"
status=$?
if [ $status -ne 0 ]; then
	error "no usable SVM or VMX" 125 "cannot run virtual machines.*; \|root mode is taken.*; " \
		run --vm --kernel "$dir/good"
	skip "the rest: this host cannot run VMs"
	echo "1..$n"
	exit $((failed > 0))
fi
if tail -n 1 "$dir/out" | grep -q "can run virtual machines"; then
	pass "lodge check --vm"
else
	fail "lodge check --vm"
fi

# From 6.12 on KVM takes root mode when it is loaded.
if [ ! -d /sys/module/kvm ] && modprobe kvm-amd 2>/dev/null; then
	if [ "$(cat /sys/module/kvm/parameters/enable_virt_at_load 2>/dev/null)" = Y ]; then
		error "root mode taken by KVM" 125 "; .*rmmod kvm_amd kvm" \
			run --vm --kernel "$dir/good"
	else
		skip "root mode taken by KVM: this one takes it with its first guest"
	fi
	modprobe -r kvm-amd 2>/dev/null || rmmod kvm_amd kvm
else
	skip "root mode taken by KVM: no kvm-amd here"
fi

# Guests
error "too much memory for its addresses" 125 "guest addresses have\|cannot map" \
	run --vm --kernel "$dir/good" -m 130000000
error "a triple fault" 70 "triple fault.*rip 0x1000200.*0f 0b.*; " \
	run --vm --kernel "$dir/good" -m 32

# mov $0x600,%edx; mov $0x34,%al; out %al,(%dx); jmp .
power_off='\272\000\006\000\000\260\064\356\353\376'
# mov $0x3f8,%edx; mov $'R',%al; out %al,(%dx)
say_r='\272\370\003\000\000\260R\356'

make_kernel "$dir/off" "$say_r$power_off"
says "power off" "^R$" run --vm --kernel "$dir/off" -m 32
if as_nobody version >/dev/null 2>&1 &&
	[ "$(cat /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null || echo 1)" = 1 ]; then
	chmod 666 /dev/lodge
	as_nobody run --vm --kernel "$dir/off" -m 32 >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	chmod 600 /dev/lodge
	if [ $status -eq 0 ] && [ "$(cat "$dir/out")" = R ]; then
		pass "a VM of one who is not root, but may use the device"
	else
		fail "a VM of one who is not root, but may use the device: status $status"
	fi
else
	skip "a VM of one who is not root: no setpriv, su or user namespaces"
fi
says "standard input at its end" "^R$" run --vm --kernel "$dir/off" -m 32 </dev/null

# xor %edx,%edx; mov $0x51515151,%eax; 1: out %eax,(%dx); inc %edx;
# cmp $0x10000,%edx; jne 1b
make_kernel "$dir/ports" "\\061\\322\\270QQQQ\\357\\377\\302\\201\\372\\000\\000\\001\\000\\165\\365$power_off"
"$lodge" run --vm --kernel "$dir/ports" -m 32 >"$dir/out" 2>"$dir/err"
status=$?
if [ $status -eq 0 ] && [ ! -s "$dir/err" ]; then
	pass "garbage to every port"
else
	fail "garbage to every port: status $status"
fi

# mov $0xfe,%al; out %al,$0x64; jmp .
make_kernel "$dir/reset" "$say_r"'\260\376\346\144\353\376'
says "a reset with --no-reboot" "^R$" run --vm --no-reboot --kernel "$dir/reset" -m 32
# mov $6,%al; mov $0xcf9,%edx; out %al,(%dx); jmp .
make_kernel "$dir/reset2" "$say_r"'\260\006\272\371\014\000\000\356\353\376'
says "a reset by the chipset's register" "^R$" run --vm --no-reboot \
	--kernel "$dir/reset2" -m 32
start "$dir/reset"
sleep 2
kill -TERM $pid
wait $pid
status=$?
if [ $status -eq 143 ] && grep -q RRR "$dir/out"; then
	pass "a reset boots again"
else
	fail "a reset boots again: status $status, $(wc -c <"$dir/out") times"
fi

# cli; jmp .
make_kernel "$dir/spin" '\372\353\376'
# (The shell has its background jobs ignore SIGINT and SIGQUIT.)
for signal in TERM HUP KILL; do
	case $signal in
	TERM) wanted=143 ;;
	HUP) wanted=129 ;;
	KILL) wanted=137 ;;
	esac
	start "$dir/spin"
	sleep 1
	before=$(now)
	kill -$signal $pid
	wait $pid 2>/dev/null
	status=$?
	if [ $status -ne "$wanted" ]; then
		fail "SIG$signal while the guest spins: status $status, not $wanted"
	elif [ $(($(now) - before)) -gt 3 ]; then
		fail "SIG$signal while the guest spins: took $(($(now) - before)) s"
	else
		pass "SIG$signal while the guest spins"
	fi
done

# The process that runs the guest is another one.
start "$dir/spin"
sleep 1
vmm=$("$lodge" ps --json | sed -n "s/.*\"keeper-pid\": $pid,.*\"init-pid\": \([0-9]*\).*/\1/p")
kill -KILL "$vmm"
wait $pid 2>/dev/null
status=$?
result "SIGKILL to the process behind the wall" 137 "killed by signal 9.*; "

start "$dir/spin"
sleep 1
kill -STOP $pid
sleep 1
kill -CONT $pid
sleep 1
kill -TERM $pid
wait $pid
status=$?
if [ $status -eq 143 ]; then
	pass "stopped and continued"
else
	fail "stopped and continued: status $status"
fi

# A reader that goes away: mov $0x3f8,%edx; mov $'\n',%al; 1: out %al,(%dx); jmp 1b
make_kernel "$dir/talk" '\272\370\003\000\000\260\012\356\353\375'
{
	"$lodge" run --vm --kernel "$dir/talk" -m 32 2>"$dir/err"
	echo $? >"$dir/status"
} | head -n 3 >"$dir/out"
if [ "$(cat "$dir/status")" -eq 141 ]; then
	pass "standard output closed"
else
	fail "standard output closed: status $(cat "$dir/status")"
fi

"$lodge" run --vm --kernel "$dir/talk" -m 32 >/dev/full 2>"$dir/err" </dev/null
status=$?
result "a full disk" 125 "cannot write the guest's output: No space left"

# A reader that does not read.
mkfifo "$dir/fifo"
# shellcheck disable=SC2217 # that is the point
sleep 30 <"$dir/fifo" &
reader=$!
"$lodge" run --vm --kernel "$dir/talk" -m 32 >"$dir/fifo" 2>"$dir/err" </dev/null &
pid=$!
sleep 2
before=$(now)
kill -TERM $pid
wait $pid
status=$?
if [ $status -eq 143 ] && [ $(($(now) - before)) -le 3 ]; then
	pass "SIGTERM while nobody reads the output"
else
	fail "SIGTERM while nobody reads the output: status $status, $(($(now) - before)) s"
fi
kill $reader

# Nothing is left behind.
sleep 1
refs=$(cat /sys/module/lodge/refcnt)
if [ "$refs" = 0 ]; then
	pass "the module is not in use"
else
	fail "the module is in use by $refs"
fi

echo "1..$n"
exit $((failed > 0))
