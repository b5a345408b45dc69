// SPDX-License-Identifier: GPL-2.0-only
/* The commands of gdb's remote protocol (gdb's manual, appendix E), all stop. */
#include <stdio.h>
#include <string.h>

#include "vmm/gdb/private.h"

#define ANY_CPU		(-2)
#define ALL_CPUS	(-1)

#define DESCRIPTION_MAX	16384

static struct gdb_reply *begin(struct gdb *gdb)
{
	gdb->reply.length = 0;
	gdb->reply.too_long = false;
	return &gdb->reply;
}

static void fail(struct gdb *gdb)
{
	gdb_printf(begin(gdb), "E01");
}

static void succeed(struct gdb *gdb, int result)
{
	if (result)
		fail(gdb);
	else
		gdb_printf(begin(gdb), "OK");
}

static bool starts(const char **text, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*text, word, length))
		return false;
	*text += length;
	return true;
}

/* A thread is a CPU, from 1 on. Return: false if there is no such one */
static bool parse_cpu(const struct gdb *gdb, const char **text, int *cpu)
{
	uint64_t number;

	if (starts(text, "-1")) {
		*cpu = ALL_CPUS;
		return true;
	}
	if (!gdb_number(text, &number) || number > gdb->vm->nr_vcpus)
		return false;
	*cpu = number ? (int)number - 1 : ANY_CPU;
	return true;
}

static bool parse_range(const char **text, uint64_t *address, uint64_t *count)
{
	return gdb_number(text, address) && starts(text, ",") &&
	       gdb_number(text, count);
}

static void read_memory(struct gdb *gdb, const char *args)
{
	struct gdb_reply *reply = begin(gdb);
	uint8_t bytes[GDB_PACKET_MAX / 2];
	uint64_t address, count;
	size_t done;

	if (!parse_range(&args, &address, &count) || *args) {
		fail(gdb);
		return;
	}
	/* Less than it wants is allowed. */
	if (count > sizeof(bytes))
		count = sizeof(bytes);
	done = gdb_read(gdb, gdb->current, address, bytes, count);
	if (count && !done)
		fail(gdb);
	else
		gdb_put_hex(reply, bytes, done);
}

static int write_memory(struct gdb *gdb, const char *args)
{
	uint8_t bytes[GDB_PACKET_MAX / 2];
	uint64_t address, count;

	if (!parse_range(&args, &address, &count) || !starts(&args, ":") ||
	    count > sizeof(bytes) || strlen(args) != 2 * count ||
	    !gdb_bytes(args, bytes, count))
		return -1;
	return gdb_write(gdb, gdb->current, address, bytes, count);
}

static int write_binary(struct gdb *gdb)
{
	struct gdb_input *input = &gdb->input;
	const char *args = input->data + 1;
	uint64_t address, count;
	size_t offset;
	long length;

	if (!parse_range(&args, &address, &count) || !starts(&args, ":"))
		return -1;
	offset = (size_t)(args - input->data);
	length = gdb_unescape(input->data + offset, input->length - offset);
	if (length < 0 || (uint64_t)length != count)
		return -1;
	return gdb_write(gdb, gdb->current, address, input->data + offset, count);
}

/* Z0 and z0: breakpoints of software; of the others, none is known here. */
static void breakpoint(struct gdb *gdb, const char *args, bool insert)
{
	uint64_t address, kind;

	if (!starts(&args, "0,")) {
		begin(gdb);
		return;
	}
	if (!parse_range(&args, &address, &kind) || *args)
		fail(gdb);
	else if (insert)
		succeed(gdb, gdb_insert(gdb, gdb->current, address));
	else
		succeed(gdb, gdb_remove(gdb, address));
}

static int set_register(struct gdb *gdb, const char *args)
{
	uint64_t number;

	if (!gdb_number(&args, &number) || !starts(&args, "="))
		return -1;
	return gdb_set_register(gdb, number, args);
}

static void get_register(struct gdb *gdb, const char *args)
{
	struct gdb_reply *reply = begin(gdb);
	uint64_t number;

	if (!gdb_number(&args, &number) || *args || gdb_get_register(gdb, number, reply))
		fail(gdb);
}

static int choose_cpu(struct gdb *gdb, const char *args)
{
	char what = *args++;
	int cpu;

	if ((what != 'g' && what != 'c') || !parse_cpu(gdb, &args, &cpu) || *args)
		return -1;
	if (what == 'c')
		gdb->resumed = cpu >= 0 ? cpu : ALL_CPUS;
	else if (cpu >= 0)
		gdb->current = (unsigned int)cpu;
	return 0;
}

