# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What all of Lodge's scripts share: places, messages, the kernels in the cache.
# shellcheck disable=SC2034 # used by those that read this file

# busybox, depmod and their like are not in every user's PATH.
PATH=$PATH:/usr/sbin:/sbin

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${LODGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lodge}
build=$top/build
ksft_dir=$cache/kselftest/tools/testing/selftests

# The kernels kept in the cache, and the first one is the default.
series="6.1 6.12"

me=${0##*/}

die() {
	printf '%s: %s\n' "$me" "$*" >&2
	exit "${die_status:-1}"
}

# The comment at the top of a script is its --help.
usage() {
	awk 'NR > 2 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

note() {
	printf '%s: %s\n' "$me" "$*" >&2
}

# A kernel is a folder with kdir (what modules are built against), vmlinuz and
# modules (as /lib/modules/VERSION); kernel_find sets what names these.
# "host" is the kernel that runs here; "debug" and "newest" those of
# scripts/build-kernel, and "newest-gcov" the latter for a lodge.ko that counts its
# lines; a PATH is such a folder, a kernel source tree that has been built, or a headers folder.
# Sets k_name (also its folder in build/), k_kdir, k_image, k_modules, k_guest
# (the image of a guest in it) and k_guest_modules (that image's modules), where
# those that do not exist are empty, and
# k_append (what its command line must have).
kernel_find() {
	local want=$1 dir version

	k_name=$want k_kdir='' k_image='' k_modules='' k_guest='' k_guest_modules='' k_append=''
	case $want in
	host)
		version=$(uname -r)
		if [ -e "/lib/modules/$version/build" ]; then
			k_kdir=/lib/modules/$version/build
		fi
		if [ -r "/boot/vmlinuz-$version" ]; then
			k_image=/boot/vmlinuz-$version
		fi
		k_modules=/lib/modules/$version
		return
		;;
	*/*)
		[ -d "$want" ] || die "no folder $want: give 6.1, 6.12, debug, newest, host or the folder of a kernel"
		dir=$(cd "$want" && pwd -P)
		k_name=$(basename "$dir")-$(printf '%s' "$dir" | cksum | cut -d' ' -f1)
		;;
	newest | newest-gcov)
		dir=$cache/kernels/newest
		[ -d "$dir" ] || die "there is no newest kernel in $cache: run scripts/build-kernel newest"
		k_append="no_timer_check tsc=reliable"
		;;
	debug)
		dir=$cache/kernels/debug
		[ -d "$dir" ] || die "there is no debug kernel in $cache: run scripts/build-kernel"
		# An interrupt while the boot CPU is identified finds 5-level
		# paging unset, and KASAN then takes any address for a wild one.
		# A late timer tick at boot is no broken timer, and a late watchdog
		# no bad time stamp counter. Objects that the allocator has in its
		# sheaves leave pointers there once they are allocated, and kmemleak
		# takes those for references: slab_debug does without sheaves.
		k_append="no5lvl no_timer_check tsc=reliable slab_debug=U,kmalloc-*"
		;;
	*)
		dir=$cache/kernels/$want
		[ -d "$dir" ] || die "kernel $want is not in $cache: run scripts/setup (it has: $series)"
		;;
	esac
	if [ -e "$dir/kdir" ]; then
		k_kdir=$(readlink -f "$dir/kdir")
	elif [ -e "$dir/Makefile" ]; then
		k_kdir=$dir
	fi
	if [ -r "$dir/vmlinuz" ]; then
		k_image=$(readlink -f "$dir/vmlinuz")
	elif [ -r "$dir/arch/x86/boot/bzImage" ]; then
		k_image=$dir/arch/x86/boot/bzImage
	fi
	if [ -d "$dir/modules" ]; then
		k_modules=$(readlink -f "$dir/modules")
	fi
	if [ -z "$k_kdir$k_image" ]; then
		die "$want holds no kernel: neither kdir or Makefile, nor vmlinuz or arch/x86/boot/bzImage"
	fi
	# A guest that debugs itself shows nothing more, and takes minutes; nor has
	# what is built here what a guest's devices need.
	k_guest=$k_image
	k_guest_modules=$k_modules
	case $want in
	debug | newest*)
		if [ -r "$cache/kernels/${series%% *}/vmlinuz" ]; then
			k_guest=$(readlink -f "$cache/kernels/${series%% *}/vmlinuz")
			k_guest_modules=$(readlink -f "$cache/kernels/${series%% *}/modules")
		fi
		;;
	esac
}

# slowness CPU KERNEL: how many times slower than QEMU with a usual kernel a
# test machine is (LODGE_TEST_SLOW in the machine).
slowness() {
	local factor=1

	case $1 in
	vmx) factor=$((factor * 4)) ;;
	esac
	case $2 in
	debug) factor=$((factor * 4)) ;;
	esac
	echo "$factor"
}

# patience CPU KERNEL: what time limits are multiplied by (LODGE_TEST_PATIENCE in
# the machine). Machines that run side by side wait for each other.
patience() {
	echo $(($(slowness "$1" "$2") * ${LODGE_TEST_SHARED:-1}))
}

# conf_of TEST CPU KERNEL: the options that its test machine needs, as
# selftests/testvm.conf has them.
conf_of() {
	local key conf=$top/selftests/testvm.conf

	for key in "$1@$2" "$1@$3" "$1"; do
		if grep -q "^${key//./\\.}:" "$conf"; then
			sed -n "s/^${key//./\\.}:[[:space:]]*//p" "$conf" | tail -n 1
			return
		fi
	done
}

# test_groups CPU KERNEL TEST...: tests that need the same machine share one. Lines
# with its options behind a space, a tab and the tests; and "skip REASON" for a
# single one.
test_groups() {
	local cpu=$1 kernel=$2 test options
	local -A group=()
	local -a order=()

	shift 2
	for test; do
		options=$(conf_of "$test" "$cpu" "$kernel")
		case $options in
		none) continue ;;
		skip\ *)
			printf '%s\t%s\n' "$options" "$test"
			continue
			;;
		esac
		[ -n "${group[":$options"]-}" ] || order+=("$options")
		group[":$options"]+=" $test"
	done
	for options in ${order[@]+"${order[@]}"}; do
		printf ' %s\t%s\n' "$options" "${group[":$options"]# }"
	done
}
