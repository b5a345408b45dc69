// SPDX-License-Identifier: GPL-2.0-only
/* lodge run --container: the command line of a container. */
#include "cmd/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "container/container.h"

enum {
	OPTION_ROOTFS = RUN_OPTION_OWN,
	OPTION_TMPFS,
	OPTION_DEVICE,
	OPTION_CAP_ADD,
	OPTION_CAP_DROP,
	OPTION_PRIVILEGED,
	OPTION_SECURITY,
	OPTION_USERNS,
	OPTION_POLICY,
	OPTION_COMPLAIN,
};

const char *const run_container_short_options = "+:v:e:w:u:tidp:m:c:h";
const struct option run_container_options[] = {
	{ "rootfs", required_argument, NULL, OPTION_ROOTFS },
	{ "volume", required_argument, NULL, 'v' },
	{ "tmpfs", required_argument, NULL, OPTION_TMPFS },
	{ "device", required_argument, NULL, OPTION_DEVICE },
	{ "cap-add", required_argument, NULL, OPTION_CAP_ADD },
	{ "cap-drop", required_argument, NULL, OPTION_CAP_DROP },
	{ "privileged", no_argument, NULL, OPTION_PRIVILEGED },
	{ "security-opt", required_argument, NULL, OPTION_SECURITY },
	{ "userns", required_argument, NULL, OPTION_USERNS },
	{ "policy", required_argument, NULL, OPTION_POLICY },
	{ "complain", no_argument, NULL, OPTION_COMPLAIN },
	{ NULL, 0, NULL, 0 },
};

const char run_container_help[] =
	"Usage: lodge run [--container] [OPTION...] IMAGE [COMMAND [ARGUMENT...]]\n"
	"       lodge run [--container] [OPTION...] --rootfs FOLDER COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs a command in a container. Standard streams, signals and the exit status\n"
	"are passed through.\n"
	"\n"
	"  --name NAME            its name, for 'lodge exec' and others\n"
	"  -d, --detach           leave it running, print its name ('lodge logs' has its output)\n"
	"  --rm                   with -d: nothing of it stays after its end\n"
	"  -i, --interactive      standard input is its input [where that is no terminal]\n"
	"  -t, --tty              it has a terminal of its own\n"
	"  -e, --env NAME[=VALUE] a variable for it, or one of this environment\n"
	"  -w, --workdir FOLDER   its working directory\n"
	"  -u, --user USER[:GROUP] whom its command runs as: names in it, or numbers\n"
	"  --hostname NAME        its host name [its name]\n"
	"  --rootfs FOLDER        a folder to use as an image; it is not changed\n"
	"  --store FOLDER         where images are [/var/lib/lodge]\n"
	"  -v, --volume SRC:DST[:ro] a file or folder of the host in it\n"
	"  --tmpfs DST[:OPTIONS]  an empty file system in memory\n"
	"  --read-only            its root cannot be written\n"
	"  --ulimit NAME=SOFT[:HARD]  a resource limit, such as nofile=1024:4096\n"
	"  --device SRC[:DST]     a device of the host\n"
	"  --cap-add CAP, --cap-drop CAP  capabilities, or 'all'\n"
	"  --privileged           all capabilities, no filter, nothing masked\n"
	"  --security-opt OPT     seccomp=unconfined, no-new-privileges=false\n"
	"  --userns auto          its root is an unprivileged user of the host\n"
	"  -m, --memory MIB       the most memory it may use: MiB, or 512m, 2g\n"
	"  -c, --cpus N.N         the most CPU time it may use, in CPUs\n"
	"  --cpu-weight N         its part of the CPUs when all want them, 1 to 10000 [100]\n"
	"  --cpu-shares N         the same as docker has it [1024]\n"
	"  --pids N               the most processes and threads\n"
	"  --io-max 'DISK KEY=N...' the most of a disk: rbps, wbps, riops, wiops\n"
	"  --io-weight N          its part of a disk when all want it, 1 to 10000 [100]\n"
	"  --net bridge|none|host its network [bridge]\n"
	"  -p, --publish [ADDRESS:]HOST:GUEST[/udp] a port of the host leads to it\n"
	"  --policy FILE          what its wall lets through\n"
	"  --complain             the wall reports only\n"
	"  -h, --help             print this\n"
	"\n"
	"Exit status: the command's, or\n"
	"  125                    an error of lodge itself\n"
	"  126                    the command cannot be executed\n"
	"  127                    there is no such command\n"
	"  128 + N                signal N ended it: 143 for SIGTERM, 137 for SIGKILL\n";

