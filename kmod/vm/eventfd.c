// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest writes that signal eventfds, eventfds that interrupt the guest.  With
 * both, a driver in the kernel (vhost) or another thread serves a device
 * without an exit to the tool.
 *
 * Locks, in the order in which they nest: vm->lock; an eventfd's wait queue;
 * lodge_eventfds.lock; the PIC's; the I/O APIC's.  An eventfd is signalled with none of
 * them held: its wait queue can be one that an irqfd hangs on.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "eventfd.h"
#include "irq.h"

#define MAX_IOEVENTFDS	256
#define MAX_IRQFDS	1024
#define NR_PORTS	0x10000

/**
 * struct ioeventfd - a guest write that signals an eventfd
 * @node: in lodge_eventfds.ioeventfds
 * @ctx: the eventfd
 * @addr: guest physical address or port
 * @datamatch: the value that counts, if @match
 * @len: width in bytes, 0 for any
 * @port: @addr is a port
 * @match: only for writes of @datamatch
 * @rcu: frees it
 */
struct ioeventfd {
	struct hlist_node node;
	struct eventfd_ctx *ctx;
	u64 addr;
	u64 datamatch;
	u32 len;
	bool port;
	bool match;
	struct rcu_head rcu;
};

/**
 * struct irqfd - an eventfd that interrupts the guest
 * @node: in lodge_eventfds.irqfds
 * @attached: it is there; whoever takes it off detaches and frees it
 * @vm: the VM
 * @ctx: the eventfd
 * @resample: signalled when the pin was deasserted, or NULL
 * @gsi: the pin
 * @msi: @msg goes out instead
 * @msg: decoded message
 * @wqh: the eventfd's wait queue
 * @wait: our entry in it
 * @poll: how it gets there
 * @hangup: for an eventfd that was closed: its wake-up is no place to detach
 * @rcu: frees it
 */
struct irqfd {
	struct list_head node;
	bool attached;
	struct lodge_vm *vm;
	struct eventfd_ctx *ctx;
	struct eventfd_ctx *resample;
	u32 gsi;
	bool msi;
	struct lodge_irq_msg msg;
	wait_queue_head_t *wqh;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct hangup;
	struct rcu_head rcu;
};

/**
 * struct lodge_eventfds - what of them a VM has
 * @lock: protects @irqfds and @nr_irqfds against changes
 * @irqfds: all that are attached; readers under RCU
 * @nr_irqfds: how many
 * @ioeventfds: by address; changed under vm->lock, readers under RCU
 * @nr_ioeventfds: how many
 */
struct lodge_eventfds {
	spinlock_t lock;	/* irqfds */
	struct list_head irqfds;
	int nr_irqfds;
	DECLARE_HASHTABLE(ioeventfds, 5);
	int nr_ioeventfds;
};

static struct workqueue_struct *hangup_queue;

