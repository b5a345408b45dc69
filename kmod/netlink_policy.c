// SPDX-License-Identifier: GPL-2.0-only
/* Policies through generic netlink: policy-get and policy-set. */
#include <linux/capability.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <uapi/linux/lodge.h>
#include "cell/cell.h"
#include "event.h"
#include "guest.h"
#include "netlink.h"

/* What a reply has room for, at first and at most; trees have long paths. */
#define REPLY_SIZE	8000
#define REPLY_LIMIT	0x100000

static const struct nla_policy rule_policy[LODGE_A_RULE_MAX + 1] = {
	[LODGE_A_RULE_KIND] = NLA_POLICY_RANGE(NLA_U32, LODGE_RULE_KIND_TREE,
					       LODGE_RULE_KIND_FAMILY),
	[LODGE_A_RULE_ACCESS] = NLA_POLICY_MASK(NLA_U32, LODGE_ACCESS_READ |
						LODGE_ACCESS_WRITE |
						LODGE_ACCESS_EXECUTE),
	[LODGE_A_RULE_FD] = NLA_POLICY_MIN(NLA_S32, 0),
	[LODGE_A_RULE_PATH] = { .type = NLA_NUL_STRING, .len = PATH_MAX - 1 },
	[LODGE_A_RULE_MAJOR] = { .type = NLA_U32 },
	[LODGE_A_RULE_MINOR] = { .type = NLA_U32 },
	[LODGE_A_RULE_TYPE] = { .type = NLA_NUL_STRING,
		.len = sizeof_field(struct lodge_cell_rule, type) - 1 },
	[LODGE_A_RULE_FAMILY] = { .type = NLA_U32 },
};

const struct nla_policy lodge_policy_get_policy[LODGE_A_POLICY_MAX + 1] = {
	[LODGE_A_POLICY_ID] = { .type = NLA_U64 },
	[LODGE_A_POLICY_NAME] = { .type = NLA_NUL_STRING, .len = LODGE_NAME_MAX },
};

const struct nla_policy lodge_policy_set_policy[LODGE_A_POLICY_MAX + 1] = {
	[LODGE_A_POLICY_ID] = { .type = NLA_U64 },
	[LODGE_A_POLICY_NAME] = { .type = NLA_NUL_STRING, .len = LODGE_NAME_MAX },
	[LODGE_A_POLICY_MODE] = NLA_POLICY_MAX(NLA_U32,
					       LODGE_POLICY_MODE_COMPLAIN),
	[LODGE_A_POLICY_RIGHTS] = NLA_POLICY_MASK(NLA_U32, LODGE_RIGHTS_ALL),
	[LODGE_A_POLICY_RULES] = NLA_POLICY_NESTED(rule_policy),
};

/* The numbers of both interfaces are the same. */
static_assert((int)LODGE_RULE_KIND_TREE == (int)LODGE_RULE_TREE);
static_assert((int)LODGE_RULE_KIND_FAMILY == (int)LODGE_RULE_FAMILY);
static_assert((int)LODGE_RULE_ACCESS_EXECUTE == (int)LODGE_ACCESS_EXECUTE);
static_assert((int)LODGE_POLICY_RIGHT_RAW == (int)LODGE_RIGHT_RAW);

static int put_tree_rule(struct sk_buff *skb, const struct lodge_tree *tree,
			 char *buffer)
{
	const struct super_block *sb = tree->path.dentry->d_sb;
	const char *path = dentry_path_raw(tree->path.dentry, buffer, PATH_MAX);

	/* One that is too long for a path has none that anybody could use. */
	if (IS_ERR(path))
		path = "";
	if (nla_put_u32(skb, LODGE_A_RULE_KIND, LODGE_RULE_TREE) ||
	    nla_put_u32(skb, LODGE_A_RULE_ACCESS, tree->access) ||
	    nla_put_string(skb, LODGE_A_RULE_PATH, path) ||
	    nla_put_u32(skb, LODGE_A_RULE_MAJOR, MAJOR(sb->s_dev)) ||
	    nla_put_u32(skb, LODGE_A_RULE_MINOR, MINOR(sb->s_dev)) ||
	    nla_put_string(skb, LODGE_A_RULE_TYPE, sb->s_type->name))
		return -EMSGSIZE;
	return 0;
}

