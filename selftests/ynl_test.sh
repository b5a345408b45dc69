#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own netlink client, which knows nothing of lodge but its
# specification: it lists guests, asks for statistics and policies, and prints
# events.
#
# Needs root, the module, the tool (LODGE, or `lodge` in PATH), a static busybox in
# /bin, and Python with the client in YNL: scripts/testvm --python.

lodge=${LODGE:-$(command -v lodge)}
ynl=${YNL:-/usr/lib/lodge/ynl}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

if ! command -v python3 >/dev/null || [ ! -e "$ynl/cli.py" ] || [ ! -x /bin/busybox ]; then
	echo "1..0 # SKIP no Python with the client, or no busybox"
	exit 4
fi

client() {
	python3 -B "$ynl/cli.py" --spec "$ynl/lodge.yaml" --no-schema "$@"
}

# says WHAT WORDS FILE: the file has the words (an extended regular expression),
# whatever is between two lines
says() {
	n=$((n + 1))
	if tr '\n' ' ' <"$3" | grep -qE "$2"; then
		echo "ok $n $1"
	else
		failed=$((failed + 1))
		echo "not ok $n $1: no '$2' in:"
		sed 's/^/# /' "$3" "$dir/err" | head -n 40
	fi
}

# run_guest NAME: in $guest its keeper
run_guest() {
	"$lodge" run --container --name "$1" --net none --rootfs "$dir/root" \
		/bin/busybox sleep 1000 >/dev/null 2>&1 </dev/null &
	guest=$!
	tries=0
	until "$lodge" ps | grep -q "$1.*running" || [ $tries -gt 100 ]; do
		sleep 0.2
		tries=$((tries + 1))
	done
}

mkdir -p "$dir/root/bin" "$dir/root/proc" "$dir/root/sys" "$dir/root/dev" \
	"$dir/root/tmp" "$dir/root/etc"
cp /bin/busybox "$dir/root/bin/busybox"

# It reads the specification for some seconds; then it waits, and prints at last.
slow=${LODGE_TEST_SLOW:-1}
client --subscribe events --sleep $((20 * slow)) >"$dir/events" 2>"$dir/err" &
listener=$!
sleep $((10 * slow))
run_guest heard
kill -KILL $guest
wait $guest 2>/dev/null
wait $listener
says "event: created" "heard.*guest-created-ntf|guest-created-ntf.*heard" "$dir/events"
says "event: running" "heard.*guest-running-ntf|guest-running-ntf.*heard" "$dir/events"
says "event: exited, with why" "'end-reason': 'keeper-killed'.*'end-status': 9" "$dir/events"

run_guest by-spec
client --do features-get >"$dir/out" 2>"$dir/err"
says "features-get" "'api-version': [0-9]+.*'ended-kept': 64" "$dir/out"
client --dump guest-get >"$dir/out" 2>"$dir/err"
says "guest-get, all of them" "'kind': 'container'.*'name': 'by-spec'.*'state': 'running'" "$dir/out"
client --do guest-get --json '{"name": "by-spec"}' >"$dir/out" 2>"$dir/err"
says "guest-get, one" "'init-pid': [0-9]+.*'name': 'by-spec'" "$dir/out"
client --do stats-get --json '{"name": "by-spec"}' >"$dir/out" 2>"$dir/err"
says "stats-get" "'cgroup': '/[^']*by-spec'.*'checks': [1-9]" "$dir/out"
client --do policy-set --json '{"name": "by-spec", "mode": "complain"}' >"$dir/out" 2>"$dir/err"
says "policy-set" "^None" "$dir/out"
client --do policy-get --json '{"name": "by-spec"}' >"$dir/out" 2>"$dir/err"
says "policy-get" "'mode': 'complain'.*'kind': 'tree'.*'kind': 'char-device'" "$dir/out"
client --do guest-get --json '{"name": "nobody"}' >"$dir/out" 2>&1
says "an error, with the attribute" "no such guest.*\.name" "$dir/out"
kill -KILL $guest
echo "1..$n"
exit $((failed > 0))