/**
 * struct request - the command line
 * @config: of the container
 * @env: what -e says
 * @caps_added: --cap-add
 * @caps_dropped: --cap-drop
 */
struct request {
	struct container_config config;
	char **env;
	uint64_t caps_added;
	uint64_t caps_dropped;
};

static int parse_volume(char *text, struct container_config *config,
			struct error *error)
{
	struct container_volume *volume = &config->volumes[config->nr_volumes];
	char *target = strchr(text, ':');
	char *options = target ? strchr(target + 1, ':') : NULL;

	if (!target || text[0] != '/' || target[1] != '/' || !target[2] ||
	    (options && strcmp(options, ":ro") && strcmp(options, ":rw"))) {
		error_set(error, 0, "'%s' is not a volume", text);
		return error_advise(error, "give two absolute paths: -v SRC:DST or -v SRC:DST:ro");
	}
	*target = '\0';
	volume->read_only = options && !strcmp(options, ":ro");
	if (options)
		*options = '\0';
	volume->source = text;
	volume->target = target + 1;
	config->nr_volumes++;
	return 0;
}

static int parse_tmpfs(char *text, struct container_config *config,
		       struct error *error)
{
	struct container_tmpfs *tmpfs = &config->tmpfs[config->nr_tmpfs++];
	char *options = strchr(text, ':');

	if (text[0] != '/')
		return error_set(error, 0, "'%s' is not an absolute path for --tmpfs",
				 text);
	if (options)
		*options++ = '\0';
	tmpfs->target = text;
	tmpfs->options = options;
	return 0;
}

static int parse_device(char *text, struct container_config *config,
			struct error *error)
{
	struct container_device *device = &config->devices[config->nr_devices++];
	char *target = strchr(text, ':');
	struct stat status;

	if (target)
		*target++ = '\0';
	device->source = text;
	device->target = target ? target : text;
	if (stat(text, &status))
		return error_set(error, errno, "cannot look at the device %s", text);
	if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
		return error_set(error, 0, "'%s' is not a device", text);
	return 0;
}

static int parse_cap(const char *text, uint64_t *caps, struct error *error)
{
	uint64_t mask = process_parse_cap(text);

	if (!mask) {
		error_set(error, 0, "'%s' is not a capability", text);
		return error_advise(error, "see capabilities(7) for their names, or give 'all'");
	}
	*caps |= mask;
	return 0;
}

static int parse_security(const char *text, struct process *process,
			  struct error *error)
{
	if (!strcmp(text, "seccomp=unconfined")) {
		process->seccomp = false;
	} else if (!strcmp(text, "no-new-privileges") ||
		   !strcmp(text, "no-new-privileges=true")) {
		process->no_new_privs = true;
	} else if (!strcmp(text, "no-new-privileges=false")) {
		process->no_new_privs = false;
	} else {
		error_set(error, 0, "'%s' is not a security option", text);
		return error_advise(error, "give seccomp=unconfined or no-new-privileges=false");
	}
	return 0;
}

static int parse_net(const char *text, enum container_net *net, struct error *error)
{
	if (!strcmp(text, "bridge"))
		*net = CONTAINER_NET_BRIDGE;
	else if (!strcmp(text, "none"))
		*net = CONTAINER_NET_NONE;
	else if (!strcmp(text, "host"))
		*net = CONTAINER_NET_HOST;
	else
		return error_set(error, 0, "'%s' is not a network: give bridge, none or host",
				 text);
	return 0;
}

static int parse_userns(const char *text, bool *userns, struct error *error)
{
	if (strcmp(text, "auto") && strcmp(text, "host"))
		return error_set(error, 0, "'%s' is not a user namespace: give auto or host",
				 text);
	*userns = !strcmp(text, "auto");
	return 0;
}

static int parse_port(const char *text, struct container_config *config,
		      struct error *error)
{
	if (config->nr_ports == NET_PORTS_MAX)
		return error_set(error, 0, "a container can publish %d ports at the most",
				 NET_PORTS_MAX);
	return net_parse_port(text, &config->ports[config->nr_ports++], error);
}

/* Return: 0, -1 with @error, or 1: it is not known */
static int parse_option(int option, char *value, struct request *request,
			struct error *error)
{
	struct container_config *config = &request->config;
	struct process *process = &config->run.process;

