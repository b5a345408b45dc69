// SPDX-License-Identifier: GPL-2.0-only
/* The VM object: a descriptor, and what hangs on it. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <asm/tsc.h>
#include "../guest.h"
#include "eventfd.h"
#include "irq.h"
#include "memory.h"
#include "rootmode.h"
#include "vm.h"

static void vm_free(struct kref *ref)
{
	struct lodge_vm *vm = container_of(ref, struct lodge_vm, ref);

	/* From here on nobody else looks at it. */
	lodge_guest_end(vm->guest, false);
	/* Creation run backwards; no vCPU runs, its descriptor held a reference. */
	lodge_pit_destroy(vm);
	lodge_eventfds_destroy(vm);
	/* The mmu notifier reaches vCPUs, to flush: it goes before them. */
	lodge_memory_destroy(vm);
	lodge_vcpus_destroy(vm);
	lodge_pic_destroy(vm);
	lodge_ioapic_destroy(vm);
	lodge_rootmode_put();
	cleanup_srcu_struct(&vm->srcu);
	mmdrop(vm->mm);
	lodge_guest_put(vm->guest);
	kfree(vm);
}

void lodge_vm_get(struct lodge_vm *vm)
{
	kref_get(&vm->ref);
}

void lodge_vm_put(struct lodge_vm *vm)
{
	kref_put(&vm->ref, vm_free);
}

/* Makes the target leave the guest and wait for us: the IPI alone does it. */
static void flush_ack(void *unused)
{
}

void lodge_vm_flush_tlbs(struct lodge_vm *vm)
{
	struct lodge_vcpu *vcpu;
	int i, cpu;

	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		vcpu = READ_ONCE(vm->vcpus[i]);
		if (!vcpu)
			continue;
		lodge_vcpu_request(vcpu, REQ_FLUSH_TLB);
		/*
		 * Pairs with the run loop: it says that it is in the guest, then
		 * looks for requests.  Either it sees ours, or we see it there.
		 */
		smp_mb__after_atomic();
		if (READ_ONCE(vcpu->mode) != VCPU_IN_GUEST)
			continue;
		/*
		 * If it moves to another CPU meanwhile, it has left the guest,
		 * and will see the request on its way back.
		 */
		cpu = READ_ONCE(vcpu->cpu);
		smp_call_function_single(cpu, flush_ack, NULL, 1);
	}
}

void lodge_vm_kill(struct lodge_vm *vm)
{
	struct lodge_vcpu *vcpu;
	int i;

	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		vcpu = READ_ONCE(vm->vcpus[i]);
		if (!vcpu)
			continue;
		lodge_vcpu_request(vcpu, REQ_DEAD);
		lodge_vcpu_kick(vcpu);
	}
}

static long vm_create_vcpu(struct lodge_vm *vm, void __user *arg)
{
	struct lodge_create_vcpu args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	return lodge_vcpu_create(vm, &args);
}

static long vm_set_memory(struct lodge_vm *vm, void __user *arg)
{
	struct lodge_memory args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	return lodge_memory_set(vm, &args);
}

static long vm_irq_line(struct lodge_vm *vm, void __user *arg)
{
	struct lodge_irq_line args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	if (args.level > 1 || args.reserved)
		return -EINVAL;
	return lodge_irq_set_line(vm, args.gsi, args.level, IRQ_SOURCE_USER);
}

static long vm_signal_msi(struct lodge_vm *vm, void __user *arg)
{
	struct lodge_msi args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	if (args.flags || args.reserved)
		return -EINVAL;
	return lodge_irq_msi(vm, args.address, args.data);
}

static long vm_ioeventfd(struct lodge_vm *vm, void __user *arg)
{
	struct lodge_ioeventfd args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	return lodge_ioeventfd(vm, &args);
}

static long vm_irqfd(struct lodge_vm *vm, void __user *arg)
{
	struct lodge_irqfd args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	return lodge_irqfd(vm, &args);
}

/* State that belongs to a VM as a whole: its interrupt controllers and timer. */
union vm_state {
	struct lodge_ioapic_state ioapic;
	struct lodge_pic_state pic;
	struct lodge_pit_state pit;
};

/* 0: there is no such state */
static size_t vm_state_size(const struct lodge_vm *vm, u32 kind)
{
	union vm_state *state;

	switch (kind) {
	case LODGE_STATE_IOAPIC:
		return sizeof(state->ioapic);
	case LODGE_STATE_PIC:
		return vm->pic ? sizeof(state->pic) : 0;
	case LODGE_STATE_PIT:
		return vm->pit ? sizeof(state->pit) : 0;
	default:
		return 0;
	}
}

static int vm_set_state(struct lodge_vm *vm, u32 kind, const union vm_state *s)
{
	switch (kind) {
	case LODGE_STATE_IOAPIC:
		return lodge_ioapic_set_state(vm, &s->ioapic);
	case LODGE_STATE_PIC:
		return lodge_pic_set_state(vm, &s->pic);
	default:
		return lodge_pit_set_state(vm, &s->pit);
	}
}

