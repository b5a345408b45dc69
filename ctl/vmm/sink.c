// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports that nobody listens to, and that kernels write to a great deal.
 *
 * There is no PCI, but Linux looks for an AGP bridge on 256 buses before it
 * knows (on what it takes for an old AMD processor): 16,000 writes of the
 * configuration address.  Others write to port 0x80 to pass the time.  With an
 * ioeventfd that nobody reads, such a write never leaves the module.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/vm.h"

#define PCI_CONFIG_ADDRESS	0xcf8
#define DELAY_PORT		0x80

static int sink_create(struct vm *vm, void **state, struct error *error)
{
	static const struct {
		uint16_t port;
		uint8_t width;
	} ports[] = {
		{ PCI_CONFIG_ADDRESS, 4 },
		{ DELAY_PORT, 1 },
	};
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	size_t i;

	if (fd < 0)
		return error_set(error, errno, "cannot make an eventfd");
	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		struct lodge_ioeventfd args = {
			.size = sizeof(args),
			.flags = LODGE_IOEVENTFD_PIO,
			.addr = ports[i].port,
			.len = ports[i].width,
			.fd = fd,
		};

		/* It only saves time: without it, the bus ignores the write. */
		if (ioctl(vm->fd, LODGE_IOEVENTFD, &args))
			break;
	}
	/* The module keeps what it uses. */
	close(fd);
	*state = NULL;
	return 0;
}

static const struct device sink = {
	.name = "unused ports",
	.create = sink_create,
};

DEVICE(sink);