	switch (option) {
	case RUN_OPTION_CONTAINER:
		return 0;
	case RUN_OPTION_NAME:
		config->name = value;
		return run_check_name(value, error);
	case OPTION_ROOTFS:
		config->rootfs = value;
		return 0;
	case 'v':
		return parse_volume(value, config, error);
	case OPTION_TMPFS:
		return parse_tmpfs(value, config, error);
	case OPTION_DEVICE:
		return parse_device(value, config, error);
	case OPTION_CAP_ADD:
		return parse_cap(value, &request->caps_added, error);
	case OPTION_CAP_DROP:
		return parse_cap(value, &request->caps_dropped, error);
	case OPTION_PRIVILEGED:
		config->privileged = true;
		return 0;
	case OPTION_SECURITY:
		return parse_security(value, process, error);
	case OPTION_USERNS:
		return parse_userns(value, &config->userns, error);
	case 'm':
		return run_parse_memory(value, &config->run.limits.memory, error);
	case 'c':
		return limits_parse_cpus(value, &config->run.limits.cpu_quota, error);
	case RUN_OPTION_NET:
		return parse_net(value, &config->net, error);
	case 'p':
		return parse_port(value, config, error);
	case OPTION_POLICY:
		config->policy = value;
		return 0;
	case OPTION_COMPLAIN:
		config->complain = true;
		return 0;
	}
	return run_parse_option(option, value, &config->run, error);
}

static int check_request(const struct request *request, struct error *error)
{
	const struct container_config *config = &request->config;

	if (!config->run.image && !config->rootfs) {
		error_set(error, 0, "there is no image to run");
		return error_advise(error, "name one ('lodge image ls' lists them), or a folder with --rootfs; a virtual machine takes --vm");
	}
	if (config->userns && config->net == CONTAINER_NET_HOST)
		return error_set(error, 0, "--userns auto and --net host exclude each other");
	if (config->nr_ports && config->net != CONTAINER_NET_BRIDGE)
		return error_set(error, 0, "ports can be published with --net bridge only");
	if (geteuid()) {
		error_set(error, 0, "containers can be made by root only");
		return error_advise(error, "run lodge as root");
	}
	return 0;
}

static void settle_rights(struct request *request)
{
	struct process *process = &request->config.run.process;

	if (request->config.privileged) {
		process->caps = process_all_caps();
		process->seccomp = false;
		process->no_new_privs = false;
	}
	/* As elsewhere: --cap-drop all --cap-add X leaves X. */
	if (request->caps_dropped == process_all_caps())
		process->caps = request->caps_added;
	else
		process->caps = (process->caps | request->caps_added) &
				~request->caps_dropped;
	process->caps &= process_all_caps();
}

/* Return: -1 to go on, else an exit status */
static int parse(int argc, char **argv, struct request *request)
{
	struct container_config *config = &request->config;
	struct option options[RUN_OPTIONS_MAX];
	struct error error;
	int option, result;

	run_options(options, run_container_options);
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, run_container_short_options, options,
				     NULL)) >= 0) {
		result = parse_option(option, optarg, request, &error);
		if (result > 0)
			return cmd_bad_option("run", argc, argv, option);
		if (result < 0)
			goto fail;
	}
	if (!config->rootfs && optind < argc)
		config->run.image = argv[optind++];
	config->run.process.argv = argv + optind;
	config->run.interactive = run_is_interactive(config->run.interactive);
	if (check_request(request, &error))
		goto fail;
	settle_rights(request);
	return -1;
fail:
	error_print(&error);
	return STATUS_LODGE;
}

/* No option can be given more often than there are words. */
static int allocate(struct request *request, int argc)
{
	struct container_config *config = &request->config;
	size_t count = (size_t)argc + 1;

	request->env = calloc(count, sizeof(*request->env));
	config->run.process.env = request->env;
	config->volumes = calloc(count, sizeof(*config->volumes));
	config->tmpfs = calloc(count, sizeof(*config->tmpfs));
	config->devices = calloc(count, sizeof(*config->devices));
	return request->env && config->volumes && config->tmpfs &&
	       config->devices ? 0 : -1;
}

int run_container(int argc, char **argv)
{
	struct request request = {
		.config.run.process = {
			.caps = process_default_caps,
			.seccomp = true,
			.no_new_privs = true,
		},
	};
	struct container_config *config = &request.config;
	struct error error;
	int status;

	config->title = argv[0];
	config->title_size = (size_t)(argv[argc - 1] - argv[0]) + strlen(argv[argc - 1]);
	if (allocate(&request, argc)) {
		error_set(&error, errno, "cannot read the command line");
		error_print(&error);
		status = STATUS_LODGE;
	} else {
		status = parse(argc, argv, &request);
	}
	if (status < 0)
		status = container_run(config);
	free(request.env);
	free(config->volumes);
	free(config->tmpfs);
	free(config->devices);
	return status;
}
