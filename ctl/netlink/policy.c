// SPDX-License-Identifier: GPL-2.0-only
/* policy-get and policy-set. */
#include <linux/lodge.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "cell/policy.h"
#include "netlink/private.h"

/* Room to send a policy with all its rules */
#define SEND_BUFFER	(256 * 1024)

static int take_rule(struct nlattr *nest, struct guest_policy *policy)
{
	struct nlattr *attrs[LODGE_A_RULE_MAX + 1];
	struct rule *rules, *rule;

	if (nla_parse_nested(attrs, LODGE_A_RULE_MAX, nest, NULL))
		return 0;
	rules = realloc(policy->rules, (policy->nr_rules + 1) * sizeof(*rules));
	if (!rules)
		return -NLE_NOMEM;
	policy->rules = rules;
	rule = &rules[policy->nr_rules];
	*rule = (struct rule) {
		.kind = client_u32(attrs[LODGE_A_RULE_KIND]),
		.access = client_u32(attrs[LODGE_A_RULE_ACCESS]),
		.major = client_u32(attrs[LODGE_A_RULE_MAJOR]),
		.minor = client_u32(attrs[LODGE_A_RULE_MINOR]),
		.family = client_u32(attrs[LODGE_A_RULE_FAMILY]),
	};
	client_text(attrs[LODGE_A_RULE_TYPE], rule->type, sizeof(rule->type));
	if (attrs[LODGE_A_RULE_PATH]) {
		rule->path = nla_strdup(attrs[LODGE_A_RULE_PATH]);
		if (!rule->path)
			return -NLE_NOMEM;
	}
	policy->nr_rules++;
	return 0;
}

static int take_policy(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *header = genlmsg_hdr(nlmsg_hdr(msg));
	struct guest_policy *policy = arg;
	struct nlattr *attr;
	int left, ret = 0;

	nla_for_each_attr(attr, genlmsg_attrdata(header, 0),
			  genlmsg_attrlen(header, 0), left) {
		if (nla_type(attr) == LODGE_A_POLICY_MODE)
			policy->mode = client_u32(attr);
		else if (nla_type(attr) == LODGE_A_POLICY_RIGHTS)
			policy->rights = client_u32(attr);
		else if (nla_type(attr) == LODGE_A_POLICY_RULES)
			ret = take_rule(attr, policy);
		if (ret)
			return ret;
	}
	return NL_OK;
}

static int take_nothing(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

static int explain(struct error *error, int code, const struct guest *guest,
		   const char *what)
{
	switch (-code) {
	case NLE_OPNOTSUPP:
		return error_set(error, 0, "%s of '%s': a VM has none", what,
				 guest->name);
	case NLE_OBJ_NOTFOUND:
	case NLE_NODEV:
		return error_set(error, 0, "%s of '%s': it has ended, or its policy was changed meanwhile",
				 what, guest->name);
	default:
		return client_fail(error, code, what);
	}
}

int client_policy(struct client *client, const struct guest *guest,
		  struct guest_policy *policy, struct error *error)
{
	struct nl_msg *msg = client_begin(client, LODGE_CMD_POLICY_GET, NLM_F_ACK);
	int ret;

	memset(policy, 0, sizeof(*policy));
	if (!msg || nla_put_u64(msg, LODGE_A_POLICY_ID, guest->id)) {
		nlmsg_free(msg);
		return client_fail(error, -NLE_NOMEM, "cannot ask for the policy");
	}
	ret = client_call(client, msg, take_policy, policy);
	if (!ret)
		return 0;
	client_policy_free(policy);
	return explain(error, ret, guest, "cannot get the policy");
}

void client_policy_free(struct guest_policy *policy)
{
	size_t i;

	for (i = 0; i < policy->nr_rules; i++)
		free(policy->rules[i].path);
	free(policy->rules);
	memset(policy, 0, sizeof(*policy));
}

/* A rule as the module's device would take it; a tree has a descriptor. */
static int put_rule(struct nl_msg *msg, const struct lodge_cell_rule *rule)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED |
					     LODGE_A_POLICY_RULES);

	if (!nest || nla_put_u32(msg, LODGE_A_RULE_KIND, rule->kind))
		return -NLE_NOMEM;
	switch (rule->kind) {
	case LODGE_RULE_TREE:
		if (nla_put_u32(msg, LODGE_A_RULE_ACCESS, rule->access) ||
		    nla_put_s32(msg, LODGE_A_RULE_FD, rule->fd))
			return -NLE_NOMEM;
		break;
	case LODGE_RULE_CHAR_DEVICE:
	case LODGE_RULE_BLOCK_DEVICE:
		if (nla_put_u32(msg, LODGE_A_RULE_ACCESS, rule->access) ||
		    nla_put_u32(msg, LODGE_A_RULE_MAJOR, rule->major) ||
		    nla_put_u32(msg, LODGE_A_RULE_MINOR, rule->minor))
			return -NLE_NOMEM;
		break;
	case LODGE_RULE_FILESYSTEM:
		if (nla_put_string(msg, LODGE_A_RULE_TYPE, rule->type))
			return -NLE_NOMEM;
		break;
	case LODGE_RULE_FAMILY:
		if (nla_put_u32(msg, LODGE_A_RULE_FAMILY, rule->major))
			return -NLE_NOMEM;
		break;
	default:
		return -NLE_INVAL;
	}
	nla_nest_end(msg, nest);
	return 0;
}