static void signal_eventfd(struct eventfd_ctx *ctx)
{
#ifdef HAVE_EVENTFD_SIGNAL_1ARG
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* ioeventfds */

bool lodge_ioeventfd_write(struct lodge_vm *vm, bool port, u64 addr, int width,
			   const void *data)
{
	struct ioeventfd *io;
	bool found = false;
	u64 value = 0;

	if (!READ_ONCE(vm->eventfds->nr_ioeventfds))
		return false;

	memcpy(&value, data, width);
	rcu_read_lock();
	hash_for_each_possible_rcu(vm->eventfds->ioeventfds, io, node, addr) {
		if (io->addr != addr || io->port != port ||
		    (io->len && io->len != width) ||
		    (io->match && io->datamatch != value))
			continue;
		signal_eventfd(io->ctx);
		found = true;
	}
	rcu_read_unlock();
	return found;
}

static void ioeventfd_free(struct rcu_head *rcu)
{
	struct ioeventfd *io = container_of(rcu, struct ioeventfd, rcu);

	eventfd_ctx_put(io->ctx);
	kfree(io);
}

static bool same_ioeventfd(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->addr == b->addr && a->port == b->port && a->len == b->len &&
	       a->match == b->match && a->datamatch == b->datamatch;
}

static struct ioeventfd *find_ioeventfd(struct lodge_vm *vm,
					const struct ioeventfd *like)
{
	struct ioeventfd *io;

	lockdep_assert_held(&vm->lock);
	hash_for_each_possible(vm->eventfds->ioeventfds, io, node, like->addr)
		if (same_ioeventfd(io, like))
			return io;
	return NULL;
}

/* Takes @new over. */
static int ioeventfd_assign(struct lodge_vm *vm, struct ioeventfd *new)
{
	struct lodge_eventfds *fds = vm->eventfds;
	int ret = 0;

	mutex_lock(&vm->lock);
	if (find_ioeventfd(vm, new)) {
		ret = -EEXIST;
	} else if (fds->nr_ioeventfds == MAX_IOEVENTFDS) {
		ret = -ENOSPC;
	} else {
		hash_add_rcu(fds->ioeventfds, &new->node, new->addr);
		WRITE_ONCE(fds->nr_ioeventfds, fds->nr_ioeventfds + 1);
	}
	mutex_unlock(&vm->lock);

	if (ret)
		ioeventfd_free(&new->rcu);
	return ret;
}

static int ioeventfd_deassign(struct lodge_vm *vm, const struct ioeventfd *like)
{
	struct lodge_eventfds *fds = vm->eventfds;
	struct ioeventfd *io;
	int ret = -ENOENT;

	mutex_lock(&vm->lock);
	io = find_ioeventfd(vm, like);
	if (io && io->ctx == like->ctx) {
		hash_del_rcu(&io->node);
		WRITE_ONCE(fds->nr_ioeventfds, fds->nr_ioeventfds - 1);
		call_rcu(&io->rcu, ioeventfd_free);
		ret = 0;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static bool ioeventfd_valid(const struct lodge_ioeventfd *args)
{
	u64 last;

	if (args->flags & ~(LODGE_IOEVENTFD_PIO | LODGE_IOEVENTFD_DATAMATCH |
			    LODGE_IOEVENTFD_DEASSIGN))
		return false;
	if (args->len > 8 || (args->len && !is_power_of_2(args->len)))
		return false;
	if (args->flags & LODGE_IOEVENTFD_DATAMATCH ? !args->len :
						      args->datamatch)
		return false;
	if (check_add_overflow(args->addr, (u64)max(args->len, 1U) - 1, &last))
		return false;
	if (args->flags & LODGE_IOEVENTFD_PIO)
		return args->len != 8 && last < NR_PORTS;
	return true;
}

int lodge_ioeventfd(struct lodge_vm *vm, const struct lodge_ioeventfd *args)
{
	struct ioeventfd *io;
	int ret;

	if (!ioeventfd_valid(args))
		return -EINVAL;

	io = kzalloc(sizeof(*io), GFP_KERNEL_ACCOUNT);
	if (!io)
		return -ENOMEM;
	io->addr = args->addr;
	io->datamatch = args->datamatch;
	io->len = args->len;
	io->port = args->flags & LODGE_IOEVENTFD_PIO;
	io->match = args->flags & LODGE_IOEVENTFD_DATAMATCH;
	io->ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(io->ctx)) {
		ret = PTR_ERR(io->ctx);
		kfree(io);
		return ret;
	}

	if (!(args->flags & LODGE_IOEVENTFD_DEASSIGN))
		return ioeventfd_assign(vm, io);
	ret = ioeventfd_deassign(vm, io);
	ioeventfd_free(&io->rcu);
	return ret;
}

/* irqfds */

/* Context: interrupts off, the eventfd's wait queue locked. */
static void irqfd_inject(struct irqfd *irqfd)
{
	if (irqfd->msi)
		lodge_lapic_deliver(irqfd->vm, NULL, &irqfd->msg);
	else if (irqfd->resample)
		lodge_irq_set_line(irqfd->vm, irqfd->gsi, true,
				   IRQ_SOURCE_RESAMPLE);
	else
		lodge_irq_pulse(irqfd->vm, irqfd->gsi);
}

void lodge_irqfd_resample(struct lodge_vm *vm, u32 gsi)
{
	struct irqfd *irqfd;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &vm->eventfds->irqfds, node)
		if (irqfd->resample && irqfd->gsi == gsi)
			signal_eventfd(irqfd->resample);
	rcu_read_unlock();
}

static void irqfd_free(struct rcu_head *rcu)
{
	struct irqfd *irqfd = container_of(rcu, struct irqfd, rcu);

	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);
}

