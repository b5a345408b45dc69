// SPDX-License-Identifier: GPL-2.0-only
/* lodge run --vm: boots a VM, is its keeper, and exits as the guest did. */
#include "cmd/run.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/run_vm_net.h"
#include "container/cgroup.h"
#include "vmm/boot.h"
#include "vmm/gdb/gdb.h"
#include "vmm/guest/guest.h"
#include "vmm/keeper.h"
#include "vmm/terminal.h"
#include "vmm/virtio/disk.h"
#include "vmm/vm.h"

#define DEFAULT_MEMORY	(512 * MIB)
#define DEFAULT_APPEND	"console=ttyS0"

/* How long a killed keeper waits for a reader of its output. */
#define DRAIN_MS	500

enum {
	OPTION_KERNEL = RUN_OPTION_OWN,
	OPTION_INITRD,
	OPTION_APPEND,
	OPTION_NO_REBOOT,
	OPTION_BOOT,
	OPTION_MODULE,
	OPTION_FIRMWARE,
	OPTION_DEBUG,
	OPTION_GDB,
	OPTION_DISK,
	OPTION_MODULES,
};

const char *const run_vm_short_options = "+:e:w:u:tidp:m:c:h";
const struct option run_vm_options[] = {
	{ "kernel", required_argument, NULL, OPTION_KERNEL },
	{ "initrd", required_argument, NULL, OPTION_INITRD },
	{ "append", required_argument, NULL, OPTION_APPEND },
	{ "disk", required_argument, NULL, OPTION_DISK },
	{ "modules", required_argument, NULL, OPTION_MODULES },
	{ "vcpus", required_argument, NULL, 'c' },
	{ "boot", required_argument, NULL, OPTION_BOOT },
	{ "module", required_argument, NULL, OPTION_MODULE },
	{ "firmware", required_argument, NULL, OPTION_FIRMWARE },
	{ "debug", required_argument, NULL, OPTION_DEBUG },
	{ "gdb", required_argument, NULL, OPTION_GDB },
	{ "no-reboot", no_argument, NULL, OPTION_NO_REBOOT },
	{ NULL, 0, NULL, 0 },
};