/* A tree that the container has, by what the module has said of it */
static int put_kept(struct nl_msg *msg, const struct rule *rule)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED |
					     LODGE_A_POLICY_RULES);

	if (!nest || nla_put_u32(msg, LODGE_A_RULE_KIND, LODGE_RULE_TREE) ||
	    nla_put_u32(msg, LODGE_A_RULE_ACCESS, rule->access) ||
	    nla_put_string(msg, LODGE_A_RULE_PATH, rule->path) ||
	    nla_put_u32(msg, LODGE_A_RULE_MAJOR, rule->major) ||
	    nla_put_u32(msg, LODGE_A_RULE_MINOR, rule->minor))
		return -NLE_NOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

static int put_policy(struct nl_msg *msg, const struct policy *policy,
		      const struct rule *const *kept, size_t nr_kept)
{
	size_t i;
	int ret = 0;

	if (nla_put_u32(msg, LODGE_A_POLICY_MODE, policy->complain) ||
	    nla_put_u32(msg, LODGE_A_POLICY_RIGHTS, policy->rights))
		return -NLE_NOMEM;
	for (i = 0; !ret && i < policy->nr_rules; i++)
		ret = put_rule(msg, &policy->rules[i]);
	for (i = 0; !ret && i < nr_kept; i++)
		ret = put_kept(msg, kept[i]);
	return ret;
}

int client_set_policy(struct client *client, const struct guest *guest,
		      const struct policy *policy, const struct rule *const *kept,
		      size_t nr_kept, struct error *error)
{
	struct nl_msg *msg = client_begin(client, LODGE_CMD_POLICY_SET, NLM_F_ACK);
	int ret = -NLE_NOMEM;

	if (!msg || nla_put_u64(msg, LODGE_A_POLICY_ID, guest->id) ||
	    put_policy(msg, policy, kept, nr_kept)) {
		nlmsg_free(msg);
		return client_fail(error, ret, "cannot send the policy");
	}
	nl_socket_set_buffer_size(client->socket, 0, SEND_BUFFER);
	ret = client_call(client, msg, take_nothing, NULL);
	return ret ? explain(error, ret, guest, "cannot change the policy") : 0;
}

int client_set_mode(struct client *client, const struct guest *guest,
		    uint32_t mode, struct error *error)
{
	struct nl_msg *msg = client_begin(client, LODGE_CMD_POLICY_SET, NLM_F_ACK);
	int ret;

	if (!msg || nla_put_u64(msg, LODGE_A_POLICY_ID, guest->id) ||
	    nla_put_u32(msg, LODGE_A_POLICY_MODE, mode)) {
		nlmsg_free(msg);
		return client_fail(error, -NLE_NOMEM, "cannot send the policy");
	}
	ret = client_call(client, msg, take_nothing, NULL);
	return ret ? explain(error, ret, guest, "cannot change the policy") : 0;
}
