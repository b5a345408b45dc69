// SPDX-License-Identifier: GPL-2.0-only
/* The keeper of a container: makes it, puts the wall up, and sees to its end. */
#include "container/container.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell/cell.h"
#include "cmd/cmd.h"
#include "container/birth.h"
#include "container/cgroup.h"
#include "container/channel.h"
#include "container/janitor.h"
#include "container/log.h"
#include "container/relay.h"
#include "container/settle.h"
#include "container/state.h"
#include "container/sys.h"
#include "container/userns.h"
#include "fd.h"
#include "image/image.h"

/**
 * struct keeper - a container in the making, and later
 * @config: what it is to be
 * @state: what others may know of it
 * @folder: its folder in /run, locked
 * @janitor: cleans up if this process is killed
 * @cgroup: its cgroup's folder
 * @image: a mount of its image
 * @scratch: the file system beneath its overlay
 * @userns: its user namespace, or -1
 * @userns_lock: its IDs
 * @channel: to its PID 1
 * @child_channel: the other end
 * @child_streams: the other ends of its streams
 * @pid: its PID 1
 * @owner: what its root is on the host
 * @has_net: @net is attached
 * @net: its network
 * @cell: its wall
 * @relay: its streams
 * @log: of `run -d`
 * @error: what went wrong
 * @status: how this process is to exit
 */
struct keeper {
	struct container_config *config;
	struct state state;
	int folder;
	struct janitor janitor;
	int cgroup;
	int image;
	int scratch;
	int userns;
	int userns_lock;
	int channel;
	int child_channel;
	int child_streams[3];
	pid_t pid;
	uid_t owner;
	bool has_net;
	struct net net;
	int cell;
	struct relay relay;
	struct log log;
	struct error error;
	int status;
};

/* Return: a mount of the image, or of the folder of --rootfs, or -1 */
static int open_image(const struct container_config *config, struct image *image,
		      struct error *error)
{
	int mount;

	if (config->run.image)
		return image_mount(image, error);
	mount = open_tree(AT_FDCWD, config->rootfs,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (mount < 0)
		error_set(error, errno, "cannot open the folder %s", config->rootfs);
	return mount;
}

static int prepare_userns(struct keeper *keeper)
{
	struct error *error = &keeper->error;

	if (!keeper->config->userns)
		return 0;
	keeper->userns = userns_create(&keeper->owner, &keeper->userns_lock, error);
	if (keeper->userns < 0)
		return -1;
	return userns_map_mount(keeper->userns, keeper->image, error);
}

/* The child: PID 1 of the container */
__attribute__((noreturn))
static void be_born(const struct keeper *keeper, char *title, size_t title_size)
{
	const struct container_config *config = keeper->config;
	char resolv_conf[1024] = "";
	struct birth birth = {
		.config = config,
		.hostname = config->run.hostname ? config->run.hostname : keeper->state.name,
		.resolv_conf = resolv_conf,
		.image = keeper->image,
		.userns = keeper->userns,
		.owner = keeper->owner,
		.channel = keeper->child_channel,
		.title = title,
		.title_size = title_size,
	};

	memcpy(birth.streams, keeper->child_streams, sizeof(birth.streams));
	if (config->net != CONTAINER_NET_NONE)
		net_resolv_conf(resolv_conf, sizeof(resolv_conf));
	birth_run(&birth);
}

static int start_child(struct keeper *keeper)
{
	const struct container_config *config = keeper->config;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_NEWPID | CLONE_NEWNS,
		.pidfd = (uintptr_t)&keeper->relay.pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)keeper->cgroup,
	};

	/* With a user namespace they are made in it, see birth.c. */
	if (keeper->userns < 0) {
		args.flags |= CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP |
			      CLONE_NEWTIME;
		if (config->net != CONTAINER_NET_HOST)
			args.flags |= CLONE_NEWNET;
	}
	keeper->pid = sys_clone3(&args);
	if (!keeper->pid)
		be_born(keeper, config->title, config->title_size);
	if (keeper->pid < 0) {
		keeper->relay.pidfd = -1;
		error_set(&keeper->error, errno, "cannot make the container's namespaces");
		return error_advise(&keeper->error, "'lodge check --container' says what is missing");
	}
	close_fd(&keeper->child_channel);
	close_fd(&keeper->child_streams[0]);
	close_fd(&keeper->child_streams[1]);
	close_fd(&keeper->child_streams[2]);
	return 0;
}

/* Waits for @type. Return: 0, or -1: the child has failed, and said why */
static int wait_for(struct keeper *keeper, enum message_type type, int *fd)
{
	struct failure failure;

	if (!channel_receive(keeper->channel, type, NULL, NULL, fd, &failure))
		return 0;
	keeper->status = failure.status;
	keeper->error = failure.error;
	if (!failure.error.text[0])
		error_set(&keeper->error, 0, "the container was killed before its command ran");
	return -1;
}

