#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Images: imported from folders, tar files and OCI layouts, mounted, listed and
# removed; what hostile ones try; what is left when an import does not come to
# its end.
#
# Needs root, the tool (LODGE, or `lodge` in PATH), mkfs.erofs, and a kernel with
# EROFS and loop devices.

lodge=${LODGE:-$(command -v lodge)}
dir=$(mktemp -d) || exit 1
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	umount "$dir"/m1 "$dir"/m2 "$dir"/small "$dir"/many? 2>/dev/null
	if [ "$modprobe" ]; then
		echo "$modprobe" >/proc/sys/kernel/modprobe
	fi
	rm -rf "$dir"
}
modprobe=
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"
store=$dir/store

details() {
	sed 's/^/# /' "$dir/err" 2>/dev/null
}

# check WHAT COMMAND...
check() {
	what=$1
	shift
	if "$@" >/dev/null 2>"$dir/err"; then
		pass "$what"
	else
		fail "$what"
	fi
}

# same WHAT WANTED SEEN
same() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1"
		echo "# wanted: $2"
		echo "# seen: $3"
	fi
}

image() {
	verb=$1
	shift
	"$lodge" image "$verb" --store "$store" "$@"
}

# what_is_left: all in the store
what_is_left() {
	find "$store/images" -mindepth 1 -maxdepth 1 2>/dev/null | sed 's,.*/,,' | sort | tr '\n' ' '
}

# refused WHAT WORDS ARGUMENT...: `lodge image ARGUMENT...` fails with one line
# that has WORDS, and the store is as before
refused() {
	what=$1 words=$2
	shift 2
	before=$(what_is_left)
	image "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	if [ $status -ne 125 ]; then
		fail "$what: status $status"
	elif [ "$(wc -l <"$dir/err")" -ne 1 ]; then
		fail "$what: $(wc -l <"$dir/err") lines of error, not 1"
	elif ! grep -q "^lodge: .*$words" "$dir/err"; then
		fail "$what: the error does not say '$words'"
	elif [ "$(what_is_left)" != "$before" ]; then
		fail "$what: the store now has $(what_is_left)"
	else
		pass "$what"
	fi
}

# describe DIR: all that an image keeps
describe() {
	(cd "$1" && find . | sort | while read -r file; do
		stat -c '%n %F %a %u:%g %Y %h' "$file"
		if [ -L "$file" ]; then
			readlink "$file"
		elif [ -f "$file" ]; then
			sha256sum <"$file"
		fi
	done)
}

sum() {
	sha256sum "$store/images/$1/root.erofs" | cut -d ' ' -f 1
}

