// SPDX-License-Identifier: GPL-2.0-only
/* Policies: a line for each thing that a cell's processes may use. */
#include "cell/policy.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cell/trees.h"

#define READ_WRITE	(LODGE_ACCESS_READ | LODGE_ACCESS_WRITE)

/* What a container needs to be one: the policy without --policy. */
static const char default_policy[] =
	"mounts\n"
	"device char 1:3 rw\n"		/* null */
	"device char 1:5 rw\n"		/* zero */
	"device char 1:7 rw\n"		/* full */
	"device char 1:8 rw\n"		/* random */
	"device char 1:9 rw\n"		/* urandom */
	"device char 5:0 rw\n"		/* tty */
	"device char 5:2 rw\n"		/* ptmx */
	"device char 136:* rw\n"	/* terminals of its own devpts */
	"filesystem proc sysfs tmpfs devpts mqueue cgroup2\n"
	"family unix inet inet6 netlink packet\n";

/* By the number of the bit in LODGE_RIGHT_* */
const char *const policy_rights[] = {
	"files", "devices", "sockets", "processes", "namespaces", "mounts",
	"sysctl", "modules", "bpf", "perf", "clock", "syslog", "keys", "boot",
	"raw", NULL,
};

static const struct {
	const char *name;
	unsigned int family;
} families[] = {
	{ "unix", AF_UNIX },
	{ "inet", AF_INET },
	{ "inet6", AF_INET6 },
	{ "netlink", AF_NETLINK },
	{ "packet", AF_PACKET },
	{ "vsock", AF_VSOCK },
	{ "alg", AF_ALG },
	{ "can", AF_CAN },
	{ "bluetooth", AF_BLUETOOTH },
	{ "xdp", AF_XDP },
	{ "key", AF_KEY },
	{ "tipc", AF_TIPC },
	{ "rds", AF_RDS },
};

#define NR_FAMILIES	(sizeof(families) / sizeof(families[0]))

const char *policy_family(unsigned int family)
{
	size_t i;

	for (i = 0; i < NR_FAMILIES; i++)
		if (families[i].family == family)
			return families[i].name;
	return NULL;
}

static int add(struct policy *policy, const struct lodge_cell_rule *rule,
	       struct error *error)
{
	if (policy->nr_rules == LODGE_MAX_RULES)
		return error_set(error, 0, "a policy cannot have more than %d rules",
				 LODGE_MAX_RULES);
	policy->rules[policy->nr_rules++] = *rule;
	return 0;
}

int policy_add_tree(struct policy *policy, int fd, uint32_t access,
		    struct error *error)
{
	struct lodge_cell_rule rule = {
		.kind = LODGE_RULE_TREE,
		.access = access,
	};

	rule.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (rule.fd < 0)
		return error_set(error, errno, "cannot keep a folder open");
	if (!add(policy, &rule, error))
		return 0;
	close(rule.fd);
	return -1;
}

int policy_add_device(struct policy *policy, const char *path, uint32_t access,
		      struct error *error)
{
	struct lodge_cell_rule rule = { .access = access };
	struct stat stat_buffer;

	if (stat(path, &stat_buffer))
		return error_set(error, errno, "cannot find the device '%s'", path);
	if (!S_ISBLK(stat_buffer.st_mode) && !S_ISCHR(stat_buffer.st_mode))
		return error_set(error, 0, "'%s' is not a device", path);
	rule.kind = S_ISBLK(stat_buffer.st_mode) ? LODGE_RULE_BLOCK_DEVICE :
						   LODGE_RULE_CHAR_DEVICE;
	rule.major = major(stat_buffer.st_rdev);
	rule.minor = minor(stat_buffer.st_rdev);
	return add(policy, &rule, error);
}

void policy_widen(struct policy *policy)
{
	policy->rights |= LODGE_RIGHT_DEVICES | LODGE_RIGHT_MOUNTS;
}

void policy_close(struct policy *policy)
{
	size_t i;

	for (i = 0; i < policy->nr_rules; i++)
		if (policy->rules[i].kind == LODGE_RULE_TREE)
			close(policy->rules[i].fd);
	policy->nr_rules = 0;
}

void policy_to_module(const struct policy *policy, struct lodge_policy *to)
{
	*to = (struct lodge_policy) {
		.size = sizeof(*to),
		.flags = policy->complain ? LODGE_POLICY_COMPLAIN : 0,
		.rights = policy->rights,
		.nr_rules = (uint32_t)policy->nr_rules,
		.rules = (uintptr_t)policy->rules,
	};
}