static int attach_net(struct keeper *keeper)
{
	const struct container_config *config = keeper->config;
	const char *hostname = config->run.hostname ? config->run.hostname : keeper->state.name;
	char path[64], line[256] = "", address[INET_ADDRSTRLEN];
	int netns, result;

	if (config->net != CONTAINER_NET_HOST) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)keeper->pid);
		netns = open(path, O_RDONLY | O_CLOEXEC);
		/* It has ended: it will have said why. */
		if (netns < 0)
			return wait_for(keeper, MESSAGE_UNSHARED, NULL) ? -1 :
			       error_set(&keeper->error, errno, "cannot open the container's network");
		if (config->net == CONTAINER_NET_BRIDGE)
			result = net_attach(&keeper->net, netns, config->ports,
					    config->nr_ports, &keeper->error);
		else
			result = net_loopback(netns, &keeper->error);
		close(netns);
		if (result)
			return -1;
	}
	if (config->net == CONTAINER_NET_BRIDGE) {
		keeper->has_net = true;
		inet_ntop(AF_INET, &keeper->net.address, address, sizeof(address));
		snprintf(line, sizeof(line), "%s\t%s\n", address, hostname);
	}
	/* If it does not listen any more, it has said why. */
	channel_send(keeper->channel, MESSAGE_NET, line, strlen(line), -1);
	return 0;
}

/* The world of the child is made, and it has a channel of its own. */
static int wait_for_world(struct keeper *keeper)
{
	int channel;

	if (wait_for(keeper, MESSAGE_CHANNEL, &channel))
		return -1;
	close_fd(&keeper->channel);
	keeper->channel = channel;
	return wait_for(keeper, MESSAGE_SCRATCH, &keeper->scratch);
}

static int put_up_wall(struct keeper *keeper)
{
	const struct container_config *config = keeper->config;
	const char **devices = calloc(config->nr_devices + 1, sizeof(*devices));
	int trees[] = { keeper->image, keeper->scratch };
	struct cell_config cell = {
		.name = keeper->state.name,
		.policy = config->policy,
		.complain = config->complain,
		.privileged = config->privileged,
		.devices = devices,
		.nr_devices = config->nr_devices,
		.trees = trees,
		.nr_trees = 2,
		.init = keeper->pid,
		.cgroup = keeper->cgroup,
	};
	size_t i;

	if (!devices)
		return error_set(&keeper->error, errno, "cannot remember devices");
	for (i = 0; i < config->nr_devices; i++)
		devices[i] = config->devices[i].source;
	keeper->cell = cell_create(&cell, &keeper->error);
	free(devices);
	close_fd(&keeper->scratch);
	return keeper->cell < 0 ? -1 : 0;
}

static int save_state(struct keeper *keeper)
{
	struct state *state = &keeper->state;
	const struct container_config *config = keeper->config;

	state->image = config->run.image ? config->run.image : config->rootfs;
	state->init = keeper->pid;
	state->init_started = state_start_time(keeper->pid);
	state->keeper = getpid();
	state->process = config->run.process;
	state->userns = config->userns;
	state->keep = config->run.detach && !config->run.remove;
	state->status = -1;
	return state_save(keeper->folder, state, &keeper->error);
}

static int open_streams(struct keeper *keeper)
{
	const struct container_config *config = keeper->config;

	if (!config->run.process.tty)
		return relay_pipes(&keeper->relay,
				   config->run.interactive && !config->run.detach,
				   keeper->child_streams, &keeper->error);
	return 0;
}

/* From nothing to a command that runs. */
static int create(struct keeper *keeper, struct image *image)
{
	struct container_config *config = keeper->config;
	struct error *error = &keeper->error;
	struct sock_filter *filter = NULL;
	size_t nr_filter = 0;
	int ends[2], master = -1, result = -1;

	keeper->image = open_image(config, image, error);
	if (keeper->image < 0 || prepare_userns(keeper))
		return -1;
	keeper->cgroup = cgroup_create(keeper->state.cgroup, &config->run.limits, error);
	if (keeper->cgroup < 0 || open_streams(keeper) ||
	    relay_block_signals(&keeper->relay, error) || channel_open(ends, error))
		return -1;
	keeper->channel = ends[0];
	keeper->child_channel = ends[1];
	if (start_child(keeper))
		return -1;
	if (config->run.process.seccomp) {
		filter = seccomp_filter(config->run.process.caps, &nr_filter, error);
		if (!filter)
			return -1;
	}
	if ((keeper->userns >= 0 && wait_for(keeper, MESSAGE_UNSHARED, NULL)) ||
	    attach_net(keeper) || wait_for_world(keeper) ||
	    wait_for(keeper, MESSAGE_READY, &master) ||
	    put_up_wall(keeper))
		goto out;
	if (master >= 0)
		relay_terminal(&keeper->relay, master,
			       config->run.interactive && !config->run.detach);
	if (save_state(keeper) ||
	    channel_send(keeper->channel, MESSAGE_GO, filter,
			 nr_filter * sizeof(*filter), -1))
		goto out;
	result = 0;
out:
	free(filter);
	return result;
}

