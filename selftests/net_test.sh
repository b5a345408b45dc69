#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The network of guests (ctl/net), with net-keeper in the place of keepers: who
# reaches whom, published ports, errors, and that nothing is left of anything.
#
# shellcheck disable=SC2317 # functions are called by check, as its arguments
#
# Needs root, nft, and busybox's or other people's ip, ping, nc, nsenter. All of it
# happens in a network namespace of its own, which is the host here.

if [ "$1" != inside ]; then
	echo "TAP version 13"
	keeper=$(dirname "$0")/net-keeper
	if [ ! -x "$keeper" ] || ! command -v nft >/dev/null; then
		echo "1..0 # SKIP no net-keeper or no nft"
		exit 4
	fi
	if ! unshare -n -m true 2>/dev/null; then
		echo "1..0 # SKIP no network namespace: not root?"
		exit 4
	fi
	exec unshare -n -m sh "$0" inside
fi

keeper=$(dirname "$0")/net-keeper
mount -t tmpfs none /run || exit 1
dir=$(mktemp -d) || exit 1
ip link set lo up
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"
pids='' servers=''
patience=$((30 * ${LODGE_TEST_SLOW:-1}))

details() {
	sed 's/^/# /' "$dir/err" 2>/dev/null
}

cleanup() {
	# shellcheck disable=SC2086 # several
	kill -9 $pids $servers 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# check WHAT COMMAND...
check() {
	what=$1
	shift
	if "$@" >"$dir/out" 2>"$dir/err"; then
		pass "$what"
	else
		fail "$what"
		sed 's/^/# /' "$dir/out"
	fi
}

# until_true COMMAND...: tries for a while
until_true() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 5)) ] || return 1
		sleep 0.2
	done
}

# start NAME ARGUMENT...: net-keeper in the background. Sets $pid; the rest when
# it is there: $guest (pid), $address, $gateway, $interface, $micros
start() {
	name=$1
	shift
	rm -f "$dir/$name"
	"$keeper" "$@" >"$dir/$name" 2>"$dir/$name.err" </dev/null &
	pid=$!
	pids="$pids $pid"
}

came_up() {
	[ -s "$dir/$1" ] || ! kill -0 "$2" 2>/dev/null
}

started() {
	until_true came_up "$1" "$2"
	# shellcheck disable=SC2034 # not all are of use to all
	read -r guest address prefix gateway interface micros <"$dir/$1"
	sed 's/^/# /' "$dir/$1.err"
}

in_guest() {
	who=$1
	shift
	nsenter -t "$who" -n "$@"
}

# ended PID [SIGNAL]: it is told to and has
ended() {
	kill "-${2:-TERM}" "$1"
	wait "$1" 2>/dev/null
	return 0
}