# put FILE OFFSET ESCAPES
put() {
	# shellcheck disable=SC2059 # the bytes are escapes
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# tar_entry TAR TYPE NAME [LINK [DATA]]: one more entry
tar_entry() {
	header=$dir/header
	dd if=/dev/zero of="$header" bs=512 count=1 2>/dev/null
	put "$header" 0 "$3"
	put "$header" 100 '0000755\0000000000\0000000000\000'
	put "$header" 124 "$(printf %011o ${#5})\\00000000000000\\000        $2$4"
	put "$header" 257 'ustar\00000'
	put "$header" 329 '0000001\0000000003\000'
	total=$(od -An -v -tu1 "$header" | tr -s ' ' '\n' | awk '{ s += $1 } END { print s }')
	put "$header" 148 "$(printf %06o "$total")\\000 "
	if [ "$5" ]; then
		dd if=/dev/zero bs=512 count=1 2>/dev/null >>"$header"
		put "$header" 512 "$5"
	fi
	cat "$header" >>"$1"
}

echo "TAP version 13"
if [ -z "$lodge" ]; then
	echo "1..0 # SKIP no lodge tool: set LODGE"
	exit 4
fi
if [ "$(id -u)" != 0 ] || ! command -v mkfs.erofs >/dev/null; then
	echo "1..0 # SKIP not root, or no mkfs.erofs (Debian: erofs-utils)"
	exit 4
fi
# (Busybox's own shell does not say where it is.)
for busybox in /bin/busybox /usr/bin/busybox; do
	if [ -x "$busybox" ]; then
		break
	fi
done
mkdir "$dir/m1" "$dir/m2"

# A root file system
root=$dir/root
mkdir -p "$root/bin" "$root/etc" "$root/home/me" "$root/empty"
cp "$busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
ln -s /etc/none "$root/etc/dangling"
ln "$root/bin/busybox" "$root/bin/again"
echo hello >"$root/home/me/text"
dd if=/dev/zero of="$root/home/me/sparse" bs=1 count=1 seek=3000000 2>/dev/null
printf 'x%.0s' 1 2 3 >"$root/home/me/umlaut-$(printf '\303\244')-$(printf '\377')"
mkfifo "$root/home/me/fifo"
chown -R 1000:100 "$root/home/me"
chmod 4755 "$root/bin/busybox"
chmod 1777 "$root/empty"
chmod 000 "$root/home/me/text"
touch -d @1000000000 "$root/home/me/text" "$root/home"
wanted=$(describe "$root")

check "a folder" image import folder "$root"
(cd "$root" && tar cf "$dir/root.tar" .)
check "a tar file" image import tar "$dir/root.tar"
gzip -c "$dir/root.tar" >"$dir/root.tar.gz"
check "a tar file, packed with gzip" image import tgz "$dir/root.tar.gz"
bzip2 -c "$dir/root.tar" | image import tbz - 2>"$dir/err"
check "standard input, packed with bzip2" image inspect tbz
check "a folder once more" image import folder2 "$root"
same "one folder, one file" "$(sum folder)" "$(sum folder2)"
same "one tar, one file, however packed" "$(sum tar) $(sum tar)" "$(sum tgz) $(sum tbz)"

# Mounts
if image mount folder "$dir/m1" 2>"$dir/err"; then
	pass "mount"
else
	fail "mount"
fi
same "the image of a folder has what the folder has" "$wanted" "$(describe "$dir/m1")"
check "its programs run" chroot "$dir/m1" /bin/sh -c :
before=$(sum folder)
check "a second mount" image mount folder "$dir/m2"
same "they share one super block" "$(stat -c %d "$dir/m1/bin")" "$(stat -c %d "$dir/m2/bin")"
same "and one loop device" 1 "$(losetup -a | grep -c "$store/images/folder/")"
same "read-only, without devices" "ro,nodev ro,nodev " \
	"$(sed -n "s,.* $dir/m[12] erofs \(ro\,nodev\).*,\1,p" /proc/mounts | tr '\n' ' ')"
if { echo x >"$dir/m1/bin/busybox"; } 2>/dev/null || rm -f "$dir/m1/bin/busybox" 2>/dev/null ||
	mount -o remount,rw "$dir/m1" 2>/dev/null; then
	fail "an image can be written to"
else
	pass "nothing can be written to it"
fi
umount "$dir/m1" "$dir/m2"
same "mounts change nothing" "$before" "$(sum folder)"
i=0
while losetup -a | grep -q "$store" && [ $i -lt 20 ]; do
	sleep 0.1
	i=$((i + 1))
done
same "no loop device is left" 0 "$(losetup -a | grep -c "$store")"
image mount tar "$dir/m1" 2>"$dir/err"
same "the image of a tar file has what the folder has" "$wanted" "$(describe "$dir/m1")"

# What is mounted stays what it was.
mkdir "$dir/other"
echo other >"$dir/other/file"
refused "a name that is taken" "there is an image tar already; .*--force" import tar "$dir/other"
check "--force replaces it" image import --force tar "$dir/other"
same "a mount keeps the image that was replaced" "$wanted" "$(describe "$dir/m1")"
image mount tar "$dir/m2" 2>"$dir/err"
same "the next mount has the new one" other "$(cat "$dir/m2/file")"
check "rm while it is mounted" image rm tar
same "the mount keeps it" other "$(cat "$dir/m2/file")"
umount "$dir/m1" "$dir/m2"

# Many at once
cat >"$dir/many" <<'EOF'
mkdir "$1/many$2" || exit
for i in 1 2 3 4 5 6 7 8 9 10; do
	"$3" image mount --store "$4" folder "$1/many$2" || exit
	cmp "$1/many$2/bin/busybox" "$1/root/bin/busybox" || exit
	[ "$(losetup -a | grep -c "$4/images/folder/")" -le 1 ] || exit
	umount "$1/many$2" || exit
done
: >"$1/many$2.done"
EOF
pids=
for i in 1 2 3 4 5 6; do
	sh "$dir/many" "$dir" $i "$lodge" "$store" >>"$dir/err" 2>&1 &
	pids="$pids $!"
done
# shellcheck disable=SC2086 # several
wait $pids
same "6 mount and unmount one image, each 10 times" 6 "$(find "$dir" -name 'many*.done' | wc -l)"

# ls, inspect, rm
same "ls -q" "folder folder2 tbz tgz" "$(image ls -q | xargs)"
same "ls" "NAME folder folder2 tbz tgz" "$(image ls | awk '{ print $1 }' | xargs)"
same "ls --json" 4 "$(image ls --json | grep -c '"size": [0-9]')"
check "rm" image rm folder2 tbz
same "they are gone" "folder tgz " "$(what_is_left)"
refused "rm of what is not there" "there is no image folder2 " rm folder2
refused "inspect of what is not there" "there is no image nobody " inspect nobody
refused "mount of what is not there" "there is no image nobody " mount nobody "$dir/m1"
refused "mount on what is not there" "cannot mount on .*No such file" mount folder "$dir/none"
for name in ../x .x /etc "a b" ""; do
	refused "the name '$name'" "cannot be an image's name; take" import "$name" "$dir/other"
	refused "inspect '$name'" "cannot be an image's name; take" inspect "$name"
done
refused "no such source" "cannot open .*No such file" import x "$dir/none"
refused "no tar file" "no tar file: " import x "$0"
refused "no verb" "no verb 'image frob'; " frob
same "an empty store" "[]" "$("$lodge" image ls --json --store "$dir/nothing")"

# What is to run
check "--change" image import --change 'CMD ["sh", "-c", "echo \"\u00e4\""]' -c 'ENTRYPOINT exec x' \
	-c 'ENV A=b' -c 'ENV PATH=/bin' -c 'ENV A=c' -c 'WORKDIR /tmp' -c 'USER me:1' cfg "$dir/other"
image inspect cfg >"$dir/out"
for line in '"cmd": ["sh", "-c", "echo \"ä\""]' '"entrypoint": ["/bin/sh", "-c", "exec x"]' \
	'"env": ["PATH=/bin", "A=c"]' '"workdir": "/tmp"' '"user": "me:1"'; do
	check "inspect: $line" grep -qF "$line" "$dir/out"
done
refused "a change without a value" "is no change of an image; " import -c CMD x "$dir/other"
refused "an unknown change" "is no change of an image; " import -c 'RUN x' x "$dir/other"
refused "a relative folder" "WorkingDir cannot be " import -c 'WORKDIR tmp' x "$dir/other"
refused "a variable without a value" "Env cannot be " import -c 'ENV A' x "$dir/other"

# Hostile tar files
hostile() {
	rm -f "$dir/h.tar"
}
outside=$dir/outside
mkdir "$outside"
echo host >"$outside/file"
hostile; tar_entry "$dir/h.tar" 0 ../../escaped '' data
refused "..: a file" "'../../escaped' leads outside" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 0 "a/../../escaped" '' data
refused "..: in the middle" "leads outside" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 0 "/../../escaped" '' data
refused "..: absolute" "leads outside" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 2 link "$outside"; tar_entry "$dir/h.tar" 0 link/file '' data
refused "through a symbolic link: a file" "leads through a symbolic link" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 2 link "$outside"; tar_entry "$dir/h.tar" 5 link/new/er
refused "through a symbolic link: a folder" "leads through a symbolic link" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 2 link .; tar_entry "$dir/h.tar" 0 link/file '' data
refused "through a symbolic link that stays inside" "leads through a symbolic link" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 1 file ../../../outside/file
refused "a hard link with .." "leads outside" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 1 file "$outside/file"
refused "a hard link to an absolute path" "hard link to .*No such file" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 2 link "$outside"; tar_entry "$dir/h.tar" 1 file link/file
refused "a hard link through a symbolic link" "leads through a symbolic link" import x "$dir/h.tar"
hostile; tar_entry "$dir/h.tar" 2 link "$outside/file"; tar_entry "$dir/h.tar" 1 file link
tar_entry "$dir/h.tar" 0 file '' data
refused "a hard link to a symbolic link" "which is no regular file" import x "$dir/h.tar"
for type in 3 4; do
	hostile; tar_entry "$dir/h.tar" $type dev/node
	refused "a device node of type $type" "'dev/node' is a device node.*; leave it out" import x "$dir/h.tar"
done
hostile; tar_entry "$dir/h.tar" 2 . "$outside"
refused "a root that is a symbolic link" "the root is no folder" import x "$dir/h.tar"
hostile
deep=$(printf 'd/%.0s' $(seq 40))
tar_entry "$dir/h.tar" 5 "$deep"
check "a deep folder" image import deep "$dir/h.tar"
# A symbolic link is replaced, not written through.
hostile; tar_entry "$dir/h.tar" 2 file "$outside/file"; tar_entry "$dir/h.tar" 0 file '' data
check "a file in place of a symbolic link" image import -f deep "$dir/h.tar"
image mount deep "$dir/m1"
same "is in the image" data "$(cat "$dir/m1/file")"
umount "$dir/m1"
hostile; tar_entry "$dir/h.tar" 0 "$outside/new" '' data
check "an absolute path is one in the image" image import -f deep "$dir/h.tar"
same "nothing outside has changed" "file host" "$(ls -A "$outside") $(cat "$outside/file")"
same "and nothing is anywhere else" "" "$(find "$dir" "$PWD" -name escaped | head -n 1)"
dd if="$dir/root.tar" of="$dir/short.tar" bs=1000 count=700 2>/dev/null
refused "a tar file cut short" "cannot read the data\|damaged" import x "$dir/short.tar"
dd if="$dir/root.tar.gz" of="$dir/short.tgz" bs=1000 count=300 2>/dev/null
refused "a packed one cut short" "cannot read the data\|damaged" import x "$dir/short.tgz"
mknod "$dir/other/null" c 1 3
refused "a device node in a folder" "'null' is a device node.*; leave it out" import x "$dir/other"
rm "$dir/other/null"
mkdir "$dir/around"
"$lodge" image import --store "$dir/around/store" self "$dir/around" 2>"$dir/err"
check "a folder that has the store in it" "$lodge" image inspect --store "$dir/around/store" self

# OCI layouts
oci=$dir/oci

# blob FILE: becomes a blob; $descriptor names it
blob() {
	hex=$(sha256sum "$1" | cut -d ' ' -f 1)
	cp "$1" "$oci/blobs/sha256/$hex"
	descriptor="\"digest\": \"sha256:$hex\", \"size\": $(wc -c <"$1")"
}

# layer DIR PACKER: $layers has one more
layer() {
	(cd "$1" && tar c .) | $2 >"$dir/layer"
	blob "$dir/layer"
	layers="$layers${layers:+, }{ $descriptor }"
}

# manifest ARCHITECTURE: of $layers; $descriptor names it
manifest() {
	cat >"$dir/config" <<EOF
{ "os": "linux", "architecture": "$1", "config": { "Cmd": ["sh"], "Entrypoint": null,
  "Env": ["PATH=/bin", "A=b"], "WorkingDir": "/home", "User": "1000:100" } }
EOF
	blob "$dir/config"
	echo "{ \"config\": { $descriptor }, \"layers\": [ $layers ] }" >"$dir/manifest"
	blob "$dir/manifest"
}

mkdir -p "$oci/blobs/sha256" "$dir/l1/dir" "$dir/l1/gone" "$dir/l1/opaque" "$dir/l2/dir" "$dir/l2/opaque"
echo '{ "imageLayoutVersion": "1.0.0" }' >"$oci/oci-layout"
for file in dir/one dir/two gone/file opaque/old kept; do
	echo 1 >"$dir/l1/$file"
done
: >"$dir/l2/dir/.wh.one"
: >"$dir/l2/dir/.wh.never"
: >"$dir/l2/.wh.gone"
: >"$dir/l2/opaque/.wh..wh..opq"
echo 2 >"$dir/l2/opaque/A"
echo 2 >"$dir/l2/opaque/new"
echo 2 >"$dir/l2/dir/three"
layers=
layer "$dir/l1" cat
layer "$dir/l2" gzip
manifest amd64
good=$descriptor
echo "{ \"manifests\": [ { $good } ] }" >"$oci/index.json"
check "an OCI layout" image import oci "$oci"
image mount oci "$dir/m1" 2>"$dir/err"
same "layers and whiteouts" "dir/three dir/two kept opaque/A opaque/new" \
	"$(cd "$dir/m1" && find . -type f | sed 's,^./,,' | sort | xargs)"
umount "$dir/m1"
image inspect oci >"$dir/out"
for line in '"cmd": ["sh"]' '"entrypoint": []' '"env": ["PATH=/bin", "A=b"]' \
	'"workdir": "/home"' '"user": "1000:100"'; do
	check "inspect: $line" grep -qF "$line" "$dir/out"
done
check "an OCI layout with changes" image import -f -c 'ENV A=c' -c 'USER root' oci "$oci"
same "are added to it" '"env": ["PATH=/bin", "A=c"],"user": "root" }' \
	"$(image inspect oci | sed -n 's/^ *\("env".*\|"user".*\)/\1/p' | tr -d '\n')"
manifest arm64
other=$descriptor
echo "{ \"manifests\": [ { $other, \"platform\": { \"os\": \"linux\", \"architecture\": \"arm64\" } },
	{ $good, \"platform\": { \"os\": \"linux\", \"architecture\": \"amd64\" } } ] }" >"$dir/index"
cp "$dir/index" "$oci/index.json"
check "one of several platforms" image import -f oci "$oci"
blob "$dir/index"
echo "{ \"manifests\": [ { $descriptor } ] }" >"$oci/index.json"
check "an index in an index" image import -f oci "$oci"
echo "{ \"manifests\": [ { $other } ] }" >"$oci/index.json"
refused "another architecture" "for linux/arm64, not for linux/amd64" import x "$oci"
named='"annotations": { "org.opencontainers.image.ref.name": '
echo "{ \"manifests\": [ { $good, $named\"a\" } }, { $other, $named\"b\" } } ] }" >"$oci/index.json"
refused "two that could be meant" "2 images that could be meant; .*--ref" import x "$oci"
check "--ref" image import --ref a -f oci "$oci"
refused "--ref of none" "no image c for linux/amd64" import --ref c x "$oci"
echo "{ \"manifests\": [ { \"digest\": \"sha256:../../../etc/passwd\", \"size\": 1 } ] }" >"$oci/index.json"
refused "a digest that is a path" "is no SHA-256 digest" import x "$oci"
echo "[" >"$oci/index.json"
refused "an index that is no JSON" "index.json is no JSON object" import x "$oci"
echo "{ \"manifests\": [ { $good } ] }" >"$oci/index.json"
hex=$(sha256sum "$dir/layer" | cut -d ' ' -f 1)
put "$oci/blobs/sha256/$hex" 100 X
refused "a damaged blob" "is damaged: .*; fetch" import x "$oci"
echo >>"$oci/blobs/sha256/$hex"
refused "a blob of another size" "is not of the size.*; fetch" import x "$oci"
rm "$oci/blobs/sha256/$hex"
refused "a missing blob" "the blob .*No such file" import x "$oci"
rm -f "$dir/h.tar"
tar_entry "$dir/h.tar" 2 link "$outside"
tar_entry "$dir/h.tar" 0 link/.wh.file
layers=
blob "$dir/h.tar"
layers="{ $descriptor }, { $descriptor }"
manifest amd64
echo "{ \"manifests\": [ { $descriptor } ] }" >"$oci/index.json"
refused "a whiteout through a symbolic link" "leads through a symbolic link" import x "$oci"
same "nothing outside has changed" "file host" "$(ls -A "$outside") $(cat "$outside/file")"

# Imports that do not come to their end
left=$(what_is_left)
mkfifo "$dir/pipe"
for signal in KILL TERM; do
	"$lodge" image import --store "$store" half - <"$dir/pipe" 2>"$dir/err" &
	pid=$!
	exec 7>"$dir/pipe"
	dd if="$dir/root.tar" bs=1000 count=700 2>/dev/null >&7
	i=0
	while ! ls "$store"/images/.staging-*/tree/*/* >/dev/null 2>&1 && [ $i -lt 50 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	image ls >/dev/null
	if ls "$store"/images/.staging-*/tree/*/* >/dev/null 2>&1; then
		pass "SIG$signal: the import is under way, and ls leaves it alone"
	else
		fail "SIG$signal: no import is under way"
	fi
	kill -$signal $pid
	wait $pid 2>/dev/null
	exec 7>&-
	if [ $signal = KILL ]; then
		image ls >/dev/null
	fi
	same "SIG$signal leaves nothing" "$left" "$(what_is_left)"
done
mkdir "$dir/small"
store=$dir/small
for size in 1 3; do
	mount -t tmpfs -o size=${size}m tmpfs "$dir/small"
	image import seed "$dir/outside" 2>/dev/null
	refused "a disk of $size MiB" "No space left" import x "$root"
	same "nothing half made" "seed " "$(what_is_left)"
	umount "$dir/small"
done
store=$dir/store
if unshare -m true 2>/dev/null; then
	export lodge dir store
	# shellcheck disable=SC2016 # expanded there
	unshare -m sh -c 'mount --make-rprivate /
		mount --bind /dev/null "$(command -v mkfs.erofs)" &&
		"$lodge" image import --store "$store" x "$dir/outside"' >"$dir/out" 2>&1
	check "no mkfs.erofs" grep -q "cannot call mkfs.erofs: .*; install erofs-utils" "$dir/out"
else
	skip "no mkfs.erofs: no unshare"
fi

# Broken images
damage() {
	rm -rf "$store/images/broken"
	cp -r "$store/images/folder" "$store/images/broken"
}
file=$store/images/broken/root.erofs
damage; dd if="$store/images/folder/root.erofs" of="$file" bs=4096 count=20 2>/dev/null
refused "an image cut short" "broken is broken: .* cut short; remove it" mount broken "$dir/m1"
damage; : >"$file"
refused "an empty image" "broken is broken: .* no EROFS.*; remove it" mount broken "$dir/m1"
damage; put "$file" 1028 XX
refused "a damaged super block" "cannot mount the image broken: .*; if it is broken" mount broken "$dir/m1"
damage; rm "$file"
refused "no root.erofs" "broken is broken: it has no root.erofs; remove" mount broken "$dir/m1"
damage; echo '{ "config": { "Cmd": 3 } }' >"$store/images/broken/config.json"
refused "a configuration that cannot be" "broken is broken: .*Cmd cannot be 3; remove" inspect broken
damage; echo x >"$store/images/broken/config.json"
refused "a configuration that is no JSON" "broken is broken: .*no JSON.*; remove" inspect broken
damage; rm "$store/images/broken/config.json"
refused "ls with a broken image" "broken is broken: it has no config.json; remove" ls
same "shows the others" 1 "$(image ls 2>/dev/null | grep -c '^folder ')"
check "a broken one can be removed" image rm broken

# A kernel that lacks something
if [ -d /sys/module/erofs ] && modprobe -r erofs 2>/dev/null; then
	modprobe=$(cat /proc/sys/kernel/modprobe)
	echo /bin/false >/proc/sys/kernel/modprobe
	refused "no EROFS" "this kernel has no EROFS: " mount folder "$dir/m1"
	if modprobe -r loop 2>/dev/null; then
		refused "no loop devices" "this kernel has no loop devices: " mount folder "$dir/m1"
	else
		skip "no loop devices: loop cannot be unloaded"
	fi
	echo "$modprobe" >/proc/sys/kernel/modprobe
else
	skip "no EROFS: it is no module"
	skip "no loop devices: not tried"
fi

echo "1..$n"
exit $((failed > 0))
