// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "lodge"; Documentation/netlink/specs/lodge.yaml says
 * what is in it.
 *
 * It is there in the initial network namespace only, and GENL_ADMIN_PERM asks for
 * a capability in the initial user namespace: the root of a container that has
 * either for itself sees nothing of its neighbours.
 */
#include <linux/cgroup.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/tsc.h>
#include <net/genetlink.h>
#include "cell/cell.h"
#include "cell/hook.h"
#include "compat.h"
#include "event.h"
#include "guest.h"
#include "netlink.h"
#include "vm/memory.h"
#include "vm/stats.h"
#include "vm/vm.h"

/* One with the statistics of LODGE_MAX_VCPUS vCPUs and of all hooks fits. */
#define STATS_SIZE	16000

/* Context of a dump: the last guest that is in it. */
struct dump {
	u64 last;
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump) > sizeof(cb->ctx));
	return (struct dump *)cb->ctx;
}

struct lodge_guest *lodge_netlink_guest(struct genl_info *info, int id_attr,
					int name_attr)
{
	struct nlattr *id = info->attrs[id_attr];
	struct nlattr *name = info->attrs[name_attr];
	struct lodge_guest *guest;

	/* A container that has the host's network and capabilities */
	if (lodge_cell_inside()) {
		NL_SET_ERR_MSG(info->extack, "not for containers");
		return ERR_PTR(-EPERM);
	}
	if (!name && GENL_REQ_ATTR_CHECK(info, id_attr)) {
		NL_SET_ERR_MSG(info->extack, "which guest? give its id or its name");
		return ERR_PTR(-EINVAL);
	}
	if (id && name) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "give an id or a name, not both");
		return ERR_PTR(-EINVAL);
	}
	guest = NULL;
	if (name)
		guest = lodge_guest_find(0, nla_data(name));
	else if (nla_get_u64(id))
		guest = lodge_guest_find(nla_get_u64(id), NULL);
	if (!guest) {
		NL_SET_ERR_MSG_ATTR(info->extack, id ?: name, "no such guest");
		return ERR_PTR(-ENOENT);
	}
	return guest;
}

/*
 * What is not named in a policy is refused.  This one, the family's, is for
 * requests that have no attributes.
 */
static const struct nla_policy no_policy[LODGE_A_FEATURES_PAD + 1] = {
	[LODGE_A_FEATURES_PAD] = { .type = NLA_REJECT },
};

static const struct nla_policy guest_get_policy[LODGE_A_GUEST_MAX + 1] = {
	[LODGE_A_GUEST_ID] = { .type = NLA_U64 },
	[LODGE_A_GUEST_NAME] = { .type = NLA_NUL_STRING, .len = LODGE_NAME_MAX },
	[LODGE_A_GUEST_KIND] = NLA_POLICY_MAX(NLA_U32, LODGE_GUEST_KIND_CONTAINER),
	[LODGE_A_GUEST_ALL] = { .type = NLA_FLAG },
};

static const struct nla_policy stats_get_policy[LODGE_A_STATS_MAX + 1] = {
	[LODGE_A_STATS_ID] = { .type = NLA_U64 },
	[LODGE_A_STATS_NAME] = { .type = NLA_NUL_STRING, .len = LODGE_NAME_MAX },
};

static int put_end(struct sk_buff *skb, const struct lodge_guest *guest)
{
	if (nla_put_u64_64bit(skb, LODGE_A_GUEST_ENDED, guest->ended,
			      LODGE_A_GUEST_PAD) ||
	    nla_put_u32(skb, LODGE_A_GUEST_END_REASON, guest->reason) ||
	    nla_put_s32(skb, LODGE_A_GUEST_END_STATUS, guest->status))
		return -EMSGSIZE;
	if (guest->message[0] &&
	    nla_put_string(skb, LODGE_A_GUEST_END_MESSAGE, guest->message))
		return -EMSGSIZE;
	return 0;
}

