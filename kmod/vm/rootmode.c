// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root mode has one owner.  It is entered on every CPU when the first VM is
 * made and left when the last one is gone; in between it follows CPUs that go
 * on and off line, suspend and reboot.
 *
 * Locking: root_lock serializes users; root_users changes only under it and
 * under cpus_read_lock(), so that a hotplug callback (which runs with the
 * hotplug lock held for writing) sees a stable value.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/syscore_ops.h>
#include "arch.h"
#include "rootmode.h"
#include "vm.h"

struct lodge_vendor_ops *lodge_vendor;
DEFINE_PER_CPU(bool, lodge_root_on);

static DEFINE_MUTEX(root_lock);
static int root_users;
static bool root_barred;
static enum cpuhp_state hotplug_state;
static const char *no_vendor_reason = "the processor has neither SVM nor VMX";

static int enable_here(void)
{
	unsigned long flags;
	int ret = 0;

	local_irq_save(flags);
	if (READ_ONCE(root_barred)) {
		ret = -ESHUTDOWN;
	} else if (!this_cpu_read(lodge_root_on)) {
		ret = lodge_vendor->enable_cpu();
		if (!ret)
			this_cpu_write(lodge_root_on, true);
	}
	local_irq_restore(flags);
	return ret;
}

static void disable_here(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (this_cpu_read(lodge_root_on)) {
		/*
		 * The run loop looks at the flag with interrupts off right
		 * before it enters a guest, so no guest can follow.
		 */
		this_cpu_write(lodge_root_on, false);
		lodge_vendor->disable_cpu();
	}
	local_irq_restore(flags);
}

static void enable_ipi(void *failed)
{
	if (enable_here())
		atomic_inc(failed);
}

static void disable_ipi(void *unused)
{
	disable_here();
}

static void busy_ipi(void *busy)
{
	if (lodge_vendor->busy())
		atomic_inc(busy);
}

/*
 * TOUR 1.3: root mode has one owner
 *
 * The first VM enters it everywhere, the last one leaves it.  A CPU that is in
 * it already belongs to somebody else, and is left as it is.
 */
int lodge_rootmode_get(void)
{
	atomic_t failed = ATOMIC_INIT(0);
	int ret = 0;

	if (!lodge_vendor)
		return -ENODEV;

	mutex_lock(&root_lock);
	cpus_read_lock();
	if (!root_users) {
		on_each_cpu(enable_ipi, &failed, 1);
		if (atomic_read(&failed)) {
			on_each_cpu(disable_ipi, NULL, 1);
			ret = -EBUSY;
		}
	}
	if (!ret)
		root_users++;
	cpus_read_unlock();
	mutex_unlock(&root_lock);
	return ret;
}

void lodge_rootmode_put(void)
{
	mutex_lock(&root_lock);
	cpus_read_lock();
	if (!--root_users)
		on_each_cpu(disable_ipi, NULL, 1);
	cpus_read_unlock();
	mutex_unlock(&root_lock);
}

void lodge_rootmode_info(struct lodge_info *info)
{
	atomic_t busy = ATOMIC_INIT(0);

	if (!lodge_vendor) {
		info->vendor = LODGE_VENDOR_NONE;
		info->vm_error = ENODEV;
		strscpy(info->reason, no_vendor_reason, sizeof(info->reason));
		return;
	}

	info->vendor = lodge_vendor->vendor;
	info->features = lodge_vendor->features;
	info->nr_asids = lodge_vendor->nr_asids;
	info->phys_bits = lodge_phys_bits();

	mutex_lock(&root_lock);
	if (!root_users)
		on_each_cpu(busy_ipi, &busy, 1);
	mutex_unlock(&root_lock);
	if (atomic_read(&busy)) {
		info->vm_error = EBUSY;
		strscpy(info->reason,
			"another hypervisor (KVM?) holds root mode",
			sizeof(info->reason));
	}
}

static int root_cpu_online(unsigned int cpu)
{
	/* A CPU that cannot enter root mode must not run vCPUs: keep it off. */
	return root_users ? enable_here() : 0;
}

static int root_cpu_offline(unsigned int cpu)
{
	disable_here();
	return 0;
}

/*
 * Suspend: firmware may lose root mode.  The callbacks run on the last CPU with
 * interrupts off; the others go through CPU hotplug.
 */
static int root_suspend(void)
{
	disable_here();
	return 0;
}

static void root_resume(void)
{
	if (root_users && enable_here())
		pr_err("lodge: root mode is lost after resume on CPU %d\n",
		       smp_processor_id());
}

#ifdef HAVE_REGISTER_SYSCORE
static int syscore_suspend_cb(void *unused)
{
	return root_suspend();
}

static void syscore_resume_cb(void *unused)
{
	root_resume();
}

static const struct syscore_ops root_syscore_ops = {
	.suspend = syscore_suspend_cb,
	.resume = syscore_resume_cb,
};

static struct syscore root_syscore = { .ops = &root_syscore_ops };
#define root_register_syscore()		register_syscore(&root_syscore)
#define root_unregister_syscore()	unregister_syscore(&root_syscore)
#else
static struct syscore_ops root_syscore_ops = {
	.suspend = root_suspend,
	.resume = root_resume,
};

#define root_register_syscore()		register_syscore_ops(&root_syscore_ops)
#define root_unregister_syscore()	unregister_syscore_ops(&root_syscore_ops)
#endif

/*
 * Firmware and the next kernel expect to find root mode off.  Programs still run
 * and could make VMs: whoever does not see the bar gets the interrupt afterwards.
 */
static int reboot_cb(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(root_barred, true);
	on_each_cpu(disable_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_nb = { .notifier_call = reboot_cb };

/* A processor has one extension at most, so the first that is there is it. */
static int choose_vendor(void)
{
	static struct lodge_vendor_ops *const vendors[] = {
		&lodge_svm_ops, &lodge_vmx_ops,
	};
	int i, ret = -ENODEV;

	for (i = 0; ret == -ENODEV && i < ARRAY_SIZE(vendors); i++) {
		ret = vendors[i]->setup(&no_vendor_reason);
		if (!ret)
			lodge_vendor = vendors[i];
	}
	return ret;
}

int lodge_rootmode_init(void)
{
	int ret;

	ret = lodge_fpu_init();
	if (ret) {
		no_vendor_reason = "the processor or the kernel does without XSAVE";
		return 0;
	}

	ret = choose_vendor();
	if (ret == -ENODEV)
		return 0;
	if (ret)
		goto out_fpu;

	ret = lodge_cpuid_init();
	if (ret)
		goto out_vendor;

	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "lodge:online",
					root_cpu_online, root_cpu_offline);
	if (ret < 0)
		goto out_vendor;
	hotplug_state = ret;

	root_register_syscore();
	register_reboot_notifier(&reboot_nb);
	return 0;

out_vendor:
	lodge_vendor->teardown();
	lodge_vendor = NULL;
out_fpu:
	lodge_fpu_exit();
	return ret;
}

void lodge_rootmode_exit(void)
{
	if (!lodge_vendor)
		return;
	unregister_reboot_notifier(&reboot_nb);
	root_unregister_syscore();
	cpuhp_remove_state_nocalls(hotplug_state);
	lodge_vendor->teardown();
	lodge_vendor = NULL;
	lodge_fpu_exit();
}
