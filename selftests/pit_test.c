// SPDX-License-Identifier: GPL-2.0-only
/* The 8254: modes, latches, gate and output of channel 2, ticks and lost ones. */
#include "apic_fixture.h"

FIXTURE(pit) {
	int unused;
};

FIXTURE_SETUP(pit)
{
	setup();
	lodge_pic_create(&vm);
	lodge_pit_create(&vm);
}

FIXTURE_TEARDOWN(pit)
{
	teardown();
}

static u64 begun, passed;

static void out(u16 port, u8 value)
{
	lodge_pc_port(&vm, port, 1, &value, true);
	if (port != 0x43) {
		begun = shim_now;
		passed = 0;
	}
}

static u8 in(u16 port)
{
	u8 value = 0x55;

	lodge_pc_port(&vm, port, 1, &value, false);
	return value;
}

/* Control word and both bytes of the count */
static void program(int channel, int mode, u16 count)
{
	out(0x43, channel << 6 | 0x30 | mode << 1);
	out(0x40 + channel, count);
	out(0x40 + channel, count >> 8);
}

static u16 both(int channel)
{
	u16 low = in(0x40 + channel);

	return low | in(0x40 + channel) << 8;
}

static u16 count(int channel)
{
	out(0x43, channel << 6);
	return both(channel);
}

static u8 get_status(int channel)
{
	out(0x43, 0xe0 | 2 << channel);
	return in(0x40 + channel);
}

/* So many clocks since a count was loaded or the gate moved, and a bit of one */
static void clocks_pass(u64 n)
{
	passed += n;
	advance(begun + clocks_to_ns(passed) + 200 - shim_now);
}

static bool out2(void)
{
	return in(0x61) & 0x20;
}

TEST_F(pit, counts)
{
	program(1, 2, 1000);
	EXPECT_EQ(1000, count(1));
	shim_now += 400;
	EXPECT_EQ(1000, count(1));
	clocks_pass(100);
	EXPECT_EQ(900, count(1));
	clocks_pass(899);
	EXPECT_EQ(1, count(1));
	clocks_pass(1);
	EXPECT_EQ(1000, count(1));
	clocks_pass(1000001);
	EXPECT_EQ(999, count(1));
	/* By two, twice a period */
	program(1, 3, 1000);
	clocks_pass(100);
	EXPECT_EQ(800, count(1));
	clocks_pass(500);
	EXPECT_EQ(800, count(1));
	/* Through 0 and on */
	program(1, 0, 1000);
	clocks_pass(1000);
	EXPECT_EQ(0, count(1));
	clocks_pass(1);
	EXPECT_EQ(0xffff, count(1));
	/* 0 is the most; decimal */
	program(1, 4, 0);
	EXPECT_EQ(0, count(1));
	clocks_pass(1);
	EXPECT_EQ(0xffff, count(1));
	out(0x43, 0x71);
	out(0x41, 0x50);
	out(0x41, 0x10);
	EXPECT_EQ(0x1050, count(1));
	clocks_pass(51);
	EXPECT_EQ(0x0999, count(1));
	clocks_pass(1000);
	EXPECT_EQ(0x9999, count(1));
}

TEST_F(pit, latches)
{
	program(1, 2, 0x1234);
	clocks_pass(4);
	out(0x43, 0x40);
	clocks_pass(16);
	out(0x43, 0x40);		/* the first one counts */
	EXPECT_EQ(0x1230, both(1));
	EXPECT_EQ(0x1220, both(1));
	/* Low byte, then high byte of what it is by then */
	EXPECT_EQ(0x20, in(0x41));
	clocks_pass(0x100);
	EXPECT_EQ(0x11, in(0x41));
	/* Read back: status, then count */
	out(0x43, 0xc4);
	EXPECT_EQ(0xb4, in(0x41));
	EXPECT_EQ(0x1120, both(1));
	out(0x43, 0xc2 | 0x20);
	EXPECT_EQ(0x40, in(0x40) & 0x40);	/* null count */
	/* One byte alone */
	out(0x43, 0x54);
	out(0x41, 0x80);
	EXPECT_EQ(0x80, in(0x41));
	EXPECT_EQ(0x80, in(0x41));
	out(0x43, 0x64);
	out(0x41, 0x80);
	EXPECT_EQ(0x80, in(0x41));
	EXPECT_EQ(0xff, in(0x43));
	EXPECT_EQ(0xa4, get_status(1));
}