/* Context: lodge_guests_lock. */
static int put_guest(struct sk_buff *skb, const struct lodge_guest *guest)
{
	u32 nr_vcpus = guest->vm ? READ_ONCE(guest->vm->nr_vcpus) :
				   guest->nr_vcpus;

	if (nla_put_u64_64bit(skb, LODGE_A_GUEST_ID, guest->id,
			      LODGE_A_GUEST_PAD) ||
	    nla_put_string(skb, LODGE_A_GUEST_NAME, guest->name) ||
	    nla_put_u32(skb, LODGE_A_GUEST_KIND, guest->kind) ||
	    nla_put_u32(skb, LODGE_A_GUEST_STATE, guest->state) ||
	    nla_put_u32(skb, LODGE_A_GUEST_KEEPER_PID, guest->keeper_pid) ||
	    nla_put_u64_64bit(skb, LODGE_A_GUEST_CREATED, guest->created,
			      LODGE_A_GUEST_PAD) ||
	    nla_put_u32(skb, LODGE_A_GUEST_VCPUS, nr_vcpus))
		return -EMSGSIZE;
	if (guest->init_pid &&
	    nla_put_u32(skb, LODGE_A_GUEST_INIT_PID, guest->init_pid))
		return -EMSGSIZE;
	if (guest->state == LODGE_GUEST_STATE_EXITED)
		return put_end(skb, guest);
	return 0;
}