static int put_device_rule(struct sk_buff *skb, const struct lodge_device *device)
{
	if (nla_put_u32(skb, LODGE_A_RULE_KIND, device->block ?
			LODGE_RULE_BLOCK_DEVICE : LODGE_RULE_CHAR_DEVICE) ||
	    nla_put_u32(skb, LODGE_A_RULE_ACCESS, device->access) ||
	    nla_put_u32(skb, LODGE_A_RULE_MAJOR, device->major) ||
	    nla_put_u32(skb, LODGE_A_RULE_MINOR, device->minor))
		return -EMSGSIZE;
	return 0;
}

static int put_type_rule(struct sk_buff *skb, const char *type)
{
	if (nla_put_u32(skb, LODGE_A_RULE_KIND, LODGE_RULE_FILESYSTEM) ||
	    nla_put_string(skb, LODGE_A_RULE_TYPE, type))
		return -EMSGSIZE;
	return 0;
}

static int put_family_rule(struct sk_buff *skb, u32 family)
{
	if (nla_put_u32(skb, LODGE_A_RULE_KIND, LODGE_RULE_FAMILY) ||
	    nla_put_u32(skb, LODGE_A_RULE_FAMILY, family))
		return -EMSGSIZE;
	return 0;
}

/* The Nth rule, in the order in which they are told. Return: 1 behind the last */
static int put_rule(struct sk_buff *skb, const struct lodge_rules *rules, u32 n,
		    char *buffer)
{
	u32 family;

	if (n < rules->nr_trees)
		return put_tree_rule(skb, &rules->trees[n], buffer);
	n -= rules->nr_trees;
	if (n < rules->nr_devices)
		return put_device_rule(skb, &rules->devices[n]);
	n -= rules->nr_devices;
	if (n < rules->nr_types)
		return put_type_rule(skb, rules->types[n]);
	n -= rules->nr_types;
	for (family = 0; family < 64; family++) {
		if (rules->families & (1ULL << family) && !n--)
			return put_family_rule(skb, family);
	}
	return 1;
}

static int put_rules(struct sk_buff *skb, const struct lodge_rules *rules,
		     char *buffer)
{
	struct nlattr *nest;
	int ret;
	u32 n;

	for (n = 0;; n++) {
		nest = nla_nest_start(skb, LODGE_A_POLICY_RULES);
		if (!nest)
			return -EMSGSIZE;
		ret = put_rule(skb, rules, n, buffer);
		if (ret)
			break;
		nla_nest_end(skb, nest);
	}
	nla_nest_cancel(skb, nest);
	return ret < 0 ? ret : 0;
}

/* Context: lodge_guests_lock, the cell's policy_lock. */
static int put_policy(struct sk_buff *skb, const struct lodge_guest *guest,
		      char *buffer)
{
	const struct lodge_rules *rules =
		rcu_dereference_protected(guest->cell->rules,
					  lockdep_is_held(&guest->cell->policy_lock));

	if (nla_put_u64_64bit(skb, LODGE_A_POLICY_ID, guest->id,
			      LODGE_A_POLICY_PAD) ||
	    nla_put_string(skb, LODGE_A_POLICY_NAME, guest->name) ||
	    nla_put_u32(skb, LODGE_A_POLICY_MODE, rules->complain) ||
	    nla_put_u32(skb, LODGE_A_POLICY_RIGHTS, rules->rights))
		return -EMSGSIZE;
	return put_rules(skb, rules, buffer);
}

/* The guest that a request means, or the error.  Context: lodge_guests_lock. */
static struct lodge_guest *requested(struct genl_info *info)
{
	struct lodge_guest *guest = lodge_netlink_guest(info, LODGE_A_POLICY_ID,
							LODGE_A_POLICY_NAME);

