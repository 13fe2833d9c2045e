/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests' clocks: the pvclock fields as a guest reads them, wall clock, runstate, registered areas,
 * and vcpu_op, which registers them. */
// links: core/clock.c core/vcpu_op.c core/guest_access.c
// links: arch/x86_64/platform/scale.c tests/fake/vcpu_env.c
// links: core/hypercall_op.c
// cflags: -include tests/fake/host_cpu.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/regs.h>
#include <arch/x86_64/platform/clock.h>
#include <core/clock.h>
#include <core/cpuid.h>
#include <call.h>
#include <vcpu_env.h>
#include <xen/errno.h>

#define V  (&env_vcpu[0])
#define V1 (&env_vcpu[1])

struct cpuid_limits cpuid_limits = {.phys_bits = 40};

/* As a guest computes it (guest-abi 4.1). */
static u64 guest_ns(const struct vcpu_time_info *t, u64 tsc)
{
	u64 d = tsc - t->tsc_timestamp;

	assert_int_equal(t->version & 1, 0);
	d = t->tsc_shift >= 0 ? d << t->tsc_shift : d >> -t->tsc_shift;
	return t->system_time + (u64)(((unsigned __int128)d * t->tsc_to_system_mul) >> 32);
}

static void pvclock(void **state)
{
	static const u64 rates[] = {1000000,    999999999,      1000000000,
				    1000000001, 2000000000,     2399999997,
				    3500000000, 10000000000ull, 100000000000ull};

	(void)state;
	env_reset(1, false);
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		struct clock_scale s = clock_scale_ratio(NS_PER_SEC, rates[i]);
		struct vcpu_time_info t;
		u64 last = 0, hz = rates[i];

		memset(&t, 0xFF, sizeof(t)); /* whatever the guest left */
		env_mul = s.mul;
		env_shift = s.shift;
		env_tsc_base = 0x123456789ABCull;
		clock_write_time(&t);
		assert_int_not_equal(t.tsc_to_system_mul, 0);
		assert_int_equal(t.flags, XEN_PVCLOCK_TSC_STABLE);
		assert_int_equal(guest_ns(&t, env_tsc_base), 0);
		/* One tick after the other, and ever larger steps: never backwards. */
		for (u64 n = 0; n < 5000; n++) {
			u64 now = guest_ns(&t, env_tsc_base + n);

			assert_true(now >= last);
			last = now;
		}
		for (u64 ticks = 5000; ticks < 1ull << 61; ticks += ticks / 7) {
			u64 now = guest_ns(&t, env_tsc_base + ticks);
			u64 exact = (u64)((unsigned __int128)ticks * NS_PER_SEC / hz);
			u64 off = now > exact ? now - exact : exact - now;

			if (s.shift > 0 && ticks >> (63 - s.shift))
				break; /* beyond what the format can say */
			if (exact >= 1ull << 62)
				break; /* a century ahead */
			assert_true(now >= last);
			assert_true(off <= 2 + (exact >> 30)); /* below 1 in 10^9 */
			assert_true(now == clock_scale_apply(s, ticks));
			last = now;
		}
	}
	env_mul = 0x80000000u;
	env_shift = 0;
}

static void wall(void **state)
{
	static struct shared_info s;

	(void)state;
	env_utc = 1790000000ull * NS_PER_SEC + 123456789;
	s.wc_version = 7;
	clock_write_wall(&s);
	assert_int_equal(s.wc_version & 1, 0);
	assert_true(s.wc_version > 7);
	assert_int_equal(s.wc_sec, 1790000000);
	assert_int_equal(s.wc_nsec, 123456789);
	assert_int_equal(s.wc_sec_hi, 0);
	env_utc = (1ull << 33) * NS_PER_SEC;
	clock_write_wall(&s);
	assert_int_equal(s.wc_sec, 0);
	assert_int_equal(s.wc_sec_hi, 2);
}

static u64 sum(const struct vcpu_runstate_info *r)
{
	return r->time[0] + r->time[1] + r->time[2] + r->time[3];
}

static int references(void)
{
	int n = 0;

	for (unsigned int i = 0; i < ENV_FRAMES; i++)
		n += env_frame_refs[i];
	return n;
}

