// SPDX-License-Identifier: GPL-2.0-only
/* /dev/lodge: where everything begins. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/stddef.h>
#include <asm/tsc.h>
#include "cell/cell.h"
#include "cell/hook.h"
#include "lodge.h"
#include "vm/rootmode.h"
#include "vm/vm.h"

int lodge_copy_struct(void *dst, size_t ksize, size_t min_size,
		      const void __user *src)
{
	u32 size;

	if (get_user(size, (const u32 __user *)src))
		return -EFAULT;
	if (size < min_size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(dst, ksize, src, size);
}

static long get_info(void __user *arg)
{
	struct lodge_info info;
	u32 size;
	int ret;

	ret = lodge_copy_struct(&info, sizeof(info),
				offsetofend(struct lodge_info, reason), arg);
	if (ret)
		return ret;
	size = min_t(u32, info.size, sizeof(info));

	memset(&info, 0, sizeof(info));
	info.size = sizeof(info);
	info.api_version = LODGE_API_VERSION;
	info.max_vcpus = LODGE_MAX_VCPUS;
	info.max_slots = LODGE_MAX_SLOTS;
	info.nr_gsis = LODGE_NR_GSIS;
	info.run_size = PAGE_SIZE;
	info.tsc_khz = tsc_khz;
	info.xsave_size = lodge_fpu_size();
	info.nr_hooks = lodge_nr_hooks;
	lodge_rootmode_info(&info);

	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static long create_vm(void __user *arg)
{
	struct lodge_create_vm args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args),
				offsetofend(struct lodge_create_vm, flags), arg);
	if (ret)
		return ret;
	return lodge_vm_create(&args);
}

static long create_cell(void __user *arg)
{
	struct lodge_create_cell args;
	int ret;

	ret = lodge_copy_struct(&args, sizeof(args),
				offsetofend(struct lodge_create_cell, name), arg);
	if (ret)
		return ret;
	return lodge_cell_create(&args);
}

static long chardev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case LODGE_GET_INFO:
		return get_info((void __user *)arg);
	case LODGE_CREATE_VM:
		return create_vm((void __user *)arg);
	case LODGE_CREATE_CELL:
		return create_cell((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations chardev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice chardev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lodge",
	.fops = &chardev_fops,
	.mode = 0600,
};

int lodge_chardev_init(void)
{
	return misc_register(&chardev);
}

void lodge_chardev_exit(void)
{
	misc_deregister(&chardev);
}
