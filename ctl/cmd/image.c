// SPDX-License-Identifier: GPL-2.0-only
/* lodge image: import, list, show, mount and remove images. */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "image/config.h"
#include "image/image.h"
#include "json.h"

enum {
	OPTION_STORE = 0x100,
	OPTION_JSON,
	OPTION_REF,
};

static const struct option options[] = {
	{ "store", required_argument, NULL, OPTION_STORE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "quiet", no_argument, NULL, 'q' },
	{ "force", no_argument, NULL, 'f' },
	{ "change", required_argument, NULL, 'c' },
	{ "ref", required_argument, NULL, OPTION_REF },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge image import [OPTION...] NAME DIR|TAR|OCI-LAYOUT\n"
	"       lodge image ls [OPTION...]\n"
	"       lodge image inspect [OPTION...] NAME...\n"
	"       lodge image mount [OPTION...] NAME DIR\n"
	"       lodge image rm [OPTION...] NAME...\n"
	"\n"
	"Keeps images: read-only root file systems with what is to run in them.\n"
	"\n"
	"import makes one from a folder, a tar file (packed or not; - is standard input)\n"
	"or the folder of an OCI layout. Device nodes are refused. mount mounts one,\n"
	"read-only; umount undoes it. rm removes images; guests that run from them keep\n"
	"them until they end.\n"
	"\n"
	"  -c, --change INSTRUCTION  import: CMD, ENTRYPOINT, ENV, WORKDIR or USER, as in a\n"
	"                Dockerfile: --change 'CMD [\"sh\", \"-l\"]' --change 'ENV A=b'\n"
	"  -f, --force   import: replace an image of that name\n"
	"  --ref NAME    import: which image of an OCI layout\n"
	"  -q, --quiet   import: no progress; ls: names only\n"
	"  --json        ls: print JSON (inspect always does)\n"
	"  --store DIR   the store (default: " IMAGE_STORE ")\n"
	"  -h, --help    print this\n";

/**
 * struct request - the command line
 * @import: of import; its store is for all
 * @argv: what is not an option
 * @argc: how many
 * @json: --json
 * @quiet: -q
 */
struct request {
	struct image_import import;
	char **argv;
	int argc;
	bool json;
	bool quiet;
};

static int report(const struct error *error)
{
	error_print(error);
	return STATUS_LODGE;
}

static int wants_name(const char *verb)
{
	fprintf(stderr, "lodge: which image? 'lodge image %s' takes its name; 'lodge image ls' lists them\n",
		verb);
	return STATUS_LODGE;
}

static int do_import(struct request *request)
{
	struct error error;

	if (request->argc < 2) {
		fputs("lodge: import takes a name and a folder, a tar file or an OCI layout; 'lodge image --help' says more\n",
		      stderr);
		return STATUS_LODGE;
	}
	if (request->argc > 2)
		return cmd_bad_argument("image", request->argv[2]);
	request->import.name = request->argv[0];
	request->import.source = request->argv[1];
	request->import.progress = !request->quiet && isatty(STDERR_FILENO);
	if (image_import(&request->import, &error))
		return report(&error);
	return STATUS_OK;
}

static void format_time(int64_t created, char *text, size_t size)
{
	time_t time = created;
	struct tm tm;

	*text = '\0';
	if (gmtime_r(&time, &tm))
		strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void print_strings(const char *name, char **strings, size_t count)
{
	size_t i;

	printf("    \"%s\": [", name);
	for (i = 0; i < count; i++) {
		printf("%s", i ? ", " : "");
		json_text(strings[i]);
	}
	printf("],\n");
}

static size_t count_strings(char **strings)
{
	size_t count = 0;

	while (strings[count])
		count++;
	return count;
}

static void print_image(const struct image *image, bool first)
{
	char created[32];

	format_time(image->created, created, sizeof(created));
	printf("%s\n  { ", first ? "" : ",");
	json_string("name", image->name);
	printf(",\n    ");
	json_string("path", image->path);
	printf(",\n    \"size\": %" PRIu64 ",\n    ", image->size);
	json_string("created", created);
	printf(",\n");
	print_strings("entrypoint", image->argv, image->nr_entrypoint);
	print_strings("cmd", image->argv + image->nr_entrypoint,
		      count_strings(image->argv) - image->nr_entrypoint);
	print_strings("env", image->env, count_strings(image->env));
	printf("    ");
	json_string("workdir", image->workdir);
	printf(",\n    ");
	json_string("user", image->user);
	printf(" }");
}

static void print_row(const struct image *image, int width)
{
	char created[32];

	format_time(image->created, created, sizeof(created));
	printf("%-*s  %7.1f MiB  %s\n", width, image->name,
	       (double)image->size / (1 << 20), created);
}

static int do_ls(struct request *request)
{
	int status = STATUS_OK, width = 4;
	struct image image;
	struct error error;
	bool first = true;
	char **names, **name;

	if (request->argc)
		return cmd_bad_argument("image", request->argv[0]);
	if (image_names(request->import.store, &names, &error))
		return report(&error);
	for (name = names; *name; name++)
		if ((int)strlen(*name) > width)
			width = (int)strlen(*name);
	if (request->json)
		printf("[");
	else if (!request->quiet)
		printf("%-*s  %11s  CREATED\n", width, "NAME", "SIZE");
	for (name = names; *name; name++) {
		if (request->quiet && !request->json) {
			puts(*name);
			continue;
		}
		if (image_open(&image, request->import.store, *name, &error)) {
			status = report(&error);
			continue;
		}
		if (request->json)
			print_image(&image, first);
		else
			print_row(&image, width);
		first = false;
		image_close(&image);
	}
	if (request->json)
		printf("%s]\n", first ? "" : "\n");
	free(names);
	return status;
}

static int do_inspect(struct request *request)
{
	int status = STATUS_OK, i;
	struct image image;
	struct error error;
	bool first = true;

	if (!request->argc)
		return wants_name("inspect");
	printf("[");
	for (i = 0; i < request->argc; i++) {
		if (image_open(&image, request->import.store, request->argv[i], &error)) {
			status = report(&error);
			continue;
		}
		print_image(&image, first);
		first = false;
		image_close(&image);
	}
	printf("%s]\n", first ? "" : "\n");
	return status;
}

static int do_mount(struct request *request)
{
	struct image image;
	struct error error;
	int mount, ret = 0;

	if (request->argc < 2)
		return wants_name("mount");
	if (request->argc > 2)
		return cmd_bad_argument("image", request->argv[2]);
	if (image_open(&image, request->import.store, request->argv[0], &error))
		return report(&error);
	mount = image_mount(&image, &error);
	image_close(&image);
	if (mount < 0)
		return report(&error);
	if (syscall(SYS_move_mount, mount, "", AT_FDCWD, request->argv[1],
		    MOVE_MOUNT_F_EMPTY_PATH))
		ret = error_set(&error, errno, "cannot mount on %s", request->argv[1]);
	close(mount);
	return ret ? report(&error) : STATUS_OK;
}

static int do_rm(struct request *request)
{
	int status = STATUS_OK, i;
	struct error error;

	if (!request->argc)
		return wants_name("rm");
	for (i = 0; i < request->argc; i++)
		if (image_remove(request->import.store, request->argv[i], &error))
			status = report(&error);
	return status;
}

static const struct {
	const char *name;
	int (*run)(struct request *request);
} verbs[] = {
	{ "import", do_import },
	{ "ls", do_ls },
	{ "list", do_ls },
	{ "inspect", do_inspect },
	{ "mount", do_mount },
	{ "rm", do_rm },
};

static int run_verb(struct request *request)
{
	const char *name = request->argv[0];
	size_t i;

	if (!request->argc) {
		fputs("lodge: what is to be done with images? 'lodge image --help' lists it\n",
		      stderr);
		return STATUS_LODGE;
	}
	request->argv++;
	request->argc--;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, name))
			return verbs[i].run(request);
	fprintf(stderr, "lodge: there is no verb 'image %s'; 'lodge image --help' lists them\n",
		name);
	return STATUS_LODGE;
}

int cmd_image(int argc, char **argv)
{
	struct request request = { 0 };
	struct error error;
	int option, status = STATUS_OK;

	request.import.config = json_object_new_object();
	if (!request.import.config) {
		error_set(&error, ENOMEM, "the configuration");
		return report(&error);
	}
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":c:fqh", options, NULL)) >= 0) {
		switch (option) {
		case OPTION_STORE:
			request.import.store = optarg;
			break;
		case OPTION_JSON:
			request.json = true;
			break;
		case 'c':
			if (config_change(request.import.config, optarg, &error)) {
				status = report(&error);
				goto out;
			}
			break;
		case OPTION_REF:
			request.import.ref = optarg;
			break;
		case 'q':
			request.quiet = true;
			break;
		case 'f':
			request.import.replace = true;
			break;
		case 'h':
			fputs(help, stdout);
			goto out;
		default:
			status = cmd_bad_option("image", argc, argv, option);
			goto out;
		}
	}
	request.argv = argv + optind;
	request.argc = argc - optind;
	status = run_verb(&request);
out:
	json_object_put(request.import.config);
	return status;
}