/**
 * struct line - a line that is being read
 * @rest: what follows the words that were taken
 * @init: whose view of files is meant
 */
struct line {
	char *rest;
	pid_t init;
};

static char *next_word(struct line *line)
{
	return strsep(&line->rest, " \t");
}

/* Blanks may come in rows. Return: NULL at the end of the line */
static char *word(struct line *line)
{
	char *text;

	do
		text = next_word(line);
	while (text && !*text);
	return text;
}

static int parse_access(const char *text, uint32_t allowed, uint32_t *access,
			struct error *error)
{
	static const char letters[] = "rwx";
	const char *letter;

	*access = 0;
	for (; text && *text; text++) {
		letter = strchr(letters, *text);
		if (!letter || !(allowed & (1U << (letter - letters))))
			break;
		*access |= 1U << (letter - letters);
	}
	if (!text || *text || !*access)
		return error_set(error, 0, "say how: %s",
				 allowed & LODGE_ACCESS_EXECUTE ?
				 "some of the letters r, w and x" : "r, w or rw");
	return 0;
}

static int parse_tree(struct policy *policy, struct line *line,
		      struct error *error)
{
	char *path = word(line);
	uint32_t access;
	int fd, ret;

	if (!path || path[0] != '/')
		return error_set(error, 0, "say which folder or file: its path begins with /");
	/* What separates words can be in a path. */
	trees_unescape(path);
	if (parse_access(word(line), READ_WRITE | LODGE_ACCESS_EXECUTE, &access,
			 error))
		return -1;
	fd = trees_open(line->init, path, error);
	if (fd < 0)
		return -1;
	ret = policy_add_tree(policy, fd, access, error);
	close(fd);
	return ret;
}

static int parse_mounts(struct policy *policy, struct line *line,
			struct error *error)
{
	return trees_of_mounts(policy, line->init, error);
}

/* A decimal number or "*" */
static int parse_number(const char *text, uint32_t *number)
{
	unsigned long value;
	char *end;

	*number = LODGE_DEVICE_ANY;
	if (!strcmp(text, "*"))
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno ||
	    value >= LODGE_DEVICE_ANY)
		return -1;
	*number = (uint32_t)value;
	return 0;
}

static int parse_device(struct policy *policy, struct line *line,
			struct error *error)
{
	struct lodge_cell_rule rule = { 0 };
	const char *what = word(line);
	char *numbers, *minor_text;
	uint32_t access;

	if (what && what[0] == '/') {
		if (parse_access(word(line), READ_WRITE, &access, error))
			return -1;
		return policy_add_device(policy, what, access, error);
	}
	if (what && !strcmp(what, "char"))
		rule.kind = LODGE_RULE_CHAR_DEVICE;
	else if (what && !strcmp(what, "block"))
		rule.kind = LODGE_RULE_BLOCK_DEVICE;
	else
		return error_set(error, 0, "say which device: its path, or char or block and MAJOR:MINOR");
	numbers = word(line);
	minor_text = numbers ? strchr(numbers, ':') : NULL;
	if (minor_text)
		*minor_text++ = '\0';
	if (!minor_text || parse_number(numbers, &rule.major) ||
	    parse_number(minor_text, &rule.minor))
		return error_set(error, 0, "a device is MAJOR:MINOR, two numbers or *");
	if (parse_access(word(line), READ_WRITE, &rule.access, error))
		return -1;
	return add(policy, &rule, error);
}

static int parse_filesystem(struct policy *policy, struct line *line,
			    struct error *error)
{
	struct lodge_cell_rule rule = { .kind = LODGE_RULE_FILESYSTEM };
	const char *name = word(line);

	if (!name)
		return error_set(error, 0, "say which types of file systems");
	for (; name; name = word(line)) {
		if (strlen(name) >= sizeof(rule.type))
			return error_set(error, 0, "'%s' is not a type of file systems",
					 name);
		memset(rule.type, 0, sizeof(rule.type));
		memcpy(rule.type, name, strlen(name));
		if (add(policy, &rule, error))
			return -1;
	}
	return 0;
}

static int parse_family(struct policy *policy, struct line *line,
			struct error *error)
{
	struct lodge_cell_rule rule = { .kind = LODGE_RULE_FAMILY };
	const char *name = word(line);
	size_t i;