const char run_vm_help[] =
	"Usage: lodge run --vm [OPTION...] IMAGE [COMMAND [ARGUMENT...]]\n"
	"       lodge run --vm --kernel FILE | --firmware FILE [OPTION...]\n"
	"\n"
	"The first runs a command in a virtual machine whose root is an image. Standard\n"
	"streams, signals and the exit status are passed through. The second boots a\n"
	"kernel. Standard input and output are its serial port, ttyS0; on a terminal,\n"
	"ctrl-A x leaves and ctrl-A h helps.\n"
	"\n"
	"  --vm              a virtual machine\n"
	"  --kernel FILE     the guest's kernel: a bzImage, an ELF file for PVH, Multiboot\n"
	"                    [with an image: a bzImage, the host's own]\n"
	"  --append STRING   its command line ['console=ttyS0']; with an image: more of it\n"
	"  -m, --memory MIB  its memory in MiB, or with a suffix: 512m, 2g [512]\n"
	"  -c, --vcpus N     its CPUs, 1 to 8 [1, or what --cpus takes]\n"
	"  --disk FILE[,ro][,direct]\n"
	"                    a disk, a file or block device: read only, past the host's\n"
	"                    page cache; may be given several times: vda, vdb ...\n"
	"  --net bridge|none its network: an address on the host's bridge lodge0\n"
	"                    [with an image: bridge, else none]\n"
	"  -p, --publish [ADDRESS:]HOST:GUEST[/udp]\n"
	"                    a port of the host leads to one of the guest; --net bridge is\n"
	"                    the default then\n"
	"  --name NAME       its name, for 'lodge ps' and others\n"
	"  --gdb unix:PATH|tcp:127.0.0.1:PORT\n"
	"                    serve gdb there, and wait for it before the first instruction\n"
	"  -h, --help        print this\n"
	"\n"
	"With an image, as of a container:\n"
	"  -d, --detach      leave it running, print its name ('lodge logs' has its output)\n"
	"  --rm              with -d: nothing of it stays after its end\n"
	"  -i, --interactive standard input is its input [where that is no terminal]\n"
	"  -t, --tty         it has a terminal of its own\n"
	"  -e, --env NAME[=VALUE] a variable for it, or one of this environment\n"
	"  -w, --workdir FOLDER its working directory\n"
	"  -u, --user USER[:GROUP] whom its command runs as: names in it, or numbers\n"
	"  --hostname NAME   its host name [its name]\n"
	"  --read-only       its root cannot be written\n"
	"  --ulimit NAME=SOFT[:HARD]  a resource limit of the command, such as nofile=1024\n"
	"  --store FOLDER    where images are [/var/lib/lodge]\n"
	"  --modules FOLDER  its kernel's modules [/lib/modules/VERSION]\n"
	"  --cpus N.N        the most time of the host's CPUs that it may use, in CPUs\n"
	"  --cpu-weight N    its part of them when all want them, 1 to 10000 [100]\n"
	"  --cpu-shares N    the same as docker has it [1024]\n"
	"  --io-max 'DISK KEY=N...' the most of a disk of the host: rbps, wbps, riops, wiops\n"
	"  --io-weight N     its part of a disk when all want it, 1 to 10000 [100]\n"
	"\n"
	"Without one:\n"
	"  --boot KIND       what the kernel is, where that does not show: linux, linux32,\n"
	"                    pvh, multiboot, or a flat binary in real, protected or long mode\n"
	"  --firmware FILE   a firmware instead, such as SeaBIOS\n"
	"  --initrd FILE     its initial RAM disk\n"
	"  --module 'FILE [ARGUMENT...]' a module for a Multiboot or PVH kernel; repeat it\n"
	"  --debug FILE      append what the guest writes to the debug ports 0xe9 and 0x402\n"
	"  --no-reboot       exit where the guest resets itself\n"
	"\n"
	"Exit status: with an image the command's, and 125 to 128 + N as of a container;\n"
	"without one\n"
	"  0                 the guest powered off, or was left with ctrl-A x\n"
	"and of both\n"
	"  70                the guest cannot go on: a triple fault, for instance\n"
	"  125               an error of lodge itself\n"
	"  128 + N           signal N ended it: 143 for SIGTERM, 137 for SIGKILL\n";

/**
 * struct request - the command line
 * @no_reboot: --no-reboot
 * @config: of the VM
 * @net: its network
 * @guest: of a VM of an image
 * @env: what -e says
 * @gdb: where --gdb says, or NULL
 * @image_option: an option that only a VM of an image has, or NULL
 */
struct request {
	bool no_reboot;
	struct run_vm_net net;
	struct vm_config config;
	struct guest_config guest;
	char **env;
	const char *gdb;
	const char *image_option;
};

static int parse_cpus(const char *text, unsigned int *cpus, struct error *error)
{
	unsigned long count;
	char *end;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || !count ||
	    count > LODGE_MAX_VCPUS)
		return error_set(error, 0, "'%s' is not a number of CPUs from 1 to %u",
				 text, LODGE_MAX_VCPUS);
	*cpus = (unsigned int)count;
	return 0;
}

/* Who may use the time of two and a half has three. */
static unsigned int cpus_for(uint64_t quota)
{
	uint64_t cpus = quota / CGROUP_CPU_PERIOD + !!(quota % CGROUP_CPU_PERIOD);

	if (!quota || quota == LIMIT_MAX)
		return 1;
	return cpus < LODGE_MAX_VCPUS ? (unsigned int)cpus : LODGE_MAX_VCPUS;
}

static int add_module(struct request *request, const char *module,
		      struct error *error)
{
	if (request->config.nr_modules == BOOT_MAX_MODULES)
		return error_set(error, 0, "there are more than %d modules",
				 BOOT_MAX_MODULES);
	request->config.modules[request->config.nr_modules++] = module;
	return 0;
}

static int add_disk(struct vm_config *config, char *text, struct error *error)
{
	if (config->nr_disks == VM_MAX_DISKS)
		return error_set(error, 0, "a VM can have %d disks, and '%s' is one more",
				 VM_MAX_DISKS, text);
	disk_parse(text, &config->disks[config->nr_disks++]);
	return 0;
}

