// SPDX-License-Identifier: GPL-2.0-only
/* lodge compare: the same command as a VM and as a container. */
#include "cmd/compare.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "container/state.h"
#include "error.h"
#include "signals.h"
#include "vmm/vm.h"

/* pid, mnt, net, uts, ipc, cgroup, time: container/keeper.c */
#define NR_NAMESPACES	7
#define ARGUMENTS_MAX	24
#define OUTPUT_SHOWN	4096

enum {
	OPTION_STORE = 0x100,
	OPTION_NET,
	OPTION_KERNEL,
	OPTION_MODULES,
	OPTION_JSON,
	OPTION_SVG,
};

static const struct option options[] = {
	{ "store", required_argument, NULL, OPTION_STORE },
	{ "net", required_argument, NULL, OPTION_NET },
	{ "memory", required_argument, NULL, 'm' },
	{ "vcpus", required_argument, NULL, 'c' },
	{ "kernel", required_argument, NULL, OPTION_KERNEL },
	{ "modules", required_argument, NULL, OPTION_MODULES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "svg", required_argument, NULL, OPTION_SVG },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge compare [OPTION...] IMAGE [COMMAND [ARGUMENT...]]\n"
	"\n"
	"Runs a command in a VM and then in a container, both of one image, and prints\n"
	"what the difference is. What the command writes is not shown, unless it fails.\n"
	"\n"
	"  --json            print JSON: times in nanoseconds, memory in bytes\n"
	"  --svg FILE        draw it, too\n"
	"  --net bridge|none the network of both [bridge]\n"
	"  --store FOLDER    where images are [/var/lib/lodge]\n"
	"  -m, --memory MIB, -c, --vcpus N, --kernel FILE, --modules FOLDER\n"
	"                    of the VM, as of 'lodge run --vm'\n"
	"  -h, --help        print this\n"
	"\n"
	"Exit status: 0, the status of the command that failed, or\n"
	"  125               an error of lodge itself\n"
	"  128 + N           signal N ended it\n";

/**
 * struct request - the command line
 * @both: options for both guests, and their values
 * @nr_both: how many words
 * @vm: those that are for the VM alone
 * @nr_vm: how many words
 * @json: --json
 * @svg: --svg
 * @words: the image and the command
 * @signals: what may end it
 * @mask: signals that were blocked before
 */
struct request {
	char *both[ARGUMENTS_MAX];
	size_t nr_both;
	char *vm[ARGUMENTS_MAX];
	size_t nr_vm;
	bool json;
	const char *svg;
	char **words;
	int signals;
	sigset_t mask;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Until the process has ended. Return: 0, or a signal that came first */
static int wait_for(int pidfd, int signals)
{
	struct pollfd fds[] = { { pidfd, POLLIN, 0 }, { signals, POLLIN, 0 } };
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents && read(signals, &info, sizeof(info)) == sizeof(info))
			return (int)info.ssi_signo;
		if (fds[0].revents)
			return 0;
	}
}

/* The child: `lodge run -d` */
__attribute__((noreturn))
static void run_detached(const struct request *request, bool vm, char *name)
{
	char *argv[3 * ARGUMENTS_MAX] = { (char *)"lodge", (char *)"run" };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct error error;
	size_t count = 2, i;
	char **words;

	argv[count++] = (char *)(vm ? "--vm" : "--container");
	argv[count++] = (char *)"-d";
	argv[count++] = (char *)"--name";
	argv[count++] = name;
	for (i = 0; i < request->nr_both; i++)
		argv[count++] = request->both[i];
	for (i = 0; vm && i < request->nr_vm; i++)
		argv[count++] = request->vm[i];
	for (i = 0; request->words[i]; i++)
		continue;
	words = calloc(count + i + 2, sizeof(*words));
	if (words && null >= 0) {
		memcpy(words, argv, count * sizeof(*words));
		words[count] = (char *)"--";
		memcpy(words + count + 1, request->words, i * sizeof(*words));
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		sigprocmask(SIG_SETMASK, &request->mask, NULL);
		execv("/proc/self/exe", words);
	}
	error_set(&error, errno, "cannot run lodge");
	error_print(&error);
	_exit(STATUS_LODGE);
}

/* Return: 0: the command runs; or an exit status, as of `lodge run` */
static int start(const struct request *request, bool vm, char *name)
{
	int pidfd, signal, status;
	pid_t pid = fork();

	if (!pid)
		run_detached(request, vm, name);
	pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return STATUS_LODGE;
	signal = wait_for(pidfd, request->signals);
	if (signal)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	close(pidfd);
	if (signal)
		return STATUS_SIGNAL + signal;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_LODGE;
}

/* The end of what it wrote, for the command has failed. */
static void show_output(const char *name)
{
	int folder = state_open(name), log = -1;
	char text[OUTPUT_SHOWN];
	ssize_t count = 0;
	off_t size;

	if (folder >= 0)
		log = openat(folder, "log", O_RDONLY | O_CLOEXEC);
	if (log >= 0) {
		size = lseek(log, 0, SEEK_END);
		count = pread(log, text, sizeof(text),
			      size > OUTPUT_SHOWN ? size - OUTPUT_SHOWN : 0);
		close(log);
	}
	if (folder >= 0)
		close(folder);
	if (count > 0)
		(void)!fwrite(text, 1, (size_t)count, stderr);
}

/* It is running or has ended. Return: 0, an exit status, or -1 with @error */
static int see_end(const struct request *request, const char *name,
		   struct measurement *measurement, uint64_t begun, struct error *error)
{
	struct state state;
	int pidfd, signal = 0;

