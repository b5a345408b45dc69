// SPDX-License-Identifier: GPL-2.0-only
/* The table of hooks: every place at which the wall stands. */
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include "hook.h"

#define HOOK(name, how)							\
	{ .function = name, .check = lodge_check_##how }
#define HOOK_OPTIONAL(name, how)					\
	{ .function = name, .check = lodge_check_##how, .optional = true }
#define HOOK_ALWAYS(name, how)						\
	{ .function = name, .check = lodge_check_##how, .always = true }

struct lodge_hook lodge_hooks[] = {
	/* Files: opened, or used through a descriptor that came from elsewhere */
	HOOK("security_file_open", file_open),
	HOOK("security_file_permission", file_permission),
	HOOK("security_file_receive", file_use),
	HOOK("security_file_ioctl", file_use),
	HOOK_OPTIONAL("security_file_ioctl_compat", file_use),
	HOOK_OPTIONAL("security_file_truncate", file_truncate),
	HOOK("security_mmap_file", mmap_file),
	HOOK("security_inode_getattr", path_read),
	HOOK("security_path_chroot", path_read),
	HOOK("security_path_truncate", path_write),
	HOOK("security_path_mkdir", path_write),
	HOOK("security_path_rmdir", path_write),
	HOOK("security_path_unlink", path_write),
	HOOK("security_path_symlink", path_write),
	HOOK("security_path_chmod", path_write),
	HOOK("security_path_chown", path_write),
	HOOK("security_path_mknod", path_mknod),
	HOOK("security_path_link", path_link),
	HOOK("security_path_rename", path_rename),
	HOOK("security_inode_setattr", inode_change),
	HOOK("security_inode_setxattr", inode_change),
	HOOK("security_inode_removexattr", inode_change),

	/* Mounts */
	HOOK("vfs_get_tree", get_tree),
	HOOK("security_sb_set_mnt_opts", sb_mounted),
	HOOK("security_sb_remount", sb_remount),
	HOOK("security_move_mount", move_mount),
	HOOK_ALWAYS("security_sb_delete", sb_gone),

	/* Sockets */
	HOOK("security_socket_create", socket_create),
	HOOK("security_socket_bind", socket_bind),
	HOOK("security_socket_connect", socket_use),
	HOOK("security_socket_listen", socket_use),
	HOOK("security_socket_accept", socket_use),
	HOOK("security_socket_sendmsg", socket_use),
	HOOK("security_socket_recvmsg", socket_use),
	HOOK("security_socket_getsockopt", socket_use),
	HOOK("security_socket_setsockopt", socket_setsockopt),
	HOOK("security_socket_shutdown", socket_use),
	HOOK("security_unix_stream_connect", unix_connect),
	HOOK("security_unix_may_send", unix_send),

	/* Processes */
	HOOK("security_task_kill", task),
	HOOK("security_ptrace_access_check", task),
	HOOK("security_ptrace_traceme", task),
	HOOK("security_task_setnice", task),
	HOOK("security_task_setioprio", task),
	HOOK("security_task_setscheduler", task),
	HOOK("security_task_setrlimit", task),
	HOOK("security_task_movememory", task),

	/* Namespaces: there is no LSM hook for setns() */
	HOOK("mntns_install", setns),
	HOOK("netns_install", setns),
	HOOK("utsns_install", setns),
	HOOK("ipcns_install", setns),
	HOOK("pidns_install", setns),
	HOOK("cgroupns_install", setns),
	HOOK("timens_install", setns),
	HOOK("userns_install", setns),

	/* The kernel itself */
	HOOK("security_capable", capable),
	HOOK("security_locked_down", locked_down),
	HOOK("security_bpf", bpf),
	HOOK("security_perf_event_open", perf),
	HOOK("security_settime64", clock),
	HOOK("security_syslog", syslog),
	HOOK("security_key_alloc", keys),
	HOOK("security_key_permission", keys),
	HOOK("security_kernel_load_data", load),
	HOOK("security_kernel_read_file", read),
};

const unsigned int lodge_nr_hooks = ARRAY_SIZE(lodge_hooks);
static_assert(ARRAY_SIZE(lodge_hooks) <= LODGE_MAX_HOOKS);
