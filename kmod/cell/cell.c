// SPDX-License-Identifier: GPL-2.0-only
/* Cells as objects: made from a pidfd, found by pid namespace, buried. */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/cgroup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include "cell.h"
#include "../guest.h"
#include "../vm/vm.h"

/* How often it is looked whether the last process has gone. */
#define BURIAL_TICK	msecs_to_jiffies(10)

/*
 * Cells by the address of their pid namespace: hooks look under RCU, changes are
 * made under lodge_cells_lock, which is taken before mounts_lock of a cell.
 */
static DEFINE_HASHTABLE(cells, 6);
static DEFINE_SPINLOCK(cells_lock);
struct workqueue_struct *lodge_cells_workqueue;

static struct lodge_cell *cell_of_ns(const struct pid_namespace *ns)
{
	struct lodge_cell *cell;

	hash_for_each_possible_rcu(cells, cell, link, (unsigned long)ns) {
		if (cell->ns == ns)
			return cell;
	}
	return NULL;
}

struct lodge_cell *lodge_cell_of(struct task_struct *task)
{
	struct pid *pid = READ_ONCE(task->thread_pid);
	struct lodge_cell *cell;
	unsigned int level;

	/* One without a number has been reaped. */
	if (!pid)
		return NULL;
	for (level = pid->level; level; level--) {
		cell = cell_of_ns(pid->numbers[level].ns);
		if (cell)
			return cell;
	}
	return NULL;
}

u64 lodge_cell_denials(const struct lodge_cell *cell)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < LODGE_MAX_HOOKS; i++)
		sum += atomic64_read(&cell->denials[i]);
	return sum;
}

u64 lodge_cell_checks(const struct lodge_cell *cell)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(cell->checks, cpu));
	return sum;
}

/* What a cell may mount without end is bounded. */
#define MAX_MOUNTS	4096

int lodge_cell_mounted(struct lodge_cell *cell, struct super_block *sb)
{
	struct lodge_mount *mount;
	int ret = 0;

	mount = kmalloc(sizeof(*mount), GFP_ATOMIC);
	if (!mount)
		return -ENOMEM;
	mount->sb = sb;
	spin_lock(&cell->mounts_lock);
	if (lodge_cell_has_mounted(cell, sb)) {
		kfree(mount);
	} else if (cell->nr_mounts == MAX_MOUNTS) {
		kfree(mount);
		ret = -ENOSPC;
	} else {
		cell->nr_mounts++;
		list_add_rcu(&mount->link, &cell->mounts);
	}
	spin_unlock(&cell->mounts_lock);
	return ret;
}

bool lodge_cell_has_mounted(const struct lodge_cell *cell,
			    const struct super_block *sb)
{
	const struct lodge_mount *mount;

	list_for_each_entry_rcu(mount, &cell->mounts, link,
				lockdep_is_held(&cell->mounts_lock)) {
		if (mount->sb == sb)
			return true;
	}
	return false;
}

static void forget(struct lodge_cell *cell, const struct super_block *sb)
{
	struct lodge_mount *mount, *next;

	spin_lock(&cell->mounts_lock);
	list_for_each_entry_safe(mount, next, &cell->mounts, link) {
		if (sb && mount->sb != sb)
			continue;
		list_del_rcu(&mount->link);
		cell->nr_mounts--;
		kfree_rcu(mount, rcu);
	}
	spin_unlock(&cell->mounts_lock);
}

void lodge_cells_forget(struct super_block *sb)
{
	struct lodge_cell *cell;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(cells, bucket, cell, link)
		forget(cell, sb);
	rcu_read_unlock();
}

/* A cell that no hook finds any more, or that never was one */
static void free_cell(struct lodge_cell *cell)
{
	forget(cell, NULL);
	lodge_rules_free_now(rcu_dereference_protected(cell->rules, true));
	free_percpu(cell->checks);
	lodge_guest_put(cell->guest);
	if (cell->cgroup)
		cgroup_put(cell->cgroup);
	if (cell->ns)
		put_pid_ns(cell->ns);
	put_pid(cell->init);
	kfree(cell);
}

static void free_cell_rcu(struct work_struct *work)
{
	free_cell(container_of(to_rcu_work(work), struct lodge_cell, rcu));
	module_put(THIS_MODULE);
}

/*
 * The first process of a namespace is reaped after all others in it have gone,
 * and after it no other can come.
 */
static void bury(struct work_struct *work)
{
	struct lodge_cell *cell = container_of(to_delayed_work(work),
					       struct lodge_cell, burial);
	bool alive;

	rcu_read_lock();
	alive = pid_task(cell->init, PIDTYPE_PID);
	rcu_read_unlock();
	if (alive) {
		queue_delayed_work(lodge_cells_workqueue, &cell->burial, BURIAL_TICK);
		return;
	}

	spin_lock(&cells_lock);
	hash_del_rcu(&cell->link);
	spin_unlock(&cells_lock);
	INIT_RCU_WORK(&cell->rcu, free_cell_rcu);
	queue_rcu_work(lodge_cells_workqueue, &cell->rcu);
}