static int check_request(const struct request *request, struct error *error)
{
	if (request->config.name && run_check_name(request->config.name, error))
		return -1;
	if (request->guest.run.image && request->config.initrd) {
		error_set(error, 0, "a VM of an image has an initramfs of lodge's own");
		return error_advise(error, "leave --initrd away, or the image '%s'",
				    request->guest.run.image);
	}
	if (request->guest.run.image &&
	    (request->config.firmware || request->config.nr_modules)) {
		error_set(error, 0, "a VM of an image boots Linux with an initramfs alone");
		return error_advise(error, "leave --firmware and --module away, or the image '%s'",
				    request->guest.run.image);
	}
	if (request->guest.run.image && request->config.nr_disks == VM_MAX_DISKS)
		return error_set(error, 0, "a VM can have %d disks, and the image is one more",
				 VM_MAX_DISKS);
	if (request->guest.run.limits.pids) {
		error_set(error, 0, "'--pids' is for containers: a VM's processes are its own kernel's");
		return error_advise(error, "leave it away");
	}
	if (request->guest.run.image)
		return 0;
	if (request->image_option) {
		error_set(error, 0, "'%s' is for a VM of an image", request->image_option);
		return error_advise(error, "name one: 'lodge image ls' lists them");
	}
	if (!request->config.kernel && !request->config.firmware) {
		error_set(error, 0, "there is neither an image to run nor a kernel to boot");
		return error_advise(error, "name an image ('lodge image ls' lists them), or give a kernel with --kernel");
	}
	return 0;
}

/* Return: 0, -1 with @error, or 1: it is not known */
static int parse_image_option(int option, char *value, struct guest_config *config,
			      struct error *error)
{
	if (option != OPTION_MODULES)
		return run_parse_option(option, value, &config->run, error);
	config->modules = value;
	return 0;
}

/* Return: -1 to go on, else an exit status */
static int parse(int argc, char **argv, struct request *request)
{
	struct option options[RUN_OPTIONS_MAX];
	struct error error;
	int option, result = 0;

	run_options(options, run_vm_options);
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, run_vm_short_options, options,
				     NULL)) >= 0) {
		switch (option) {
		case RUN_OPTION_VM:
			break;
		case OPTION_KERNEL:
			request->config.kernel = optarg;
			break;
		case OPTION_INITRD:
			request->config.initrd = optarg;
			break;
		case OPTION_APPEND:
			request->config.append = optarg;
			break;
		case RUN_OPTION_NAME:
			request->config.name = optarg;
			break;
		case OPTION_BOOT:
			result = boot_kind_parse(optarg, &request->config.boot,
						 &error);
			break;
		case OPTION_MODULE:
			result = add_module(request, optarg, &error);
			break;
		case OPTION_FIRMWARE:
			request->config.firmware = optarg;
			break;
		case OPTION_DEBUG:
			request->config.debug = optarg;
			break;
		case OPTION_GDB:
			request->gdb = optarg;
			break;
		case OPTION_DISK:
			result = add_disk(&request->config, optarg, &error);
			break;
		case RUN_OPTION_NET:
			result = run_vm_net_choose(&request->net, optarg, &error);
			break;
		case 'p':
			result = run_vm_net_publish(&request->net, optarg, &error);
			break;
		case OPTION_NO_REBOOT:
			request->no_reboot = true;
			break;
		case 'm':
			result = run_parse_memory(optarg, &request->config.memory,
						  &error);
			break;
		case 'c':
			result = parse_cpus(optarg, &request->config.cpus, &error);
			break;
		case 'h':
			fputs(run_vm_help, stdout);
			return STATUS_OK;
		default:
			result = parse_image_option(option, optarg, &request->guest,
						    &error);
			if (result > 0)
				return cmd_bad_option("run", argc, argv, option);
			request->image_option = argv[optind - 1 - (optarg == argv[optind - 1])];
			break;
		}
		if (result)
			goto fail;
	}
	if (optind < argc)
		request->guest.run.image = argv[optind++];
	request->guest.run.process.argv = argv + optind;
	if (!request->config.cpus)
		request->config.cpus = cpus_for(request->guest.run.limits.cpu_quota);
	/* As of a container; a kernel alone may have no use for one. */
	if (request->guest.run.image && !request->net.chosen)
		request->net.bridge = true;
	if (check_request(request, &error) || run_vm_net_check(&request->net, &error))
		goto fail;
	return -1;
