// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounts: a cell may mount file systems of types on its list, which are made for
 * it alone; what it was given stays as it is.
 *
 * A host's folder that is bound somewhere in a cell is still on its own file
 * system, so files.c guards it; here is what goes beyond files.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/path.h>
#include <linux/string.h>
#include "hook.h"

static bool may_mount(const struct lodge_rules *rules, const char *type)
{
	u32 i;

	for (i = 0; i < rules->nr_types; i++) {
		if (!strcmp(rules->types[i], type))
			return true;
	}
	return false;
}

/* (fs_context): before it looks at a device, old mount() and new fsconfig() */
int lodge_check_get_tree(const struct lodge_call *call, const unsigned long *args)
{
	const struct fs_context *context = (const struct fs_context *)args[0];

	if (context->purpose != FS_CONTEXT_FOR_MOUNT ||
	    may_mount(call->rules, context->fs_type->name))
		return 0;
	return lodge_deny(call, LODGE_RIGHT_MOUNTS, -EPERM, "mount of %s",
			  context->fs_type->name);
}

/* (super block, ...): it is there now */
int lodge_check_sb_mounted(const struct lodge_call *call, const unsigned long *args)
{
	struct super_block *sb = (struct super_block *)args[0];

	/* Where only complaints are made, it stays foreign. */
	if (!may_mount(call->rules, sb->s_type->name))
		return 0;
	return lodge_cell_mounted(call->cell, sb);
}

/* (super block), of whatever task */
int lodge_check_sb_gone(const struct lodge_call *call, const unsigned long *args)
{
	lodge_cells_forget((struct super_block *)args[0]);
	return 0;
}

/* (super block, ...) */
int lodge_check_sb_remount(const struct lodge_call *call, const unsigned long *args)
{
	const struct super_block *sb = (const struct super_block *)args[0];

	if (lodge_cell_has_mounted(call->cell, sb))
		return 0;
	return lodge_deny(call, LODGE_RIGHT_MOUNTS, -EPERM, "remount of %s",
			  sb->s_type->name);
}

/* (from, to) */
int lodge_check_move_mount(const struct lodge_call *call, const unsigned long *args)
{
	return lodge_check_path_read(call, args) ?:
	       lodge_check_path_read(call, &args[1]);
}