	if (state_load(&state, name, NULL, error))
		return -1;
	/* If it has ended before, there is nothing to wait for. */
	pidfd = (int)syscall(SYS_pidfd_open, state.keeper, 0);
	if (pidfd >= 0 && state.status < 0)
		signal = wait_for(pidfd, request->signals);
	if (pidfd >= 0)
		close(pidfd);
	state_free(&state);
	if (signal)
		return STATUS_SIGNAL + signal;
	if (state_wait_for_end(name))
		return error_set(error, errno, "cannot wait for the guest '%s'", name);
	measurement->total = now() - begun;
	if (state_load(&state, name, NULL, error))
		return -1;
	measurement->status = state.status;
	measurement->memory_peak = state.memory_peak;
	measurement->memory_end = state.memory_end;
	measurement->processes = state.processes;
	memcpy(measurement->kernel, state.kernel, sizeof(measurement->kernel));
	state_free(&state);
	if (measurement->status < 0)
		return error_set(error, 0, "the keeper of the guest '%s' was killed", name);
	return 0;
}

static void clean_up(char *name)
{
	char *argv[4] = { (char *)"rm", (char *)"-f", name, NULL };
	int folder = state_open(name);

	if (folder < 0)
		return;
	close(folder);
	cmd_rm(3, argv);
}

/* Return: 0, or the exit status of all */
static int measure(const struct request *request, bool vm, struct measurement *measurement)
{
	struct error error = { .text = "" };
	char name[64];
	uint64_t begun = now();
	int status;

	snprintf(name, sizeof(name), "compare-%s-%d", vm ? "vm" : "ct", (int)getpid());
	status = start(request, vm, name);
	measurement->to_command = now() - begun;
	if (!status)
		status = see_end(request, name, measurement, begun, &error);
	if (!status && measurement->status) {
		show_output(name);
		error_set(&error, 0, "the command failed in the %s: exit status %d",
			  vm ? "VM" : "container", measurement->status);
	}
	if (error.text[0])
		error_print(&error);
	clean_up(name);
	return status < 0 ? STATUS_LODGE : status;
}

/* What the module says of this host. Return: 0 or -1 */
static int ask_module(struct comparison *comparison, struct error *error)
{
	struct lodge_info info = { .size = sizeof(info) };
	int fd = lodge_open(error), result;

	if (fd < 0)
		return -1;
	result = ioctl(fd, LODGE_GET_INFO, &info);
	close(fd);
	if (result)
		return error_set(error, errno, "cannot ask the module about this host");
	comparison->hardware = info.vendor == LODGE_VENDOR_VMX ? "VMX" : "SVM";
	comparison->nr_hooks = info.nr_hooks;
	return 0;
}

static int draw(const struct comparison *comparison, const char *path)
{
	FILE *file = fopen(path, "we");
	struct error error;
	int result = file ? compare_print_svg(comparison, file) : -1;

	if (result) {
		error_set(&error, errno, "cannot write the picture %s", path);
		error_print(&error);
	}
	if (file)
		fclose(file);
	return result ? STATUS_LODGE : STATUS_OK;
}

static int compare(struct request *request)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct comparison comparison = {
		.image = request->words[0],
		.command = request->words + 1,
		.nr_namespaces = NR_NAMESPACES,
	};
	struct error error;
	sigset_t set;
	int status;

	sigemptyset(&set);
	signals_add(&set, ends, sizeof(ends) / sizeof(ends[0]));
	sigprocmask(SIG_BLOCK, &set, &request->mask);
	request->signals = signals_open(&set, &error);
	if (request->signals < 0 || ask_module(&comparison, &error)) {
		error_print(&error);
		return STATUS_LODGE;
	}
	status = measure(request, true, &comparison.vm);
	if (!status)
		status = measure(request, false, &comparison.container);
	close(request->signals);
	if (status)
		return status;
	if (request->json)
		compare_print_json(&comparison);
	else
		compare_print(&comparison);
	if (request->svg)
		status = draw(&comparison, request->svg);
	if (comparison.vm.status || comparison.container.status)
		status = comparison.vm.status ?: comparison.container.status;
	return status;
}

/* An option that is handed on. Return: 0, or -1: there are too many */
static int hand_on(char **words, size_t *count, const char *option, char *value)
{
	if (*count + 2 > ARGUMENTS_MAX)
		return -1;
	words[(*count)++] = (char *)option;
	words[(*count)++] = value;
	return 0;
}

static int parse_option(int option, struct request *request)
{
	switch (option) {
	case OPTION_STORE:
		return hand_on(request->both, &request->nr_both, "--store", optarg);
	case OPTION_NET:
		return hand_on(request->both, &request->nr_both, "--net", optarg);
	case 'm':
		return hand_on(request->vm, &request->nr_vm, "-m", optarg);
	case 'c':
		return hand_on(request->vm, &request->nr_vm, "-c", optarg);
	case OPTION_KERNEL:
		return hand_on(request->vm, &request->nr_vm, "--kernel", optarg);
	case OPTION_MODULES:
		return hand_on(request->vm, &request->nr_vm, "--modules", optarg);
	case OPTION_JSON:
		request->json = true;
		return 0;
	case OPTION_SVG:
		request->svg = optarg;
		return 0;
	}
	return 1;
}

int cmd_compare(int argc, char **argv)
{
	struct request request = { .nr_both = 0 };
	struct error error;
	int option, result;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:m:c:h", options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		result = parse_option(option, &request);
		if (result > 0)
			return cmd_bad_option("compare", argc, argv, option);
		if (result < 0) {
			error_set(&error, 0, "there are too many options");
			error_print(&error);
			return STATUS_LODGE;
		}
	}
	if (optind == argc) {
		error_set(&error, 0, "there is no image to run");
		error_advise(&error, "name one: 'lodge image ls' lists them");
		error_print(&error);
		return STATUS_LODGE;
	}
	request.words = argv + optind;
	return compare(&request);
}
