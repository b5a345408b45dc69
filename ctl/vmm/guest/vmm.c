// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that runs the VM of an image, behind a wall: a child of its keeper, which
 * has all of the host's side.  Between them are pipes: the guest's console, errors, and the port
 * to lodge-init, whose frames this process does not look at.
 */
#include "vmm/guest/vmm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "container/streams.h"
#include "signals.h"
#include "vmm/boot.h"
#include "vmm/guest/port.h"
#include "vmm/keeper.h"
#include "vmm/terminal.h"
#include "vmm/virtio/balloon.h"

enum {
	FROM_KEEPER_FD = STDERR_FILENO + 1,
	TO_KEEPER_FD,
	INITRAMFS_FD,
	IMAGE_FD,
	WALL_FD,
	TAP_FD,
	CGROUP_FD,
	FROM_GDB_FD,
	TO_GDB_FD,
	NR_ARRANGED,
};

enum { SIGNALS, WAKE, TIMER, PORT, NR_FDS = PORT + PORT_POLL_MAX };

/* Return: a signalfd for the keeper's word that it is enough, or -1 */
static int open_signals(struct error *error)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigfillset(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signals_open(&set, error);
}

/* The keeper has said what is to be given, by SIGUSR2: the other one is for vCPUs. */
static void follow_target(struct vm *vm, const struct vmm_page *page)
{
	balloon_set_target(vm->config->balloon, atomic_load(&page->balloon_target));
}

/* Return: the status that it is to end with, or -1: the VM has ended */
static int serve(struct vm *vm, struct port *port, const struct vmm_page *page, int signals)
{
	struct signalfd_siginfo info;
	struct pollfd fds[NR_FDS];
	uint64_t count;

	follow_target(vm, page);
	do {
		fds[SIGNALS] = (struct pollfd){ signals, POLLIN, 0 };
		fds[WAKE] = (struct pollfd){ vm->wake_fd, POLLIN, 0 };
		fds[TIMER] = (struct pollfd){ terminal_timer_fd(), POLLIN, 0 };
		port_prepare(port, fds + PORT);
		if (poll(fds, NR_FDS, -1) < 0)
			continue;
		if (fds[SIGNALS].revents &&
		    read(signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo != SIGUSR2)
				return info.ssi_int & 0xff;
			follow_target(vm, page);
		}
		if (fds[WAKE].revents && read(vm->wake_fd, &count, sizeof(count)) < 0)
			continue;
		if (fds[TIMER].revents)
			terminal_timer();
		port_serve(port, fds + PORT);
	} while (atomic_load(&vm->outcome) == VM_RUNS);
	return -1;
}

static int status_of(const struct vm *vm)
{
	switch (atomic_load(&vm->outcome)) {
	case VM_POWERED_OFF:
		return VMM_POWERED_OFF;
	case VM_RESET:
		return VMM_RESET;
	case VM_FAILED:
		return STATUS_GUEST_FAILED;
	default:
		return STATUS_LODGE;
	}
}

/*
 * Not before the devices are there: the kernel's worker of vhost is in the cgroup of who
 * has made it, and a cgroup with a kernel thread in it never says that it is frozen.
 */
static int enter_cgroup(struct error *error)
{
	if (write(CGROUP_FD, "0", 1) != 1)
		return error_set(error, errno, "cannot enter the VM's cgroup");
	close(CGROUP_FD);
	return 0;
}

static int run_vm(struct vmm *vmm, struct boot_image *image, struct port *port,
		  int signals, struct error *error)
{
	struct keeper keeper = { .socket = WALL_FD };
	struct vm *vm = vm_create(&vmm->config, error);
	int status = STATUS_LODGE, result;

	if (!vm)
		return status;
	port->vm = vm;
	result = enter_cgroup(error) || boot_load(image, vm, error);
	/* What is not open any more needs no gate in the wall. */
	boot_close(image);
	close(INITRAMFS_FD);
	close(IMAGE_FD);
	if (!result && !keeper_wall(&keeper, vm->fd, error) && !vm_start(vm, error)) {
		status = serve(vm, port, vmm->page, signals);
		terminal_set_stopping(true);
		if (status < 0) {
			status = status_of(vm);
			vm_stop(vm);
			*error = vm->error;
		}
	}
	vm_destroy(vm);
	return status;
}

/* The image is the first disk, whatever else there is. */
static void add_image(struct vm_config *config, const char *path)
{
	memmove(&config->disks[1], &config->disks[0],
		config->nr_disks * sizeof(config->disks[0]));
	config->disks[0] = (struct disk_config){ .path = path, .read_only = true };
	config->nr_disks++;
}

void vmm_run(struct vmm *vmm)
{
	struct error error = { .text = "" };
	struct console_host *ports[1];
	struct balloon_host balloon = { .actual = &vmm->page->balloon_actual };
	struct boot_image image;
	struct vm_config files;
	static struct port port;
	char initramfs[32], disk[32];
	int status = STATUS_LODGE, signals;
	const int fds[NR_ARRANGED] = {
		-1, vmm->console, vmm->errors, vmm->from_keeper, vmm->to_keeper,
		vmm->initramfs, vmm->image, vmm->wall, vmm->net.tap,
		vmm->cgroup, vmm->gdb.in, vmm->gdb.out,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "lodge-vmm");
	setsid();
	if (streams_arrange(fds, NR_ARRANGED, &error))
		_exit(status);
	vmm->config.net = vmm->net.tap < 0 ? NULL : &vmm->net;
	vmm->net.tap = TAP_FD;
	vmm->config.gdb = vmm->gdb.in < 0 ? NULL : &vmm->gdb;
	vmm->gdb.in = FROM_GDB_FD;
	vmm->gdb.out = TO_GDB_FD;
	port_init(&port, FROM_KEEPER_FD, TO_KEEPER_FD);
	ports[0] = &port.host;
	vmm->config.ports = ports;
	vmm->config.nr_ports = 1;
	vmm->config.balloon = &balloon;
	snprintf(disk, sizeof(disk), "/proc/self/fd/%d", IMAGE_FD);
	add_image(&vmm->config, disk);
	snprintf(initramfs, sizeof(initramfs), "/proc/self/fd/%d", INITRAMFS_FD);
	files = (struct vm_config){
		.kernel = vmm->kernel->path,
		.initrd = initramfs,
		.append = vmm->config.append,
		.memory = vmm->config.memory,
	};
	signals = open_signals(&error);
	if (signals >= 0 && !terminal_open(false, &error) &&
	    !boot_open(&image, &files, &error))
		status = run_vm(vmm, &image, &port, signals, &error);
	terminal_drain(-1);
	if (error.text[0])
		error_print(&error);
	_exit(status);
}
