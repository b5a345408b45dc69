// SPDX-License-Identifier: GPL-2.0-only
/* Policies: from the caller's array of rules to what hooks read. */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include "cell.h"

static int add_tree(struct lodge_rules *rules, const struct lodge_cell_rule *rule)
{
	struct lodge_tree *tree = &rules->trees[rules->nr_trees];
	struct file *file;

	if (rule->access & ~(LODGE_ACCESS_READ | LODGE_ACCESS_WRITE |
			     LODGE_ACCESS_EXECUTE) ||
	    rule->major || rule->minor)
		return -EINVAL;
	file = fget_raw(rule->fd);
	if (!file)
		return -EBADF;
	tree->path = file->f_path;
	path_get(&tree->path);
	tree->access = rule->access;
	rules->nr_trees++;
	fput(file);
	return 0;
}

static int add_device(struct lodge_rules *rules,
		      const struct lodge_cell_rule *rule)
{
	if (rule->access & ~(LODGE_ACCESS_READ | LODGE_ACCESS_WRITE) || rule->fd)
		return -EINVAL;
	rules->devices[rules->nr_devices++] = (struct lodge_device) {
		.block = rule->kind == LODGE_RULE_BLOCK_DEVICE,
		.major = rule->major,
		.minor = rule->minor,
		.access = rule->access,
	};
	return 0;
}

static int add_type(struct lodge_rules *rules, const struct lodge_cell_rule *rule)
{
	size_t length = strnlen(rule->type, sizeof(rule->type));

	if (!length || length == sizeof(rule->type) || rule->access || rule->fd ||
	    rule->major || rule->minor)
		return -EINVAL;
	memcpy(rules->types[rules->nr_types++], rule->type, sizeof(rule->type));
	return 0;
}

static int add_family(struct lodge_rules *rules,
		      const struct lodge_cell_rule *rule)
{
	if (rule->major >= min(NPROTO, 64) || rule->access || rule->fd || rule->minor)
		return -EINVAL;
	rules->families |= 1ULL << rule->major;
	return 0;
}

int lodge_rules_add(struct lodge_rules *rules,
		    const struct lodge_cell_rule *rule)
{
	if (rule->kind != LODGE_RULE_FILESYSTEM &&
	    memchr_inv(rule->type, 0, sizeof(rule->type)))
		return -EINVAL;
	switch (rule->kind) {
	case LODGE_RULE_TREE:
		return add_tree(rules, rule);
	case LODGE_RULE_CHAR_DEVICE:
	case LODGE_RULE_BLOCK_DEVICE:
		return add_device(rules, rule);
	case LODGE_RULE_FILESYSTEM:
		return add_type(rules, rule);
	case LODGE_RULE_FAMILY:
		return add_family(rules, rule);
	default:
		return -EINVAL;
	}
}

void lodge_rules_free_now(struct lodge_rules *rules)
{
	u32 i;

	if (!rules)
		return;
	for (i = 0; i < rules->nr_trees; i++)
		path_put(&rules->trees[i].path);
	kvfree(rules->trees);
	kvfree(rules->devices);
	kvfree(rules->types);
	kfree(rules);
}

static void free_rules(struct work_struct *work)
{
	lodge_rules_free_now(container_of(to_rcu_work(work), struct lodge_rules,
					  work));
}

void lodge_rules_free(struct lodge_rules *rules)
{
	INIT_RCU_WORK(&rules->work, free_rules);
	queue_rcu_work(lodge_cells_workqueue, &rules->work);
}

struct lodge_rules *lodge_rules_alloc(u32 nr)
{
	struct lodge_rules *rules = kzalloc(sizeof(*rules), GFP_KERNEL_ACCOUNT);

	if (!rules)
		return NULL;
	rules->trees = kvcalloc(nr, sizeof(*rules->trees), GFP_KERNEL_ACCOUNT);
	rules->devices = kvcalloc(nr, sizeof(*rules->devices),
				  GFP_KERNEL_ACCOUNT);
	rules->types = kvcalloc(nr, sizeof(*rules->types), GFP_KERNEL_ACCOUNT);
	if (nr && (!rules->trees || !rules->devices || !rules->types)) {
		lodge_rules_free_now(rules);
		return NULL;
	}
	return rules;
}

struct lodge_rules *lodge_rules_create(const void __user *user)
{
	struct lodge_policy policy;
	struct lodge_cell_rule rule;
	struct lodge_rules *rules;
	const struct lodge_cell_rule __user *next;
	u32 i;
	int ret;

	ret = lodge_copy_struct(&policy, sizeof(policy), sizeof(policy), user);
	if (ret)
		return ERR_PTR(ret);
	if (policy.flags & ~LODGE_POLICY_COMPLAIN ||
	    policy.rights & ~LODGE_RIGHTS_ALL || policy.reserved)
		return ERR_PTR(-EINVAL);
	if (policy.nr_rules > LODGE_MAX_RULES)
		return ERR_PTR(-E2BIG);

	rules = lodge_rules_alloc(policy.nr_rules);
	if (!rules)
		return ERR_PTR(-ENOMEM);
	rules->complain = policy.flags & LODGE_POLICY_COMPLAIN;
	rules->rights = policy.rights;
	next = u64_to_user_ptr(policy.rules);
	for (i = 0; i < policy.nr_rules; i++) {
		ret = copy_from_user(&rule, &next[i], sizeof(rule)) ?
		      -EFAULT : lodge_rules_add(rules, &rule);
		if (ret) {
			lodge_rules_free_now(rules);
			return ERR_PTR(ret);
		}
	}
	return rules;
}