/* c, s, and with a signal, which has no meaning here, C and S: of one CPU or all */
static bool resume(struct gdb *gdb, const char *args, bool step, bool signal)
{
	unsigned int i;
	uint64_t value;

	if (signal && (!gdb_number(&args, &value) || (*args && *args++ != ';')))
		return false;
	if (*args) {
		struct vcpu *vcpu = &gdb->vm->vcpus[gdb->current];
		struct lodge_regs regs;

		if (!gdb_number(&args, &value) || *args ||
		    vcpu_get_state(vcpu, LODGE_STATE_REGS, &regs, sizeof(regs)))
			return false;
		regs.rip = value;
		if (vcpu_set_state(vcpu, LODGE_STATE_REGS, &regs, sizeof(regs)))
			return false;
	}
	/* The others stand still during a step. */
	for (i = 0; i < gdb->vm->nr_vcpus; i++) {
		if (step ? i == (gdb->resumed < 0 ? gdb->current :
				 (unsigned int)gdb->resumed) :
			   gdb->resumed < 0 || i == (unsigned int)gdb->resumed)
			gdb_prepare(gdb, i, step);
	}
	gdb_resume(gdb);
	return true;
}

/* One of vCont's actions. Return: 'c', 's', or 0 for another */
static char action(const char **text)
{
	uint64_t signal;
	char what = **text;

	if (what)
		++*text;
	switch (what) {
	case 'C':
	case 'S':
		if (!gdb_number(text, &signal))
			return 0;
		return what == 'C' ? 'c' : 's';
	case 'c':
	case 's':
		return what;
	default:
		return 0;
	}
}

/* Of each CPU the first action counts that names it. */
static bool resume_each(struct gdb *gdb, const char *args)
{
	char actions[LODGE_MAX_VCPUS] = "";
	bool any = false;
	unsigned int i;

	while (*args) {
		int cpu = ALL_CPUS;
		char what;

		if (!starts(&args, ";"))
			return false;
		what = action(&args);
		if (!what || (starts(&args, ":") && !parse_cpu(gdb, &args, &cpu)))
			return false;
		if (cpu == ANY_CPU)
			cpu = (int)gdb->current;
		for (i = 0; i < gdb->vm->nr_vcpus; i++)
			if (!actions[i] && (cpu == ALL_CPUS || (unsigned int)cpu == i))
				actions[i] = what;
	}
	for (i = 0; i < gdb->vm->nr_vcpus; i++) {
		if (!actions[i])
			continue;
		gdb_prepare(gdb, i, actions[i] == 's');
		any = true;
	}
	if (any)
		gdb_resume(gdb);
	return any;
}

static void send_description(struct gdb *gdb, const char *args)
{
	struct gdb_reply *reply = begin(gdb);
	char text[DESCRIPTION_MAX];
	size_t length = gdb_describe(text, sizeof(text));
	uint64_t offset, count;

	if (!parse_range(&args, &offset, &count) || *args || offset > length) {
		fail(gdb);
		return;
	}
	/* All of it might have to be escaped. */
	if (count > sizeof(reply->data) / 2 - 1)
		count = sizeof(reply->data) / 2 - 1;
	if (count > length - offset)
		count = length - offset;
	gdb_printf(reply, "%c", offset + count < length ? 'm' : 'l');
	gdb_put_binary(reply, text + offset, count);
}

static void list_cpus(struct gdb *gdb)
{
	struct gdb_reply *reply = begin(gdb);
	unsigned int i;

	for (i = 0; i < gdb->vm->nr_vcpus; i++)
		gdb_printf(reply, "%c%x", i ? ',' : 'm', i + 1);
}

static void describe_cpu(struct gdb *gdb, const char *args)
{
	static const char *const what[] = {
		[LODGE_MP_RUNNABLE] = "",
		[LODGE_MP_UNINITIALIZED] = ", waits for INIT",
		[LODGE_MP_INIT_RECEIVED] = ", waits for SIPI",
		[LODGE_MP_HALTED] = ", halted",
	};
	struct gdb_reply *reply = begin(gdb);
	struct lodge_events events;
	char text[32];
	int cpu;

	if (!parse_cpu(gdb, &args, &cpu) || *args || cpu < 0 ||
	    vcpu_get_state(&gdb->vm->vcpus[cpu], LODGE_STATE_EVENTS, &events,
			   sizeof(events)) ||
	    events.mp_state >= sizeof(what) / sizeof(what[0])) {
		fail(gdb);
		return;
	}
	snprintf(text, sizeof(text), "CPU %d%s", cpu, what[events.mp_state]);
	gdb_put_hex(reply, text, strlen(text));
}

