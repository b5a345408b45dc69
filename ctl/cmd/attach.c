// SPDX-License-Identifier: GPL-2.0-only
/* lodge attach --screen: what a VM has on its text screen. */
#include "cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/screen.h"
#include "netlink/client.h"
#include "signals.h"
#include "tty.h"

#define LOOK_MS		50
#define CTRL_C		3

#define ENTER_SCREEN	"\033[?1049h\033[0m\033[2J"
#define LEAVE_SCREEN	"\033[0m\033[?25h\033[?1049l"

enum {
	OPTION_SCREEN = 256,
};

static const struct option options[] = {
	{ "screen", no_argument, NULL, OPTION_SCREEN },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge attach --screen GUEST\n"
	"\n"
	"Shows the text screen of a VM, 80 by 25, as long as the VM runs: on a terminal as\n"
	"it changes, q or ctrl-C leaves; elsewhere once.\n"
	"\n"
	"  --screen    the screen, which is all that there is to attach to\n"
	"  -h, --help  print this\n"
	"\n"
	"Exit status: 0, or 125 for an error\n";

/* A file of the VMM's is anything until it has shown to be the screen. */
static const struct screen *map_screen(int folder, const char *name)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	void *screen = MAP_FAILED;
	struct stat st;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    st.st_size == sizeof(struct screen) &&
	    (fcntl(fd, F_GET_SEALS) & seals) == seals)
		screen = mmap(NULL, sizeof(struct screen), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return screen == MAP_FAILED ? NULL : screen;
}

static const struct screen *find_screen(const struct guest *guest, struct error *error)
{
	static const char target[] = "/memfd:" SCREEN_NAME " (deleted)";
	const struct screen *screen = NULL;
	char path[64], link[sizeof(target)];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%u/fd", guest->init_pid);
	folder = opendir(path);
	if (!folder) {
		error_set(error, errno, "cannot look at the process of '%s'", guest->name);
		error_advise(error, "be who runs it, or root");
		return NULL;
	}
	while (!screen && (entry = readdir(folder))) {
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, link,
					    sizeof(link));

		if (length == sizeof(target) - 1 && !memcmp(link, target, sizeof(target) - 1))
			screen = map_screen(dirfd(folder), entry->d_name);
	}
	closedir(folder);
	if (!screen) {
		error_set(error, 0, "the VM '%s' has no screen", guest->name);
		error_advise(error, "it was started by another version of lodge: its console is what there is");
	}
	return screen;
}

static void measure(struct view *view)
{
	struct winsize size;

	view->rows = SCREEN_ROWS;
	view->columns = SCREEN_COLUMNS;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
		view->rows = size.ws_row;
		view->columns = size.ws_col;
	}
	view->drawn = false;
}

/* Return: true if that was enough */
static bool take_keys(void)
{
	char keys[64];
	ssize_t count = read(STDIN_FILENO, keys, sizeof(keys));

	if (count <= 0)
		return count == 0 || (errno != EAGAIN && errno != EINTR);
	return memchr(keys, 'q', (size_t)count) || memchr(keys, CTRL_C, (size_t)count);
}

/* Return: a signal that ends it, or 0 */
static int take_signals(int signals, struct view *view)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH)
			return (int)info.ssi_signo;
		measure(view);
		fputs("\033[2J", stdout);
	}
	return 0;
}

static int open_signals(struct error *error)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	signals_add(&set, wanted, sizeof(wanted) / sizeof(wanted[0]));
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signals_open(&set, error);
}

/* Until the VM ends or somebody has seen enough. Return: an exit status */
static int watch(const struct screen *screen, int vmm, struct error *error)
{
	struct view view = { .cursor = -1 };
	bool keys = isatty(STDIN_FILENO), enough = false;
	int signals = open_signals(error), signal = 0;

	if (signals < 0)
		return STATUS_LODGE;
	if (keys && tty_is_ours())
		tty_open();
	measure(&view);
	fputs(ENTER_SCREEN, stdout);
	while (!enough && !signal) {
		struct pollfd fds[] = {
			{ vmm, POLLIN, 0 },
			{ signals, POLLIN, 0 },
			{ keys ? STDIN_FILENO : -1, POLLIN, 0 },
		};

		screen_draw(screen, &view, stdout);
		if (fflush(stdout))
			break;
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), LOOK_MS) < 0)
			continue;
		if (fds[1].revents)
			signal = take_signals(signals, &view);
		if (fds[2].revents)
			enough = take_keys();
		if (fds[0].revents)
			enough = true;
	}
	fputs(LEAVE_SCREEN, stdout);
	fflush(stdout);
	tty_restore();
	close(signals);
	return signal ? STATUS_SIGNAL + signal : STATUS_OK;
}

/* Return: an exit status */
static int show(const char *name, struct error *error)
{
	const struct screen *screen;
	struct client client;
	struct guest guest;
	int vmm, status;

	status = STATUS_LODGE;
	if (client_open(&client, error))
		return status;
	vmm = client_guest(&client, name, &guest, error);
	client_close(&client);
	if (vmm)
		return status;
	if (guest.kind != LODGE_GUEST_KIND_VM) {
		error_set(error, 0, "'%s' is a container, which has no screen", guest.name);
		error_advise(error, "'lodge exec -it %s sh' is a terminal in it", guest.name);
		return status;
	}
	/* Before its files are looked at: it is the same process afterwards. */
	vmm = guest.ended || !guest.init_pid ? -1 :
	      (int)syscall(SYS_pidfd_open, guest.init_pid, 0);
	if (vmm < 0) {
		error_set(error, 0, "the VM '%s' does not run", guest.name);
		error_advise(error, "'lodge ps' says which do");
		return status;
	}
	screen = find_screen(&guest, error);
	if (screen && isatty(STDOUT_FILENO)) {
		status = watch(screen, vmm, error);
	} else if (screen) {
		screen_print(screen, stdout);
		status = STATUS_OK;
	}
	if (screen)
		munmap((void *)screen, sizeof(*screen));
	close(vmm);
	return status;
}

int cmd_attach(int argc, char **argv)
{
	struct error error = { .text = "" };
	bool screen = false;
	int option, status;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		switch (option) {
		case OPTION_SCREEN:
			screen = true;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("attach", argc, argv, option);
		}
	}
	if (optind >= argc)
		return cmd_no_guest("attach");
	if (optind + 1 < argc)
		return cmd_bad_argument("attach", argv[optind + 1]);
	if (!screen) {
		error_set(&error, 0, "there is only a VM's screen to attach to");
		error_advise(&error, "give --screen; 'lodge logs -f' shows what a guest writes, and 'lodge exec -it' is a terminal in it");
		error_print(&error);
		return STATUS_LODGE;
	}
	status = show(argv[optind], &error);
	if (error.text[0])
		error_print(&error);
	return status;
}