# refused WHAT WORDS ARGUMENT...: net-keeper ends with one line that has WORDS
refused() {
	what=$1 words=$2
	shift 2
	timeout $patience "$keeper" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	if [ $status -eq 125 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
	   grep -q "^lodge: .*$words" "$dir/err"; then
		pass "$what"
	else
		fail "$what: status $status, want '$words'"
	fi
}

nothing_left() {
	[ -z "$(nft list tables)" ] && [ ! -e /sys/class/net/lodge0 ] &&
		! ip link | grep -q lodge
}

no_rules() {
	[ -z "$(nft list tables)" ]
}

is() {
	[ "$1" = "$2" ]
}

# guests COUNT: so many have an interface
guests() {
	[ "$(ip link | grep -c 'master lodge0')" = "$1" ]
}

# answers WHERE... (a command prefix), then the server's word is in the output
tcp_says() {
	word=$1
	shift
	"$@" </dev/null 2>/dev/null | grep -q "$word"
}

# serve GUEST PORT WORD: over and over
serve() {
	nsenter -t "$1" -n nc -ll -p "$2" -e echo "$3" >/dev/null 2>&1 </dev/null &
	servers="$servers $!"
}

# Another sysfs, which shows this namespace's interfaces
mount -t sysfs none /sys || exit 1

# Options
port_is() {
	[ "$("$keeper" port "$1")" = "$2" ]
}
check "-p 8080:80" port_is 8080:80 "0.0.0.0 8080 80 6"
check "-p 53:5353/udp" port_is 53:5353/udp "0.0.0.0 53 5353 17"
check "-p 192.0.2.9:1:65535/tcp" port_is 192.0.2.9:1:65535/tcp "192.0.2.9 1 65535 6"
for text in 80 :80 80: 0:80 80:0 65536:80 80:65536 a:80 80:80/sctp 80:80/ 1.2.3:80:80 \
	1.2.3.4.5:80:80 ::80 -1:80 "80: 80" +80:80 80:80/udp/tcp 1:2:3:4 \
	1111111111111111111:80:80 "" 000000080:80; do
	refused "-p '$text'" "give " port "$text"
done

refused "-p with a loopback address" "leads to no guest; give" port 127.0.0.1:80:80

# Another computer, which knows no way to the guests
start outside outside 192.0.2.2/24
started outside "$pid"
outside=$guest
in_guest "$outside" ip route del default
ip addr add 192.0.2.1/24 dev outside0

# Two guests at once make everything
start a guest 8080:80 192.0.2.1:8081:81 5353:53/udp
a=$pid
start b guest
b=$pid
started a "$a"
a_guest=$guest a_address=$address
started b "$b"
b_guest=$guest b_address=$address
echo "# net_attach took $micros us"
if [ -z "$a_guest" ] || [ -z "$b_guest" ]; then
	cat "$dir/a.err" "$dir/b.err" >"$dir/err"
	fail "two guests at once"
	echo "1..$n"
	exit 1
fi
pass "two guests at once"
check "their addresses differ" test "$a_address" != "$b_address"
check "a guest has eth0, lo, its address" sh -c "nsenter -t $a_guest -n ip addr |
	grep -q 'inet $a_address/20 brd .* eth0' && nsenter -t $a_guest -n ip addr |
	grep -q 'inet 127.0.0.1'"
check "its default route" sh -c "nsenter -t $a_guest -n ip route |
	grep -q 'default via $gateway dev eth0'"
check "the host reaches a guest" ping -c 1 -W 5 "$a_address"
check "a guest reaches the host" in_guest "$a_guest" ping -c 1 -W 5 "$gateway"
check "a guest reaches another" in_guest "$a_guest" ping -c 1 -W 5 "$b_address"
check "forwarding is on" is "$(cat /proc/sys/net/ipv4/ip_forward)" 1
check "all descriptors are close-on-exec" sh -c "for fd in /proc/$a/fdinfo/*; do
	[ \${fd##*/} -le 2 ] || grep -q '^flags:.*2[0-7]\{6\}\$' \$fd || exit 1; done"

check "the host reaches outside" ping -c 1 -W 5 192.0.2.2
check "a guest reaches outside" in_guest "$a_guest" ping -c 1 -W 5 192.0.2.2
nsenter -t "$outside" -n nc -ll -p 99 -e sh -c 'netstat -tn | grep :99' >/dev/null 2>&1 </dev/null &
pids="$pids $!"
check "as the host, by TCP" until_true tcp_says "192.0.2.1:" \
	in_guest "$a_guest" nc -w 5 192.0.2.2 99

# Published ports
serve "$a_guest" 80 tcp-a
serve "$a_guest" 81 tcp-a81
nsenter -t "$a_guest" -n "$keeper" udp-answer 53 &
servers="$servers $!"
check "a published port from outside" until_true tcp_says tcp-a \
	in_guest "$outside" nc -w 5 192.0.2.1 8080
check "one of an address" until_true tcp_says tcp-a81 \
	in_guest "$outside" nc -w 5 192.0.2.1 8081
check "from the host by its own address" tcp_says tcp-a nc -w 5 192.0.2.1 8080
check "from another guest" tcp_says tcp-a in_guest "$b_guest" nc -w 5 "$gateway" 8080
check "from itself" tcp_says tcp-a in_guest "$a_guest" nc -w 5 "$gateway" 8080
check "from the host by the guest's address" tcp_says tcp-a nc -w 5 "$a_address" 80
check "a port of one address is not published at others" \
	sh -c "! nsenter -t $b_guest -n nc -w 2 $gateway 8081 </dev/null"
check "a published UDP port" tcp_says "udp hello" \
	in_guest "$outside" "$keeper" udp-ask 192.0.2.1 5353 hello
check "a UDP port from the host" tcp_says "udp hello" "$keeper" udp-ask "$gateway" 5353 hello

# What cannot be had
refused "a port of another guest" "port 8080/tcp: Address already in use; another guest" \
	guest 8080:80
refused "its port of one address" "port 8080/tcp: Address already in use" \
	guest 192.0.2.1:8080:80
refused "a UDP port of another guest" "port 5353/udp: Address already in use" guest 5353:53/udp
refused "an address that is not the host's" "Cannot assign requested address; give" \
	guest 203.0.113.77:8080:80
nc -ll -p 7777 -e true >/dev/null 2>&1 </dev/null &
pids="$pids $!"
sleep 1
refused "a port of a program" "port 7777/tcp: Address already in use" guest 7777:80
check "who was refused left nothing" is "$(nft list tables | wc -l)" 2
check "and no interface" guests 2

# Each leaves alone, killed or not; what runs in a guest ends with it.
# shellcheck disable=SC2086 # several
kill -9 "$a" $servers
wait "$a" 2>/dev/null
check "kill -9: its rules are gone" is "$(nft list tables)" "table ip lodge-$b_address"
check "kill -9: its interface goes" until_true guests 1
start again guest 8080:80
a=$pid
started again "$a"
check "its address and its port are free again" is "$address" "$a_address"
check "and work" ping -c 1 -W 5 "$address"
ended "$b"
check "the others stay" ping -c 1 -W 5 "$address"
ended "$a"
check "the last one leaves nothing" nothing_left
start a guest
a=$pid
started a "$a"
kill -9 "$a"
wait "$a" 2>/dev/null
check "kill -9 of the last one leaves no rule" no_rules
check "and no interface of its own" until_true guests 0

# Some at once, all killed at once
many=''
for i in 1 2 3 4 5 6 7 8 9 10; do
	start "m$i" guest
	many="$many $pid"
done
i=0
for pid in $many; do
	i=$((i + 1))
	started "m$i" "$pid"
done
cat "$dir"/m[0-9]* >"$dir/all"
check "ten at once have ten addresses" is "$(cut -d' ' -f2 "$dir/all" | sort -u | wc -l)" 10
echo "# net_attach took $(cut -d' ' -f6 "$dir/all" | sort -n | tr '\n' ' ')us"
reached=0
while read -r _ address _; do
	if ping -c 1 -W 5 "$address" >/dev/null; then
		reached=$((reached + 1))
	fi
done <"$dir/all"
check "the host reaches all" is $reached 10
# shellcheck disable=SC2086 # several
kill -9 $many
# Their addresses may be free before their interfaces have gone.
start again guest
a=$pid
started again "$a"
check "an address of one that was just killed" ping -c 1 -W 5 "${address:-none}"
ended "$a"
check "no rule of theirs is left" until_true no_rules
check "no interface of theirs is left" until_true guests 0

# A bridge that somebody else has made: its network is the pool, and it stays.
ip link del lodge0 2>/dev/null
ip link add lodge0 type bridge
ip addr add 198.51.100.6/29 dev lodge0
many=''
for i in 1 2 3 4 5; do
	start "p$i" guest
	many="$many $pid"
	started "p$i" "$pid"
done
cat "$dir"/p[0-9] >"$dir/all"
check "a pool of five" is "$(cut -d' ' -f2 "$dir/all" | sort | tr '\n' ' ')" \
	"198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4 198.51.100.5 "
check "works" ping -c 1 -W 5 198.51.100.5
refused "the pool is used up" "all 5 addresses of lodge0 are in use; stop a guest" guest
check "its name in hexadecimal" test -e /sys/class/net/lodge-5
# All addresses are free before their interfaces have gone.
# shellcheck disable=SC2086 # several
kill -9 $many
many=''
for i in 1 2 3 4 5; do
	start "q$i" guest
	many="$many $pid"
	started "q$i" "$pid"
done
cat "$dir"/q[0-9] >"$dir/all"
check "all of them again, at once" is "$(cut -d' ' -f2 "$dir/all" | sort | tr '\n' ' ')" \
	"198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4 198.51.100.5 "
for pid in $many; do
	ended "$pid"
done
check "a bridge of somebody else stays" test -e /sys/class/net/lodge0
check "without anything of ours" no_rules
ip addr del 198.51.100.6/29 dev lodge0
ip addr add 198.51.100.6/31 dev lodge0
refused "a network too small" "has the prefix /31; give" guest
ip link del lodge0
ip link add lodge0 type dummy 2>/dev/null && {
	refused "lodge0 that is no bridge" "lodge0 is no bridge; rename" guest
	ip link del lodge0
}

# The network is one that the host has no route to.
ip link add lodge-br type bridge
ip link set lodge-br up
ip addr add 10.88.3.1/24 dev lodge-br
ip route add 10.89.0.0/16 dev lodge-br
start a guest
a=$pid
started a "$a"
check "other routes are kept clear of" is "$address" 10.123.0.2
ended "$a"
ip route add 10.0.0.0/8 dev lodge-br
ip route add 172.16.0.0/12 dev lodge-br
ip route add 192.168.0.0/16 dev lodge-br
refused "routes to everywhere" "routes to all networks .*; make a bridge lodge0" guest
ip link del lodge-br

# Without a network, and what a guest knows of name servers
start l loopback
started l "$pid"
check "a guest without a network has lo" in_guest "$guest" ping -c 1 127.0.0.1
check "and nothing else" is "$(in_guest "$guest" ip addr | grep -c 'inet ')" 1

resolv_is() {
	"$keeper" resolv >"$dir/out"
	printf '%b' "$1" | cmp -s - "$dir/out"
}
mount -t tmpfs none /etc || exit 1
mkdir -p /run/systemd/resolve
echo "nameserver 192.0.2.53" >/run/systemd/resolve/resolv.conf
printf '# my own\nsearch a.example b.example\nnameserver 127.0.0.1\nnameserver 192.0.2.54\nnameserver ::1\noptions edns0' >/etc/resolv.conf
check "name servers on loopback are left out" \
	resolv_is 'search a.example b.example\nnameserver 192.0.2.54\noptions edns0\n'
printf 'nameserver 127.0.0.53\noptions edns0\nsearch a.example\n' >/etc/resolv.conf
check "those behind the local one" resolv_is 'nameserver 192.0.2.53\n'
rm /run/systemd/resolve/resolv.conf
check "no name server" resolv_is '# The host has no name server that a guest can reach.\n'
rm /etc/resolv.conf
check "no resolv.conf" resolv_is '# The host has no name server that a guest can reach.\n'

echo "1..$n"
exit $((failed > 0))
