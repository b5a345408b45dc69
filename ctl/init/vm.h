/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tool packs into an initramfs, and lodge-init finds there. */
#ifndef INIT_VM_H
#define INIT_VM_H

/* The port to the keeper: the console device's, by its name */
#define INIT_PORT		"lodge.init"

/* The folder of modules, and the file with their paths in order, a line each */
#define INIT_MODULES		"modules"
#define INIT_MODULE_LIST	"modules/list"

/* The disk with the image's file system */
#define INIT_ROOT_DISK		"/dev/vda"
#define INIT_ROOT_TYPE		"erofs"

/* What every /etc/hosts begins with */
#define INIT_HOSTS \
	"127.0.0.1\tlocalhost\n" \
	"::1\tlocalhost ip6-localhost ip6-loopback\n"

#endif /* INIT_VM_H */