	if (!name)
		return error_set(error, 0, "say which families of sockets");
	for (; name; name = word(line)) {
		for (i = 0; i < NR_FAMILIES; i++)
			if (!strcmp(families[i].name, name))
				break;
		if (i < NR_FAMILIES)
			rule.major = families[i].family;
		else if (parse_number(name, &rule.major) || rule.major >= 64)
			return error_set(error, 0, "'%s' is not a family of sockets",
					 name);
		if (add(policy, &rule, error))
			return -1;
	}
	return 0;
}

static int parse_allow(struct policy *policy, struct line *line,
		       struct error *error)
{
	const char *name = word(line);
	size_t i;

	if (!name)
		return error_set(error, 0, "say what is not to be guarded");
	for (; name; name = word(line)) {
		for (i = 0; policy_rights[i]; i++)
			if (!strcmp(policy_rights[i], name))
				break;
		if (!policy_rights[i])
			return error_set(error, 0, "'%s' is nothing that is guarded",
					 name);
		policy->rights |= 1U << i;
	}
	return 0;
}

static int parse_complain(struct policy *policy, struct line *line,
			  struct error *error)
{
	(void)line;
	(void)error;
	policy->complain = true;
	return 0;
}

static int parse_default(struct policy *policy, struct line *line,
			 struct error *error)
{
	return policy_parse(policy, default_policy, "the default policy",
			    line->init, error);
}

static const struct {
	const char *name;
	int (*parse)(struct policy *policy, struct line *line,
		     struct error *error);
} keywords[] = {
	{ "default", parse_default },
	{ "mounts", parse_mounts },
	{ "tree", parse_tree },
	{ "device", parse_device },
	{ "filesystem", parse_filesystem },
	{ "family", parse_family },
	{ "allow", parse_allow },
	{ "complain", parse_complain },
};

#define NR_KEYWORDS	(sizeof(keywords) / sizeof(keywords[0]))

static int parse_line(struct policy *policy, struct line *line,
		      struct error *error)
{
	const char *keyword = word(line);
	const char *more;
	size_t i;

	if (!keyword)
		return 0;
	for (i = 0; i < NR_KEYWORDS; i++)
		if (!strcmp(keywords[i].name, keyword))
			break;
	if (i == NR_KEYWORDS)
		return error_set(error, 0, "'%s' is not known", keyword);
	if (keywords[i].parse(policy, line, error))
		return -1;
	more = word(line);
	if (more)
		return error_set(error, 0, "'%s' is one word too many", more);
	return 0;
}

int policy_parse(struct policy *policy, const char *text, const char *name,
		 pid_t init, struct error *error)
{
	char *copy = strdup(text), *rest = copy, *line_text;
	unsigned int number = 1;
	struct error why = { 0 };
	int ret = 0;

	if (!copy)
		return error_set(error, ENOMEM, "cannot read %s", name);
	for (; !ret && (line_text = strsep(&rest, "\n")); number++) {
		struct line line = { line_text, init };

		line_text[strcspn(line_text, "#\r")] = '\0';
		ret = parse_line(policy, &line, &why);
		if (ret)
			error_set(error, 0, "%s, line %u: %s", name, number,
				  why.text);
	}
	free(copy);
	return ret;
}

/* A policy is short. */
#define FILE_LIMIT	(256UL * 1024)

int policy_load(struct policy *policy, const char *path, pid_t init,
		struct error *error)
{
	char *text;
	size_t length;
	FILE *file;
	int ret = -1;

	if (!path)
		return policy_parse(policy, default_policy, "the default policy",
				    init, error);
	file = fopen(path, "re");
	if (!file)
		return error_set(error, errno, "cannot open the policy '%s'", path);
	text = calloc(1, FILE_LIMIT + 1);
	if (!text) {
		error_set(error, ENOMEM, "cannot read the policy '%s'", path);
		goto out;
	}
	length = fread(text, 1, FILE_LIMIT, file);
	if (ferror(file))
		error_set(error, errno, "cannot read the policy '%s'", path);
	else if (length == FILE_LIMIT || memchr(text, '\0', length))
		error_set(error, 0, "'%s' is not a policy", path);
	else
		ret = policy_parse(policy, text, path, init, error);
out:
	free(text);
	fclose(file);
	return ret;
}
