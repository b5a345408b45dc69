// SPDX-License-Identifier: GPL-2.0-only
/* The keeper of a VM that was made from an image: makes it, and sees to its end. */
#include "vmm/guest/guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell/cell.h"
#include "cmd/cmd.h"
#include "cmd/run_vm_net.h"
#include "container/cgroup.h"
#include "container/janitor.h"
#include "container/log.h"
#include "container/relay.h"
#include "container/settle.h"
#include "container/state.h"
#include "container/sys.h"
#include "fd.h"
#include "image/image.h"
#include "tty.h"
#include "vmm/gdb/gdb.h"
#include "vmm/guest/console.h"
#include "vmm/guest/hub.h"
#include "vmm/guest/initramfs.h"
#include "vmm/guest/session.h"
#include "vmm/guest/vmm.h"
#include "vmm/keeper.h"
#include "vmm/virtio/balloon.h"

/*
 * "quiet": each byte on the serial port is an exit.  A panic is to end the VM, and
 * what it says then is shown; unless it is told how, Linux does not reset then.  There
 * is no PCI to look for, and the host's kernel has tested its cryptography already:
 * both are a third of the time that a boot takes.
 */
#define COMMAND_LINE	\
	"console=ttyS0 quiet panic=-1 reboot=acpi pci=off cryptomgr.notests"
#define PIPE_SIZE	262144
#define END_MS		3000

enum {
	SIGNALS,
	CONSOLE,
	WALL,
	CGROUP,
	SESSION,
	HUB = SESSION + SESSION_POLL_MAX,
	NR_FDS = HUB + HUB_POLL_MAX,
};

/**
 * struct guest - a VM in the making, and later
 * @config: what it is to be
 * @image: from what
 * @kernel: its kernel
 * @state: what others may know of it
 * @folder: its folder in /run, locked
 * @janitor: cleans up if this process is killed
 * @cgroup: its cgroup's folder
 * @initramfs: its initramfs
 * @append: its kernel's command line
 * @listener: the socket for `exec` and others
 * @signals: what is for the command comes there
 * @console: the guest's console
 * @errors: what the VMM says on its standard error
 * @from_guest: the port
 * @to_guest: likewise
 * @vmm: the VMM's process, a pidfd
 * @pid: the same
 * @page: shared with it
 * @wall: the VMM asks for its wall there, or -1
 * @cell: its wall
 * @cgroup_events: says when it is paused
 * @gdb: the way to a debugger
 * @hub: hands frames on
 * @session: the command's
 * @log: of `run -d`
 * @console_log: what came from @console
 * @error: what went wrong
 * @status: how this process is to exit
 */
struct guest {
	struct guest_config *config;
	struct image *image;
	struct kernel kernel;
	struct state state;
	int folder;
	struct janitor janitor;
	int cgroup;
	int initramfs;
	char append[4096];
	int listener;
	int signals;
	int console;
	int errors;
	int from_guest;
	int to_guest;
	int vmm;
	pid_t pid;
	struct vmm_page *page;
	int wall;
	int cell;
	int cgroup_events;
	struct gdb_relay gdb;
	struct hub hub;
	struct session session;
	struct log log;
	struct console_log console_log;
	struct error error;
	int status;
};

/* What has to be there before it has its root */
static int pack_initramfs(struct guest *guest)
{
	const char *const names[] = {
		"virtio_mmio", "virtio_console", "virtio_blk", "erofs", "overlay",
		guest->config->net->bridge ? "virtio_net" : NULL, NULL
	};
	/* Without it, its memory is its own until its end. */
	static const char *const optional[] = { "virtio_balloon", NULL };

	if (kernel_find(&guest->kernel, guest->config->vm.kernel, guest->config->modules,
			&guest->error))
		return -1;
	guest->initramfs = initramfs_pack(guest->kernel.modules, names, optional,
					  &guest->error);
	return guest->initramfs < 0 ? -1 : 0;
}

static int listen_for_others(struct guest *guest)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	guest->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path),
		 STATE_FOLDER "/%s/" STATE_CONTROL, guest->state.name);
	if (guest->listener < 0 ||
	    bind(guest->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(guest->listener, SOMAXCONN))
		return error_set(&guest->error, errno, "cannot listen at %s", address.sun_path);
	return 0;
}