TEST_F(pit, gate_and_output)
{
	/* Mode 0 as Linux uses it: to measure another clock */
	out(0x61, 0);
	program(2, 0, 1000);
	EXPECT_FALSE(out2());
	clocks_pass(5000);
	EXPECT_FALSE(out2());
	EXPECT_EQ(1000, count(2));
	out(0x61, 1);
	EXPECT_EQ(1, in(0x61) & 0x0f);
	clocks_pass(999);
	EXPECT_FALSE(out2());
	clocks_pass(1);
	EXPECT_TRUE(out2());
	/* It stops and goes on. */
	program(2, 0, 1000);
	clocks_pass(300);
	out(0x61, 2);
	clocks_pass(3000);
	EXPECT_EQ(700, count(2));
	EXPECT_FALSE(out2());
	out(0x61, 3);
	clocks_pass(701);
	EXPECT_TRUE(out2());
	/* The first of two bytes stops it. */
	out(0x42, 1);
	EXPECT_FALSE(out2());
	clocks_pass(1000);
	EXPECT_FALSE(out2());
	out(0x42, 0);
	clocks_pass(1);
	EXPECT_TRUE(out2());
	/* Mode 1: triggered, and again */
	out(0x61, 0);
	program(2, 1, 100);
	EXPECT_TRUE(out2());
	clocks_pass(1000);
	EXPECT_TRUE(out2());
	out(0x61, 1);
	EXPECT_FALSE(out2());
	out(0x61, 0);
	clocks_pass(50);
	EXPECT_FALSE(out2());
	out(0x61, 1);
	clocks_pass(99);
	EXPECT_FALSE(out2());
	clocks_pass(1);
	EXPECT_TRUE(out2());
	/* Mode 2: low for one clock; a rising gate begins anew. */
	program(2, 2, 10);
	clocks_pass(8);
	EXPECT_TRUE(out2());
	clocks_pass(1);
	EXPECT_FALSE(out2());
	out(0x61, 0);
	EXPECT_TRUE(out2());
	out(0x61, 1);
	EXPECT_EQ(10, count(2));
	/* Mode 3: half and half */
	program(2, 3, 10);
	EXPECT_TRUE(out2());
	clocks_pass(4);
	EXPECT_TRUE(out2());
	clocks_pass(1);
	EXPECT_FALSE(out2());
	clocks_pass(5);
	EXPECT_TRUE(out2());
	/* Modes 4 and 5: low when it is through */
	program(2, 4, 10);
	clocks_pass(9);
	EXPECT_TRUE(out2());
	clocks_pass(1);
	EXPECT_FALSE(out2());
	clocks_pass(1);
	EXPECT_TRUE(out2());
	out(0x61, 0);
	program(2, 5, 10);
	clocks_pass(10);
	EXPECT_TRUE(out2());
	out(0x61, 1);
	clocks_pass(10);
	EXPECT_FALSE(out2());
	clocks_pass(1);
	EXPECT_TRUE(out2());
	/* The memory's refresh */
	EXPECT_NE(in(0x61) & 0x10, (shim_now += REFRESH_NS, in(0x61) & 0x10));
}

/* IRQ 0 by the I/O APIC; the guest counts ticks. */
static int ticks(void)
{
	int n = 0;

	while (who_got(0x30))
		n++;
	return n;
}