/*
 * The last irqfd that could hold a pin is gone, and so must be its level.  One
 * that is attached meanwhile is on the list before it can assert anything.
 */
static void drop_level(struct lodge_vm *vm, u32 gsi)
{
	struct lodge_eventfds *fds = vm->eventfds;
	struct irqfd *irqfd;
	unsigned long flags;

	spin_lock_irqsave(&fds->lock, flags);
	list_for_each_entry(irqfd, &fds->irqfds, node)
		if (irqfd->resample && irqfd->gsi == gsi)
			goto out;
	lodge_irq_set_line(vm, gsi, false, IRQ_SOURCE_RESAMPLE);
out:
	spin_unlock_irqrestore(&fds->lock, flags);
}

static bool irqfd_take(struct lodge_eventfds *fds, struct irqfd *irqfd)
{
	lockdep_assert_held(&fds->lock);
	if (!irqfd->attached)
		return false;
	irqfd->attached = false;
	fds->nr_irqfds--;
	list_del_rcu(&irqfd->node);
	return true;
}

/* By whoever took it off the list; once, and where sleeping is allowed. */
static void irqfd_detach(struct irqfd *irqfd)
{
	u64 count;

	/* Waits for a wake-up that is under way; there will be no other. */
	eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait, &count);
	if (irqfd->resample)
		drop_level(irqfd->vm, irqfd->gsi);
	call_rcu(&irqfd->rcu, irqfd_free);
}

static void irqfd_hangup(struct work_struct *work)
{
	irqfd_detach(container_of(work, struct irqfd, hangup));
}

/*
 * The eventfd was signalled or closed.  Called with its wait queue locked,
 * which is what keeps @irqfd from going away.
 */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync,
			void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	struct lodge_eventfds *fds = irqfd->vm->eventfds;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->ctx, &count);
		irqfd_inject(irqfd);
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&fds->lock, flags);
		if (irqfd_take(fds, irqfd))
			queue_work(hangup_queue, &irqfd->hangup);
		spin_unlock_irqrestore(&fds->lock, flags);
	}
	return 0;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *wqh,
			poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	irqfd->wqh = wqh;
	add_wait_queue(wqh, &irqfd->wait);
}

/* It was signalled before it was attached: the wake-up did not see it. */
static void irqfd_catch_up(struct irqfd *irqfd)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&irqfd->wqh->lock, flags);
	eventfd_ctx_do_read(irqfd->ctx, &count);
	if (count)
		irqfd_inject(irqfd);
	spin_unlock_irqrestore(&irqfd->wqh->lock, flags);
}

/* Takes @new over. */
static int irqfd_attach(struct lodge_vm *vm, struct irqfd *new,
			struct file *file)
{
	struct lodge_eventfds *fds = vm->eventfds;
	struct irqfd *irqfd;
	int ret;

	mutex_lock(&vm->lock);
	spin_lock_irq(&fds->lock);
	ret = fds->nr_irqfds < MAX_IRQFDS ? 0 : -ENOSPC;
	list_for_each_entry(irqfd, &fds->irqfds, node)
		if (irqfd->ctx == new->ctx)
			ret = -EBUSY;
	if (!ret) {
		new->attached = true;
		fds->nr_irqfds++;
		list_add_rcu(&new->node, &fds->irqfds);
	}
	spin_unlock_irq(&fds->lock);

	/* Nobody hangs up while the caller holds the file. */
	if (!ret && (vfs_poll(file, &new->poll) & EPOLLIN))
		irqfd_catch_up(new);
	mutex_unlock(&vm->lock);

	if (ret)
		irqfd_free(&new->rcu);
	return ret;
}

static int irqfd_assign(struct lodge_vm *vm, const struct lodge_irqfd *args)
{
	struct irqfd *irqfd;
	struct file *file;
	int ret;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->vm = vm;
	irqfd->gsi = args->gsi;
	irqfd->msi = args->flags & LODGE_IRQFD_MSI;
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->poll, irqfd_queue);
	INIT_WORK(&irqfd->hangup, irqfd_hangup);

	if (irqfd->msi) {
		ret = lodge_msi_decode(args->msi_address, args->msi_data,
				       &irqfd->msg);
		if (ret)
			goto out_free;
	}
	ret = -EBADF;
	file = fget(args->fd);
	if (!file)
		goto out_free;
	irqfd->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->ctx)) {
		ret = PTR_ERR(irqfd->ctx);
		goto out_file;
	}
	if (args->flags & LODGE_IRQFD_RESAMPLE) {
		irqfd->resample = eventfd_ctx_fdget(args->resample_fd);
		if (IS_ERR(irqfd->resample)) {
			ret = PTR_ERR(irqfd->resample);
			goto out_ctx;
		}
	}

	ret = irqfd_attach(vm, irqfd, file);
	fput(file);
	return ret;

