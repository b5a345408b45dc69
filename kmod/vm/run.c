// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop.  Work that may sleep comes first; then one short stretch
 * without preemption in which as many exits as possible are handled.  The
 * stretch ends for signals, for other tasks, for what must sleep, and for the
 * tool.
 *
 * A stretch loads the guest's floating point state and the vendor's part once;
 * nothing of the guest stays on the CPU between stretches, so there is nothing
 * to be done when the scheduler moves the thread.
 */
#include <linux/interrupt.h>
#include <linux/sched/signal.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/tsc.h>
#include "../guest.h"
#include "../trace.h"
#include "arch.h"
#include "insn.h"
#include "irq.h"
#include "memory.h"
#include "rootmode.h"
#include "vm.h"

void lodge_vcpu_request(struct lodge_vcpu *vcpu, enum lodge_request req)
{
	set_bit(req, &vcpu->requests);
}

void lodge_vcpu_kick(struct lodge_vcpu *vcpu)
{
	struct task_struct *task;

	rcuwait_wake_up(&vcpu->wait);

	/* rcuwait_wake_up() has ordered the request before this load. */
	if (READ_ONCE(vcpu->mode) != VCPU_IN_GUEST)
		return;
	rcu_read_lock();
	task = rcu_dereference(vcpu->task);
	if (task)
		kick_process(task);
	rcu_read_unlock();
}

/* Intel SDM vol. 3, table 6-4: benign, contributory, page fault. */
static bool contributory(u8 vector)
{
	return vector == X86_TRAP_DE ||
	       (vector >= X86_TRAP_TS && vector <= X86_TRAP_GP);
}

void lodge_queue_exception(struct lodge_vcpu *vcpu, u8 vector, bool has_error,
			   u32 error)
{
	struct lodge_event *event = &vcpu->event;

	/* The fault is the INT n's, which has not happened. */
	if (event->type == EVENT_SOFTWARE)
		vcpu->rip -= event->error;
	if (event->type == EVENT_EXCEPTION) {
		u8 first = event->vector;

		if (first == X86_TRAP_DF) {
			/* A third one: the guest shuts down. */
			lodge_vcpu_request(vcpu, REQ_TRIPLE_FAULT);
			return;
		}
		if ((contributory(first) && contributory(vector)) ||
		    (first == X86_TRAP_PF &&
		     (vector == X86_TRAP_PF || contributory(vector)))) {
			vector = X86_TRAP_DF;
			has_error = true;
			error = 0;
		}
	}
	*event = (struct lodge_event){
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = has_error,
		.error = error,
	};
}

/* INIT and STARTUP (Intel SDM vol. 3, 9.4.4): only the thread itself acts. */
static void accept_init_sipi(struct lodge_vcpu *vcpu)
{
	int vector;

	if (atomic_xchg(&vcpu->init_pending, 0)) {
		lodge_vcpu_reset(vcpu, true);
		vcpu->mp_state = vcpu->id ? LODGE_MP_INIT_RECEIVED :
					    LODGE_MP_RUNNABLE;
	}

	vector = atomic_xchg(&vcpu->sipi_vector, -1);
	if (vector >= 0 && vcpu->mp_state == LODGE_MP_INIT_RECEIVED) {
		struct lodge_sregs sregs;

		lodge_lapic_startup(vcpu);
		lodge_vendor->get_sregs(vcpu, &sregs);
		sregs.cs.selector = vector << 8;
		sregs.cs.base = vector << 12;
		lodge_vendor->set_sregs(vcpu, &sregs);
		vcpu->rip = 0;
		vcpu->mp_state = LODGE_MP_RUNNABLE;
	}
}

/*
 * TOUR 4.2: what the next entry injects
 *
 * An event that an exit interrupted goes first, and an exception that an
 * instruction raised; then NMIs, then interrupts.  Loaded, interrupts off.
 */
static void choose_event(struct lodge_vcpu *vcpu)
{
	bool nmi = atomic_read(&vcpu->nmi_queued) && !vcpu->nmi_masked;
	bool extint;
	int vector;

	/* A step is to be one of what the guest is doing. */
	if (unlikely(vcpu->debug & LODGE_DEBUG_STEP))
		return;
	if (!vcpu->event.type && nmi && lodge_vendor->can_inject(vcpu, true)) {
		atomic_dec(&vcpu->nmi_queued);
		vcpu->nmi_masked = true;
		vcpu->event.type = EVENT_NMI;
		vcpu->event.vector = X86_TRAP_NMI;
		vcpu->stats.interrupts++;
		trace_lodge_inject(vcpu);
		nmi = false;
	}
	if (nmi || (vcpu->nmi_masked && atomic_read(&vcpu->nmi_queued)))
		lodge_vendor->want_window(vcpu, true);

	/* The PIC comes first: it has no part in the local APIC's priorities. */
	extint = lodge_extint_waits(vcpu);
	vector = extint ? 0 : lodge_lapic_next_irq(vcpu);
	if (vector < 0)
		return;
	if (!vcpu->event.type && lodge_vendor->can_inject(vcpu, false)) {
		if (extint) {
			lodge_lapic_extint_done(vcpu);
			vector = lodge_pic_ack(vcpu->vm);
		} else {
			lodge_lapic_ack(vcpu, vector);
		}
		vcpu->event.type = EVENT_INTERRUPT;
		vcpu->event.vector = vector;
		vcpu->event.has_error = false;
		vcpu->stats.interrupts++;
		trace_lodge_inject(vcpu);
		/* One more behind it needs a window. */
		vector = lodge_extint_waits(vcpu) ? 0 :
						    lodge_lapic_next_irq(vcpu);
	}
	if (vector >= 0)
		lodge_vendor->want_window(vcpu, false);
}