TEST_F(pit, ticks)
{
	int i;

	enable_x2apic();
	redir(2, 0x30);
	program(0, 2, 1193);	/* 1 ms */
	EXPECT_EQ(0, ticks());
	clocks_pass(1192);
	EXPECT_EQ(0, ticks());
	clocks_pass(1);
	EXPECT_EQ(1, ticks());
	for (i = 0; i < 1000; i++) {
		clocks_pass(1193);
		EXPECT_EQ(1, ticks());
	}
	/* Stopped by another mode; one shot */
	out(0x43, 0x30);
	clocks_pass(5000);
	EXPECT_EQ(0, ticks());
	out(0x40, 0xe8);
	out(0x40, 0x03);
	clocks_pass(999);
	EXPECT_EQ(0, ticks());
	clocks_pass(2);
	EXPECT_EQ(1, ticks());
	clocks_pass(200000);
	EXPECT_EQ(0, ticks());
	program(0, 4, 1000);
	clocks_pass(1002);
	EXPECT_EQ(1, ticks());
	clocks_pass(200000);
	EXPECT_EQ(0, ticks());
	/* Modes 1 and 5 want a trigger, which channel 0 never gets. */
	program(0, 1, 1000);
	clocks_pass(200000);
	EXPECT_EQ(0, ticks());
	EXPECT_FALSE(vm.pit->hrtimer.queued);
	/* 18.2 a second */
	program(0, 3, 0);
	for (i = 0; i < 40; i++) {
		clocks_pass(65536);
		advance(100);
		EXPECT_EQ(1, ticks());
	}
}

/* What the guest did not take in time comes late, at twice the rate. */
TEST_F(pit, lost_ticks)
{
	int i, n = 0;

	enable_x2apic();
	redir(2, 0x30);
	program(0, 2, 11932);	/* 10 ms */
	advance(105 * MS);
	EXPECT_EQ(1, ticks());
	for (i = 0; i < 200; i++) {
		advance(MS);
		n += ticks();
		/* never more at once */
		EXPECT_GE(i / 4 + 3, n);
	}
	EXPECT_EQ(30, n + 1);
	/* Then as usual */
	advance(10 * MS);
	EXPECT_EQ(1, ticks());
	/* A second's worth at the most */
	advance(60000 * MS);
	EXPECT_EQ(1, ticks());
	for (i = n = 0; i < 1000; i++) {
		advance(5 * MS);
		n += ticks();
	}
	EXPECT_LE(500 + 95, n);
	EXPECT_GE(500 + 101, n);
	/* Nobody who is asleep is looked after all the time. */
	for (i = n = 0; i < 100000; i++) {
		u64 at = vm.pit->hrtimer.expires;

		advance(MS / 10);
		n += vm.pit->hrtimer.expires != at;
	}
	EXPECT_GE(210, n);
	/* Masked ticks are nobody's, but for the last edge. */
	ticks();
	redir(2, REDIR_MASKED | 0x30);
	out(0x21, 0xff);
	program(0, 2, 11932);
	advance(1000 * MS);
	redir(2, 0x30);
	EXPECT_EQ(1, ticks());
	advance(50 * MS);
	ticks();
	advance(100);
	EXPECT_EQ(0, ticks());
}

/* A guest that asks for too many gets fewer, and the host its time. */
TEST_F(pit, too_fast)
{
	int i, n = 0;

	enable_x2apic();
	redir(2, 0x30);
	program(0, 2, 1);
	for (i = 0; i < 10000; i++) {
		advance(10000);
		n += ticks();
	}
	EXPECT_GE(501, n);
	EXPECT_LE(490, n);
}

TEST_F(pit, by_the_pic)
{
	out(0x20, 0x11);
	out(0x21, 0x08);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0x21, 0xfe);
	mmio_wr(0, LAPIC_SVR, SVR_ENABLED | 0xff);
	mmio_wr(0, LAPIC_LVT + LVT_LINT0, 0x700);
	program(0, 3, 11932);
	advance(35 * MS);
	EXPECT_TRUE(lodge_extint_waits(&vcpus[0]));
	EXPECT_EQ(8, lodge_pic_ack(&vm));
	out(0x20, 0x20);
	advance(16 * MS);
	EXPECT_EQ(8, lodge_pic_ack(&vm));
	out(0x20, 0x20);
	EXPECT_FALSE(lodge_extint_waits(&vcpus[0]));
}

