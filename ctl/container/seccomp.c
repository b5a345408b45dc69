// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls of a container: those that are allowed, always or with a
 * capability; all others fail with EPERM.  What is left out lets a program reach
 * parts of the kernel that few programs need and that had many mistakes.
 */
#include "container/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALWAYS	(-1)
#define CALLS(names)	#names

/* Calls, and the capability that they take */
static const struct {
	int capability;
	const char *calls;
} allowed[] = {
	{ ALWAYS,
	  CALLS(/* files */
	  access chdir chmod chown chown32 close close_range copy_file_range creat
	  dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate
	  fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync
	  fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64
	  fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents
	  getdents64 getxattr lchown lchown32 lgetxattr link linkat listxattr
	  llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir
	  mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2
	  pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink
	  readlinkat readv removexattr rename renameat renameat2 rmdir sendfile
	  sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink
	  symlinkat sync sync_file_range syncfs tee truncate truncate64 umask
	  unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write
	  writev
	  /* waiting and events */
	  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait
	  epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fanotify_mark
	  inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
	  io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup
	  io_submit _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64
	  select signalfd signalfd4 timerfd_create timerfd_gettime
	  timerfd_gettime64 timerfd_settime timerfd_settime64
	  /* memory */
	  brk get_mempolicy madvise membarrier memfd_create memfd_secret mincore
	  mlock mlock2 mlockall mmap mmap2 mprotect mremap msync munlock munlockall
	  munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages
	  /* processes */
	  arch_prctl capget capset execve execveat exit exit_group fork
	  get_robust_list get_thread_area getcpu getegid getegid32 geteuid
	  geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid
	  getppid getpriority getresgid getresgid32 getresuid getresuid32
	  getrlimit getrusage getsid gettid getuid getuid32 ioprio_get ioprio_set
	  landlock_add_rule landlock_create_ruleset landlock_restrict_self
	  modify_ldt pause pidfd_open pidfd_send_signal prctl prlimit64 rseq
	  sched_get_priority_max sched_get_priority_min sched_getaffinity
	  sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
	  sched_rr_get_interval_time64 sched_setaffinity sched_setattr
	  sched_setparam sched_setscheduler sched_yield seccomp set_robust_list
	  set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32
	  setgid setgid32 setgroups setgroups32 setpgid setpriority setregid
	  setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
	  setreuid32 setrlimit setsid setuid setuid32 sysinfo times ugetrlimit
	  uname vfork wait4 waitid waitpid
	  /* signals */
	  kill restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
	  rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
	  rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask
	  sigreturn tgkill tkill
	  /* time */
	  adjtimex alarm clock_adjtime clock_adjtime64 clock_getres
	  clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
	  clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time
	  timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
	  timer_settime timer_settime64
	  /* locks and System V */
	  futex futex_time64 futex_waitv ipc mq_getsetattr mq_notify mq_open
	  mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
	  mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
	  semtimedop_time64 shmat shmctl shmdt shmget
	  /* sockets and pipes */
	  accept accept4 bind connect getpeername getsockname getsockopt
	  getrandom ioctl listen pipe pipe2 recv recvfrom recvmmsg
	  recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown
	  socketcall socketpair) },
	{ CAP_DAC_READ_SEARCH, CALLS(open_by_handle_at) },
	{ CAP_SYS_ADMIN,
	  CALLS(bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick
	  lookup_dcookie mount mount_setattr move_mount open_tree perf_event_open
	  pivot_root quotactl quotactl_fd setdomainname sethostname setns syslog
	  umount umount2 unshare) },
	{ CAP_SYS_BOOT, CALLS(reboot) },
	{ CAP_SYS_CHROOT, CALLS(chroot) },
	{ CAP_SYS_MODULE, CALLS(delete_module init_module finit_module) },
	{ CAP_SYS_PACCT, CALLS(acct) },
	{ CAP_SYS_PTRACE, CALLS(kcmp pidfd_getfd process_madvise process_vm_readv
			  process_vm_writev ptrace) },
	{ CAP_SYS_RAWIO, CALLS(iopl ioperm) },
	{ CAP_SYS_TIME, CALLS(settimeofday stime clock_settime clock_settime64) },
	{ CAP_SYS_TTY_CONFIG, CALLS(vhangup) },
	{ CAP_SYS_NICE, CALLS(get_mempolicy mbind set_mempolicy
			set_mempolicy_home_node) },
	{ CAP_SYSLOG, CALLS(syslog) },
	{ CAP_BPF, CALLS(bpf) },
	{ CAP_PERFMON, CALLS(perf_event_open) },
};