out_ctx:
	eventfd_ctx_put(irqfd->ctx);
out_file:
	fput(file);
out_free:
	kfree(irqfd);
	return ret;
}

static int irqfd_deassign(struct lodge_vm *vm, const struct lodge_irqfd *args)
{
	struct lodge_eventfds *fds = vm->eventfds;
	struct irqfd *irqfd, *found = NULL;
	struct eventfd_ctx *ctx;

	ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	mutex_lock(&vm->lock);
	spin_lock_irq(&fds->lock);
	list_for_each_entry(irqfd, &fds->irqfds, node) {
		if (irqfd->ctx == ctx && irqfd->gsi == args->gsi) {
			found = irqfd;
			irqfd_take(fds, found);
			break;
		}
	}
	spin_unlock_irq(&fds->lock);
	if (found)
		irqfd_detach(found);
	mutex_unlock(&vm->lock);

	eventfd_ctx_put(ctx);
	return found ? 0 : -ENOENT;
}

static bool irqfd_valid(const struct lodge_irqfd *args)
{
	bool msi = args->flags & LODGE_IRQFD_MSI;
	bool resample = args->flags & LODGE_IRQFD_RESAMPLE;

	if (args->flags & ~(LODGE_IRQFD_DEASSIGN | LODGE_IRQFD_RESAMPLE |
			    LODGE_IRQFD_MSI))
		return false;
	if (msi ? args->gsi || resample :
		  args->gsi >= LODGE_NR_GSIS || args->msi_address ||
		  args->msi_data)
		return false;
	return resample || !args->resample_fd;
}

int lodge_irqfd(struct lodge_vm *vm, const struct lodge_irqfd *args)
{
	if (!irqfd_valid(args))
		return -EINVAL;
	if (args->flags & LODGE_IRQFD_DEASSIGN)
		return irqfd_deassign(vm, args);
	return irqfd_assign(vm, args);
}

/* Both */

int lodge_eventfds_create(struct lodge_vm *vm)
{
	struct lodge_eventfds *fds = kzalloc(sizeof(*fds), GFP_KERNEL_ACCOUNT);

	if (!fds)
		return -ENOMEM;
	spin_lock_init(&fds->lock);
	INIT_LIST_HEAD(&fds->irqfds);
	hash_init(fds->ioeventfds);
	vm->eventfds = fds;
	return 0;
}

/* Nobody holds the VM any more: only eventfds can come in, and only to hang up. */
void lodge_eventfds_destroy(struct lodge_vm *vm)
{
	struct lodge_eventfds *fds = vm->eventfds;
	struct hlist_node *next;
	struct ioeventfd *io;
	struct irqfd *irqfd;
	int i;

	if (!fds)
		return;
	for (;;) {
		spin_lock_irq(&fds->lock);
		irqfd = list_first_entry_or_null(&fds->irqfds, struct irqfd,
						 node);
		if (irqfd)
			irqfd_take(fds, irqfd);
		spin_unlock_irq(&fds->lock);
		if (!irqfd)
			break;
		irqfd_detach(irqfd);
	}
	/* Those that their wake-up took off the list. */
	flush_workqueue(hangup_queue);

	hash_for_each_safe(fds->ioeventfds, i, next, io, node) {
		hash_del(&io->node);
		ioeventfd_free(&io->rcu);
	}
	kfree(fds);
	vm->eventfds = NULL;
}

int lodge_eventfds_init(void)
{
	hangup_queue = alloc_workqueue("lodge-hangup", WQ_UNBOUND, 0);
	return hangup_queue ? 0 : -ENOMEM;
}

void lodge_eventfds_exit(void)
{
	destroy_workqueue(hangup_queue);
	/* irqfd_free() and ioeventfd_free() are in this module. */
	rcu_barrier();
}
