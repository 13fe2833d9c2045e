/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's life: waiting and waking without losing a wake-up, INIT and STARTUP, exceptions that
 * combine, instructions that are stepped over. */
// links: core/vcpu.c core/insn.c
// cflags: -include tests/fake/loop_cpu.h
// libs: -lpthread
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <core/clock.h>
#include <core/cpuid.h>
#include <core/domain.h>
#include <core/event.h>
#include <core/guest_access.h>
#include <core/msr.h>
#include <core/mm/frame.h>
#include <core/xstate.h>
#define sched_yield core_sched_yield /* the host has one too */
#include <sched/sched.h>
#undef sched_yield
#include <xen/errno.h>

#define N 3u

static struct pcpu cpus[2];
u32 cpu_count = 2;
__thread struct pcpu *fake_cpu = cpus;
static struct domain d;
static struct vcpu *v[N];
static struct vcpu_info info[N];
static bool on_cpu[N]; /* a CPU has it */
static u32 wakes[N], unqueued[N], kicked[2], poked[2], resets[N], pages;
static int shut_down, unaccepted, fail_at, step;
static unsigned int code_bits;
static u8 code[16];
static size_t code_length;

/* --- around it --- */

static bool fails(void)
{
	return ++step == fail_at;
}
static int hvm_create(struct vcpu *x)
{
	if (fails())
		return -XEN_ENOMEM;
	x->hvm = malloc(1);
	return 0;
}
static void hvm_destroy(struct vcpu *x)
{
	free(x->hvm);
}
static void hvm_load(struct vcpu *x, unsigned int groups)
{
	(void)x;
	(void)groups;
}
static unsigned int hvm_code_bits(const struct vcpu *x)
{
	(void)x;
	return code_bits;
}
static const struct hvm_ops ops = {.vcpu_create = hvm_create,
				   .vcpu_destroy = hvm_destroy,
				   .load = hvm_load,
				   .code_bits = hvm_code_bits};
const struct hvm_ops *hvm = &ops;

void *domain_page_alloc(struct domain *of, unsigned int order)
{
	assert_true(of == &d && order == 0);
	if (fails())
		return NULL;
	pages++;
	return calloc(1, PAGE_SIZE);
}
void domain_page_free(struct domain *of, void *page, unsigned int order)
{
	(void)of;
	(void)order;
	pages--;
	free(page);
}
void domain_shutdown(struct domain *of, u8 reason)
{
	assert_ptr_equal(of, &d);
	shut_down = reason;
}
int sched_vcpu_init(struct vcpu *x)
{
	if (fails())
		return -XEN_ENOMEM;
	x->sched = &d;
	return 0;
}
void sched_vcpu_destroy(struct vcpu *x)
{
	x->sched = NULL;
}
void sched_wake(struct vcpu *x)
{
	__atomic_fetch_add(&wakes[x->id], 1, __ATOMIC_SEQ_CST);
}
void sched_unqueue(struct vcpu *x)
{
	assert_true(x->wait != 0);
	unqueued[x->id]++;
}
void sched_poke(u32 cpu)
{
	poked[cpu]++;
}
bool sched_off_cpu(const struct vcpu *x)
{
	return !on_cpu[x->id];
}
void sched_wait_off_cpu(const struct vcpu *x)
{
	assert_false(on_cpu[x->id]);
}
struct pcpu *cpu_by_id(u32 id)
{
	assert_true(id < 2);
	return &cpus[id];
}
void ipi_kick(u32 cpu)
{
	kicked[cpu]++;
}
int xstate_init(struct vcpu *x)
{
	(void)x;
	return fails() ? -XEN_ENOMEM : 0;
}
void xstate_destroy(struct vcpu *x)
{
	(void)x;
}
void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){.fn = fn};
}
void timer_stop(struct timer *t)
{
	t->armed = false;
}
void timer_end(struct timer *t)
{
	t->armed = false;
}
void vcpu_op_init(struct vcpu *x)
{
	timer_init(&x->singleshot, NULL);
}
void msr_reset(struct vcpu *x)
{
	(void)x;
}
void vapic_reset(struct vcpu *x, bool init)
{
	x->vapic.irr_hint = 0;
	resets[x->id] += init;
}
void vapic_stop(struct vcpu *x)
{
	(void)x;
}
int vapic_pending(struct vcpu *x)
{
	return x->vapic.irr_hint ? 0x41 : -1;
}
void vapic_unaccept(struct vcpu *x, u8 vector)
{
	(void)x;
	unaccepted = vector;
}
void clock_release_areas(struct vcpu *x)
{
	(void)x;
}
void frame_put(hfn_t f)
{
	(void)f;
	abort();
}
void event_vcpu_init(struct vcpu *x)
{
	x->info = &info[x->id];
}
void event_vcpu_destroy(struct vcpu *x)
{
	x->info = NULL;
}
void log_line(const char *fmt, ...)
{
	(void)fmt;
}
int guest_fetch(struct vcpu *x, u8 *buf, size_t n, size_t *got)
{
	if (!code_length) {
		vcpu_raise_page_fault(x, gva(0x1234), 0x10);
		return -XEN_EFAULT;
	}
	*got = min_u64(n, code_length);
	memcpy(buf, code, *got);
	return 0;
}