/*
 * Requests that need no sleep.  False: leave the stretch for the others.
 * Loaded, interrupts off, mode is VCPU_IN_GUEST.
 */
static bool fast_requests(struct lodge_vcpu *vcpu)
{
	if (vcpu->requests & ~(BIT(REQ_FLUSH_TLB) | BIT(REQ_EVENT)))
		return false;
	if (test_and_clear_bit(REQ_FLUSH_TLB, &vcpu->requests))
		lodge_vendor->flush_tlb(vcpu);
	if (test_and_clear_bit(REQ_EVENT, &vcpu->requests)) {
		if (atomic_read(&vcpu->init_pending) ||
		    atomic_read(&vcpu->sipi_vector) >= 0) {
			set_bit(REQ_EVENT, &vcpu->requests);
			return false;
		}
		choose_event(vcpu);
	}
	return true;
}

/*
 * On kernels whose kernel_fpu_begin() also keeps softirqs off, those that a
 * host interrupt raised wait for us.
 */
static bool softirqs_wait(void)
{
	return softirq_count() && local_softirq_pending();
}

/* What ends a stretch for the thread's own sake. */
static bool thread_work(void)
{
	unsigned long work = _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL |
			     _TIF_NOTIFY_RESUME | _TIF_NEED_RESCHED;

#ifdef _TIF_NEED_RESCHED_LAZY
	work |= _TIF_NEED_RESCHED_LAZY;
#endif
	return read_thread_flags() & work;
}

/*
 * Signals go to the caller.  Task work (cgroup throttling, restartable
 * sequences) is done only on the way to user mode; so let the call restart by
 * itself, which the caller does not notice: LODGE_RUN changes nothing when it
 * begins again.
 */
static int do_thread_work(void)
{
	if (signal_pending(current))
		return -EINTR;
	if (need_resched())
		schedule();
	if (test_thread_flag(TIF_NOTIFY_RESUME)) {
		set_thread_flag(TIF_SIGPENDING);
		return -ERESTARTNOINTR;
	}
	return 0;
}

/* Counts the time since @mark.  Return: the mark for what follows */
static __always_inline u64 charge(u64 *cycles, u64 mark)
{
	u64 now = rdtsc();

	*cycles += now - mark;
	return now;
}

/*
 * TOUR 2.1: a stretch in the guest
 *
 * Preemption is off from lodge_fpu_load() to lodge_fpu_put(); each turn of the
 * loop is one entry and one exit.
 */
static int stretch(struct lodge_vcpu *vcpu)
{
	struct lodge_vcpu_stats *stats = &vcpu->stats;
	u64 *charged = &stats->other_cycles;
	int next = NEXT_ENTER;
	u64 mark = rdtsc();

	lodge_fpu_load(vcpu);
	WRITE_ONCE(vcpu->cpu, smp_processor_id());
	lodge_vendor->vcpu_load(vcpu);
	lodge_pvclock_load(vcpu);
	/* Ticks in here count as guest time. */
	current->flags |= PF_VCPU;

	while (next == NEXT_ENTER && vcpu->mp_state == LODGE_MP_RUNNABLE) {
		local_irq_disable();
		/*
		 * Pairs with lodge_vm_flush_tlbs() and lodge_vcpu_kick(): first
		 * say that we are in the guest, then look for requests.
		 */
		smp_store_mb(vcpu->mode, VCPU_IN_GUEST);
		if (unlikely(thread_work() ||
			     softirqs_wait() ||
			     !this_cpu_read(lodge_root_on) ||
			     (READ_ONCE(vcpu->requests) &&
			      !fast_requests(vcpu)))) {
			WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
			local_irq_enable();
			break;
		}

		trace_lodge_entry(vcpu);
		mark = charge(charged, mark);
		lodge_vendor->enter(vcpu);
		mark = charge(&stats->guest_cycles, mark);

		/* Loads of the guest's state must not pass this store. */
		smp_store_release(&vcpu->mode, VCPU_OUTSIDE);
		local_irq_enable();

		lodge_vendor->decode_exit(vcpu, &vcpu->exit);
		trace_lodge_exit(vcpu);
		charged = &stats->exits[vcpu->exit.kind].cycles;
		stats->exits[vcpu->exit.kind].count++;
		next = lodge_handle_exit(vcpu, false);
	}
	charge(charged, mark);

	current->flags &= ~PF_VCPU;
	lodge_vendor->vcpu_put(vcpu);
	lodge_fpu_put(vcpu);
	return next;
}

