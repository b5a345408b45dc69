#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# kexec while VMs are made and freed.
exec ./kexec_test make
