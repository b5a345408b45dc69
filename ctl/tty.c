// SPDX-License-Identifier: GPL-2.0-only
/* Raw mode, and the way back from it, however the process ends. */
#include "tty.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Apart, for signal handlers. */
static struct termios saved;
static bool is_saved;
static volatile sig_atomic_t raw;

/*
 * A job in the background that touches its terminal is stopped; one that does
 * not control us has no background.
 */
static bool in_foreground(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);

	return group < 0 ? errno == ENOTTY : group == getpgrp();
}

bool tty_is_ours(void)
{
	return isatty(STDIN_FILENO) && in_foreground();
}

void tty_restore(void)
{
	if (!raw)
		return;
	raw = 0;
	/* If we are not, the shell has put it back when it took it. */
	if (in_foreground())
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

void tty_forget(void)
{
	raw = 0;
	is_saved = false;
}

static void on_fatal_signal(int signal)
{
	tty_restore();
	/* SA_RESETHAND: this time it kills. */
	raise(signal);
}

static void make_raw(void)
{
	struct termios t = saved;

	t.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | IGNBRK | IGNCR | INLCR |
				 INPCK | ISTRIP | IXON | PARMRK);
	t.c_oflag &= ~(tcflag_t)OPOST;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	/* From here on a signal finds something to restore. */
	raw = 1;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t))
		raw = 0;
}

void tty_open(void)
{
	/* What kills us, beside the signals that end us in good order. */
	static const int fatal[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS,
		SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT,
		SIGXCPU, SIGXFSZ,
	};
	struct sigaction before, action = {
		.sa_handler = on_fatal_signal,
		.sa_flags = (int)SA_RESETHAND | SA_NODEFER,
	};
	size_t i;

	if (!tty_is_ours() || tcgetattr(STDIN_FILENO, &saved))
		return;
	is_saved = true;
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		if (!sigaction(fatal[i], NULL, &before) &&
		    before.sa_handler == SIG_DFL)
			sigaction(fatal[i], &action, NULL);
	atexit(tty_restore);
	make_raw();
}

bool tty_continue(void)
{
	/* Brought to the foreground, a job may have its terminal at last. */
	if (!tty_is_ours() || (!is_saved && tcgetattr(STDIN_FILENO, &saved)))
		return false;
	is_saved = true;
	make_raw();
	return true;
}