	if (IS_ERR(guest))
		return guest;
	if (guest->cell)
		return guest;
	if (guest->state == LODGE_GUEST_STATE_EXITED) {
		NL_SET_ERR_MSG(info->extack, "the guest has ended");
		return ERR_PTR(-ESRCH);
	}
	NL_SET_ERR_MSG(info->extack, "a VM has no policy before it runs");
	return ERR_PTR(-EOPNOTSUPP);
}

static struct sk_buff *make_reply(struct genl_info *info, size_t size,
				  char *buffer)
{
	struct sk_buff *skb = genlmsg_new(size, GFP_KERNEL);
	struct lodge_guest *guest;
	void *header;
	int ret = -EMSGSIZE;

	if (!skb)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&lodge_guests_lock);
	guest = requested(info);
	header = genlmsg_put_reply(skb, info, &lodge_genl_family, 0,
				   LODGE_CMD_POLICY_GET);
	if (IS_ERR(guest)) {
		ret = PTR_ERR(guest);
	} else if (header) {
		mutex_lock(&guest->cell->policy_lock);
		ret = put_policy(skb, guest, buffer);
		mutex_unlock(&guest->cell->policy_lock);
	}
	mutex_unlock(&lodge_guests_lock);
	if (ret) {
		nlmsg_free(skb);
		return ERR_PTR(ret);
	}
	genlmsg_end(skb, header);
	return skb;
}

int lodge_policy_get_doit(struct sk_buff *unused, struct genl_info *info)
{
	char *buffer = kmalloc(PATH_MAX, GFP_KERNEL);
	size_t size = REPLY_SIZE;
	struct sk_buff *skb;

	if (!buffer)
		return -ENOMEM;
	do {
		skb = make_reply(info, size, buffer);
		size *= 4;
	} while (skb == ERR_PTR(-EMSGSIZE) && size <= REPLY_LIMIT);
	kfree(buffer);
	return IS_ERR(skb) ? PTR_ERR(skb) : genlmsg_reply(skb, info);
}

#define ATTR(name)	BIT(LODGE_A_RULE_##name)

/* What a rule must say, and what it may, beside its kind */
static const struct {
	u32 required;
	u32 allowed;
} rule_attrs[] = {
	[LODGE_RULE_TREE] = { ATTR(ACCESS), ATTR(FD) | ATTR(PATH) | ATTR(MAJOR) |
			      ATTR(MINOR) | ATTR(TYPE) },
	[LODGE_RULE_CHAR_DEVICE] = { ATTR(ACCESS) | ATTR(MAJOR) | ATTR(MINOR), 0 },
	[LODGE_RULE_BLOCK_DEVICE] = { ATTR(ACCESS) | ATTR(MAJOR) | ATTR(MINOR), 0 },
	[LODGE_RULE_FILESYSTEM] = { ATTR(TYPE), 0 },
	[LODGE_RULE_FAMILY] = { ATTR(FAMILY), 0 },
};

/* Has the rule all that it needs, and nothing else? */
static int check_attrs(struct genl_info *info, const struct nlattr *nest,
		       struct nlattr **attrs, u32 required, u32 allowed)
{
	int i;

	for (i = LODGE_A_RULE_ACCESS; i <= LODGE_A_RULE_MAX; i++) {
		if (attrs[i] && !((required | allowed) & BIT(i))) {
			NL_SET_ERR_MSG_ATTR(info->extack, attrs[i],
					    "not for rules of this kind");
			return -EINVAL;
		}
		if (!attrs[i] && required & BIT(i)) {
			NL_SET_ERR_MSG_ATTR(info->extack, nest,
					    "the rule says too little for its kind");
			return -EINVAL;
		}
	}
	return 0;
}

