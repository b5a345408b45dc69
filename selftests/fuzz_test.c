// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer: rounds of random calls and guests, each in a process of its own.
 *
 * fuzz_test [--seed N] [--seconds S] [--threads T] [--round N] [--rounds N]
 *           [--verbose]
 *
 * By default a new seed, 10 s (60 s on a kernel with checks) and 3 threads.
 * LODGE_FUZZ_SECONDS in the environment says for how long, too.  With --round
 * only one round is run, that of this number, as it was run with this seed.
 * --verbose tells how each guest ended that could not go on.
 *
 * It fails when a round does not end, its process crashes, or a call fails with
 * an error that the UAPI does not know; what the kernel's log says is seen to by
 * who runs the tests.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "kselftest.h"
#include "vm.h"
#include "sys.h"
#include "fuzz/fuzz.h"

#define TICK_NS		5000000	/* and longer on a slow kernel */
#define CALLS_A_ROUND	150
#define ROUND_SECONDS	60	/* times slowness(): such a round never ends */

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid
#endif

struct counts *counts;
bool verbose;

static u64 seed;
static int nr_threads = 3;

static const char *const call_names[NR_CALLS] = {
	"open", "GET_INFO", "CREATE_VM", "CREATE_VCPU", "SET_MEMORY",
	"IRQ_LINE", "SIGNAL_MSI", "IOEVENTFD", "IRQFD", "RUN", "NMI",
	"GET_STATE", "SET_STATE", "CREATE_CELL", "CELL_SET_POLICY",
	"CELL_SET_STATE", "CELL_GET_STATE", "(others)", "mmap",
};

static const char *const exit_names[NR_EXITS] = {
	"NONE", "INTR", "IO", "MMIO", "SHUTDOWN", "FAIL_ENTRY", "INTERNAL",
	"MEMORY", "DEBUG",
};

/* What the UAPI says of each call, beside what all of them share. */
static const int common[] = {
	0, EFAULT, EINVAL, E2BIG, ENOTTY, ENOMEM, EBADF, EIO,
};

static const int documented[NR_CALLS][8] = {
	[CALL_OPEN] = { EMFILE, ENFILE },
	[CALL_CREATE_VM] = { EMFILE, ENFILE, EINTR },
	[CALL_CREATE_VCPU] = { EMFILE, ENFILE, EEXIST },
	[CALL_SET_MEMORY] = { EEXIST, ENOENT, EINTR },
	[CALL_IOEVENTFD] = { EEXIST, ENOENT, ENOSPC },
	[CALL_IRQFD] = { EBUSY, ENOENT, ENOSPC },
	[CALL_RUN] = { EINTR },
	[CALL_GET_STATE] = { EINTR },
	[CALL_SET_STATE] = { EINTR },
	[CALL_CREATE_CELL] = { ESRCH, ECHILD, EEXIST, EBUSY, EMFILE, ENFILE },
	[CALL_CELL_SET_POLICY] = { ESRCH },
	/* Any of them, by descriptors of any kind */
	[CALL_UNKNOWN] = {
		EEXIST, ENOENT, EINTR, EBUSY, EMFILE, ESRCH, ECHILD,
	},
	[CALL_MMAP] = { ENODEV, EACCES, EPERM, EAGAIN },
};

static bool is_documented(int call, int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(common); i++)
		if (common[i] == err)
			return true;
	for (i = 0; i < ARRAY_SIZE(documented[call]); i++)
		if (documented[call][i] == err)
			return true;
	return false;
}

static bool counts_valid(void)
{
	bool ok = true;
	int call, err;

	for (call = 0; call < NR_CALLS; call++) {
		for (err = 0; err < MAX_ERRNO; err++) {
			if (!counts->call[call][err] || is_documented(call, err))
				continue;
			printf("# %s failed with %s, which nobody documents\n",
			       call_names[call], strerrorname_np(err));
			ok = false;
		}
	}
	return ok;
}

static void counts_print(void)
{
	u64 all = 0, runs = 0;
	int i, err;

	for (i = 0; i < NR_CALLS; i++) {
		u64 sum = 0;

		for (err = 0; err < MAX_ERRNO; err++)
			sum += counts->call[i][err];
		all += sum;
		printf("# %-15s %8llu:", call_names[i], (unsigned long long)sum);
		for (err = 0; err < MAX_ERRNO; err++)
			if (counts->call[i][err])
				printf(" %s %llu", err ? strerrorname_np(err) : "ok",
				       (unsigned long long)counts->call[i][err]);
		printf("\n");
	}
	printf("# exits to the tool:");
	for (i = 0; i < NR_EXITS; i++) {
		runs += counts->exit[i];
		printf(" %s %llu", exit_names[i],
		       (unsigned long long)counts->exit[i]);
	}
	printf("\n# %llu calls, %llu exits, %llu rounds, %llu of them killed\n",
	       (unsigned long long)all, (unsigned long long)runs,
	       (unsigned long long)counts->rounds,
	       (unsigned long long)counts->killed);
}

static void on_tick(int sig)
{
	(void)sig;
}

