#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Usage: test/acpi.sh FOLDER
# Takes the tables in FOLDER apart and puts them together again with iasl (the
# ACPI component architecture's own program), which must have nothing to say.

if ! command -v iasl >/dev/null; then
	echo "ok 1 # SKIP iasl is not installed (acpica-tools)"
	exit 0
fi
cd "$1" || exit 1
n=0
failed=0
for table in *.aml; do
	n=$((n + 1))
	name=${table%.aml}
	if iasl -d "$table" >"$name.log" 2>&1 &&
	   iasl -we -p "$name.again" "$name.dsl" >>"$name.log" 2>&1 &&
	   ! grep -E 'Warning|Error|Remark' "$name.log" |
	     grep -v '0 Errors, 0 Warnings, 0 Remarks'; then
		echo "ok $n $name"
	else
		echo "not ok $n $name"
		sed 's/^/# /' "$name.log"
		failed=1
	fi
done
echo "1..$n"
exit $failed
