// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way to listeners: a ring that anybody puts into, and one
 * worker that makes messages of what is in it.
 *
 * A listener who sleeps loses what its socket has no room for, and sees that from
 * gaps in the sequence numbers; nobody else is held up.  What the ring has no room
 * for leaves a gap as well, and is counted besides.
 */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include "event.h"
#include "netlink.h"

#define RING_SIZE	256
/* Guests that fail over and over leave this much for guests that come and go. */
#define RING_RESERVE	64

struct record {
	u8 cmd;
	bool failed;
	u64 seq;
	u64 time;
	u64 dropped;
	u64 id;
	char name[LODGE_NAME_MAX + 1];
	u32 kind;
	u32 reason;
	s32 status;
	char message[LODGE_MESSAGE_SIZE];
	union {
		struct lodge_failure failure;
		struct lodge_denial denial;
	};
};

/*
 * Records from tail up to head are the worker's, the others are the producers'.
 * Only the worker moves tail.  A denial may come with interrupts off.
 */
static struct record *ring;
static unsigned int head, tail;
static u64 last_seq, nr_dropped;
static DEFINE_SPINLOCK(ring_lock);	/* head, last_seq, nr_dropped */

static void deliver(struct work_struct *work);
static DECLARE_WORK(deliver_work, deliver);
static struct workqueue_struct *workqueue;

bool lodge_events_wanted(void)
{
	return genl_has_listeners(&lodge_genl_family, &init_net, 0);
}

void lodge_events_count(u64 *seq, u64 *dropped)
{
	spin_lock_irq(&ring_lock);
	*seq = last_seq;
	*dropped = nr_dropped;
	spin_unlock_irq(&ring_lock);
}

/*
 * A record for an event, to be filled and given to publish(), or NULL if there is
 * no room.  Context: ring_lock.
 */
static struct record *reserve(const struct lodge_guest *guest, u8 cmd,
			      unsigned int room)
{
	struct record *record;

	last_seq++;
	/* Pairs with the release in deliver(): the record is free. */
	if (head - smp_load_acquire(&tail) >= room) {
		nr_dropped++;
		return NULL;
	}
	record = &ring[head % RING_SIZE];
	record->cmd = cmd;
	record->seq = last_seq;
	record->time = ktime_get_boottime_ns();
	record->dropped = nr_dropped;
	record->id = guest->id;
	record->kind = guest->kind;
	strscpy(record->name, guest->name, sizeof(record->name));
	record->failed = false;
	return record;
}

static void publish(void)
{
	/* Pairs with the acquire in deliver(): the record is complete. */
	smp_store_release(&head, head + 1);
	queue_work(workqueue, &deliver_work);
}

void lodge_event(const struct lodge_guest *guest, u8 cmd,
		 const struct lodge_failure *failure)
{
	unsigned int room = failure ? RING_SIZE - RING_RESERVE : RING_SIZE;
	struct record *record;
	unsigned long flags;

	if (!lodge_events_wanted())
		return;
	spin_lock_irqsave(&ring_lock, flags);
	record = reserve(guest, cmd, room);
	if (record) {
		if (failure) {
			record->failed = true;
			record->failure = *failure;
		} else if (cmd == LODGE_CMD_GUEST_EXITED_NTF) {
			record->reason = guest->reason;
			record->status = guest->status;
			strscpy(record->message, guest->message,
				sizeof(record->message));
		}
		publish();
	}
	spin_unlock_irqrestore(&ring_lock, flags);
}

void lodge_event_denial(const struct lodge_guest *guest,
			const struct lodge_denial *denial)
{
	struct record *record;
	unsigned long flags;

	if (!lodge_events_wanted())
		return;
	spin_lock_irqsave(&ring_lock, flags);
	record = reserve(guest, LODGE_CMD_DENIAL_NTF, RING_SIZE - RING_RESERVE);
	if (record) {
		record->denial = *denial;
		publish();
	}
	spin_unlock_irqrestore(&ring_lock, flags);
}