/* --- */

static int set_up(void **state)
{
	static struct vcpu *pointers[N];

	(void)state;
	d = (struct domain){.id = 3, .max_vcpus = N, .vcpu = pointers};
	memset(pointers, 0, sizeof(pointers));
	for (u32 i = 0; i < 2; i++)
		cpus[i] = (struct pcpu){.self = &cpus[i], .id = i};
	fail_at = 0;
	for (u32 i = 0; i < N; i++) {
		assert_int_equal(vcpu_create(&d, i), 0);
		v[i] = d.vcpu[i];
		wakes[i] = unqueued[i] = resets[i] = 0;
		on_cpu[i] = false;
	}
	memset(info, 0, sizeof(info));
	memset(kicked, 0, sizeof(kicked));
	memset(poked, 0, sizeof(poked));
	shut_down = unaccepted = -1;
	code_bits = 64;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (u32 i = 0; i < N; i++)
		vcpu_destroy(v[i]);
	assert_int_equal(pages, 0);
	return 0;
}

static void up(u32 i)
{
	v[i]->wait = 0;
	cpus[0].current = v[i];
}

static void creation(void **state)
{
	(void)state;
	assert_int_equal(v[1]->wait, VCPU_DOWN | VCPU_PAUSED);
	assert_int_equal(v[1]->regs.rip, 0xFFF0);
	assert_int_equal(v[1]->regs.rflags, 2);
	assert_int_equal(v[1]->regs_dirty, HVM_STATE_all);
	assert_int_equal(v[1]->runstate.state, RUNSTATE_offline);
	assert_int_equal(vcpu_create(&d, 1), -XEN_EEXIST);
	assert_int_equal(vcpu_create(&d, N), -XEN_EINVAL);
	assert_int_equal(vcpu_create(&d, ~0u), -XEN_EINVAL);
	vcpu_destroy(v[2]);
	d.vcpu[2] = NULL;
	for (fail_at = 1; fail_at <= 4; fail_at++) { /* nothing is left behind */
		u32 before = pages;

		step = 0;
		assert_int_equal(vcpu_create(&d, 2), -XEN_ENOMEM);
		assert_null(d.vcpu[2]);
		assert_int_equal(pages, before);
	}
	fail_at = 0;
	d.control = true;
	assert_int_equal(vcpu_create(&d, 2), 0);
	v[2] = d.vcpu[2];
	assert_int_equal(v[2]->wait, VCPU_DOWN);
	v[2]->runstate.time[RUNSTATE_running] = 77;
	vcpu_destroy(v[2]);
	assert_int_equal(d.cpu_time_retired, 77);
	d.vcpu[2] = NULL;
	assert_int_equal(vcpu_create(&d, 2), 0);
	v[2] = d.vcpu[2];
}

/* Each reason holds it on its own; it competes for a CPU when the last one is gone. */
static void wait_bits(void **state)
{
	(void)state;
	vcpu_up(v[1]);
	assert_true(v[1]->wait == VCPU_PAUSED && wakes[1] == 0);
	vcpu_pause_bit(v[1], false);
	assert_true(v[1]->wait == 0 && wakes[1] == 1);
	vcpu_pause_bit(v[1], false);
	vcpu_up(v[1]);
	vcpu_wake(v[1]);
	assert_int_equal(wakes[1], 1); /* it was not waiting */

	vcpu_pause_bit(v[1], true);
	assert_true(v[1]->wait == VCPU_PAUSED && unqueued[1] == 1 && poked[0] + poked[1] == 0);
	vcpu_block(v[1]);
	vcpu_wake(v[1]); /* an event: still paused */
	assert_true(v[1]->wait == VCPU_PAUSED && wakes[1] == 1);
	vcpu_pause_bit(v[1], false);
	assert_int_equal(wakes[1], 2);

	v[1]->cpu = 1; /* it runs over there */
	cpus[1].current = v[1];
	vcpu_pause_bit(v[1], true);
	assert_int_equal(poked[1], 1);
	vcpu_pause_bit(v[1], false);

	vcpu_block(v[1]);
	assert_int_equal(v[1]->wait, VCPU_BLOCKED);
	v[1]->wait |= VCPU_DOWN;
	vcpu_up(v[1]); /* starts it, whatever it waited for when it went down */
	assert_int_equal(v[1]->wait, 0);
}