/* Somebody asks about its memory, or for another amount of it. */
static void on_memory(void *state, struct wire_memory *memory)
{
	struct guest *guest = state;
	uint64_t target = memory->target, given;

	memory->size = guest->config->vm.memory;
	if (target > memory->size)
		target = memory->size;
	if (target && guest->pid > 0) {
		atomic_store(&guest->page->balloon_target,
			     (unsigned int)((memory->size - target) / BALLOON_PAGE));
		kill(guest->pid, SIGUSR2);
	}
	memory->target = memory->size -
			 (uint64_t)atomic_load(&guest->page->balloon_target) * BALLOON_PAGE;
	given = (uint64_t)atomic_load(&guest->page->balloon_actual) * BALLOON_PAGE;
	memory->given = given < memory->size ? given : memory->size;
}

static int open_session(struct guest *guest)
{
	const struct guest_config *config = guest->config;
	const char *hostname = config->run.hostname ? config->run.hostname : guest->state.name;
	const struct net_guest *net = &config->net->guest;
	char address[INET_ADDRSTRLEN] = "", gateway[INET_ADDRSTRLEN] = "";
	char hosts[256] = "", prefix[16] = "";
	const char *setup[WIRE_SETUP_NR] = {
		[WIRE_SETUP_HOSTNAME] = hostname,
		[WIRE_SETUP_HOSTS] = hosts,
		[WIRE_SETUP_RESOLV_CONF] = net->resolv_conf,
		[WIRE_SETUP_ADDRESS] = address,
		[WIRE_SETUP_PREFIX] = prefix,
		[WIRE_SETUP_GATEWAY] = gateway,
		[WIRE_SETUP_READ_ONLY] = config->run.read_only ? "1" : "",
	};
	int fd;

	if (config->net->bridge) {
		inet_ntop(AF_INET, &net->address, address, sizeof(address));
		inet_ntop(AF_INET, &net->gateway, gateway, sizeof(gateway));
		snprintf(prefix, sizeof(prefix), "%u", net->prefix);
		snprintf(hosts, sizeof(hosts), "%s\t%s\n", address, hostname);
	}
	fd = hub_open(&guest->hub, guest->from_guest, guest->to_guest, guest->listener,
		      setup, &guest->error);

	if (fd < 0)
		return -1;
	guest->hub.on_memory = on_memory;
	guest->hub.state = guest;
	return session_open(&guest->session, fd, &config->run.process,
			    config->run.interactive && !config->run.detach, &guest->error);
}

/* A pipe; what is the keeper's end does not block.  Return: 0 or -1 */
static int make_pipe(int *own, int *other, bool reads, struct error *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return error_set(error, errno, "cannot make a pipe");
	/* More in one piece is faster; without, it works. */
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
	*own = ends[!reads];
	*other = ends[reads];
	return 0;
}

static int start_vmm(struct guest *guest)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_NEWPID,
		.pidfd = (uintptr_t)&guest->vmm,
		.exit_signal = SIGCHLD,
	};
	struct vmm vmm = {
		.config = guest->config->vm,
		.kernel = &guest->kernel,
		.image = guest->image->fd,
		.initramfs = guest->initramfs,
		.console = -1,
		.errors = -1,
		.from_keeper = -1,
		.to_keeper = -1,
		.wall = -1,
		.cgroup = openat(guest->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC),
		.net = { .tap = -1 },
		.gdb = guest->gdb.vmm,
	};
	struct error *error = &guest->error;
	int result = -1, ends[2];

	if (guest->config->net->bridge)
		vmm.net = guest->config->net->vm;
	vmm.config.append = guest->append;
	vmm.config.name = guest->state.name;
	guest->page = mmap(NULL, sizeof(*guest->page), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->page == MAP_FAILED)
		return error_set(error, errno, "cannot map memory");
	vmm.page = guest->page;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return error_set(error, errno, "cannot make a pair of sockets");
	guest->wall = ends[0];
	vmm.wall = ends[1];
	if (!make_pipe(&guest->console, &vmm.console, true, error) &&
	    !make_pipe(&guest->errors, &vmm.errors, true, error) &&
	    !make_pipe(&guest->from_guest, &vmm.to_keeper, true, error) &&
	    !make_pipe(&guest->to_guest, &vmm.from_keeper, false, error)) {
		/* A CPU that writes to its console waits, as for a slow line. */
		fcntl(vmm.console, F_SETFL, 0);
		guest->pid = sys_clone3(&args);
		if (!guest->pid)
			vmm_run(&vmm);
		if (guest->pid > 0)
			result = 0;
		else
			error_set(error, errno, "cannot start the VM's process");
	}
	close_fd(&vmm.console);
	close_fd(&vmm.errors);
	close_fd(&vmm.from_keeper);
	close_fd(&vmm.to_keeper);
	close_fd(&vmm.wall);
	close_fd(&vmm.cgroup);
	close_fd(&guest->initramfs);
	return result;
}

