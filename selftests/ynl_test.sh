#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own netlink client, which knows nothing of lodge but its
# specification: it lists guests, asks for statistics and policies, and prints
# events.
#
# Needs root, the module, the tool (LODGE, or `lodge` in PATH), a kernel to boot
# (GUEST), and Python with the client in YNL: scripts/testvm --python.

lodge=${LODGE:-$(command -v lodge)}
ynl=${YNL:-/usr/lib/lodge/ynl}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

if ! command -v python3 >/dev/null || [ ! -e "$ynl/cli.py" ] || [ ! -r "$GUEST" ]; then
	echo "1..0 # SKIP no Python with the client, or no GUEST"
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

client --subscribe events --sleep "$((15 * ${LODGE_TEST_SLOW:-1}))" >"$dir/events" 2>"$dir/err" &
listener=$!
sleep "$((5 * ${LODGE_TEST_SLOW:-1}))"
"$lodge" run --vm --name by-spec --kernel "$GUEST" --initrd "$GUEST_INITRD" -m 128 \
	>/dev/null 2>&1 </dev/null &
guest=$!
sleep "$((3 * ${LODGE_TEST_SLOW:-1}))"

client --do features-get >"$dir/out" 2>"$dir/err"
says "features-get" "'api-version': [0-9]+.*'ended-kept': 64" "$dir/out"
client --dump guest-get >"$dir/out" 2>"$dir/err"
says "guest-get, all of them" "'kind': 'vm'.*'name': 'by-spec'.*'state': 'running'" "$dir/out"
client --do guest-get --json '{"name": "by-spec"}' >"$dir/out" 2>"$dir/err"
says "guest-get, one" "'keeper-pid': $guest.*'name': 'by-spec'" "$dir/out"
client --do stats-get --json '{"name": "by-spec"}' >"$dir/out" 2>"$dir/err"
says "stats-get" "'class': 'page-fault'.*'guest-time': [1-9]" "$dir/out"
client --do policy-get --json '{"name": "by-spec"}' >"$dir/out" 2>&1
says "policy-get of a VM, and why not" "a VM has no policy" "$dir/out"
client --do guest-get --json '{"name": "nobody"}' >"$dir/out" 2>&1
says "an error, with the attribute" "no such guest.*\.name" "$dir/out"

kill -KILL $guest
wait $guest 2>/dev/null
wait $listener
says "event: created" "'guest-name': 'by-spec'.*'name': 'guest-created-ntf'|'name': 'guest-created-ntf'" "$dir/events"
says "event: running" "guest-running-ntf" "$dir/events"
says "event: exited, with why" "'end-reason': 'keeper-killed'.*'end-status': 9.*guest-exited-ntf|guest-exited-ntf.*'end-reason': 'keeper-killed'" "$dir/events"
echo "1..$n"
exit $((failed > 0))