fail:
	error_print(&error);
	return STATUS_LODGE;
}

/* Return: a signal that ends the keeper, or 0 */
static int next_signal(const struct keeper *keeper)
{
	struct signalfd_siginfo info;

	while (read(keeper->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCONT)
			terminal_continue(atomic_load(&keeper->page->ours));
		else if (info.ssi_signo != SIGWINCH)
			return (int)info.ssi_signo;
		terminal_resized();
	}
	return 0;
}

/* How the keeper ends, beside enum vm_outcome. */
struct ending {
	bool left;		/* ctrl-A x, or nobody can see its output */
	int signal;
};

/*
 * Carries input, output and signals until the VM ends, or is to.  Looks once at
 * least: a guest that does nothing but reset itself can be ended, too.
 */
static struct ending serve(struct vm *vm, const struct keeper *keeper)
{
	struct ending ending = { false, 0 };

	do {
		struct pollfd fds[] = {
			{ keeper->signal_fd, POLLIN, 0 },
			{ vm->wake_fd, POLLIN, 0 },
			{ terminal_timer_fd(), POLLIN, 0 },
			{ terminal_input_fd(), POLLIN, 0 },
		};
		uint64_t count;

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0)
			continue;
		if (fds[1].revents && read(vm->wake_fd, &count, sizeof(count)) < 0)
			continue;
		if (terminal_output_error()) {
			ending.left = true;
			break;
		}
		if (fds[0].revents) {
			ending.signal = next_signal(keeper);
			if (ending.signal)
				break;
		}
		if (fds[2].revents)
			terminal_timer();
		if (fds[3].revents && terminal_input() == TERMINAL_LEAVE) {
			ending.left = true;
			break;
		}
	} while (atomic_load(&vm->outcome) == VM_RUNS);
	return ending;
}

/**
 * struct context - what the VMM's process is given
 * @request: the command line; what of its network is the monitor's is let go of
 * @image: what is booted
 * @gdb: the way to a debugger; what of it is the monitor's is let go of
 */
struct context {
	struct request *request;
	struct boot_image *image;
	struct gdb_relay *gdb;
};

/* From an empty VM to its end. Return: an exit status */
static int run_guest(const struct context *context, struct keeper *keeper,
		     struct error *error)
{
	struct vm *vm = vm_create(&context->request->config, error);
	struct ending ending;
	int outcome, status, result;

	if (!vm)
		return STATUS_LODGE;
	result = boot_load(context->image, vm, error);
	boot_close(context->image);
	/* Behind the wall nothing can be opened any more. */
	if (result || keeper_wall(keeper, vm->fd, error) || vm_start(vm, error)) {
		/* A first CPU may run already, and wait for a reader. */
		terminal_set_stopping(true);
		vm_destroy(vm);
		return STATUS_LODGE;
	}
	ending = serve(vm, keeper);
	terminal_set_stopping(true);
	/* What it says it has ended of, before vm_stop() gives it a reason. */
	outcome = atomic_load(&vm->outcome);
	vm_stop(vm);
	*error = vm->error;
	vm_destroy(vm);

	if (ending.signal)
		return STATUS_SIGNAL + ending.signal;
	if (ending.left)
		return STATUS_OK;
	switch (outcome) {
	case VM_RESET:
		atomic_store(&keeper->page->again, !context->request->no_reboot);
		status = STATUS_OK;
		break;
	case VM_FAILED:
		status = STATUS_GUEST_FAILED;
		break;
	case VM_BROKEN:
		status = STATUS_LODGE;
		break;
	default:
		status = STATUS_OK;
		break;
	}
	return status;
}