static int save_state(struct guest *guest)
{
	const struct guest_config *config = guest->config;
	struct state *state = &guest->state;

	state->image = config->run.image;
	state->init = guest->pid;
	state->init_started = state_start_time(guest->pid);
	state->keeper = getpid();
	state->process = config->run.process;
	state->keep = config->run.detach && !config->run.remove;
	state->status = -1;
	return state_save(guest->folder, state, &guest->error);
}

/* From nothing to a VM that boots. */
static int create(struct guest *guest)
{
	const struct guest_config *config = guest->config;
	struct error *error = &guest->error;

	snprintf(guest->append, sizeof(guest->append), COMMAND_LINE "%s%s",
		 config->vm.append ? " " : "", config->vm.append ? config->vm.append : "");
	if (pack_initramfs(guest))
		return -1;
	guest->state.vm = true;
	guest->folder = state_create(config->vm.name, &guest->state, error);
	if (guest->folder < 0 || cgroup_path(guest->state.cgroup, guest->state.name, error) ||
	    janitor_start(&guest->janitor, guest->state.name, guest->state.cgroup,
			  config->run.detach && !config->run.remove, error))
		return -1;
	guest->cgroup = cgroup_create(guest->state.cgroup, &config->run.limits, error);
	if (guest->cgroup < 0)
		return -1;
	if (run_vm_net_open(config->net, &guest->config->vm, error))
		return -1;
	if (config->gdb && gdb_relay_open(&guest->gdb, config->gdb, error))
		return -1;
	guest->cgroup_events = openat(guest->cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC);
	guest->signals = relay_open_signals(error);
	if (guest->signals < 0 || listen_for_others(guest) || start_vmm(guest) ||
	    open_session(guest))
		return -1;
	return save_state(guest);
}

/* Return: a signal that ends it: the command does not run yet, or 0 */
static int hand_on_signals(struct guest *guest)
{
	struct signalfd_siginfo info;

	while (read(guest->signals, &info, sizeof(info)) == sizeof(info)) {
		int signal = (int)info.ssi_signo;

		if (!guest->session.started && signal != SIGCONT && signal != SIGWINCH)
			return signal;
		session_signal(&guest->session, signal);
	}
	return 0;
}