static void start(void)
{
	env_reset(2, false);
	V->regs.cr0 = CR0_PE; /* linear = physical */
	V->runstate.state = V1->runstate.state = RUNSTATE_offline;
}

static void runstate(void **state)
{
	u64 now = 0, seed = 3;
	struct vcpu_runstate_info *area = env_at(0x5018);

	(void)state;
	start();
	assert_int_equal(clock_register_runstate(V, V, gva(0x5018)), 0);
	assert_int_equal(area->state, RUNSTATE_offline);
	for (unsigned int n = 0; n < 10000; n++) {
		int to = (int)(seed >> 40 & 3);
		bool write = seed >> 45 & 1;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		/* Sometimes from a CPU whose clock is a little behind. */
		clock_runstate(V, to, n % 9 ? now : now - min_u64(now, 30), write);
		assert_int_equal(V->runstate.state, to);
		assert_true(sum(&V->runstate) == V->runstate.state_entry_time);
		if (write)
			assert_memory_equal(area, &V->runstate, sizeof(*area));
		now += seed >> 50;
	}
	env_domain.runstate_flag = true;
	clock_runstate(V, 1, now, true);
	assert_memory_equal(area, &V->runstate, sizeof(*area));
	assert_false(area->state_entry_time & XEN_RUNSTATE_UPDATE);
	clock_release_areas(V);
	assert_int_equal(references(), 0);
	clock_runstate(V, 0, now, true); /* nothing to write to: no harm */
}

static void areas(void **state)
{
	struct vcpu_runstate_info r;
	struct vcpu_time_info t;
	u8 *ram = env_at(0);

	(void)state;
	start();
	/* Across pages, at each offset, odd ones too. */
	for (u64 at = 0x6FC0; at <= 0x7000; at++) {
		memset(ram + 0x6000, 0xEE, 0x2000);
		V1->runstate.time[3] = at * 0x0101010101ull;
		assert_int_equal(clock_register_runstate(V, V1, gva(at)), 0);
		memcpy(&r, ram + at, sizeof(r));
		assert_memory_equal(&r, &V1->runstate, sizeof(r));
		assert_int_equal(ram[at - 1], 0xEE);
		assert_int_equal(ram[at + sizeof(r)], 0xEE);
		assert_int_equal(references(), at + sizeof(r) > 0x7000 && at < 0x7000 ? 2 : 1);
	}
	for (u64 at = 0x6FD0; at <= 0x7000; at++) {
		assert_int_equal(clock_register_time(V, V1, gva(at)), 0);
		memcpy(&t, ram + at, sizeof(t));
		assert_int_equal(t.version, 2);
		assert_int_equal(t.tsc_to_system_mul, env_mul);
	}
	/* Not memory: nothing changes. The second page not memory: the first is let go. */
	assert_int_equal(clock_register_time(V, V1, gva(0x40000000)), -XEN_EINVAL);
	assert_true(V1->time_area.valid);
	assert_int_equal(clock_register_runstate(V, V1, gva(0x1FFFF0)), -XEN_EINVAL);
	assert_int_equal(references(), 2);
	env_map(0x50, ENV_FIRST + 0x50, 0, EPT_R | EPT_W, EPT_TYPE_shared);
	assert_int_equal(clock_register_runstate(V, V1, gva(0x50000)), -XEN_EINVAL);
	assert_int_equal(clock_register_time(V, V1, gva(0)), 0);
	assert_int_equal(references(), 1);
	clock_release_areas(V1);
	assert_int_equal(references(), 0);
}

static s64 op(u64 cmd, u64 vcpu, u64 arg)
{
	return fake_call(do_vcpu_op, V, cmd, vcpu, arg);
}

