// SPDX-License-Identifier: GPL-2.0-only
/* lodge: runs virtual machines and containers; finds the verb and calls it. */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct verb verbs[] = {
	{ "check", "can this host run virtual machines and containers?",
	  cmd_check },
	{ "run", "run a guest", cmd_run },
	{ "exec", "run one more command in a guest", cmd_exec },
	{ "attach", "look at a VM's screen", cmd_attach },
	{ "stop", "end guests", cmd_stop },
	{ "kill", "send a signal to guests", cmd_kill },
	{ "pause", "stop guests", cmd_pause },
	{ "resume", "let paused guests go on", cmd_resume },
	{ "update", "change what guests may use", cmd_update },
	{ "logs", "print what a guest has written", cmd_logs },
	{ "rm", "remove what is left of guests", cmd_rm },
	{ "ps", "list guests", cmd_ps },
	{ "stats", "show what guests do", cmd_stats },
	{ "events", "show what happens to guests", cmd_events },
	{ "inspect", "print all that is known of guests", cmd_inspect },
	{ "policy", "print or change what containers may do", cmd_policy },
	{ "image", "import, list and remove images", cmd_image },
	{ "compare", "run a command as a VM and as a container", cmd_compare },
	{ "version", "print the version", cmd_version },
	{ "help", "print this, or the help of a verb", cmd_help },
};

#define NR_VERBS	(sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < NR_VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int unknown_verb(const char *name)
{
	fprintf(stderr,
		"lodge: there is no verb '%s'; 'lodge help' lists them\n", name);
	return STATUS_LODGE;
}

static void usage(FILE *out)
{
	size_t i;

	fputs("Usage: lodge VERB [OPTION...]\n"
	      "\n"
	      "Runs virtual machines and containers.\n"
	      "\n"
	      "Verbs:\n", out);
	for (i = 0; i < NR_VERBS; i++)
		fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\n"
	      "'lodge VERB --help' explains a verb.\n", out);
}

static int cmd_help(int argc, char **argv)
{
	char help_option[] = "--help";
	char *help_argv[3] = { NULL, help_option, NULL };
	const struct verb *verb;

	if (argc < 2 || argv[1][0] == '-') {
		usage(stdout);
		return STATUS_OK;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	if (verb->run == cmd_help || verb->run == cmd_version) {
		usage(stdout);
		return STATUS_OK;
	}
	help_argv[0] = argv[1];
	return verb->run(2, help_argv);
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("lodge " LODGE_VERSION);
	return STATUS_OK;
}

int cmd_bad_option(const char *verb, int argc, char **argv, int returned)
{
	/*
	 * A bad short option is in optopt alone, for it may be in the midst of
	 * a cluster; a bad long one is the argument before optind.
	 */
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	char letter[3] = { '-', (char)optopt, '\0' };

	if (strncmp(word, "--", 2) && optopt > 0 && optopt < 256)
		word = letter;
	if (returned == ':')
		fprintf(stderr, "lodge: option '%s' needs a value", word);
	else if (!strncmp(word, "--", 2) && strchr(word, '='))
		fprintf(stderr, "lodge: option '%.*s' is not known or takes no value",
			(int)strcspn(word, "="), word);
	else
		fprintf(stderr, "lodge: option '%s' is not known", word);
	fprintf(stderr, "; 'lodge %s --help' lists the options\n", verb);
	return STATUS_LODGE;
}

int cmd_bad_argument(const char *verb, const char *argument)
{
	fprintf(stderr, "lodge: '%s' is one argument too many; 'lodge %s --help' says what it takes\n",
		argument, verb);
	return STATUS_LODGE;
}

int cmd_no_guest(const char *verb)
{
	fprintf(stderr, "lodge: no guest is named; 'lodge %s --help' says what it takes\n",
		verb);
	return STATUS_LODGE;
}

/*
 * A closed standard descriptor would be given to the next file that is opened,
 * and the guest's output would end up there.
 */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What was printed may have been lost long before the end. */
static int check_stdout(int status)
{
	const char *why = "some of it is lost";

	if (fflush(stdout))
		why = strerror(errno);
	else if (!ferror(stdout))
		return status;
	fprintf(stderr, "lodge: cannot write to standard output: %s\n", why);
	return STATUS_LODGE;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	fill_standard_descriptors();
	if (argc < 2) {
		usage(stderr);
		return STATUS_LODGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return check_stdout(cmd_help(1, argv + 1));
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return check_stdout(cmd_version(1, argv + 1));
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	return check_stdout(verb->run(argc - 1, argv + 1));
}