static int allow(scmp_filter_ctx filter, const char *names)
{
	char *list = strdup(names), *rest = NULL, *name;
	int result = 0, call;

	if (!list)
		return -ENOMEM;
	for (name = strtok_r(list, " ", &rest); name && !result;
	     name = strtok_r(NULL, " ", &rest)) {
		call = seccomp_syscall_resolve_name(name);
		/* What this architecture, or the library, does not know */
		if (call == __NR_SCMP_ERROR)
			continue;
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
		if (result == -EDOM || result == -EEXIST)
			result = 0;
	}
	free(list);
	return result;
}

/* Calls that are allowed with some arguments only */
static int allow_with_arguments(scmp_filter_ctx filter, uint64_t caps)
{
	static const unsigned long personalities[] = {
		0, 0x8, 0x20000, 0x20008, 0xffffffff
	};
	const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
		CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	int result = 0;
	size_t i;

	for (i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++)
		result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW,
					   SCMP_SYS(personality), 1,
					   SCMP_A0(SCMP_CMP_EQ, personalities[i]));
	/* No AF_ALG and no AF_VSOCK. */
	result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				   SCMP_A0(SCMP_CMP_LT, AF_ALG));
	result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				   SCMP_A0(SCMP_CMP_GT, AF_VSOCK));
	if (caps & (1ULL << CAP_SYS_ADMIN))
		return result;
	result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				   SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
	/* Its flags are in memory: have the C library use clone() instead. */
	result |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
				   SCMP_SYS(clone3), 0);
	return result;
}

static struct sock_filter *export_filter(scmp_filter_ctx filter, size_t *count)
{
	int file = memfd_create("filter", MFD_CLOEXEC);
	struct sock_filter *program = NULL;
	struct stat status;

	if (file < 0)
		return NULL;
	if (!seccomp_export_bpf(filter, file) && !fstat(file, &status) &&
	    status.st_size > 0) {
		program = malloc((size_t)status.st_size);
		*count = (size_t)status.st_size / sizeof(*program);
		if (program && pread(file, program, (size_t)status.st_size, 0) !=
		    status.st_size) {
			free(program);
			program = NULL;
		}
	}
	close(file);
	return program;
}

uint64_t seccomp_caps(void)
{
	uint64_t caps = 0;
	size_t i;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].capability != ALWAYS)
			caps |= 1ULL << allowed[i].capability;
	return caps;
}

struct sock_filter *seccomp_build(uint64_t caps, size_t *count,
				  struct error *error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	struct sock_filter *program = NULL;
	int result = 0;
	size_t i;

	if (!filter) {
		error_set(error, 0, "cannot make a seccomp filter");
		return NULL;
	}
	/* Programs of 32 bits are allowed the same. */
	seccomp_arch_add(filter, SCMP_ARCH_X86);
	seccomp_arch_add(filter, SCMP_ARCH_X32);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !result; i++)
		if (allowed[i].capability == ALWAYS ||
		    caps & (1ULL << allowed[i].capability))
			result = allow(filter, allowed[i].calls);
	if (!result)
		result = allow_with_arguments(filter, caps);
	if (!result)
		program = export_filter(filter, count);
	if (!program)
		error_set(error, result ? -result : errno, "cannot make a seccomp filter");
	seccomp_release(filter);
	return program;
}