/* The channel's end is closed by the command's exec. Return: 0 or -1 */
static int wait_for_exec(struct keeper *keeper)
{
	struct failure failure;

	channel_receive(keeper->channel, MESSAGE_STARTED, NULL, NULL, NULL, &failure);
	if (!failure.error.text[0])
		return 0;
	keeper->status = failure.status;
	keeper->error = failure.error;
	/* A container whose command never ran leaves nothing. */
	keeper->state.keep = false;
	return -1;
}

/* What the command sees, for those who ask later: the host's kernel, itself and PID 1 */
static void note_start(struct keeper *keeper)
{
	struct utsname name;

	if (!uname(&name))
		snprintf(keeper->state.kernel, sizeof(keeper->state.kernel), "%s",
			 name.release);
	keeper->state.processes = cgroup_count(keeper->cgroup);
}

static void on_cgroup_event(void *state, int fd)
{
	const struct keeper *keeper = state;

	cell_paused(keeper->cell, cgroup_is_frozen(fd));
}

/* Return: an exit status */
static int keep(struct keeper *keeper)
{
	int wait_status;

	keeper->relay.cgroup_events = openat(keeper->cgroup, "cgroup.events",
					     O_RDONLY | O_CLOEXEC);
	keeper->relay.on_cgroup_event = on_cgroup_event;
	keeper->relay.state = keeper;
	wait_status = relay_run(&keeper->relay, &keeper->error);
	close_fd(&keeper->relay.cgroup_events);
	if (wait_status < 0)
		return STATUS_LODGE;
	keeper->pid = 0;
	cell_ended(keeper->cell, wait_status);
	if (keeper->relay.lost) {
		error_set(&keeper->error, keeper->relay.lost,
			  "cannot write the container's output");
		return STATUS_LODGE;
	}
	return WIFSIGNALED(wait_status) ? STATUS_SIGNAL + WTERMSIG(wait_status) :
					  WEXITSTATUS(wait_status);
}

static void destroy(struct keeper *keeper)
{
	if (keeper->pid > 0) {
		kill(keeper->pid, SIGKILL);
		while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	relay_close(&keeper->relay);
	close_fd(&keeper->relay.pidfd);
	close_fd(&keeper->cell);
	close_fd(&keeper->channel);
	close_fd(&keeper->child_channel);
	close_fd(&keeper->image);
	close_fd(&keeper->scratch);
	close_fd(&keeper->userns);
	close_fd(&keeper->userns_lock);
	if (keeper->cgroup >= 0) {
		cgroup_get_memory(keeper->cgroup, &keeper->state.memory_peak,
				  &keeper->state.memory_end);
		cgroup_destroy(keeper->state.cgroup);
	}
	close_fd(&keeper->cgroup);
	state_end(&keeper->folder, &keeper->state, keeper->status);
	janitor_dismiss(&keeper->janitor, keeper->has_net ? &keeper->net : NULL);
}

/* What a keeper is made from, for detach() */
struct request {
	struct container_config *config;
	struct image *image;
};

/**
 * run_keeper() - all of a keeper's life
 * @data: struct request
 * @ready: where to write its name when it runs (-d), or -1
 *
 * Return: an exit status
 */
static int run_keeper(void *data, int ready)
{
	const struct request *request = data;
	struct container_config *config = request->config;
	static struct keeper keeper;

	keeper = (struct keeper){
		.config = config,
		.folder = -1,
		.cgroup = -1,
		.image = -1,
		.scratch = -1,
		.userns = -1,
		.userns_lock = -1,
		.channel = -1,
		.child_channel = -1,
		.child_streams = { -1, -1, -1 },
		.cell = -1,
		.status = STATUS_LODGE,
	};
	relay_init(&keeper.relay);
	keeper.folder = state_create(config->name, &keeper.state, &keeper.error);
	if (keeper.folder < 0 ||
	    cgroup_path(keeper.state.cgroup, keeper.state.name, &keeper.error) ||
	    janitor_start(&keeper.janitor, keeper.state.name, keeper.state.cgroup,
			  config->run.detach && !config->run.remove, &keeper.error) ||
	    create(&keeper, request->image) || wait_for_exec(&keeper))
		goto out;
	note_start(&keeper);
	if (ready >= 0) {
		if (log_open(&keeper.log, keeper.folder, &keeper.error) ||
		    detach_tell(ready, keeper.state.name, &keeper.error))
			goto out;
		keeper.relay.on_output = log_written;
		keeper.relay.output_state = &keeper.log;
	}
	keeper.status = keep(&keeper);
out:
	destroy(&keeper);
	if (keeper.error.text[0])
		error_print(&keeper.error);
	return keeper.status;
}

int container_run(struct container_config *config)
{
	struct image image = { .fd = -1 };
	struct request request = { config, &image };
	struct error error;
	int status = STATUS_LODGE;

	if (config->run.image && image_open(&image, config->run.store, config->run.image, &error))
		goto fail;
	if (settle_process(&config->run.process, config->run.image ? &image : NULL, &error))
		goto fail_image;
	status = config->run.detach ? detach(run_keeper, &request) :
				  run_keeper(&request, -1);
	settle_free(&config->run.process);
	if (config->run.image)
		image_close(&image);
	return status;

fail_image:
	if (config->run.image)
		image_close(&image);
fail:
	error_print(&error);
	return status;
}