static void vcpu_ops(void **state)
{
	struct vcpu_set_singleshot_timer *s = env_at(0x3000);
	struct vcpu_register_area *area = env_at(0x3100);
	struct vcpu_runstate_info *r = env_at(0x3200);

	(void)state;
	start();
	vcpu_op_init(V);
	V1->wait = VCPU_DOWN;
	assert_int_equal(op(VCPUOP_is_up, 0, 0), 1);
	assert_int_equal(op(VCPUOP_is_up, 1, 0), 0);
	assert_int_equal(op(VCPUOP_is_up, 2, 0), -XEN_ENOENT);
	assert_int_equal(op(VCPUOP_is_up, 0xFFFFFFFF, 0), -XEN_ENOENT);
	assert_int_equal(op(VCPUOP_up, 1, 0), -XEN_EINVAL); /* never started */
	V1->has_state = true;
	assert_int_equal(op(VCPUOP_up, 1, 0), 0);
	assert_int_equal(env_ups, 1);
	assert_int_equal(op(VCPUOP_down, 1, 0), -XEN_EINVAL);
	assert_int_equal(op(VCPUOP_down, 0, 0), 0);
	assert_int_equal(env_downs, 1);
	for (u64 cmd = 0; cmd < 200; cmd++) {
		bool known = (cmd >= 1 && cmd <= 5) || (cmd >= 7 && cmd <= 10) || cmd == 13;

		assert_int_equal(op(cmd, 1, 0x40000000) == -XEN_ENOSYS, !known);
	}
	assert_int_equal(op(VCPUOP_stop_periodic_timer, 1, 0), 0);
	/* One-shot: self only; due, past, absurd. */
	s->timeout_abs_ns = env_now + 1000;
	assert_int_equal(op(VCPUOP_set_singleshot_timer, 1, 0x3000), -XEN_EINVAL);
	assert_int_equal(op(VCPUOP_set_singleshot_timer, 0, 0x40000000), -XEN_EFAULT);
	assert_int_equal(op(VCPUOP_set_singleshot_timer, 0, 0x3000), 0);
	env_run_until(env_now + 999);
	assert_int_equal(env_virqs, 0);
	env_run_until(env_now + 1);
	assert_int_equal(env_virqs, 1);
	s->timeout_abs_ns = 5;
	s->flags = VCPU_SSHOTTMR_future;
	assert_int_equal(op(VCPUOP_set_singleshot_timer, 0, 0x3000), 0);
	env_run_until(env_now);
	assert_int_equal(env_virqs, 2);
	s->timeout_abs_ns = 1ull << 63;
	assert_int_equal(op(VCPUOP_set_singleshot_timer, 0, 0x3000), 0);
	env_run_until(env_now + 99999999);
	assert_int_equal(env_virqs, 2);
	env_run_until(env_now + 1);
	assert_int_equal(env_virqs, 3);
	assert_int_equal(fake_call(do_set_timer_op, V, env_now + (1ull << 50) + 1, 0, 0), 0);
	env_run_until(env_now + 100000000);
	assert_int_equal(env_virqs, 4);
	assert_int_equal(fake_call(do_set_timer_op, V, env_now + (1ull << 50), 0, 0), 0);
	env_run_until(env_now + 1000000000);
	assert_int_equal(env_virqs, 4);
	assert_int_equal(fake_call(do_set_timer_op, V, 0, 0, 0), 0);
	env_run_until(env_now + (1ull << 51));
	assert_int_equal(env_virqs, 4);
	assert_int_equal(fake_call(do_set_timer_op, V, env_now + 50, 0, 0), 0);
	assert_int_equal(op(VCPUOP_stop_singleshot_timer, 0, 0), 0);
	env_run_until(env_now + 100);
	assert_int_equal(env_virqs, 4);
	/* Areas, runstate */
	area->addr = 0x3300;
	assert_int_equal(op(VCPUOP_register_runstate_memory_area, 1, 0x3100), 0);
	area->addr = 0x3400;
	assert_int_equal(op(VCPUOP_register_vcpu_time_memory_area, 1, 0x3100), 0);
	assert_int_equal(references(), 2);
	assert_int_equal(op(VCPUOP_get_runstate_info, 1, 0x3200), 0);
	assert_true(sum(r) == env_now);
	env_register_error = -XEN_EBUSY;
	assert_int_equal(op(VCPUOP_register_vcpu_info, 1, 0x3000), -XEN_EBUSY);
	clock_release_areas(V1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pvclock), cmocka_unit_test(wall),     cmocka_unit_test(runstate),
		cmocka_unit_test(areas),   cmocka_unit_test(vcpu_ops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