static void blocking(void **state)
{
	(void)state;
	up(0);
	vcpu_block(v[0]);
	assert_int_equal(v[0]->wait, VCPU_BLOCKED);
	vcpu_kick(v[0]);
	assert_true(v[0]->wait == 0 && wakes[0] == 1);

	info[0].evtchn_upcall_pending = 1; /* each kind of event is seen */
	vcpu_block(v[0]);
	assert_int_equal(v[0]->wait, 0);
	info[0].evtchn_upcall_pending = 0;
	v[0]->nmi_pending = true;
	vcpu_block(v[0]);
	assert_int_equal(v[0]->wait, 0);
	v[0]->nmi_pending = false;
	v[0]->event.valid = true;
	vcpu_block(v[0]);
	assert_int_equal(v[0]->wait, 0);
	v[0]->event.valid = false;
	v[0]->vapic.irr_hint = 1;
	vcpu_block(v[0]);
	assert_int_equal(v[0]->wait, 0);
	assert_int_equal(wakes[0], 1); /* its own CPU has it still */
	v[0]->vapic.irr_hint = 0;
	vcpu_block(v[0]);
	v[0]->poll_timer.fn(&v[0]->poll_timer); /* SCHEDOP_poll's timeout */
	assert_int_equal(v[0]->wait, 0);
}

static void kicks(void **state)
{
	(void)state;
	up(1);
	cpus[0].current = NULL;
	vcpu_kick(v[1]); /* runs nowhere */
	v[1]->cpu = 1;
	cpus[1].current = v[1];
	vcpu_kick(v[1]); /* in the hypervisor: it will look */
	assert_int_equal(kicked[1], 0);
	cpus[1].in_guest = &d;
	vcpu_kick(v[1]);
	assert_int_equal(kicked[1], 1);
	cpus[1].current = v[2]; /* somebody else */
	vcpu_kick(v[1]);
	assert_int_equal(kicked[1], 1);
	cpus[0].in_guest = &d; /* itself: it looks before it goes in */
	cpus[0].current = v[1];
	v[1]->cpu = 0;
	vcpu_kick(v[1]);
	assert_int_equal(kicked[0], 0);
}

static void the_last_one(void **state)
{
	(void)state;
	for (u32 i = 0; i < N; i++)
		up(i);
	vcpu_down(v[1]);
	vcpu_block(v[2]); /* one that sleeps is not gone */
	vcpu_down(v[0]);
	assert_int_equal(shut_down, -1);
	vcpu_down(v[2]);
	assert_int_equal(shut_down, SHUTDOWN_poweroff);
	assert_true(v[2]->wait & VCPU_DOWN);
}

static void init_and_startup(void **state)
{
	(void)state;
	up(0);
	v[1]->wait = VCPU_DOWN;
	v[1]->regs.rip = 0x1234;
	v[1]->regs.cr0 = ~0u;
	v[1]->nmi_pending = v[1]->nmi_masked = v[1]->event.valid = true;
	v[1]->int_shadow = 1;
	vcpu_init_signal(v[1]);
	assert_true(v[1]->regs.rip == 0xFFF0 && v[1]->regs.cr0 == 0x60000010 && resets[1] == 1);
	assert_true(v[1]->regs.seg[SEG_CS].base == 0xFFFF0000);
	assert_true(!v[1]->nmi_pending && !v[1]->nmi_masked && !v[1]->event.valid);
	assert_true(v[1]->int_shadow == 0 && v[1]->wait == VCPU_DOWN && wakes[1] == 0);

	vcpu_startup(v[1], 0x9A);
	assert_true(v[1]->wait == 0 && wakes[1] == 1);
	assert_true(v[1]->regs.rip == 0 && v[1]->regs.seg[SEG_CS].selector == 0x9A00 &&
		    v[1]->regs.seg[SEG_CS].base == 0x9A000);
	assert_true(v[1]->has_state && v[1]->regs.cr0 == 0x10);

	v[1]->regs.rip = 0x77; /* the second STARTUP finds it running */
	vcpu_startup(v[1], 0x10);
	assert_true(v[1]->regs.rip == 0x77 && wakes[1] == 1);

	/* A STARTUP that comes while the domain is paused counts when it goes on. */
	v[2]->wait = VCPU_DOWN | VCPU_PAUSED;
	vcpu_startup(v[2], 1);
	assert_true(v[2]->wait == VCPU_PAUSED && wakes[2] == 0);
	vcpu_pause_bit(v[2], false);
	assert_true(v[2]->wait == 0 && wakes[2] == 1);
	assert_int_equal(shut_down, -1);
}