/*
 * Shows the last of the output, waiting for a slow reader as any program would,
 * but not if it is to end: then the next signal has the monitor kill it.
 */
static void finish_output(struct keeper_page *page, int status)
{
	if (status >= STATUS_SIGNAL) {
		terminal_drain(DRAIN_MS);
		return;
	}
	atomic_store(&page->finishing, true);
	terminal_drain(-1);
}

/* A guest whose output was lost has not ended well. */
static int check_output(int status, struct error *error)
{
	int errnum = terminal_output_error();

	if (!errnum || status != STATUS_OK)
		return status;
	if (errnum == EPIPE)
		return STATUS_SIGNAL + SIGPIPE;
	error_set(error, errnum, "cannot write the guest's output");
	return STATUS_LODGE;
}

/* The process that runs the VM */
static int vmm(struct keeper *keeper, void *data)
{
	const struct context *context = data;
	struct keeper_page *page = keeper->page;
	struct error error = { .text = "" };
	uint32_t count = atomic_exchange(&page->nr_input, 0);
	int status = STATUS_LODGE;

	run_vm_net_forget(&context->request->net);
	gdb_relay_forget(context->gdb);
	/* A guest that resets itself does not wait again. */
	context->gdb->vmm.wait = !atomic_exchange(&page->booted, true);
	if (!terminal_open(atomic_load(&page->ours), &error)) {
		terminal_feed(page->input, count < sizeof(page->input) ?
			      count : sizeof(page->input));
		status = run_guest(context, keeper, &error);
		finish_output(page, status);
		status = check_output(status, &error);
		atomic_store(&page->in_line, !terminal_at_line_start());
	}
	if (atomic_load(&page->again))
		atomic_store(&page->nr_input,
			     terminal_take(page->input, sizeof(page->input)));
	page->error = error;
	return status;
}

/* A VM that runs a command. Return: an exit status */
static int run_image(struct request *request)
{
	struct guest_config *guest = &request->guest;
	struct error error;

	if (geteuid()) {
		error_set(&error, 0, "VMs of images can be made by root only");
		error_advise(&error, "run lodge as root");
		error_print(&error);
		return STATUS_LODGE;
	}
	guest->vm = request->config;
	guest->net = &request->net;
	guest->gdb = request->gdb;
	guest->run.interactive = run_is_interactive(guest->run.interactive);
	return guest_run(guest);
}

static int open_gdb(struct request *request, struct gdb_relay *relay,
		    struct error *error)
{
	if (!request->gdb)
		return 0;
	request->config.gdb = &relay->vmm;
	return gdb_relay_open(relay, request->gdb, error);
}

int run_vm(int argc, char **argv)
{
	struct request request = {
		.config = {
			.memory = DEFAULT_MEMORY,
		},
	};
	struct error error = { .text = "" };
	struct boot_image image;
	struct gdb_relay gdb = GDB_RELAY_NONE;
	struct context context = { &request, &image, &gdb };
	int status;

	/* No option can be given more often than there are words. */
	request.env = calloc((size_t)argc + 1, sizeof(*request.env));
	if (!request.env) {
		error_set(&error, errno, "cannot read the command line");
		error_print(&error);
		return STATUS_LODGE;
	}
	request.guest.run.process.env = request.env;
	status = parse(argc, argv, &request);
	if (status < 0 && request.guest.run.image)
		status = run_image(&request);
	free(request.env);
	if (status >= 0)
		return status;
	/* What the caller has left open is nothing for a guest. */
	close_range(STDERR_FILENO + 1, ~0U, 0);
	status = STATUS_LODGE;
	if (!request.config.append)
		request.config.append = DEFAULT_APPEND;
	if (open_gdb(&request, &gdb, &error)) {
		error_print(&error);
		return status;
	}
	if (!boot_open(&image, &request.config, &error) &&
	    !run_vm_net_open(&request.net, &request.config, &error)) {
		status = monitor_run(vmm, &context, &error);
		run_vm_net_close(&request.net);
	}
	gdb_relay_close(&gdb);
	boot_close(&image);
	if (error.text[0])
		error_print(&error);
	return status;
}
