// SPDX-License-Identifier: GPL-2.0-only
/* A VM's interface on the host: a tap, which ends with its descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "private.h"

#define TUN_DEVICE	"/dev/net/tun"

static int open_device(struct error *error)
{
	int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	error_set(error, errno, "cannot open " TUN_DEVICE);
	if (errno == ENOENT || errno == ENODEV)
		return error_advise(error, "run 'modprobe tun', or use --net none");
	return error_advise(error, "run lodge as root");
}

int tap_open(const char *name, struct error *error)
{
	/* The header of virtio 1: its number of buffers is always there. */
	int header = sizeof(struct virtio_net_hdr_v1);
	struct ifreq request = {
		.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
	};
	int fd = open_device(error);

	if (fd < 0)
		return -1;
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (!ioctl(fd, TUNSETIFF, &request) && !ioctl(fd, TUNSETVNETHDRSZ, &header))
		return fd;
	error_set(error, errno, "cannot make the guest's interface %s", name);
	close(fd);
	return -1;
}
