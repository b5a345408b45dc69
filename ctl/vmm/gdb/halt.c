// SPDX-License-Identifier: GPL-2.0-only
/* Halts the guest's CPUs and lets them go: all stop, or none. */
#include <time.h>

#include "vmm/gdb/private.h"
#include "vmm/io.h"

#define NS_PER_S	1000000000L
#define REPEAT_NS	10000000L

bool gdb_ends(const struct gdb *gdb)
{
	return atomic_load(&gdb->ending) || atomic_load(&gdb->vm->outcome) != VM_RUNS;
}

bool gdb_may_run(struct gdb *gdb, struct vcpu *vcpu, bool whole)
{
	struct gdb_cpu *cpu = &gdb->cpus[vcpu->id];
	bool go;

	pthread_mutex_lock(&gdb->lock);
	go = cpu->go;
	if (!go && whole) {
		cpu->parked = true;
		pthread_cond_broadcast(&gdb->changed);
		while (!cpu->go && !gdb_ends(gdb))
			pthread_cond_wait(&gdb->changed, &gdb->lock);
		cpu->parked = false;
	} else if (!go) {
		/* What the guest has asked for is done with, and no more. */
		vcpu->run->immediate_exit = 1;
		go = true;
	}
	pthread_mutex_unlock(&gdb->lock);
	return go;
}

void gdb_trap(struct gdb *gdb, struct vcpu *vcpu)
{
	struct gdb_cpu *cpu = &gdb->cpus[vcpu->id];
	uint8_t vector = (uint8_t)vcpu->run->debug.vector;

	if (vector == GDB_INT3 && !gdb_is_ours(gdb, vcpu)) {
		struct lodge_guest_debug debug = {
			.flags = cpu->flags | LODGE_DEBUG_REFLECT,
		};

		vcpu_set_state(vcpu, LODGE_STATE_GUEST_DEBUG, &debug, sizeof(debug));
		return;
	}
	pthread_mutex_lock(&gdb->lock);
	cpu->trapped = vector;
	cpu->go = false;
	pthread_mutex_unlock(&gdb->lock);
	io_signal(gdb->wake);
}

static bool all_parked(const struct gdb *gdb)
{
	unsigned int i;

	for (i = 0; i < gdb->vm->nr_vcpus; i++)
		if (!gdb->cpus[i].parked)
			return false;
	return true;
}

/*
 * A kick that comes just before a device blocks is lost, so it is repeated, as in
 * vcpu_join().
 */
bool gdb_halt(struct gdb *gdb)
{
	struct timespec until;
	unsigned int i;

	pthread_mutex_lock(&gdb->lock);
	for (i = 0; i < gdb->vm->nr_vcpus; i++)
		gdb->cpus[i].go = false;
	while (!all_parked(gdb) && !gdb_ends(gdb)) {
		for (i = 0; i < gdb->vm->nr_vcpus; i++)
			if (!gdb->cpus[i].parked)
				vcpu_kick(&gdb->vm->vcpus[i]);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += REPEAT_NS;
		if (until.tv_nsec >= NS_PER_S) {
			until.tv_nsec -= NS_PER_S;
			until.tv_sec++;
		}
		pthread_cond_clockwait(&gdb->changed, &gdb->lock, CLOCK_MONOTONIC,
				       &until);
	}
	pthread_mutex_unlock(&gdb->lock);
	gdb->running = false;
	return !gdb_ends(gdb);
}

void gdb_prepare(struct gdb *gdb, unsigned int cpu, bool step)
{
	struct lodge_guest_debug debug = {
		.flags = (gdb->nr_breakpoints ? LODGE_DEBUG_BREAKPOINTS : 0) |
			 (step ? LODGE_DEBUG_STEP : 0),
	};

	vcpu_set_state(&gdb->vm->vcpus[cpu], LODGE_STATE_GUEST_DEBUG, &debug,
		       sizeof(debug));
	pthread_mutex_lock(&gdb->lock);
	gdb->cpus[cpu].flags = debug.flags;
	gdb->cpus[cpu].go = true;
	pthread_mutex_unlock(&gdb->lock);
}

void gdb_resume(struct gdb *gdb)
{
	unsigned int i;

	pthread_mutex_lock(&gdb->lock);
	for (i = 0; i < gdb->vm->nr_vcpus; i++)
		gdb->cpus[i].trapped = 0;
	pthread_cond_broadcast(&gdb->changed);
	pthread_mutex_unlock(&gdb->lock);
	gdb->running = true;
}

int gdb_trapped(struct gdb *gdb, uint8_t *vector)
{
	int cpu = -1;
	unsigned int i;

	pthread_mutex_lock(&gdb->lock);
	for (i = 0; i < gdb->vm->nr_vcpus && cpu < 0; i++) {
		if (!gdb->cpus[i].trapped)
			continue;
		cpu = (int)i;
		*vector = gdb->cpus[i].trapped;
	}
	pthread_mutex_unlock(&gdb->lock);
	return cpu;
}
