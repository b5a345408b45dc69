# SPDX-License-Identifier: GPL-2.0-only
# Lodge: `make help` lists what can be made. The scripts do the work; this
# names it.

KERNEL	?= 6.1
KERNELS	?=
CPU	?= svm
CPUS	?=
TESTS	?=
JOBS	?=
PREFIX	?= /usr/local
BUILD	:= $(CURDIR)/build
CACHE	:= $(or $(LODGE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lodge)
KSFT	:= $(CACHE)/kselftest/tools/testing/selftests

export LODGE_CACHE XDG_CACHE_HOME

all: modules tool

help:
	@sed -n 's/^#@ \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

#@ Lodge runs virtual machines and containers from one small kernel module.
#@
#@ See it work (nothing else is needed on Debian 12; setup is done first)
#@   make demo [CPU=svm|vmx] [KERNEL=6.1]
#@                                      a Debian kernel boots as Lodge's guest, and a container runs beside it, in a test machine
#@   make check [KERNELS="6.1 6.12"] [CPUS="svm vmx"] [TESTS="NAME..."] [JOBS=N]
#@                                      all selftests, in test machines with SVM (both kernels) and VMX (6.1)
#@   make check-debug [CPUS=svm] [TESTS="NAME..."]
#@                                      the same in a kernel that looks for mistakes (built first: 15 minutes)
#@   make coverage [CPUS=svm] [TESTS="NAME..."]
#@                                      which lines of kmod/ the selftests reach, in that kernel
#@   make check-host                    the same selftests on this machine's hardware (as root)
#@   make bench                         what an exit (beside KVM) and a hook cost, in instructions; how
#@                                      long a container's start takes, beside crun
#@   make tour                          the guided tour through the module's code
#@
setup:
	@scripts/setup

demo: setup
	@scripts/demo --cpu '$(CPU)' --kernel '$(KERNEL)'

check: setup
	@scripts/check $(if $(JOBS),--jobs '$(JOBS)') $(if $(KERNELS),--kernels '$(KERNELS)') \
		$(if $(CPUS),--cpus '$(CPUS)') $(TESTS)

check-debug: setup
	@scripts/check $(if $(JOBS),--jobs '$(JOBS)') --kernels debug --cpus '$(or $(CPUS),svm)' $(TESTS)

coverage: setup
	@scripts/coverage --cpus '$(or $(CPUS),svm)' $(TESTS)

check-host:
	@scripts/check-host $(TESTS)

bench: setup
	@scripts/bench '$(KERNEL)'

tour:
	@scripts/tour

#@ Build
#@   make [all]                         module and tool
#@   make modules [KERNEL=6.1|6.12|debug|host|PATH]
#@                                      build/KERNEL/lodge.ko; host: the running kernel; PATH: a built kernel tree
#@   make tool                          build/ctl/lodge
#@   make tests                         build/selftests/
#@   make install [PREFIX=/usr/local]   module for the running kernel, and the tool (as root)
#@   make setup                         gets packages and test kernels (the targets above do it by themselves)
#@   make debug-kernel                  the kernel of check-debug: Debian's 7.2 with the options of selftests/config
#@
modules:
	@scripts/build-module '$(KERNEL)'

# Two makes at the same time (two test machines, say) wait for each other.
tool: | $(BUILD)
	@flock $(BUILD)/tool.lock $(MAKE) --no-print-directory -C ctl O=$(BUILD)/ctl

# What is a test but not built is copied, so that one folder holds all.
tests: | $(BUILD)
	@mkdir -p $(BUILD)/selftests
	@flock $(BUILD)/selftests.lock $(MAKE) --no-print-directory -C selftests \
		OUTPUT=$(BUILD)/selftests KSFT_DIR=$(KSFT)
	@for f in $$(sed 's/^[^:]*://' $(BUILD)/selftests/kselftest-list.txt) settings tap.sh vms_many_test.sh; do \
		if [ -e "selftests/$$f" ]; then \
			cp -pu "selftests/$$f" $(BUILD)/selftests/ || exit 1; \
		fi; \
	done

$(BUILD):
	@mkdir -p $@

debug-kernel: setup
	@scripts/build-kernel

install:
	@scripts/build-module host
	$(MAKE) -C /lib/modules/$$(uname -r)/build M=$(BUILD)/host/kmod modules_install
	$(MAKE) --no-print-directory -C ctl O=$(BUILD)/ctl PREFIX=$(PREFIX) install

#@ Look for mistakes (`make check` does, too)
#@   make lint [KERNELS=...]            all linters; one of them: make sparse, coccinelle, checkpatch,
#@                                      kernel-doc, analyzer, clang-tidy, shellcheck, netlink, warnings
#@                                      (scripts/lint --help says what each looks at)
#@
lint: setup
	@scripts/lint $(if $(KERNELS),--kernels '$(KERNELS)')

LINTERS	:= sparse coccinelle checkpatch kernel-doc analyzer clang-tidy \
	   shellcheck netlink warnings

$(LINTERS):
	@scripts/lint $(if $(KERNELS),--kernels '$(KERNELS)') $@

#@ Other
#@   make clean                         removes build/ (not what setup fetched into LODGE_CACHE)
#@   scripts/testvm --help              the test machine, for any command of your own
clean:
	rm -rf $(BUILD)

.PHONY: all help setup demo check check-debug coverage check-host bench tour \
	modules tool tests install debug-kernel lint $(LINTERS) clean
