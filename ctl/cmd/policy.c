// SPDX-License-Identifier: GPL-2.0-only
/* lodge policy: what containers may do, as text, and how to change it. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <limits.h>
#include <linux/lodge.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell/policy.h"
#include "cell/trees.h"
#include "json.h"
#include "netlink/client.h"

enum {
	OPTION_JSON = 0x100,
	OPTION_COMPLAIN,
	OPTION_ENFORCE,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "complain", no_argument, NULL, OPTION_COMPLAIN },
	{ "enforce", no_argument, NULL, OPTION_ENFORCE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge policy get GUEST [--json]\n"
	"       lodge policy set GUEST FILE\n"
	"       lodge policy set GUEST --complain | --enforce\n"
	"\n"
	"Prints or changes what the processes of a running container may do. 'set' takes\n"
	"what 'get' prints, and what 'lodge run --policy' takes; - is standard input. What\n"
	"is open stays open, but its use is checked by the new policy.\n"
	"\n"
	"  --json      print JSON\n"
	"  --complain  from now on report what the policy denies, and let it happen\n"
	"  --enforce   from now on deny it\n"
	"  -h, --help  print this\n"
	"\n"
	"Exit status: 0, or 125 for an error\n";

/* What separates words or lines goes as "\040", which policies read so. */
static void print_path(const char *path)
{
	for (; *path; path++) {
		if ((unsigned char)*path <= ' ' || *path == '#' || *path == '\\')
			printf("\\%03o", (unsigned char)*path);
		else
			putchar(*path);
	}
}

static void print_access(uint32_t access)
{
	printf(" %s%s%s\n", access & LODGE_ACCESS_READ ? "r" : "",
	       access & LODGE_ACCESS_WRITE ? "w" : "",
	       access & LODGE_ACCESS_EXECUTE ? "x" : "");
}

static void print_number(uint32_t number)
{
	if (number == LODGE_DEVICE_ANY)
		putchar('*');
	else
		printf("%u", number);
}

static bool is_seen(const struct guest *guest, const struct rule *rule,
		    char *path, size_t size)
{
	return trees_find((pid_t)guest->init_pid, rule->major, rule->minor,
			  rule->path ? rule->path : "", path, size);
}

static void print_rule(const struct guest *guest, const struct rule *rule)
{
	const char *family = policy_family(rule->family);
	char path[PATH_MAX];

	switch (rule->kind) {
	case LODGE_RULE_TREE:
		if (is_seen(guest, rule, path, sizeof(path))) {
			printf("tree ");
			print_path(path);
		} else {
			/* It stays whatever the policy. */
			printf("# beneath what it sees, on %s %u:%u: ",
			       rule->type, rule->major, rule->minor);
			print_path(rule->path ? rule->path : "");
		}
		print_access(rule->access);
		break;
	case LODGE_RULE_CHAR_DEVICE:
	case LODGE_RULE_BLOCK_DEVICE:
		printf("device %s ", rule->kind == LODGE_RULE_CHAR_DEVICE ?
		       "char" : "block");
		print_number(rule->major);
		putchar(':');
		print_number(rule->minor);
		print_access(rule->access);
		break;
	case LODGE_RULE_FILESYSTEM:
		printf("filesystem %s\n", rule->type);
		break;
	case LODGE_RULE_FAMILY:
		if (family)
			printf("family %s\n", family);
		else
			printf("family %u\n", rule->family);
		break;
	}
}

static void print_text(const struct guest *guest,
		       const struct guest_policy *policy)
{
	size_t i;

	if (policy->mode == LODGE_POLICY_MODE_COMPLAIN)
		printf("complain\n");
	for (i = 0; i < policy->nr_rules; i++)
		print_rule(guest, &policy->rules[i]);
	for (i = 0; policy_rights[i]; i++)
		if (policy->rights & (1U << i))
			printf("allow %s\n", policy_rights[i]);
}

static void json_access(uint32_t access)
{
	static const char *const words[] = { "read", "write", "execute" };
	const char *separator = "";
	size_t i;

	printf(", \"access\": [");
	for (i = 0; i < 3; i++) {
		if (!(access & (1U << i)))
			continue;
		printf("%s\"%s\"", separator, words[i]);
		separator = ", ";
	}
	putchar(']');
}

static void json_rule(const struct guest *guest, const struct rule *rule)
{
	static const char *const kinds[] = {
		[LODGE_RULE_TREE] = "tree",
		[LODGE_RULE_CHAR_DEVICE] = "char-device",
		[LODGE_RULE_BLOCK_DEVICE] = "block-device",
		[LODGE_RULE_FILESYSTEM] = "filesystem",
		[LODGE_RULE_FAMILY] = "family",
	};
	char path[PATH_MAX];

	printf("{ ");
	json_string("kind", kinds[rule->kind]);
	if (rule->kind <= LODGE_RULE_BLOCK_DEVICE) {
		json_access(rule->access);
		printf(", \"major\": %u, \"minor\": %u", rule->major, rule->minor);
	}
	if (rule->kind == LODGE_RULE_TREE || rule->kind == LODGE_RULE_FILESYSTEM) {
		printf(", ");
		json_string("type", rule->type);
	}
	if (rule->kind == LODGE_RULE_TREE) {
		printf(", ");
		json_string("path", rule->path ? rule->path : "");
		if (is_seen(guest, rule, path, sizeof(path))) {
			printf(", ");
			json_string("seen-as", path);
		}
	}
	if (rule->kind == LODGE_RULE_FAMILY)
		printf(", \"family\": %u", rule->family);
	printf(" }");
}