static void vm_get_state(struct lodge_vm *vm, u32 kind, union vm_state *s)
{
	switch (kind) {
	case LODGE_STATE_IOAPIC:
		lodge_ioapic_get_state(vm, &s->ioapic);
		break;
	case LODGE_STATE_PIC:
		lodge_pic_get_state(vm, &s->pic);
		break;
	default:
		lodge_pit_get_state(vm, &s->pit);
		break;
	}
}

static long vm_state(struct lodge_vm *vm, void __user *arg, bool set)
{
	struct lodge_state args;
	union vm_state state;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	if (args.reserved || !args.data_size ||
	    args.data_size != vm_state_size(vm, args.kind))
		return -EINVAL;

	if (set) {
		if (copy_from_user(&state, u64_to_user_ptr(args.data),
				   args.data_size))
			return -EFAULT;
		return vm_set_state(vm, args.kind, &state);
	}
	memset(&state, 0, sizeof(state));
	vm_get_state(vm, args.kind, &state);
	if (copy_to_user(u64_to_user_ptr(args.data), &state, args.data_size))
		return -EFAULT;
	return 0;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct lodge_vm *vm = file->private_data;
	void __user *p = (void __user *)arg;

	if (current->mm != vm->mm)
		return -EIO;

	switch (cmd) {
	case LODGE_CREATE_VCPU:
		return vm_create_vcpu(vm, p);
	case LODGE_SET_MEMORY:
		return vm_set_memory(vm, p);
	case LODGE_IRQ_LINE:
		return vm_irq_line(vm, p);
	case LODGE_SIGNAL_MSI:
		return vm_signal_msi(vm, p);
	case LODGE_IOEVENTFD:
		return vm_ioeventfd(vm, p);
	case LODGE_IRQFD:
		return vm_irqfd(vm, p);
	case LODGE_GET_STATE:
		return vm_state(vm, p, false);
	case LODGE_SET_STATE:
		return vm_state(vm, p, true);
	default:
		return -ENOTTY;
	}
}

static int vm_release(struct inode *inode, struct file *file)
{
	lodge_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

struct lodge_guest *lodge_vm_guest(int fd)
{
	struct file *file = fget(fd);
	struct lodge_guest *guest = ERR_PTR(-EINVAL);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op == &vm_fops) {
		guest = ((struct lodge_vm *)file->private_data)->guest;
		kref_get(&guest->ref);
	}
	fput(file);
	return guest;
}

int lodge_vm_create(const struct lodge_create_vm *args)
{
	struct lodge_vm *vm;
	struct file *file;
	int ret, fd;

	if (args->flags & ~LODGE_VM_PC)
		return -EINVAL;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	vm->mm = current->mm;
	mmgrab(vm->mm);
	vm->boot_ns = ktime_get_boottime_ns();
	vm->boot_tsc = rdtsc();

	vm->guest = lodge_guest_create(LODGE_GUEST_KIND_VM, args->name, vm, NULL);
	if (IS_ERR(vm->guest)) {
		ret = PTR_ERR(vm->guest);
		goto out_mm;
	}
	ret = init_srcu_struct(&vm->srcu);
	if (ret)
		goto out_guest;
	ret = lodge_rootmode_get();
	if (ret)
		goto out_srcu;
	ret = lodge_memory_create(vm);
	if (ret)
		goto out_rootmode;
	ret = lodge_ioapic_create(vm);
	if (ret)
		goto out_memory;
	if (args->flags & LODGE_VM_PC) {
		ret = lodge_pic_create(vm);
		if (ret)
			goto out_ioapic;
		ret = lodge_pit_create(vm);
		if (ret)
			goto out_pic;
	}
	ret = lodge_eventfds_create(vm);
	if (ret)
		goto out_pit;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto out_eventfds;
	}
	file = anon_inode_getfile("lodge-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto out_fd;
	}
	/* Last: nobody hears of a VM that could not be made. */
	ret = lodge_guest_add(vm->guest);
	if (ret) {
		put_unused_fd(fd);
		fput(file);	/* destroys it */
		return ret;
	}
	vm->id = vm->guest->id;
	fd_install(fd, file);
	return fd;

out_fd:
	put_unused_fd(fd);
out_eventfds:
	lodge_eventfds_destroy(vm);
out_pit:
	lodge_pit_destroy(vm);
out_pic:
	lodge_pic_destroy(vm);
out_ioapic:
	lodge_ioapic_destroy(vm);
out_memory:
	lodge_memory_destroy(vm);
out_rootmode:
	lodge_rootmode_put();
out_srcu:
	cleanup_srcu_struct(&vm->srcu);
out_guest:
	lodge_guest_put(vm->guest);
out_mm:
	mmdrop(vm->mm);
	kfree(vm);
	return ret;
}