/* Is there anything for which a halted vCPU must wake? */
static bool wakes(struct lodge_vcpu *vcpu)
{
	if (test_bit(REQ_DEAD, &vcpu->requests) ||
	    atomic_read(&vcpu->init_pending))
		return true;
	if (vcpu->mp_state == LODGE_MP_INIT_RECEIVED)
		return atomic_read(&vcpu->sipi_vector) >= 0;
	if (vcpu->mp_state != LODGE_MP_HALTED)
		return false;
	if (vcpu->event.type || atomic_read(&vcpu->pv_unhalted))
		return true;
	if (atomic_read(&vcpu->nmi_queued) && !vcpu->nmi_masked)
		return true;
	return (vcpu->rflags & X86_EFLAGS_IF) &&
	       (lodge_extint_waits(vcpu) || lodge_lapic_next_irq(vcpu) >= 0);
}

static int block(struct lodge_vcpu *vcpu)
{
	int ret = NEXT_ENTER;
	bool slept = false;

	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (wakes(vcpu))
			break;
		if (signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		if (vcpu->mp_state == LODGE_MP_HALTED && !slept)
			vcpu->stats.halts++;
		slept = true;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);

	if (ret == NEXT_ENTER && vcpu->mp_state == LODGE_MP_HALTED) {
		atomic_set(&vcpu->pv_unhalted, 0);
		vcpu->mp_state = LODGE_MP_RUNNABLE;
		lodge_vcpu_request(vcpu, REQ_EVENT);
	}
	return ret;
}

/* One turn: what may sleep, then a stretch, then what the stretch left over. */
static int turn(struct lodge_vcpu *vcpu)
{
	int next;

	if (test_bit(REQ_DEAD, &vcpu->requests))
		return -EIO;
	if (test_and_clear_bit(REQ_TRIPLE_FAULT, &vcpu->requests))
		return lodge_fail(vcpu, LODGE_EXIT_SHUTDOWN, "triple fault");
	if (test_and_clear_bit(REQ_STEPPED, &vcpu->requests))
		return lodge_debug_exit(vcpu, X86_TRAP_DB);
	if (atomic_read(&vcpu->init_pending) ||
	    atomic_read(&vcpu->sipi_vector) >= 0)
		accept_init_sipi(vcpu);
	if (vcpu->mp_state != LODGE_MP_RUNNABLE)
		return block(vcpu);
	if (test_and_clear_bit(REQ_CLOCK, &vcpu->requests)) {
		next = lodge_pvclock_update(vcpu);
		if (next != NEXT_ENTER)
			return next;
	}

	if (thread_work()) {
		next = do_thread_work();
		if (next)
			return next;
	}
	/*
	 * A reboot or a resume that went wrong took root mode away.  Other
	 * tasks must be able to run, so this is not a place to spin.
	 */
	if (!raw_cpu_read(lodge_root_on)) {
		cond_resched();
		if (!raw_cpu_read(lodge_root_on))
			return -EIO;
	}

	next = stretch(vcpu);
	if (next == NEXT_SLEEP) {
		u64 mark = rdtsc();

		next = lodge_handle_exit(vcpu, true);
		charge(&vcpu->stats.exits[vcpu->exit.kind].cycles, mark);
	}
	return next;
}

int lodge_vcpu_run(struct lodge_vcpu *vcpu)
{
	struct lodge_run *run = vcpu->run;
	int next;

	WRITE_ONCE(run->exit_reason, LODGE_EXIT_NONE);
	vcpu->int3_len = 0;
	rcu_assign_pointer(vcpu->task, current);
	if (unlikely(READ_ONCE(vcpu->vm->guest->state) ==
		     LODGE_GUEST_STATE_CREATED))
		lodge_guest_runs(vcpu->vm->guest);
	if (unlikely(vcpu->failed))
		lodge_report_recovery(vcpu);

	/* What the tool answered to the last exit. */
	next = lodge_complete_exit(vcpu);

	if (next == NEXT_ENTER && READ_ONCE(run->immediate_exit))
		next = -EINTR;
	while (next == NEXT_ENTER)
		next = turn(vcpu);

	rcu_assign_pointer(vcpu->task, NULL);
	if (next == -EINTR)
		WRITE_ONCE(run->exit_reason, LODGE_EXIT_INTR);
	return next == NEXT_USER ? 0 : next;
}