static int put_registers(struct sk_buff *skb, const u64 *regs)
{
	struct nlattr *nest = nla_nest_start(skb, LODGE_A_FAILURE_REGISTERS);
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = LODGE_A_REGISTERS_RAX; i <= LODGE_A_REGISTERS_MAX; i++) {
		if (nla_put_u64_64bit(skb, i, regs[i - LODGE_A_REGISTERS_RAX],
				      LODGE_A_REGISTERS_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_failure(struct sk_buff *skb, const struct lodge_failure *failure)
{
	struct nlattr *nest = nla_nest_start(skb, LODGE_A_EVENT_FAILURE);

	if (!nest ||
	    nla_put_u32(skb, LODGE_A_FAILURE_VCPU, failure->vcpu) ||
	    nla_put_u32(skb, LODGE_A_FAILURE_REASON, failure->reason) ||
	    nla_put_string(skb, LODGE_A_FAILURE_MESSAGE, failure->message) ||
	    nla_put_u64_64bit(skb, LODGE_A_FAILURE_EXIT_CODE, failure->code,
			      LODGE_A_FAILURE_PAD) ||
	    put_registers(skb, failure->regs))
		return -EMSGSIZE;
	if (failure->insn_len &&
	    nla_put(skb, LODGE_A_FAILURE_INSTRUCTION, failure->insn_len,
		    failure->insn))
		return -EMSGSIZE;
	if (failure->reason == LODGE_END_REASON_MEMORY &&
	    (nla_put_u64_64bit(skb, LODGE_A_FAILURE_ADDRESS, failure->address,
			       LODGE_A_FAILURE_PAD) ||
	     nla_put_s32(skb, LODGE_A_FAILURE_ERRNO, failure->error)))
		return -EMSGSIZE;
	if (failure->write && nla_put_flag(skb, LODGE_A_FAILURE_WRITE))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Words for LODGE_RIGHT_*, as policies say them */
static const char *right_name(u32 right)
{
	static const char *const names[] = {
		"files", "devices", "sockets", "processes", "namespaces",
		"mounts", "sysctl", "modules", "bpf", "perf", "clock", "syslog",
		"keys", "boot", "raw",
	};

	BUILD_BUG_ON(LODGE_RIGHTS_ALL != (1U << ARRAY_SIZE(names)) - 1);
	return names[__ffs(right)];
}

static int put_denial(struct sk_buff *skb, const struct lodge_denial *denial)
{
	struct nlattr *nest = nla_nest_start(skb, LODGE_A_EVENT_DENIAL);

	if (!nest ||
	    nla_put_u32(skb, LODGE_A_DENIAL_PID, denial->pid) ||
	    nla_put_string(skb, LODGE_A_DENIAL_COMM, denial->comm) ||
	    nla_put_string(skb, LODGE_A_DENIAL_HOOK, denial->hook) ||
	    nla_put_string(skb, LODGE_A_DENIAL_OBJECT, denial->object) ||
	    nla_put_string(skb, LODGE_A_DENIAL_RULE, right_name(denial->right)))
		return -EMSGSIZE;
	if (denial->complain && nla_put_flag(skb, LODGE_A_DENIAL_COMPLAINED))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_record(struct sk_buff *skb, const struct record *record)
{
	if (nla_put_u64_64bit(skb, LODGE_A_EVENT_SEQ, record->seq,
			      LODGE_A_EVENT_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_EVENT_TIME, record->time,
			      LODGE_A_EVENT_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_EVENT_DROPPED, record->dropped,
			      LODGE_A_EVENT_PAD) ||
	    nla_put_u64_64bit(skb, LODGE_A_EVENT_GUEST_ID, record->id,
			      LODGE_A_EVENT_PAD) ||
	    nla_put_string(skb, LODGE_A_EVENT_GUEST_NAME, record->name) ||
	    nla_put_u32(skb, LODGE_A_EVENT_GUEST_KIND, record->kind))
		return -EMSGSIZE;
	if (record->failed)
		return put_failure(skb, &record->failure);
	if (record->cmd == LODGE_CMD_DENIAL_NTF)
		return put_denial(skb, &record->denial);
	if (record->cmd != LODGE_CMD_GUEST_EXITED_NTF)
		return 0;
	if (nla_put_u32(skb, LODGE_A_EVENT_END_REASON, record->reason) ||
	    nla_put_s32(skb, LODGE_A_EVENT_END_STATUS, record->status))
		return -EMSGSIZE;
	if (record->message[0] &&
	    nla_put_string(skb, LODGE_A_EVENT_END_MESSAGE, record->message))
		return -EMSGSIZE;
	return 0;
}

static void send(const struct record *record)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!skb)
		goto lost;
	header = genlmsg_put(skb, 0, 0, &lodge_genl_family, 0, record->cmd);
	if (!header || put_record(skb, record)) {
		nlmsg_free(skb);
		goto lost;
	}
	genlmsg_end(skb, header);
	/* An error means that nobody listens any more. */
	genlmsg_multicast_netns(&lodge_genl_family, &init_net, skb, 0, 0,
				GFP_KERNEL);
	return;
lost:
	spin_lock_irq(&ring_lock);
	nr_dropped++;
	spin_unlock_irq(&ring_lock);
}

static void deliver(struct work_struct *work)
{
	unsigned int at = tail;

	/* Pairs with the release in lodge_event(): the record is complete. */
	while (at != smp_load_acquire(&head)) {
		send(&ring[at % RING_SIZE]);
		/* Pairs with the acquire in lodge_event(): the record is free. */
		smp_store_release(&tail, ++at);
	}
	/*
	 * Events come in swarms.  As long as this work runs, who reports the next
	 * one queues it once more, and who comes then has nobody to wake.
	 */
	usleep_range(400, 600);
}

int lodge_events_init(void)
{
	ring = kvcalloc(RING_SIZE, sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	workqueue = alloc_workqueue("lodge", WQ_UNBOUND, 1);
	if (!workqueue) {
		kvfree(ring);
		return -ENOMEM;
	}
	return 0;
}

void lodge_events_exit(void)
{
	/* Delivers what is left. */
	destroy_workqueue(workqueue);
	kvfree(ring);
}