/* One that a CPU has: the signal waits until that CPU lets go. */
static void init_while_running(void **state)
{
	(void)state;
	up(0);
	v[1]->wait = 0;
	v[1]->cpu = 1;
	cpus[1].current = v[1];
	on_cpu[1] = true;
	v[1]->regs.rip = 0x1234;
	vcpu_init_signal(v[1]);
	assert_true(v[1]->wait == VCPU_DOWN && poked[1] == 1 && v[1]->regs.rip == 0x1234);
	vcpu_startup(v[1], 0x55);
	assert_true(v[1]->wait == VCPU_DOWN && v[1]->regs.rip == 0x1234 && wakes[1] == 0);
	vcpu_let_go(v[1], &on_cpu[1]);
	assert_false(on_cpu[1]);
	assert_true(resets[1] == 1 && v[1]->regs.seg[SEG_CS].base == 0x55000);
	assert_true(v[1]->wait == 0 && wakes[1] == 1);

	on_cpu[1] = true; /* nothing to do: as it was */
	v[1]->regs.rip = 0x99;
	vcpu_let_go(v[1], &on_cpu[1]);
	assert_true(!on_cpu[1] && v[1]->regs.rip == 0x99 && resets[1] == 1);

	on_cpu[1] = true; /* an INIT after the STARTUP takes that back */
	v[1]->wait = VCPU_DOWN;
	vcpu_startup(v[1], 0x66);
	vcpu_init_signal(v[1]);
	vcpu_let_go(v[1], &on_cpu[1]);
	assert_true(v[1]->wait == VCPU_DOWN && v[1]->regs.rip == 0xFFF0);
}

/* --- exceptions --- */

static void expect(u8 vector, bool has_error, u32 error)
{
	const struct hvm_event *e = &v[0]->event;

	assert_true(e->valid && e->type == EVENT_exception);
	assert_int_equal(e->vector, vector);
	assert_int_equal(e->has_error, has_error);
	assert_int_equal(e->error, error);
}

/* Every pair, against AMD's table: benign, contributory, page fault. */
static void pairs(void **state)
{
	static const u8 contributory[] = {0, 10, 11, 12, 13};

	(void)state;
	for (u8 a = 0; a < 20; a++)
		for (u8 b = 0; b < 20; b++) {
			bool ca = memchr(contributory, a, 5), cb = memchr(contributory, b, 5);
			bool df = (ca && cb) || (a == X86_PF && (b == X86_PF || cb));

			if (a == X86_DF || b == X86_DF)
				continue;
			v[0]->event.valid = false;
			vcpu_raise_error(v[0], a, 5);
			expect(a, true, 5);
			vcpu_raise(v[0], b);
			if (df)
				expect(X86_DF, true, 0);
			else
				expect(b, false, 0);
			assert_int_equal(shut_down, -1);
		}
}

static void triple_fault(void **state)
{
	(void)state;
	d.hvm_param[HVM_PARAM_TRIPLE_FAULT_REASON] = SHUTDOWN_reboot;
	vcpu_raise_error(v[0], X86_GP, 0);
	vcpu_raise_error(v[0], X86_NP, 8);
	expect(X86_DF, true, 0);
	vcpu_raise_page_fault(v[0], gva(0x5000), 2);
	assert_int_equal(shut_down, SHUTDOWN_reboot);
	assert_false(v[0]->event.valid);
}