static u32 value(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

/* Parses a rule and checks that it is one. Return: 0 or an error */
static int parse_rule(struct genl_info *info, struct nlattr *nest,
		      struct nlattr **attrs)
{
	u32 kind, required, allowed;
	int ret;

	ret = nla_parse_nested(attrs, LODGE_A_RULE_MAX, nest, rule_policy,
			       info->extack);
	if (ret)
		return ret;
	if (!attrs[LODGE_A_RULE_KIND]) {
		NL_SET_ERR_MSG_ATTR(info->extack, nest, "a rule of which kind?");
		return -EINVAL;
	}
	kind = nla_get_u32(attrs[LODGE_A_RULE_KIND]);
	required = rule_attrs[kind].required;
	allowed = rule_attrs[kind].allowed;
	if (kind == LODGE_RULE_TREE && attrs[LODGE_A_RULE_FD]) {
		required |= ATTR(FD);
		allowed = 0;
	} else if (kind == LODGE_RULE_TREE) {
		required |= ATTR(PATH) | ATTR(MAJOR) | ATTR(MINOR);
		allowed &= ~ATTR(FD);
	}
	return check_attrs(info, nest, attrs, required, allowed);
}

/* A tree that the container has already, by what a reply said of it */
static int keep_tree(struct lodge_rules *rules, const struct lodge_rules *old,
		     struct nlattr **attrs, char *buffer)
{
	struct lodge_tree *to = &rules->trees[rules->nr_trees];
	const struct nlattr *type = attrs[LODGE_A_RULE_TYPE];
	const char *path;
	u32 i;

	for (i = 0; i < old->nr_trees; i++) {
		const struct dentry *dentry = old->trees[i].path.dentry;
		const struct super_block *sb = dentry->d_sb;

		if (MAJOR(sb->s_dev) != value(attrs[LODGE_A_RULE_MAJOR]) ||
		    MINOR(sb->s_dev) != value(attrs[LODGE_A_RULE_MINOR]) ||
		    (type && strcmp(sb->s_type->name, nla_data(type))))
			continue;
		path = dentry_path_raw(dentry, buffer, PATH_MAX);
		if (IS_ERR(path) || strcmp(path, nla_data(attrs[LODGE_A_RULE_PATH])))
			continue;
		to->path = old->trees[i].path;
		to->access = value(attrs[LODGE_A_RULE_ACCESS]);
		path_get(&to->path);
		rules->nr_trees++;
		return 0;
	}
	return -ENOENT;
}

static int add_rule(struct genl_info *info, struct lodge_rules *rules,
		    struct nlattr *nest, struct nlattr **attrs)
{
	struct lodge_cell_rule rule = {
		.kind = value(attrs[LODGE_A_RULE_KIND]),
		.access = value(attrs[LODGE_A_RULE_ACCESS]),
		.fd = value(attrs[LODGE_A_RULE_FD]),
		.major = value(attrs[LODGE_A_RULE_MAJOR]),
		.minor = value(attrs[LODGE_A_RULE_MINOR]),
	};
	int ret;

	if (rule.kind == LODGE_RULE_FAMILY)
		rule.major = value(attrs[LODGE_A_RULE_FAMILY]);
	if (attrs[LODGE_A_RULE_TYPE])
		nla_strscpy(rule.type, attrs[LODGE_A_RULE_TYPE], sizeof(rule.type));
	ret = lodge_rules_add(rules, &rule);
	if (ret == -EBADF)
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[LODGE_A_RULE_FD],
				    "no such descriptor");
	else if (ret)
		NL_SET_ERR_MSG_ATTR(info->extack, nest, "the rule makes no sense");
	return ret;
}

/*
 * What a request says of rules, in two rounds: @old is NULL for those that are new,
 * for the sender's descriptors are looked up without a lock; then it is the policy
 * whose trees are kept.
 */
static int add_rules(struct genl_info *info, struct lodge_rules *rules,
		     const struct lodge_rules *old, char *buffer)
{
	struct nlattr *attrs[LODGE_A_RULE_MAX + 1];
	struct nlattr *nest;
	int left, ret;

	nla_for_each_attr(nest, genlmsg_data(info->genlhdr),
			  genlmsg_len(info->genlhdr), left) {
		if (nla_type(nest) != LODGE_A_POLICY_RULES)
			continue;
		ret = parse_rule(info, nest, attrs);
		if (ret)
			return ret;
		if (!attrs[LODGE_A_RULE_PATH] == !!old)
			continue;
		ret = old ? keep_tree(rules, old, attrs, buffer) :
			    add_rule(info, rules, nest, attrs);
		if (ret == -ENOENT)
			NL_SET_ERR_MSG_ATTR(info->extack,
					    attrs[LODGE_A_RULE_PATH],
					    "the container has no such tree");
		if (ret)
			return ret;
	}
	return 0;
}