/* The fuzzer's own mistake, or memory that is not what it was. */
static void on_crash(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	char text[120];
	int n = snprintf(text, sizeof(text), "# signal %d at %#llx, address %p\n",
			 sig, uc->uc_mcontext.gregs[REG_RIP], info->si_addr);

	(void)!write(STDOUT_FILENO, text, n);
	signal(sig, SIG_DFL);
}

/* LODGE_RUN and all else that waits gets a signal again and again. */
static void start_ticking(struct thread *t)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM,
	};
	long ns = TICK_NS * (debug_kernel() ? 6 : 1);
	struct itimerspec tick = {
		.it_value.tv_nsec = ns, .it_interval.tv_nsec = ns,
	};

	event.sigev_notify_thread_id = syscall(SYS_gettid);
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &t->timer));
	CHECK(timer_settime(t->timer, 0, &tick, NULL));
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	arena_create(&t->arena);
	t->scratch = scratch_create(t->id);
	start_ticking(t);
	while (t->calls < CALLS_A_ROUND)
		random_call(t);
	timer_delete(t->timer);
	return NULL;
}

static void round_main(u64 round)
{
	struct sigaction crash = {
		.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO,
	};
	struct sigaction sa = { .sa_handler = on_tick };
	struct rlimit files = { .rlim_cur = 128, .rlim_max = 128 };
	struct thread threads[MAX_THREADS] = { };
	pthread_t ids[MAX_THREADS];
	struct world world;
	struct tape tape;
	int i;

	tape_init(&tape, seed, round, MAX_THREADS);
	CHECK(setrlimit(RLIMIT_NOFILE, &files));
	CHECK(sigaction(SIGALRM, &sa, NULL));
	CHECK(sigaction(SIGSEGV, &crash, NULL));
	CHECK(sigaction(SIGBUS, &crash, NULL));
	world_create(&world, &tape);
	for (i = 0; i < nr_threads; i++) {
		threads[i].world = &world;
		threads[i].id = i;
		tape_init(&threads[i].tape, seed, round, i);
		errno = pthread_create(&ids[i], NULL, thread_main, &threads[i]);
		if (errno)
			die(__FILE__, __LINE__, "pthread_create");
	}
	for (i = 0; i < nr_threads; i++)
		pthread_join(ids[i], NULL);
}

/* Some end by surprise. */
static bool wait_for(pid_t pid, struct tape *t, int *status)
{
	bool cut = one_in(t, 8);
	u64 limit = slowness() * ROUND_SECONDS * 1000000000ULL;
	u64 end = now_ns() + (cut ? below(t, 300) * 1000000ULL : limit);

	while (!waitpid(pid, status, WNOHANG)) {
		if (now_ns() < end) {
			sleep_ms(1);
			continue;
		}
		if (!cut)
			return false;
		count(&counts->killed);
		CHECK(kill(pid, SIGKILL));
		cut = false;
		end = now_ns() + limit;
	}
	return true;
}

static bool run_round(u64 round)
{
	struct tape tape;
	int status;
	pid_t pid;

	tape_init(&tape, seed, round, MAX_THREADS + 1);
	pid = CHECK(fork());
	if (!pid) {
		round_main(round);
		_exit(0);
	}
	count(&counts->rounds);
	if (!wait_for(pid, &tape, &status)) {
		printf("# round %llu does not end\n", (unsigned long long)round);
		print_threads(pid);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return false;
	}
	if (!status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return true;
	printf("# round %llu: the process ended with status %#x\n",
	       (unsigned long long)round, status);
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "round", required_argument, NULL, 'r' },
		{ "rounds", required_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{ }
	};
	u64 seconds = debug_kernel() ? 60 : 10, first = 0, last = ~0ULL, end;
	const char *env = getenv("LODGE_FUZZ_SECONDS");
	bool ok = true;
	int c;

	require_lodge();
	CHECK(getrandom(&seed, sizeof(seed), 0));
	seed &= 0xffffffff;
	if (env)
		seconds = strtoull(env, NULL, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		u64 value = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (c) {
		case 's':
			seed = value;
			break;
		case 't':
			seconds = value;
			break;
		case 'n':
			nr_threads = value;
			break;
		case 'r':
			first = value;
			last = value;
			break;
		case 'm':
			last = value - 1;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return KSFT_FAIL;
		}
	}
	if (nr_threads < 1 || nr_threads > MAX_THREADS)
		ksft_exit_fail_msg("--threads is 1 to %d\n", MAX_THREADS);

	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die(__FILE__, __LINE__, "mmap");
	ksft_print_header();
	ksft_set_plan(1);
	printf("# fuzz_test --seed %llu --seconds %llu --threads %d\n",
	       (unsigned long long)seed, (unsigned long long)seconds, nr_threads);
	end = now_ns() + seconds * 1000000000ULL;
	for (; ok && first <= last && now_ns() < end; first++)
		ok = run_round(first);
	counts_print();
	ok &= counts_valid();
	if (!module_unused()) {
		printf("# the module is still in use: %ld\n", read_number(REFCNT));
		ok = false;
	}
	ksft_test_result(ok, "fuzz, seed %llu\n", (unsigned long long)seed);
	ksft_finished();
}