/*
 * The keeper has let go, or is no more: so are the processes, but the wall stands
 * until the last of them has gone.
 */
static int cell_release(struct inode *inode, struct file *file)
{
	struct lodge_cell *cell = file->private_data;

	if (!cell)
		return 0;
	kill_pid(cell->init, SIGKILL, 1);
	lodge_guest_end(cell->guest, false);
	queue_delayed_work(lodge_cells_workqueue, &cell->burial, 0);
	return 0;
}

bool lodge_cell_inside(void)
{
	bool inside;

	rcu_read_lock();
	inside = lodge_cell_of(current);
	rcu_read_unlock();
	return inside;
}

void lodge_cell_set_rules(struct lodge_cell *cell, struct lodge_rules *rules)
{
	rules = rcu_replace_pointer(cell->rules, rules,
				    lockdep_is_held(&cell->policy_lock));
	lodge_rules_free(rules);
}

static long set_policy(struct lodge_cell *cell, const void __user *arg)
{
	struct lodge_rules *rules = lodge_rules_create(arg);

	if (IS_ERR(rules))
		return PTR_ERR(rules);
	mutex_lock(&cell->policy_lock);
	lodge_cell_set_rules(cell, rules);
	mutex_unlock(&cell->policy_lock);
	lodge_guest_policy_changed(cell->guest);
	return 0;
}

static long set_state(struct lodge_cell *cell, const void __user *arg)
{
	struct lodge_cell_state state;
	int ret;

	ret = lodge_copy_struct(&state, sizeof(state), sizeof(state), arg);
	if (ret)
		return ret;
	if (state.flags & ~(LODGE_CELL_PAUSED | LODGE_CELL_ENDED) ||
	    state.reserved || state.checks || state.denials ||
	    (state.status && !(state.flags & LODGE_CELL_ENDED)))
		return -EINVAL;
	WRITE_ONCE(cell->state, state.flags);
	if (state.flags & LODGE_CELL_ENDED)
		lodge_guest_failed(cell->guest, LODGE_END_REASON_FINISHED,
				   state.status & 0x7f ?
				   128 + (state.status & 0x7f) :
				   (state.status >> 8) & 0xff, NULL);
	else
		lodge_guest_paused(cell->guest,
				   state.flags & LODGE_CELL_PAUSED);
	return 0;
}

static long get_state(struct lodge_cell *cell, void __user *arg)
{
	struct lodge_cell_state state;
	u32 size;
	int ret;

	ret = lodge_copy_struct(&state, sizeof(state), sizeof(state), arg);
	if (ret)
		return ret;
	size = min_t(u32, state.size, sizeof(state));
	memset(&state, 0, sizeof(state));
	state.size = sizeof(state);
	state.flags = READ_ONCE(cell->state);
	state.checks = lodge_cell_checks(cell);
	state.denials = lodge_cell_denials(cell);
	return copy_to_user(arg, &state, size) ? -EFAULT : 0;
}

