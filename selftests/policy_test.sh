#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the tool says of containers and changes in them while they run: their policy,
# their figures, and events of the past.
#
# Needs root, the tool (LODGE, or `lodge` in PATH), the module, a static busybox in
# /bin and script(1).

lodge=${LODGE:-$(command -v lodge)}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

if [ ! -c /dev/lodge ] || [ ! -x /bin/busybox ] || [ -z "$lodge" ]; then
	echo "1..0 # SKIP no /dev/lodge, no /bin/busybox or no tool"
	exit 4
fi

# run ARGUMENT...: the tool; $status, $dir/out, $dir/err
run() {
	"$lodge" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

# says WHAT WORDS: of the last run (an extended regular expression)
says() {
	# The shell's word about what timeout(1) has ended
	sed -i '/^Terminated$/d' "$dir/err"
	if [ "$status" -eq 0 ] && [ ! -s "$dir/err" ] && grep -qE -- "$2" "$dir/out"; then
		pass "$1"
	else
		fail "$1: status $status, '$2'"
	fi
}

# refuses WHAT WORDS: of the last run: one line of error
refuses() {
	if [ "$status" -eq 125 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
		grep -qE -- "^lodge: .*$2" "$dir/err"; then
		pass "$1"
	else
		fail "$1: status $status, '$2'"
	fi
}

root=$dir/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/etc" "$dir/a b"
cp /bin/busybox "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
began=$(date +%s)
"$lodge" run --container --name told --net none -v "$dir/a b:/vol" --rootfs "$root" \
	/bin/sh -c 'while :; do busybox nc -w 1 -U /none 2>/dev/null; busybox sleep 1; done' \
	>"$dir/log" 2>&1 </dev/null &
keeper=$!
tries=0
until "$lodge" ps 2>/dev/null | grep -q 'told.*running' || [ $tries -gt 100 ]; do
	sleep 0.2
	tries=$((tries + 1))
done
sleep 1

# Policies
run policy get told
says "policy get" '^tree / rwx$'
says "policy get: a volume" '^tree /vol rwx$'
says "policy get: devices" '^device char 1:3 rw$'
says "policy get: any minor number" '^device char 136:\* rw$'
says "policy get: families" '^family inet6$'
cp "$dir/out" "$dir/policy"
run policy get told --json
says "policy get --json" '"mode": "enforce".*"rights": \[\]'
says "policy get --json: trees" '"kind": "tree".*"seen-as": "/vol"'
run policy set told "$dir/policy"
if [ $status -eq 0 ] && [ ! -s "$dir/err" ] && [ ! -s "$dir/out" ]; then
	pass "policy set with what get has printed"
else
	fail "policy set with what get has printed: status $status"
fi
run policy get told
sort "$dir/policy" >"$dir/sorted"
if sort "$dir/out" | cmp -s - "$dir/sorted"; then
	pass "that was the same policy"
else
	fail "that was the same policy"
	diff "$dir/policy" "$dir/out" | sed 's/^/# /'
fi
printf 'default\nallow clock\ndevice block 7:* r\n' | "$lodge" policy set told - 2>"$dir/err"
run policy get told
says "policy set from standard input" '^allow clock$'
says "policy set from standard input: a device" '^device block 7:\* r$'
run policy set told --complain
run policy get told
says "policy set --complain" '^complain$'
says "policy set --complain leaves the rules" '^allow clock$'
run policy set told --enforce
run policy get told
if grep -q '^complain' "$dir/out"; then
	fail "policy set --enforce"
else
	says "policy set --enforce" '^allow clock$'
fi
run exec told /bin/busybox cat /etc/hostname
if [ "$status" -eq 0 ]; then
	pass "the container goes on with another policy"
else
	fail "the container goes on with another policy: status $status"
fi

printf 'default\nallow clock\nalow\n' >"$dir/bad"
run policy set told "$dir/bad"
refuses "a mistake in a policy" "line 3: 'alow' is not known"
run policy set told "$dir/none"
refuses "no such file" "cannot open the policy"
run policy get nobody
refuses "no such guest" "no guest 'nobody'"
run policy set told
refuses "nothing to set" "give a file"
run policy set told "$dir/policy" --complain
refuses "a file and --complain" "give a file"
run policy get told --enforce
refuses "get --enforce" "for 'policy set'"
run policy frob told
refuses "neither get nor set" "get or set"
run policy
refuses "no verb" "get or set"
run policy get
refuses "no name" "no guest is named"
run policy get told more
refuses "one argument too many" "one argument too many"

# Statistics
run stats
says "stats" '^told +[0-9.]+%  [0-9.]+ MiB / - +[1-9][0-9]* '
run stats --json
says "stats --json" '"name": "told", "memory": [1-9][0-9]*, "cpu-time": [1-9][0-9]*, "pids": [1-9]'
timeout 4 "$lodge" stats --stream >"$dir/out" 2>"$dir/err"
status=0
says "stats --stream in a pipe" '^told'
if [ "$(grep -c '^NAME.*PIDS' "$dir/out")" -ge 2 ] && ! grep -q "$(printf '\033')" "$dir/out"; then
	pass "stats --stream in a pipe: tables, one after another"
else
	fail "stats --stream in a pipe: tables, one after another"
fi
if command -v script >/dev/null; then
	timeout 5 script -qc "$lodge stats --stream" /dev/null >"$dir/out" 2>"$dir/err" </dev/null
	if [ "$(grep -c "$(printf '\033')\[H" "$dir/out")" -ge 2 ] && grep -q told "$dir/out"; then
		pass "stats --stream on a terminal"
	else
		fail "stats --stream on a terminal"
	fi
else
	n=$((n + 1))
	echo "ok $n # SKIP no script(1)"
fi

# The past
"$lodge" kill told
wait $keeper
timeout 2 "$lodge" events --since 10m >"$dir/out" 2>"$dir/err"
status=0
says "events --since: created" 'created +told$'
says "events --since: exited" 'exited +told'
timeout 2 "$lodge" events --since "$began" --filter event=exited --json >"$dir/out" 2>"$dir/err"
says "events --since a time, with a filter" '^\{ "time": [0-9]+, "event": "exited".*"guest-name": "told"'
sleep 1
timeout 2 "$lodge" events --since 1s >"$dir/out" 2>"$dir/err"
if grep -q told "$dir/out"; then
	fail "events --since after it"
else
	pass "events --since after it"
fi
timeout 2 "$lodge" events --since 2001-01-01T00:00:00.5+01:00 >"$dir/out" 2>"$dir/err"
says "events --since a date" 'created +told$'
for time in yesterday 10 10x 1e3s 0x10 '' 2001-13-01 10m5; do
	timeout 2 "$lodge" events --since "$time" >"$dir/out" 2>"$dir/err"
	status=$?
	if [ "$time" = 10 ]; then
		# Seconds since 1970
		status=0
		says "events --since 10" 'created +told$'
	else
		refuses "events --since '$time'" "is not a time"
	fi
done
run policy get told
refuses "a container that has ended" "has ended"
echo "1..$n"
exit $((failed > 0))