static void cut_short(void **state)
{
	(void)state;
	v[0]->regs_dirty = 0;
	vcpu_raise_page_fault(v[0], gva(0xFFFF800000001000), 0x13);
	expect(X86_PF, true, 0x13);
	assert_true(v[0]->regs.cr2 == 0xFFFF800000001000);
	assert_true(v[0]->regs_dirty & HVM_STATE_cr);

	/* What was being delivered comes again, behind the exception. */
	v[0]->event = (struct hvm_event){.valid = true, .type = EVENT_external, .vector = 0x41};
	vcpu_raise_error(v[0], X86_GP, 3);
	expect(X86_GP, true, 3);
	assert_int_equal(unaccepted, 0x41);
	v[0]->event = (struct hvm_event){.valid = true, .type = EVENT_nmi, .vector = X86_NMI};
	v[0]->nmi_masked = true;
	vcpu_raise(v[0], X86_UD);
	expect(X86_UD, false, 0);
	assert_true(v[0]->nmi_pending && !v[0]->nmi_masked);
	/* INT n is executed again. */
	v[0]->event = (struct hvm_event){
		.valid = true, .type = EVENT_software, .vector = 0x80, .insn_length = 2};
	vcpu_raise_error(v[0], X86_NP, 0x402);
	expect(X86_NP, true, 0x402);
	assert_int_equal(v[0]->event.insn_length, 0);
}

/* --- skipping --- */

static int step_over(const char *bytes, size_t n, u8 given)
{
	struct hvm_exit x = {.insn_length = given};

	memcpy(code, bytes, n);
	code_length = n;
	v[0]->int_shadow = 1;
	v[0]->event.valid = false;
	return vcpu_skip(v[0], &x);
}

static void skipping(void **state)
{
	(void)state;
	v[0]->regs.rip = 0x1000;
	assert_int_equal(step_over("\x0F\xA2", 2, 0), 0); /* decoded */
	assert_true(v[0]->regs.rip == 0x1002 && v[0]->int_shadow == 0);
	assert_int_equal(step_over("", 0, 3), 0); /* the hardware said */
	assert_int_equal(v[0]->regs.rip, 0x1005);
	v[0]->regs.rip = 0xFFFFFFFF;
	assert_int_equal(step_over("", 0, 3), 0);
	assert_true(v[0]->regs.rip == 0x100000002);
	code_bits = 32;
	v[0]->regs.rip = 0xFFFFFFFF;
	assert_int_equal(step_over("", 0, 3), 0);
	assert_int_equal(v[0]->regs.rip, 2);

	code_bits = 64; /* changed under us: what is there now is not what was intercepted */
	v[0]->regs.rip = 0x2000;
	assert_int_equal(step_over("\x06", 1, 0), -XEN_EFAULT);
	expect(X86_UD, false, 0);
	assert_true(v[0]->regs.rip == 0x2000 && v[0]->int_shadow == 1);
	assert_int_equal(step_over("", 0, 0), -XEN_EFAULT);
	expect(X86_PF, true, 0x10);

	v[0]->regs.rflags |= 0x100; /* TF: a step like any other */
	v[0]->regs.dr6 = 0xFFFF0FF0;
	assert_int_equal(step_over("", 0, 2), 0);
	expect(X86_DB, false, 0);
	assert_true(v[0]->regs.rip == 0x2002 && v[0]->regs.dr6 == 0xFFFF4FF0);
	assert_true(v[0]->regs_dirty & HVM_STATE_debug);
}

/* --- no wake-up is lost --- */

#define ROUNDS 100000u

static void *waker(void *arg)
{
	(void)arg;
	fake_cpu = &cpus[1];
	for (u32 i = 0; i < ROUNDS; i++) {
		while (__atomic_load_n(&info[0].evtchn_upcall_pending, __ATOMIC_SEQ_CST))
			;
		for (u32 spin = i * 7 % 50; spin; spin--)
			barrier();
		__atomic_store_n(&info[0].evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
		vcpu_kick(v[0]);
	}
	return NULL;
}

static void no_lost_wakeup(void **state)
{
	pthread_t t;

	(void)state;
	up(0);
	assert_int_equal(pthread_create(&t, NULL, waker, NULL), 0);
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 patience = 1ull << 33;

		do {
			vcpu_block(v[0]);
			while (READ_ONCE(v[0]->wait) && --patience)
				;
			assert_true(patience > 0); /* asleep with an event pending */
		} while (!__atomic_load_n(&info[0].evtchn_upcall_pending, __ATOMIC_SEQ_CST));
		__atomic_store_n(&info[0].evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	}
	pthread_join(t, NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(creation),           TEST(wait_bits),
		TEST(blocking),           TEST(kicks),
		TEST(the_last_one),       TEST(init_and_startup),
		TEST(init_while_running), TEST(pairs),
		TEST(triple_fault),       TEST(cut_short),
		TEST(skipping),           TEST(no_lost_wakeup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