static int put_exits(struct sk_buff *skb, const struct lodge_exit_stats *exits,
		     u32 class)
{
	struct nlattr *nest = nla_nest_start(skb, LODGE_A_VCPU_STATS_EXITS);

	if (!nest ||
	    nla_put_u32(skb, LODGE_A_EXITS_CLASS, class) ||
	    nla_put_u64_64bit(skb, LODGE_A_EXITS_COUNT, exits->count,
			      LODGE_A_EXITS_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_EXITS_CYCLES, exits->cycles,
			      LODGE_A_EXITS_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_vcpu_stats(struct sk_buff *skb, int attr, int vcpu,
			  const struct lodge_vcpu_stats *stats)
{
	struct lodge_exit_stats classes[LODGE_EXIT_CLASS_END + 1];
	struct nlattr *nest = nla_nest_start(skb, attr);
	u32 class;

	if (!nest ||
	    nla_put_u64_64bit(skb, LODGE_A_VCPU_STATS_GUEST_TIME,
			      lodge_stats_ns(stats->guest_cycles),
			      LODGE_A_VCPU_STATS_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_VCPU_STATS_PAGE_FAULTS,
			      stats->page_faults, LODGE_A_VCPU_STATS_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_VCPU_STATS_INTERRUPTS,
			      stats->interrupts, LODGE_A_VCPU_STATS_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_VCPU_STATS_HALTS, stats->halts,
			      LODGE_A_VCPU_STATS_PAD))
		return -EMSGSIZE;
	if (vcpu >= 0 && nla_put_u32(skb, LODGE_A_VCPU_STATS_VCPU, vcpu))
		return -EMSGSIZE;
	lodge_stats_classes(stats, classes);
	for (class = 0; class < ARRAY_SIZE(classes); class++) {
		if (classes[class].count &&
		    put_exits(skb, &classes[class], class))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_hook(struct sk_buff *skb, const struct lodge_hook *hook, u64 denials)
{
	struct nlattr *nest = nla_nest_start(skb, LODGE_A_STATS_HOOKS);

	if (!nest || nla_put_string(skb, LODGE_A_HOOK_NAME, hook->function) ||
	    nla_put_u64_64bit(skb, LODGE_A_HOOK_DENIALS, denials,
			      LODGE_A_HOOK_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* A path that is too long for a message is left out. */
static int put_cgroup(struct sk_buff *skb, struct cgroup *cgroup)
{
	char *path = kmalloc(PATH_MAX, GFP_KERNEL);
	int ret = 0;

	if (!path)
		return -ENOMEM;
	if (cgroup_path(cgroup, path, PATH_MAX) < PATH_MAX && path[0])
		ret = nla_put_string(skb, LODGE_A_STATS_CGROUP, path);
	kfree(path);
	return ret;
}

static int put_cell_stats(struct sk_buff *skb, const struct lodge_cell *cell)
{
	unsigned int i;
	u64 denials;

	if (nla_put_u64_64bit(skb, LODGE_A_STATS_CHECKS, lodge_cell_checks(cell),
			      LODGE_A_STATS_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_STATS_DENIALS,
			      lodge_cell_denials(cell), LODGE_A_STATS_PAD))
		return -EMSGSIZE;
	for (i = 0; i < lodge_nr_hooks; i++) {
		denials = atomic64_read(&cell->denials[i]);
		if (denials && put_hook(skb, &lodge_hooks[i], denials))
			return -EMSGSIZE;
	}
	return cell->cgroup ? put_cgroup(skb, cell->cgroup) : 0;
}

static int put_vm_stats(struct sk_buff *skb, struct lodge_vm *vm)
{
	struct lodge_vcpu_stats stats, total = {};
	u64 mapped, resident;
	int i;

	lodge_memory_stats(vm, &mapped, &resident);
	if (nla_put_u64_64bit(skb, LODGE_A_STATS_MEMORY_MAPPED, mapped,
			      LODGE_A_STATS_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_STATS_MEMORY_RESIDENT, resident,
			      LODGE_A_STATS_PAD))
		return -EMSGSIZE;
	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		if (!lodge_stats_read(vm, i, &stats))
			continue;
		lodge_stats_add(&total, &stats);
		if (put_vcpu_stats(skb, LODGE_A_STATS_VCPUS, i, &stats))
			return -EMSGSIZE;
	}
	return put_vcpu_stats(skb, LODGE_A_STATS_TOTAL, -1, &total);
}

/* Of a guest that lives.  Context: lodge_guests_lock. */
static int put_stats(struct sk_buff *skb, const struct lodge_guest *guest)
{
	if (nla_put_u64_64bit(skb, LODGE_A_STATS_ID, guest->id,
			      LODGE_A_STATS_PAD) ||
	    nla_put_string(skb, LODGE_A_STATS_NAME, guest->name))
		return -EMSGSIZE;
	if (guest->vm && put_vm_stats(skb, guest->vm))
		return -EMSGSIZE;
	/* A VM may have both, or have none: its wall comes a moment later. */
	return guest->cell ? put_cell_stats(skb, guest->cell) : 0;
}

typedef int put_fn(struct sk_buff *skb, const struct lodge_guest *guest);

/* Answers with one message, which @put fills, or which is empty for it. */
static int reply(struct genl_info *info, u8 cmd, const struct lodge_guest *guest,
		 put_fn *put)
{
	struct sk_buff *skb = genlmsg_new(STATS_SIZE, GFP_KERNEL);
	void *header;
	int ret = -EMSGSIZE;

	if (!skb)
		return -ENOMEM;
	header = genlmsg_put_reply(skb, info, &lodge_genl_family, 0, cmd);
	if (header)
		ret = put(skb, guest);
	if (ret) {
		nlmsg_free(skb);
		return ret;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

static int guest_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	static const int for_dumps[] = { LODGE_A_GUEST_KIND, LODGE_A_GUEST_ALL };
	struct lodge_guest *guest;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(for_dumps); i++) {
		if (info->attrs[for_dumps[i]]) {
			NL_SET_ERR_MSG_ATTR(info->extack,
					    info->attrs[for_dumps[i]],
					    "this is for dumps");
			return -EINVAL;
		}
	}
	mutex_lock(&lodge_guests_lock);
	guest = lodge_netlink_guest(info, LODGE_A_GUEST_ID, LODGE_A_GUEST_NAME);
	if (IS_ERR(guest))
		ret = PTR_ERR(guest);
	else
		ret = reply(info, LODGE_CMD_GUEST_GET, guest, put_guest);
	mutex_unlock(&lodge_guests_lock);
	return ret;
}

static int stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct lodge_guest *guest;
	int ret;

	mutex_lock(&lodge_guests_lock);
	guest = lodge_netlink_guest(info, LODGE_A_STATS_ID, LODGE_A_STATS_NAME);
	if (IS_ERR(guest)) {
		ret = PTR_ERR(guest);
	} else if (guest->state == LODGE_GUEST_STATE_EXITED) {
		NL_SET_ERR_MSG(info->extack, "the guest has ended");
		ret = -ESRCH;
	} else {
		ret = reply(info, LODGE_CMD_STATS_GET, guest, put_stats);
	}
	mutex_unlock(&lodge_guests_lock);
	return ret;
}

static bool matches(const struct nlattr *id, const struct nlattr *name,
		    const struct lodge_guest *guest)
{
	return (!id || nla_get_u64(id) == guest->id) &&
	       (!name || !strcmp(nla_data(name), guest->name));
}

static bool guest_get_wants(struct nlattr **attrs, const struct lodge_guest *guest)
{
	struct nlattr *kind = attrs[LODGE_A_GUEST_KIND];

	if (guest->state == LODGE_GUEST_STATE_EXITED &&
	    !attrs[LODGE_A_GUEST_ALL])
		return false;
	return matches(attrs[LODGE_A_GUEST_ID], attrs[LODGE_A_GUEST_NAME], guest) &&
	       (!kind || nla_get_u32(kind) == guest->kind);
}

static bool stats_get_wants(struct nlattr **attrs, const struct lodge_guest *guest)
{
	return guest->state != LODGE_GUEST_STATE_EXITED &&
	       matches(attrs[LODGE_A_STATS_ID], attrs[LODGE_A_STATS_NAME], guest);
}

/*
 * Goes on behind the last guest that is in the dump.  One that came or went
 * between two parts of a dump shows in the generation, and from that in the flag
 * NLM_F_DUMP_INTR of the messages.
 */
static int dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		bool (*wants)(struct nlattr **, const struct lodge_guest *),
		put_fn *put)
{
	struct nlattr **attrs = genl_dump_attrs(cb);
	struct dump *dump = dump_of(cb);
	struct lodge_guest *guest;
	void *header;
	int ret = 0;

	mutex_lock(&lodge_guests_lock);
	cb->seq = lodge_guests_generation;
	list_for_each_entry(guest, &lodge_guests, link) {
		if (guest->id <= dump->last || !wants(attrs, guest))
			continue;
		header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				     cb->nlh->nlmsg_seq, &lodge_genl_family,
				     NLM_F_MULTI, cmd);
		ret = header ? put(skb, guest) : -EMSGSIZE;
		if (ret) {
			genlmsg_cancel(skb, header);
			break;
		}
		genl_dump_check_consistent(cb, header);
		genlmsg_end(skb, header);
		dump->last = guest->id;
	}
	mutex_unlock(&lodge_guests_lock);
	return skb->len ?: ret;
}

static int guest_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, LODGE_CMD_GUEST_GET, guest_get_wants, put_guest);
}

static int guest_get_start(struct netlink_callback *cb)
{
	return lodge_cell_inside() ? -EPERM : 0;
}

static int stats_get_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = STATS_SIZE;
	return guest_get_start(cb);
}

static int stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, LODGE_CMD_STATS_GET, stats_get_wants, put_stats);
}