/* The new rules of a request but for those that are kept; NULL: none */
static struct lodge_rules *new_rules(struct genl_info *info)
{
	struct lodge_rules *rules;
	struct nlattr *nest;
	u32 nr = 0;
	int left, ret;

	if (!info->attrs[LODGE_A_POLICY_RIGHTS])
		return NULL;
	nla_for_each_attr(nest, genlmsg_data(info->genlhdr),
			  genlmsg_len(info->genlhdr), left) {
		if (nla_type(nest) == LODGE_A_POLICY_RULES &&
		    ++nr > LODGE_MAX_RULES) {
			NL_SET_ERR_MSG_ATTR(info->extack, nest, "too many rules");
			return ERR_PTR(-E2BIG);
		}
	}
	rules = lodge_rules_alloc(nr);
	if (!rules)
		return ERR_PTR(-ENOMEM);
	rules->rights = nla_get_u32(info->attrs[LODGE_A_POLICY_RIGHTS]);
	ret = add_rules(info, rules, NULL, NULL);
	if (!ret)
		return rules;
	lodge_rules_free_now(rules);
	return ERR_PTR(ret);
}

/* Context: lodge_guests_lock, the cell's policy_lock. Return: 0 or an error */
static int change(struct genl_info *info, struct lodge_cell *cell,
		  struct lodge_rules *rules, char *buffer)
{
	struct lodge_rules *old =
		rcu_dereference_protected(cell->rules,
					  lockdep_is_held(&cell->policy_lock));
	struct nlattr *mode = info->attrs[LODGE_A_POLICY_MODE];
	bool complain = mode ? nla_get_u32(mode) : old->complain;
	int ret;

	if (!rules) {
		WRITE_ONCE(old->complain, complain);
		return 0;
	}
	rules->complain = complain;
	ret = add_rules(info, rules, old, buffer);
	if (!ret)
		lodge_cell_set_rules(cell, rules);
	return ret;
}

static int set_policy(struct genl_info *info, struct lodge_rules *rules,
		      char *buffer)
{
	struct lodge_guest *guest;
	int ret;

	mutex_lock(&lodge_guests_lock);
	guest = requested(info);
	if (IS_ERR(guest)) {
		ret = PTR_ERR(guest);
	} else if (rules && guest->vm) {
		NL_SET_ERR_MSG(info->extack, "only the mode of a VM's policy can be changed");
		ret = -EOPNOTSUPP;
	} else {
		mutex_lock(&guest->cell->policy_lock);
		ret = change(info, guest->cell, rules, buffer);
		mutex_unlock(&guest->cell->policy_lock);
		if (!ret)
			lodge_event(guest, LODGE_CMD_POLICY_CHANGED_NTF, NULL);
	}
	mutex_unlock(&lodge_guests_lock);
	return ret;
}

int lodge_policy_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *rule = info->attrs[LODGE_A_POLICY_RULES];
	struct lodge_rules *rules;
	char *buffer;
	int ret;

	if (!netlink_capable(skb, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(info->extack, "this takes CAP_SYS_ADMIN");
		return -EPERM;
	}
	if (rule && GENL_REQ_ATTR_CHECK(info, LODGE_A_POLICY_RIGHTS)) {
		NL_SET_ERR_MSG(info->extack, "rules go with rights");
		return -EINVAL;
	}
	if (!info->attrs[LODGE_A_POLICY_RIGHTS] &&
	    GENL_REQ_ATTR_CHECK(info, LODGE_A_POLICY_MODE)) {
		NL_SET_ERR_MSG(info->extack, "nothing to change: give a mode or rights");
		return -EINVAL;
	}
	rules = new_rules(info);
	if (IS_ERR(rules))
		return PTR_ERR(rules);
	buffer = kmalloc(PATH_MAX, GFP_KERNEL);
	ret = buffer ? set_policy(info, rules, buffer) : -ENOMEM;
	if (ret)
		lodge_rules_free_now(rules);
	kfree(buffer);
	return ret;
}