TEST_F(pit, state)
{
	struct lodge_pit_state s, t, bad;

	memset(&s, 0, sizeof(s));
	memset(&t, 0, sizeof(t));
	enable_x2apic();
	redir(2, 0x30);
	out(0x61, 1);
	program(0, 2, 11932);
	program(2, 0, 1000);
	clocks_pass(100);
	lodge_pit_get_state(&vm, &s);
	EXPECT_EQ(11932, s.channels[0].count);
	EXPECT_EQ(1, s.control);
	advance(45 * MS);
	EXPECT_EQ(1, ticks());
	/* Back in time: the count goes on from there, the next tick is due as then. */
	EXPECT_EQ(0, lodge_pit_set_state(&vm, &s));
	begun = shim_now;
	passed = 0;
	lodge_pit_get_state(&vm, &t);
	EXPECT_EQ(0, memcmp(&s, &t, sizeof(s)));
	EXPECT_EQ(900, count(2));
	clocks_pass(11831);
	EXPECT_EQ(0, ticks());
	clocks_pass(2);
	EXPECT_EQ(1, ticks());
	/* What was due is taken along. */
	advance(45 * MS);
	memset(&s, 0, sizeof(s));
	lodge_pit_get_state(&vm, &s);
	EXPECT_LT(0, s.backlog);

#define EXPECT_BAD(change) do { \
	bad = s; \
	change; \
	EXPECT_EQ(-EINVAL, lodge_pit_set_state(&vm, &bad)); \
} while (0)
	EXPECT_BAD(bad.channels[0].elapsed = MAX_ELAPSED);
	EXPECT_BAD(bad.channels[0].count = 0x10001);
	EXPECT_BAD(bad.channels[0].count = 0);
	EXPECT_BAD((bad.channels[0].bcd = 1, bad.channels[0].count = 10001));
	EXPECT_BAD(bad.channels[1].latched = 3);
	EXPECT_BAD((bad.channels[1].access = 1, bad.channels[1].latched = 2));
	EXPECT_BAD(bad.channels[1].status_latched = 2);
	EXPECT_BAD(bad.channels[1].mode = 6);
	EXPECT_BAD(bad.channels[1].access = 4);
	EXPECT_BAD(bad.channels[1].bcd = 2);
	EXPECT_BAD(bad.channels[1].gate = 0);
	EXPECT_BAD(bad.channels[2].gate = 0);
	EXPECT_BAD(bad.channels[1].counting = 2);
	EXPECT_BAD(bad.channels[1].read_high = 2);
	EXPECT_BAD(bad.channels[1].write_high = 2);
	EXPECT_BAD(bad.channels[2].padding[6] = 1);
	EXPECT_BAD(bad.control = 0x10);
	EXPECT_BAD(bad.padding[2] = 1);
	EXPECT_BAD(bad.backlog = PIT_HZ + 1);
#undef EXPECT_BAD
}

TEST_F(pit, anything)
{
	struct lodge_pit_state s, t;
	int i;

	srandom(1);
	enable_x2apic();
	redir(2, 0x30);
	memset(&s, 0, sizeof(s));
	memset(&t, 0, sizeof(t));
	for (i = 0; i < 500000; i++) {
		u16 port = random() % 5 ? 0x40 + random() % 4 : 0x61;

		switch (random() % 6) {
		case 0:
			in(port);
			break;
		case 1:
			lodge_pit_get_state(&vm, &s);
			ASSERT_EQ(0, lodge_pit_set_state(&vm, &s)) {
				TH_LOG("step %d", i);
			}
			lodge_pit_get_state(&vm, &t);
			ASSERT_EQ(0, memcmp(&s, &t, sizeof(s)));
			break;
		case 2:
			advance(random() % (1 << random() % 24));
			break;
		case 3:
			who_got(0x30);
			break;
		default:
			out(port, random());
			break;
		}
		ASSERT_GE(PIT_HZ, vm.pit->backlog);
		ASSERT_EQ(0, vm.pit->lock.locked);
	}
}

TEST_HARNESS_MAIN
