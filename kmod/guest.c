// SPDX-License-Identifier: GPL-2.0-only
/* The registry of guests. */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/oom.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include "cell/cell.h"
#include "event.h"
#include "guest.h"
#include "vm/vm.h"

/* The registry: all below, and of guests what guest.h says. */
DEFINE_MUTEX(lodge_guests_lock);
LIST_HEAD(lodge_guests);
unsigned int lodge_guests_generation = 1;

static u64 last_id;
static unsigned int nr_ended;

static bool name_is_valid(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++) {
		if (i == LODGE_NAME_MAX)
			return false;
		if (isascii(name[i]) && isalnum(name[i]))
			continue;
		if (!i || !strchr("_.-", name[i]))
			return false;
	}
	return i;
}

struct lodge_guest *lodge_guest_create(u32 kind, const char *name,
				       struct lodge_vm *vm,
				       struct lodge_cell *cell)
{
	struct lodge_guest *guest;

	if (name[0] && !name_is_valid(name))
		return ERR_PTR(-EINVAL);

	guest = kzalloc(sizeof(*guest), GFP_KERNEL_ACCOUNT);
	if (!guest)
		return ERR_PTR(-ENOMEM);
	kref_init(&guest->ref);
	INIT_LIST_HEAD(&guest->link);
	spin_lock_init(&guest->lock);
	strscpy(guest->name, name, sizeof(guest->name));
	guest->kind = kind;
	guest->state = LODGE_GUEST_STATE_CREATED;
	guest->vm = vm;
	guest->cell = cell;
	if (cell)
		guest->init_pid = pid_nr(cell->init);
	guest->keeper = get_task_struct(current->group_leader);
	guest->keeper_pid = task_tgid_nr(current);
	return guest;
}

static void guest_free(struct kref *ref)
{
	struct lodge_guest *guest = container_of(ref, struct lodge_guest, ref);

	if (guest->keeper)
		put_task_struct(guest->keeper);
	if (guest->runner)
		put_task_struct(guest->runner);
	kfree(guest);
}

void lodge_guest_put(struct lodge_guest *guest)
{
	if (guest)
		kref_put(&guest->ref, guest_free);
}

/* Something of the registry is no longer as it was.  0 means nothing to dumps. */
static void changed(void)
{
	lockdep_assert_held(&lodge_guests_lock);
	if (!++lodge_guests_generation)
		lodge_guests_generation = 1;
}

static struct lodge_guest *find_living(const char *name)
{
	struct lodge_guest *guest;

	list_for_each_entry(guest, &lodge_guests, link) {
		if (guest->state != LODGE_GUEST_STATE_EXITED &&
		    !strcmp(guest->name, name))
			return guest;
	}
	return NULL;
}

struct lodge_guest *lodge_guest_find(u64 id, const char *name)
{
	struct lodge_guest *guest;

	lockdep_assert_held(&lodge_guests_lock);
	if (!id) {
		guest = find_living(name);
		if (guest)
			return guest;
	}
	/* Of those with a name, the last that was made. */
	list_for_each_entry_reverse(guest, &lodge_guests, link) {
		if (id ? guest->id == id : !strcmp(guest->name, name))
			return guest;
	}
	return NULL;
}

/* The id, and the name that is made of it.  Another guest may be called so. */
static int number(struct lodge_guest *guest)
{
	if (guest->name[0]) {
		if (find_living(guest->name))
			return -EEXIST;
		guest->id = ++last_id;
		return 0;
	}
	do {
		guest->id = ++last_id;
		snprintf(guest->name, sizeof(guest->name), "%s-%llu",
			 guest->kind == LODGE_GUEST_KIND_VM ? "vm" : "ct",
			 guest->id);
	} while (find_living(guest->name));
	return 0;
}

int lodge_guest_add(struct lodge_guest *guest)
{
	int ret;

	mutex_lock(&lodge_guests_lock);
	ret = number(guest);
	if (!ret) {
		guest->created = ktime_get_boottime_ns();
		kref_get(&guest->ref);
		list_add_tail(&guest->link, &lodge_guests);
		changed();
		lodge_event(guest, LODGE_CMD_GUEST_CREATED_NTF, NULL);
	}
	mutex_unlock(&lodge_guests_lock);
	return ret;
}

/* Context: lodge_guests_lock. */
static int may_wall(const struct lodge_guest *guest, const struct lodge_cell *cell)
{
	int ret = 0;

	if (guest->state == LODGE_GUEST_STATE_EXITED)
		return -ESRCH;
	if (guest->cell)
		return -EBUSY;
	rcu_read_lock();
	if (pid_task(cell->init, PIDTYPE_TGID) != guest->keeper)
		ret = -EINVAL;
	rcu_read_unlock();
	return ret;
}

int lodge_guest_wall(struct lodge_guest *guest, struct lodge_cell *cell)
{
	int ret;

	mutex_lock(&lodge_guests_lock);
	ret = may_wall(guest, cell);
	if (!ret) {
		guest->cell = cell;
		guest->init_pid = pid_nr(cell->init);
		guest->runner = guest->keeper;
		guest->keeper = get_task_struct(current->group_leader);
		guest->keeper_pid = task_tgid_nr(current);
		changed();
	}
	mutex_unlock(&lodge_guests_lock);
	return ret;
}

/* If it is in one state, it is in another from now on, and all may know. */
static void become(struct lodge_guest *guest, u32 from, u32 to, u8 cmd)
{
	mutex_lock(&lodge_guests_lock);
	if (guest->state == from) {
		WRITE_ONCE(guest->state, to);
		changed();
		lodge_event(guest, cmd, NULL);
	}
	mutex_unlock(&lodge_guests_lock);
}

