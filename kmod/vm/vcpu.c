// SPDX-License-Identifier: GPL-2.0-only
/* The vCPU object: a descriptor with one page to share. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <asm/debugreg.h>
#include "arch.h"
#include "insn.h"
#include "irq.h"
#include "vm.h"

void lodge_vcpu_reset(struct lodge_vcpu *vcpu, bool init)
{
	/* AMD APM vol. 2, 14.1.3: RDX holds the processor's signature. */
	u32 cpuid[4] = { 1 };

	lodge_cpuid(vcpu, cpuid);
	memset(vcpu->regs, 0, sizeof(vcpu->regs));
	vcpu->regs[REG_RDX] = cpuid[0];
	vcpu->rip = 0xfff0;
	vcpu->rflags = X86_EFLAGS_FIXED;
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = 0x400;

	memset(&vcpu->event, 0, sizeof(vcpu->event));
	atomic_set(&vcpu->nmi_queued, 0);
	vcpu->nmi_masked = false;
	vcpu->shadow = false;
	vcpu->nr_accesses = 0;
	vcpu->pending_port = false;

	lodge_vendor->vcpu_reset(vcpu, init);
	lodge_lapic_reset(vcpu, init);
	lodge_msrs_reset(vcpu, init);
	if (!init)
		lodge_fpu_reset(vcpu);
}

static void vcpu_free(struct lodge_vcpu *vcpu)
{
	lodge_lapic_destroy(vcpu);
	lodge_emulate_destroy(vcpu);
	lodge_msrs_destroy(vcpu);
	lodge_fpu_destroy(vcpu);
	lodge_vendor->vcpu_destroy(vcpu);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

static long vcpu_nmi(struct lodge_vcpu *vcpu)
{
	if (vcpu->vm->pic)
		lodge_lapic_nmi(vcpu);
	else
		lodge_vcpu_nmi(vcpu);
	return 0;
}

static long vcpu_state(struct lodge_vcpu *vcpu, void __user *arg, bool set)
{
	struct lodge_state args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args), sizeof(args), arg);
	if (ret)
		return ret;
	if (args.reserved)
		return -EINVAL;
	if (mutex_lock_interruptible(&vcpu->lock))
		return -EINTR;
	if (set)
		ret = lodge_state_set(vcpu, &args);
	else
		ret = lodge_state_get(vcpu, &args);
	mutex_unlock(&vcpu->lock);
	return ret;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct lodge_vcpu *vcpu = file->private_data;
	long ret;

	if (current->mm != vcpu->vm->mm)
		return -EIO;

	switch (cmd) {
	case LODGE_RUN:
		if (arg)
			return -EINVAL;
		if (mutex_lock_interruptible(&vcpu->lock))
			return -EINTR;
		ret = lodge_vcpu_run(vcpu);
		mutex_unlock(&vcpu->lock);
		return ret;
	case LODGE_NMI:
		return arg ? -EINVAL : vcpu_nmi(vcpu);
	case LODGE_GET_STATE:
		return vcpu_state(vcpu, (void __user *)arg, false);
	case LODGE_SET_STATE:
		return vcpu_state(vcpu, (void __user *)arg, true);
	default:
		return -ENOTTY;
	}
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct lodge_vcpu *vcpu = vmf->vma->vm_file->private_data;

	if (vmf->pgoff)
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(vcpu->run);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff ||
	    vma_pages(vma) != 1)
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct lodge_vcpu *vcpu = file->private_data;

	/*
	 * Others still look this vCPU up through its VM (interrupts, TLB
	 * flushes), so it is freed with the last reference to the VM.
	 */
	lodge_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

static struct lodge_vcpu *vcpu_alloc(struct lodge_vm *vm, u32 id)
{
	struct lodge_vcpu *vcpu;
	int ret = -ENOMEM;

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(ret);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	mutex_init(&vcpu->lock);
	rcuwait_init(&vcpu->wait);
	atomic_set(&vcpu->sipi_vector, -1);
	vcpu->tsc_offset = -vm->boot_tsc;
	vcpu->mp_state = id ? LODGE_MP_UNINITIALIZED : LODGE_MP_RUNNABLE;

	BUILD_BUG_ON(sizeof(*vcpu->run) > PAGE_SIZE);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		goto out_free;
	ret = lodge_vendor->vcpu_create(vcpu);
	if (ret)
		goto out_run;
	ret = lodge_fpu_create(vcpu);
	if (ret)
		goto out_vendor;
	ret = lodge_msrs_create(vcpu);
	if (ret)
		goto out_fpu;
	ret = lodge_emulate_create(vcpu);
	if (ret)
		goto out_msrs;
	ret = lodge_lapic_create(vcpu);
	if (ret)
		goto out_emulate;

	lodge_vcpu_reset(vcpu, false);
	return vcpu;

out_emulate:
	lodge_emulate_destroy(vcpu);
out_msrs:
	lodge_msrs_destroy(vcpu);
out_fpu:
	lodge_fpu_destroy(vcpu);
out_vendor:
	lodge_vendor->vcpu_destroy(vcpu);
out_run:
	free_page((unsigned long)vcpu->run);
out_free:
	kfree(vcpu);
	return ERR_PTR(ret);
}

int lodge_vcpu_create(struct lodge_vm *vm, const struct lodge_create_vcpu *args)
{
	struct lodge_vcpu *vcpu;
	struct file *file;
	int fd;

	if (args->flags || args->reserved || args->id >= LODGE_MAX_VCPUS)
		return -EINVAL;

	mutex_lock(&vm->lock);
	if (vm->vcpus[args->id]) {
		fd = -EEXIST;
		goto out_unlock;
	}
	vcpu = vcpu_alloc(vm, args->id);
	if (IS_ERR(vcpu)) {
		fd = PTR_ERR(vcpu);
		goto out_unlock;
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto out_vcpu;
	file = anon_inode_getfile("lodge-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto out_vcpu;
	}

	lodge_vm_get(vm);
	vm->nr_vcpus++;
	/* Interrupts and TLB flushes must find it before anyone can run it. */
	smp_store_release(&vm->vcpus[args->id], vcpu);
	fd_install(fd, file);
	goto out_unlock;

out_vcpu:
	vcpu_free(vcpu);
out_unlock:
	mutex_unlock(&vm->lock);
	return fd;
}

void lodge_vcpus_destroy(struct lodge_vm *vm)
{
	int i;

	for (i = 0; i < LODGE_MAX_VCPUS; i++)
		if (vm->vcpus[i])
			vcpu_free(vm->vcpus[i]);
}
