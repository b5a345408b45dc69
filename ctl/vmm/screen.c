// SPDX-License-Identifier: GPL-2.0-only
/*
 * VGA's text memory, which is plain memory, and of its CRT controller what says where
 * screen and cursor are.  Nobody is asked when the guest writes: the memory is a
 * file, which 'lodge attach --screen' maps as well.
 */
#include "vmm/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/vm.h"

#define TEXT_ADDRESS	0xb8000ULL
#define TEXT_SIZE	(SCREEN_CELLS * sizeof(uint16_t))
#define CRTC_PORT	0x3d4		/* index; behind it, data */

/**
 * struct vga - the device
 * @lock: protects @index
 * @index: the register that the data port is
 * @fd: the file, which stays open to be found
 * @screen: all of it
 */
struct vga {
	pthread_mutex_t lock;
	uint8_t index;
	int fd;
	struct screen *screen;
};

static void crtc_access(void *state, uint64_t offset, unsigned int width, bool write,
			uint64_t *value)
{
	struct vga *vga = state;
	uint8_t *byte;

	(void)width;
	pthread_mutex_lock(&vga->lock);
	byte = offset ? &vga->screen->crtc[vga->index % CRTC_REGISTERS] : &vga->index;
	if (write)
		*byte = (uint8_t)*value;
	else
		*value = *byte;
	pthread_mutex_unlock(&vga->lock);
}

static int make_file(struct vga *vga, struct error *error)
{
	void *screen;

	vga->fd = memfd_create(SCREEN_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Whoever looks relies on its size. */
	if (vga->fd < 0 || ftruncate(vga->fd, sizeof(struct screen)) ||
	    fcntl(vga->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return error_set(error, errno, "cannot make the file of the screen");
	screen = mmap(NULL, sizeof(struct screen), PROT_READ | PROT_WRITE, MAP_SHARED,
		      vga->fd, 0);
	if (screen == MAP_FAILED)
		return error_set(error, errno, "cannot map the screen");
	vga->screen = screen;
	return 0;
}

/* The guest's memory is one piece: there, it becomes the file. */
static int put_in_memory(struct vga *vga, struct vm *vm, struct error *error)
{
	void *text = vm_memory(vm, TEXT_ADDRESS, TEXT_SIZE);

	if (text && mmap(text, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 vga->fd, 0) == MAP_FAILED)
		return error_set(error, errno, "cannot map the screen into the guest's memory");
	return 0;
}

static void vga_destroy(void *state)
{
	struct vga *vga = state;

	if (vga->screen)
		munmap(vga->screen, sizeof(*vga->screen));
	if (vga->fd >= 0)
		close(vga->fd);
	pthread_mutex_destroy(&vga->lock);
	free(vga);
}

static int vga_create(struct vm *vm, void **state, struct error *error)
{
	struct vga *vga = calloc(1, sizeof(*vga));
	struct bus_region region = {
		.base = CRTC_PORT,
		.length = 2,
		.max_width = 1,
		.access = crtc_access,
		.state = vga,
	};

	if (!vga)
		return error_set(error, errno, "cannot make the screen");
	vga->fd = -1;
	pthread_mutex_init(&vga->lock, NULL);
	if (make_file(vga, error) || put_in_memory(vga, vm, error) ||
	    bus_claim_ports(&vm->bus, &region, error)) {
		vga_destroy(vga);
		return -1;
	}
	*state = vga;
	return 0;
}

static const struct device vga = {
	.name = "text screen",
	.create = vga_create,
	.destroy = vga_destroy,
};

DEVICE(vga);