static long cell_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct lodge_cell *cell = file->private_data;
	void __user *user = (void __user *)arg;

	/* A descriptor that has come to the wrong side of the wall */
	if (lodge_cell_inside())
		return -EPERM;

	switch (cmd) {
	case LODGE_CELL_SET_POLICY:
		return set_policy(cell, user);
	case LODGE_CELL_SET_STATE:
		return set_state(cell, user);
	case LODGE_CELL_GET_STATE:
		return get_state(cell, user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations cell_fops = {
	.owner = THIS_MODULE,
	.release = cell_release,
	.unlocked_ioctl = cell_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/*
 * The caller's child; it cannot be another by now, for the caller reaps it.  Who is
 * not root may put a wall around what runs his VM alone, and only if no program
 * that it executes could be led astray by it to more rights than his own.
 */
static int find_init(struct lodge_cell *cell, const struct lodge_create_cell *args)
{
	bool privileged = capable(CAP_SYS_ADMIN);
	struct pid *pid = find_get_pid(args->pid);
	struct task_struct *task;
	int ret;

	if (!pid)
		return -ESRCH;
	cell->init = pid;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (!task)
		ret = -ESRCH;
	else if (rcu_dereference(task->real_parent)->tgid != current->tgid)
		ret = -ECHILD;
	else if (!privileged && !task_no_new_privs(task))
		ret = -EPERM;
	else
		ret = pid->level && is_child_reaper(pid) ? 0 : -EINVAL;
	rcu_read_unlock();
	if (!ret)
		cell->ns = get_pid_ns(pid->numbers[pid->level].ns);
	return ret;
}

static int find_cgroup(struct lodge_cell *cell, const struct lodge_create_cell *args)
{
	struct cgroup *cgroup;

	if (args->flags & LODGE_CELL_VM && args->cgroup == -1)
		return 0;
	cgroup = cgroup_get_from_fd(args->cgroup);
	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	cell->cgroup = cgroup;
	return cgroup_parent(cgroup) ? 0 : -EINVAL;
}

static int find_guest(struct lodge_cell *cell, const struct lodge_create_cell *args)
{
	struct lodge_guest *guest;

	if (args->flags & LODGE_CELL_VM)
		guest = lodge_vm_guest(args->vm);
	else
		guest = lodge_guest_create(LODGE_GUEST_KIND_CONTAINER, args->name,
					   NULL, cell);
	if (IS_ERR(guest))
		return PTR_ERR(guest);
	cell->guest = guest;
	return 0;
}

static struct lodge_cell *make(const struct lodge_create_cell *args)
{
	struct lodge_cell *cell;
	struct lodge_rules *rules;
	int ret = -ENOMEM;

	cell = kzalloc(sizeof(*cell), GFP_KERNEL_ACCOUNT);
	if (!cell)
		return ERR_PTR(-ENOMEM);
	mutex_init(&cell->policy_lock);
	spin_lock_init(&cell->mounts_lock);
	INIT_LIST_HEAD(&cell->mounts);
	INIT_DELAYED_WORK(&cell->burial, bury);
	cell->checks = alloc_percpu_gfp(u64, GFP_KERNEL_ACCOUNT);
	if (!cell->checks)
		goto fail;
	ret = find_init(cell, args);
	if (ret)
		goto fail;
	ret = find_cgroup(cell, args);
	if (ret)
		goto fail;
	rules = lodge_rules_create(u64_to_user_ptr(args->policy));
	if (IS_ERR(rules)) {
		ret = PTR_ERR(rules);
		goto fail;
	}
	RCU_INIT_POINTER(cell->rules, rules);
	ret = find_guest(cell, args);
	if (ret)
		goto fail;
	return cell;
fail:
	free_cell(cell);
	return ERR_PTR(ret);
}

/* Hooks find it from here on. */
static int publish(struct lodge_cell *cell)
{
	struct lodge_cell *other;
	int ret = 0;

	spin_lock(&cells_lock);
	rcu_read_lock();
	other = cell_of_ns(cell->ns);
	rcu_read_unlock();
	if (other)
		ret = -EBUSY;
	else
		hash_add_rcu(cells, &cell->link, (unsigned long)cell->ns);
	spin_unlock(&cells_lock);
	return ret;
}

static void unpublish(struct lodge_cell *cell)
{
	spin_lock(&cells_lock);
	hash_del_rcu(&cell->link);
	spin_unlock(&cells_lock);
	synchronize_rcu();
}

static int check_args(const struct lodge_create_cell *args)
{
	bool for_vm = args->flags & LODGE_CELL_VM;

	if (args->flags & ~LODGE_CELL_VM || args->reserved ||
	    strnlen(args->name, sizeof(args->name)) == sizeof(args->name) ||
	    (for_vm ? args->name[0] : args->vm))
		return -EINVAL;
	if (lodge_cell_inside() || (!for_vm && !capable(CAP_SYS_ADMIN)))
		return -EPERM;
	return 0;
}

int lodge_cell_create(const struct lodge_create_cell *args)
{
	struct lodge_cell *cell;
	struct file *file;
	int fd, ret;

	ret = check_args(args);
	if (ret)
		return ret;
	cell = make(args);
	if (IS_ERR(cell))
		return PTR_ERR(cell);

	ret = publish(cell);
	if (ret)
		goto out_free;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto out_unpublish;
	}
	file = anon_inode_getfile("lodge-cell", &cell_fops, cell, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto out_fd;
	}
	if (args->flags & LODGE_CELL_VM)
		ret = lodge_guest_wall(cell->guest, cell);
	else
		ret = lodge_guest_add(cell->guest);
	if (ret)
		goto out_file;

	/* For the burial, which comes after the descriptor's end. */
	__module_get(THIS_MODULE);
	/* A VM's does when its first vCPU does. */
	if (!(args->flags & LODGE_CELL_VM))
		lodge_guest_runs(cell->guest);
	fd_install(fd, file);
	return fd;

out_file:
	/* Its release() would end what never began. */
	file->private_data = NULL;
	fput(file);
out_fd:
	put_unused_fd(fd);
out_unpublish:
	unpublish(cell);
out_free:
	free_cell(cell);
	return ret;
}

int lodge_cells_init(void)
{
	lodge_cells_workqueue = alloc_workqueue("lodge-cells", WQ_UNBOUND, 0);
	return lodge_cells_workqueue ? 0 : -ENOMEM;
}

void lodge_cells_exit(void)
{
	/* What is in it frees the last cells. */
	rcu_barrier();
	destroy_workqueue(lodge_cells_workqueue);
}
