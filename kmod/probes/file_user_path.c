// SPDX-License-Identifier: GPL-2.0-only
/* What an overlay opens beneath itself has two paths (6.8). */
#include <linux/fs.h>

bool probe(struct file *file);
bool probe(struct file *file)
{
	return file->f_mode & FMODE_BACKING && file_user_path(file)->dentry;
}