static void query(struct gdb *gdb, const char *args)
{
	struct gdb_reply *reply = begin(gdb);

	if (starts(&args, "Supported")) {
		gdb->swbreak = strstr(args, "swbreak+");
		gdb_printf(reply,
			   "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;swbreak+;vContSupported+",
			   GDB_PACKET_MAX);
	} else if (starts(&args, "Xfer:features:read:target.xml:")) {
		send_description(gdb, args);
	} else if (!strcmp(args, "fThreadInfo")) {
		list_cpus(gdb);
	} else if (!strcmp(args, "sThreadInfo")) {
		gdb_printf(reply, "l");
	} else if (starts(&args, "ThreadExtraInfo,")) {
		describe_cpu(gdb, args);
	} else if (!strcmp(args, "C")) {
		gdb_printf(reply, "QC%x", gdb->current + 1);
	} else if (!strcmp(args, "Attached")) {
		/* So a client that leaves lets go, and does not kill. */
		gdb_printf(reply, "1");
	}
}

static void is_alive(struct gdb *gdb, const char *args)
{
	int cpu;

	succeed(gdb, parse_cpu(gdb, &args, &cpu) && !*args && cpu >= 0 ? 0 : -1);
}

static void detach(struct gdb *gdb)
{
	unsigned int i;

	gdb_remove_all(gdb);
	for (i = 0; i < gdb->vm->nr_vcpus; i++)
		gdb_prepare(gdb, i, false);
	gdb_resume(gdb);
	succeed(gdb, 0);
}

/* Return: true if there is a reply */
static bool verbose(struct gdb *gdb, const char *args)
{
	struct gdb_reply *reply = begin(gdb);

	if (!strcmp(args, "Cont?")) {
		gdb_printf(reply, "vCont;c;C;s;S");
	} else if (starts(&args, "Cont")) {
		if (resume_each(gdb, args))
			return false;
		fail(gdb);
	} else if (starts(&args, "Kill;")) {
		succeed(gdb, 0);
		vm_end(gdb->vm, VM_POWERED_OFF, NULL);
	}
	return true;
}

/* Return: true if there is a reply */
static bool execute(struct gdb *gdb)
{
	const char *args = gdb->input.data + 1;

	begin(gdb);
	switch (gdb->input.data[0]) {
	case '?':
		gdb_report(gdb, GDB_SIGTRAP, 0);
		return false;
	case 'g':
		if (gdb_get_registers(gdb, &gdb->reply))
			fail(gdb);
		break;
	case 'G':
		succeed(gdb, gdb_set_registers(gdb, args));
		break;
	case 'p':
		get_register(gdb, args);
		break;
	case 'P':
		succeed(gdb, set_register(gdb, args));
		break;
	case 'm':
		read_memory(gdb, args);
		break;
	case 'M':
		succeed(gdb, write_memory(gdb, args));
		break;
	case 'X':
		succeed(gdb, write_binary(gdb));
		break;
	case 'Z':
	case 'z':
		breakpoint(gdb, args, gdb->input.data[0] == 'Z');
		break;
	case 'H':
		succeed(gdb, choose_cpu(gdb, args));
		break;
	case 'T':
		is_alive(gdb, args);
		break;
	case 'c':
	case 'C':
	case 's':
	case 'S':
		if (resume(gdb, args, (gdb->input.data[0] | 0x20) == 's',
			   !(gdb->input.data[0] & 0x20)))
			return false;
		fail(gdb);
		break;
	case 'D':
		detach(gdb);
		break;
	case 'k':
		vm_end(gdb->vm, VM_POWERED_OFF, NULL);
		return false;
	case 'q':
		query(gdb, args);
		break;
	case 'Q':
		if (strcmp(args, "StartNoAckMode"))
			break;
		succeed(gdb, 0);
		gdb->no_acks = true;
		break;
	case 'v':
		return verbose(gdb, args);
	}
	return true;
}

void gdb_command(struct gdb *gdb)
{
	if (!execute(gdb))
		return;
	if (gdb->reply.too_long)
		fail(gdb);
	gdb_send(gdb, &gdb->reply);
}

void gdb_report(struct gdb *gdb, int signal, uint8_t vector)
{
	struct gdb_reply *reply = begin(gdb);

	gdb_printf(reply, "T%02xthread:%x;%s", signal, gdb->current + 1,
		   vector == GDB_INT3 && gdb->swbreak ? "swbreak:;" : "");
	gdb_send(gdb, reply);
}