static int put_features(struct sk_buff *skb, const struct lodge_guest *unused)
{
	u64 seq, dropped;

	lodge_events_count(&seq, &dropped);
	if (nla_put_u32(skb, LODGE_A_FEATURES_API_VERSION, LODGE_API_VERSION) ||
	    nla_put_u32(skb, LODGE_A_FEATURES_ENDED_KEPT, LODGE_ENDED_KEPT) ||
	    nla_put_u32(skb, LODGE_A_FEATURES_TSC_KHZ, tsc_khz) ||
	    nla_put_u64_64bit(skb, LODGE_A_FEATURES_EVENTS_SEQ, seq,
			      LODGE_A_FEATURES_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_FEATURES_EVENTS_DROPPED, dropped,
			      LODGE_A_FEATURES_PAD))
		return -EMSGSIZE;
	return 0;
}

static int features_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply(info, LODGE_CMD_FEATURES_GET, NULL, put_features);
}

static const struct genl_ops genl_ops[] = {
	{
		.cmd = LODGE_CMD_GUEST_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = guest_get_policy,
		.maxattr = LODGE_A_GUEST_MAX,
		.doit = guest_get_doit,
		.start = guest_get_start,
		.dumpit = guest_get_dumpit,
	},
	{
		.cmd = LODGE_CMD_STATS_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = stats_get_policy,
		.maxattr = LODGE_A_STATS_MAX,
		.doit = stats_get_doit,
		.start = stats_get_start,
		.dumpit = stats_get_dumpit,
	},
	{
		.cmd = LODGE_CMD_FEATURES_GET,
		.doit = features_get_doit,
	},
	{
		.cmd = LODGE_CMD_POLICY_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = lodge_policy_get_policy,
		.maxattr = LODGE_A_POLICY_MAX,
		.doit = lodge_policy_get_doit,
	},
	{
		.cmd = LODGE_CMD_POLICY_SET,
		.flags = GENL_ADMIN_PERM,
		.policy = lodge_policy_set_policy,
		.maxattr = LODGE_A_POLICY_MAX,
		.doit = lodge_policy_set_doit,
	},
};

static const struct genl_multicast_group genl_groups[] = {
	{
		.name = LODGE_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family lodge_genl_family __ro_after_init = {
	.name = LODGE_FAMILY_NAME,
	.version = LODGE_FAMILY_VERSION,
	.module = THIS_MODULE,
	.policy = no_policy,
	.maxattr = LODGE_A_FEATURES_PAD,
	.parallel_ops = true,
	.ops = genl_ops,
	.n_ops = ARRAY_SIZE(genl_ops),
	/* All of them: reserved fields of the header must be 0. */
	.resv_start_op = LODGE_CMD_GUEST_GET,
	.mcgrps = genl_groups,
	.n_mcgrps = ARRAY_SIZE(genl_groups),
};

int lodge_netlink_init(void)
{
	return genl_register_family(&lodge_genl_family);
}

void lodge_netlink_exit(void)
{
	genl_unregister_family(&lodge_genl_family);
}