static void copy_errors(const struct guest *guest)
{
	char text[1024];
	ssize_t count;

	while ((count = read(guest->errors, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, (size_t)count) < 0)
			return;
}

/* What the guest says of itself, for those who ask later: anything, so as text only. */
static void note_start(struct guest *guest)
{
	const struct wire_started *machine = &guest->session.machine;
	struct state *state = &guest->state;
	size_t i;

	snprintf(state->kernel, sizeof(state->kernel), "%s", machine->release);
	for (i = 0; state->kernel[i]; i++)
		if (state->kernel[i] < ' ' || state->kernel[i] > '~')
			state->kernel[i] = '?';
	state->processes = machine->processes;
}

/* The command runs: whoever waits for that is told. */
static int begin(struct guest *guest, int ready)
{
	const struct guest_config *config = guest->config;

	if (ready < 0) {
		if (config->run.process.tty && config->run.interactive)
			tty_open();
		return 0;
	}
	if (log_open(&guest->log, guest->folder, &guest->error) ||
	    detach_tell(ready, guest->state.name, &guest->error))
		return -1;
	guest->session.on_output = log_written;
	guest->session.state = &guest->log;
	return 0;
}

static void read_console(struct guest *guest, short events)
{
	if (!console_log_read(&guest->console_log, guest->console) && events & POLLHUP)
		close_fd(&guest->console);
}

/* Return: 0, or -1: there is none, so the VM must not run */
static int make_wall(struct guest *guest)
{
	int result = monitor_wall(guest->wall, guest->pid, &guest->cell, &guest->error);

	close_fd(&guest->wall);
	return result;
}

static void prepare(struct guest *guest, struct pollfd *fds)
{
	fds[SIGNALS] = (struct pollfd){ guest->signals, POLLIN, 0 };
	fds[CONSOLE] = (struct pollfd){ guest->console, POLLIN, 0 };
	fds[WALL] = (struct pollfd){ guest->wall, POLLIN, 0 };
	fds[CGROUP] = (struct pollfd){ guest->cgroup_events, POLLPRI, 0 };
	session_prepare(&guest->session, fds + SESSION);
	hub_prepare(&guest->hub, fds + HUB);
}

/*
 * Carries until the command has ended and all it wrote is written, or the VM has
 * ended and nothing more can come.  Return: 0, a signal that ends it, or -1
 */
static int serve(struct guest *guest, int ready)
{
	struct pollfd fds[NR_FDS];
	bool begun = false;
	int signal;

	while (!session_is_done(&guest->session)) {
		prepare(guest, fds);
		if (poll(fds, NR_FDS, -1) < 0)
			continue;
		if (fds[SIGNALS].revents) {
			signal = hand_on_signals(guest);
			if (signal)
				return signal;
		}
		if (fds[CONSOLE].revents)
			read_console(guest, fds[CONSOLE].revents);
		if (fds[WALL].revents && make_wall(guest))
			return -1;
		if (fds[CGROUP].revents & POLLPRI && guest->cell >= 0)
			cell_paused(guest->cell, cgroup_is_frozen(guest->cgroup_events));
		if (hub_serve(&guest->hub, fds + HUB, &guest->error))
			return -1;
		/* The VM has ended, and all that it sent has come. */
		if (session_serve(&guest->session, fds + SESSION))
			return 0;
		if (guest->session.started && !begun) {
			begun = true;
			note_start(guest);
			if (begin(guest, ready))
				return -1;
		}
	}
	return 0;
}

/* Return: a wait status of the VMM, which ends with @status unless it has ended */
static int end_vmm(struct guest *guest, int status)
{
	struct pollfd end = { guest->vmm, POLLIN, 0 };
	struct state *state = &guest->state;
	const union sigval value = { .sival_int = status };
	int wait_status = 0;

	cgroup_get_memory(guest->cgroup, &state->memory_peak, &state->memory_end);
	if (poll(&end, 1, 0) <= 0) {
		/* Who is frozen cannot end. */
		cgroup_freeze(guest->state.cgroup, false, &(struct error){ .text = "" });
		if (guest->cell >= 0)
			cell_ended(guest->cell, W_EXITCODE(status, 0));
		sigqueue(guest->pid, SIGTERM, value);
		if (poll(&end, 1, END_MS) <= 0)
			kill(guest->pid, SIGKILL);
	}
	while (waitpid(guest->pid, &wait_status, 0) < 0 && errno == EINTR)
		continue;
	guest->pid = 0;
	return wait_status;
}

/* The VM has ended, and its command has not. Return: an exit status */
static int explain_end(struct guest *guest, int wait_status)
{
	bool started = guest->session.started;
	struct error *error = &guest->error;
	int status;

	if (WIFSIGNALED(wait_status))
		return STATUS_SIGNAL + WTERMSIG(wait_status);
	status = WEXITSTATUS(wait_status);
	if (status == VMM_POWERED_OFF && started)
		return STATUS_OK;
	while (guest->console >= 0 && console_log_read(&guest->console_log, guest->console))
		continue;
	console_log_print(&guest->console_log);
	copy_errors(guest);
	if (status != VMM_POWERED_OFF && status != VMM_RESET)
		return status;
	error_set(error, 0, "the VM %s before its command %s",
		  status == VMM_RESET ? "reset itself" : "powered off",
		  started ? "had ended" : "ran");
	if (guest->console_log.count)
		error_advise(error, "what its kernel said last is above");
	return STATUS_GUEST_FAILED;
}

/* Return: an exit status */
static int keep(struct guest *guest, int ready)
{
	int result = serve(guest, ready), status;
	struct session *session = &guest->session;

	tty_restore();
	if (result > 0) {
		end_vmm(guest, 0);
		return STATUS_SIGNAL + result;
	}
	if (result < 0) {
		status = guest->hub.hello ? STATUS_GUEST_FAILED : STATUS_LODGE;
		end_vmm(guest, status);
		return status;
	}
	if (!session->over)
		return explain_end(guest, end_vmm(guest, 0));
	status = session->status;
	if (session->failure.text[0]) {
		guest->error = session->failure;
		/* A VM whose command never ran leaves nothing. */
		guest->state.keep = false;
		if (status == STATUS_LODGE && !session->started)
			console_log_print(&guest->console_log);
	} else if (session->output[1].error && session->output[1].error != EPIPE) {
		error_set(&guest->error, session->output[1].error,
			  "cannot write the VM's output");
		status = STATUS_LODGE;
	}
	end_vmm(guest, status);
	return status;
}

static void destroy(struct guest *guest)
{
	struct run_vm_net *net = guest->config->net;

	if (guest->pid > 0)
		end_vmm(guest, STATUS_LODGE);
	gdb_relay_close(&guest->gdb);
	session_close(&guest->session);
	hub_close(&guest->hub);
	close_fd(&guest->listener);
	close_fd(&guest->signals);
	close_fd(&guest->console);
	close_fd(&guest->errors);
	close_fd(&guest->from_guest);
	close_fd(&guest->to_guest);
	close_fd(&guest->vmm);
	close_fd(&guest->wall);
	close_fd(&guest->cell);
	close_fd(&guest->cgroup_events);
	close_fd(&guest->initramfs);
	if (guest->cgroup >= 0)
		cgroup_destroy(guest->state.cgroup);
	close_fd(&guest->cgroup);
	state_end(&guest->folder, &guest->state, guest->status);
	if (net->net.private)
		close(net->vm.tap);
	janitor_dismiss(&guest->janitor, net->net.private ? &net->net : NULL);
}

/* What a keeper is made from, for detach() */
struct request {
	struct guest_config *config;
	struct image *image;
};

/* All of a keeper's life. Return: an exit status */
static int run_keeper(void *data, int ready)
{
	const struct request *request = data;
	static struct guest guest = {
		.folder = -1,
		.cgroup = -1,
		.initramfs = -1,
		.listener = -1,
		.signals = -1,
		.console = -1,
		.errors = -1,
		.from_guest = -1,
		.to_guest = -1,
		.vmm = -1,
		.wall = -1,
		.cell = -1,
		.cgroup_events = -1,
		.gdb = GDB_RELAY_NONE,
		.session = { .fd = -1 },
		.status = STATUS_LODGE,
	};

	guest.config = request->config;
	guest.image = request->image;
	if (!create(&guest))
		guest.status = keep(&guest, ready);
	else
		guest.state.keep = false;
	destroy(&guest);
	if (guest.error.text[0])
		error_print(&guest.error);
	return guest.status;
}

int guest_run(struct guest_config *config)
{
	struct image image = { .fd = -1 };
	struct request request = { config, &image };
	struct error error;
	int status = STATUS_LODGE;

	if (image_open(&image, config->run.store, config->run.image, &error)) {
		error_print(&error);
		return status;
	}
	if (settle_process(&config->run.process, &image, &error)) {
		error_print(&error);
	} else {
		status = config->run.detach ? detach(run_keeper, &request) :
					  run_keeper(&request, -1);
		settle_free(&config->run.process);
	}
	image_close(&image);
	return status;
}