static void print_json(const struct guest *guest,
		       const struct guest_policy *policy)
{
	const char *separator = "";
	size_t i;

	printf("{ \"id\": %llu, ", (unsigned long long)guest->id);
	json_string("name", guest->name);
	printf(", ");
	json_string("mode", policy->mode == LODGE_POLICY_MODE_COMPLAIN ?
		    "complain" : "enforce");
	printf(", \"rights\": [");
	for (i = 0; policy_rights[i]; i++) {
		if (!(policy->rights & (1U << i)))
			continue;
		printf("%s\"%s\"", separator, policy_rights[i]);
		separator = ", ";
	}
	printf("], \"rules\": [");
	separator = "\n  ";
	for (i = 0; i < policy->nr_rules; i++) {
		if (policy->rules[i].kind < LODGE_RULE_TREE ||
		    policy->rules[i].kind > LODGE_RULE_FAMILY)
			continue;
		printf("%s", separator);
		json_rule(guest, &policy->rules[i]);
		separator = ",\n  ";
	}
	printf(" ] }\n");
}

static int get(struct client *client, const struct guest *guest, bool json,
	       struct error *error)
{
	struct guest_policy policy;

	if (client_policy(client, guest, &policy, error))
		return -1;
	if (json)
		print_json(guest, &policy);
	else
		print_text(guest, &policy);
	client_policy_free(&policy);
	return 0;
}

/*
 * The folders of an overlay are beneath what the container sees; no policy file
 * names them, and it needs them with any.
 */
static int set(struct client *client, const struct guest *guest,
	       const char *path, struct error *error)
{
	static struct policy policy;
	const struct rule *kept[LODGE_MAX_RULES];
	struct guest_policy old;
	char seen[PATH_MAX];
	size_t i, nr_kept = 0;
	int ret;

	if (client_policy(client, guest, &old, error))
		return -1;
	for (i = 0; i < old.nr_rules && nr_kept < LODGE_MAX_RULES; i++)
		if (old.rules[i].kind == LODGE_RULE_TREE && old.rules[i].path &&
		    !is_seen(guest, &old.rules[i], seen, sizeof(seen)))
			kept[nr_kept++] = &old.rules[i];
	ret = policy_load(&policy, strcmp(path, "-") ? path : "/dev/stdin",
			  (pid_t)guest->init_pid, error);
	if (!ret)
		ret = client_set_policy(client, guest, &policy, kept, nr_kept,
					error);
	policy_close(&policy);
	client_policy_free(&old);
	return ret;
}

/* The command line */
struct request {
	bool set;
	bool json;
	int mode;
	const char *name;
	const char *file;
};

static int run(const struct request *request, struct error *error)
{
	struct client client;
	struct guest guest;
	int ret;

	if (client_open(&client, error))
		return -1;
	ret = client_guest(&client, request->name, &guest, error);
	if (!ret && guest.state == LODGE_GUEST_STATE_EXITED)
		ret = error_set(error, 0, "'%s' has ended", guest.name);
	else if (!ret && guest.kind == LODGE_GUEST_KIND_VM && request->file)
		ret = error_set(error, 0, "'%s' is a VM: of its policy only the mode can be changed",
				guest.name);
	else if (!ret && !request->set)
		ret = get(&client, &guest, request->json, error);
	else if (!ret && request->file)
		ret = set(&client, &guest, request->file, error);
	else if (!ret)
		ret = client_set_mode(&client, &guest, (uint32_t)request->mode,
				      error);
	client_close(&client);
	return ret;
}

static int bad_usage(const char *what)
{
	fprintf(stderr, "lodge: %s; 'lodge policy --help' says what it takes\n",
		what);
	return STATUS_LODGE;
}

/* Is one thing told to do, and only one? */
static bool has_change(const struct request *request)
{
	return request->file ? request->mode < 0 : request->mode >= 0;
}

static int check_arguments(int argc, char **argv, struct request *request)
{
	const char *verb = argv[optind];

	if (!verb || (strcmp(verb, "get") && strcmp(verb, "set")))
		return bad_usage("get or set a policy?");
	request->set = verb[0] == 's';
	if (argc - optind < 2)
		return cmd_no_guest("policy");
	request->name = argv[optind + 1];
	if (argc - optind > 2)
		request->file = argv[optind + 2];
	if (argc - optind > (request->set ? 3 : 2))
		return cmd_bad_argument("policy", argv[argc - 1]);
	if (!request->set && request->mode >= 0)
		return bad_usage("--complain and --enforce are for 'policy set'");
	if (request->set && request->json)
		return bad_usage("--json is for 'policy get'");
	if (request->set && !has_change(request))
		return bad_usage("give a file, --complain or --enforce");
	return STATUS_OK;
}

int cmd_policy(int argc, char **argv)
{
	struct request request = { .mode = -1 };
	struct error error = { 0 };
	int option, status;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		switch (option) {
		case OPTION_JSON:
			request.json = true;
			break;
		case OPTION_COMPLAIN:
		case OPTION_ENFORCE:
			if (request.mode >= 0)
				return bad_usage("--complain or --enforce?");
			request.mode = option == OPTION_COMPLAIN ?
				       LODGE_POLICY_MODE_COMPLAIN :
				       LODGE_POLICY_MODE_ENFORCE;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("policy", argc, argv, option);
		}
	}
	status = check_arguments(argc, argv, &request);
	if (status)
		return status;
	if (!run(&request, &error))
		return STATUS_OK;
	error_print(&error);
	return STATUS_LODGE;
}