void lodge_guest_runs(struct lodge_guest *guest)
{
	become(guest, LODGE_GUEST_STATE_CREATED, LODGE_GUEST_STATE_RUNNING,
	       LODGE_CMD_GUEST_RUNNING_NTF);
}

void lodge_guest_paused(struct lodge_guest *guest, bool paused)
{
	if (paused)
		become(guest, LODGE_GUEST_STATE_RUNNING, LODGE_GUEST_STATE_PAUSED,
		       LODGE_CMD_GUEST_PAUSED_NTF);
	else
		become(guest, LODGE_GUEST_STATE_PAUSED, LODGE_GUEST_STATE_RUNNING,
		       LODGE_CMD_GUEST_RUNNING_NTF);
}

void lodge_guest_policy_changed(struct lodge_guest *guest)
{
	mutex_lock(&lodge_guests_lock);
	lodge_event(guest, LODGE_CMD_POLICY_CHANGED_NTF, NULL);
	mutex_unlock(&lodge_guests_lock);
}

void lodge_guest_failed(struct lodge_guest *guest, u32 reason, s32 status,
			const char *message)
{
	spin_lock(&guest->lock);
	/* An exited guest's reason stays. */
	if (READ_ONCE(guest->state) != LODGE_GUEST_STATE_EXITED) {
		guest->reason = reason;
		guest->status = status;
		strscpy(guest->message, message ?: "", sizeof(guest->message));
	}
	spin_unlock(&guest->lock);
}

/* Whether a process is ending, and how: as wait(2) says. */
static bool is_ending(const struct task_struct *task, int *code)
{
	const struct signal_struct *signal = task->signal;

	*code = READ_ONCE(signal->group_exit_code);
	return (READ_ONCE(signal->flags) & SIGNAL_GROUP_EXIT) ||
	       !atomic_read(&signal->live);
}

/* Whether a process is being killed, which is the reason then. */
static bool is_killed(struct lodge_guest *guest, struct task_struct *task)
{
	int code;

	if (!task || !is_ending(task, &code) || !(code & 0x7f))
		return false;
	guest->reason = tsk_is_oom_victim(task) ? LODGE_END_REASON_OUT_OF_MEMORY :
						  LODGE_END_REASON_KEEPER_KILLED;
	guest->status = code & 0x7f;
	guest->message[0] = '\0';
	return true;
}

/*
 * Why it ended.  What happened to the keeper comes first: one that is killed has
 * no say, nor has the process that runs the VM for it.  Then what happened to the
 * guest, for that is why its keeper let go.
 */
static void find_reason(struct lodge_guest *guest, bool orphaned)
{
	struct task_struct *runner = guest->runner ?: guest->keeper;
	int code;

	if (is_killed(guest, guest->keeper) || is_killed(guest, guest->runner) ||
	    guest->reason)
		return;
	if (is_ending(runner, &code)) {
		guest->reason = LODGE_END_REASON_KEEPER_EXITED;
		guest->status = (code >> 8) & 0xff;
	} else if (orphaned) {
		guest->reason = LODGE_END_REASON_KEEPER_EXEC;
	} else {
		guest->reason = LODGE_END_REASON_CLOSED;
	}
}

/* The oldest of too many that ended, taken out of the registry */
static struct lodge_guest *one_too_many(void)
{
	struct lodge_guest *guest, *oldest = NULL;

	if (nr_ended <= LODGE_ENDED_KEPT)
		return NULL;
	list_for_each_entry(guest, &lodge_guests, link) {
		if (guest->state == LODGE_GUEST_STATE_EXITED &&
		    (!oldest || guest->ended < oldest->ended))
			oldest = guest;
	}
	list_del_init(&oldest->link);
	nr_ended--;
	return oldest;
}

void lodge_guest_end(struct lodge_guest *guest, bool orphaned)
{
	struct lodge_guest *forgotten = NULL;
	struct task_struct *keeper = NULL, *runner = NULL;

	mutex_lock(&lodge_guests_lock);
	/* One that was never added ends without a word. */
	if (!list_empty(&guest->link) &&
	    guest->state != LODGE_GUEST_STATE_EXITED) {
		spin_lock(&guest->lock);
		find_reason(guest, orphaned);
		WRITE_ONCE(guest->state, LODGE_GUEST_STATE_EXITED);
		spin_unlock(&guest->lock);
		guest->ended = ktime_get_boottime_ns();
		if (guest->vm)
			guest->nr_vcpus = READ_ONCE(guest->vm->nr_vcpus);
		guest->vm = NULL;
		guest->cell = NULL;
		swap(keeper, guest->keeper);
		swap(runner, guest->runner);
		nr_ended++;
		forgotten = one_too_many();
		changed();
		lodge_event(guest, LODGE_CMD_GUEST_EXITED_NTF, NULL);
	}
	mutex_unlock(&lodge_guests_lock);

	if (keeper)
		put_task_struct(keeper);
	if (runner)
		put_task_struct(runner);
	lodge_guest_put(forgotten);
}

void lodge_guests_exit(void)
{
	struct lodge_guest *guest, *next;

	/* Nobody is left to look; the lock is for the checkers. */
	mutex_lock(&lodge_guests_lock);
	list_for_each_entry_safe(guest, next, &lodge_guests, link) {
		list_del(&guest->link);
		lodge_guest_put(guest);
	}
	mutex_unlock(&lodge_guests_lock);
}
