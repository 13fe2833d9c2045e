/* SPDX-License-Identifier: BSD-2-Clause */
/* What each operation costs in TSC ticks. Under -icount a tick is an instruction, the guest's and
 * the hypervisor's together. Prints "BENCH name ticks": the median of 51, net of an empty
 * operation. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "costs of operations";
#define ROUNDS 51u
#define VECTOR 0x61

static u64 sample[ROUNDS];
static u64 empty;
static u32 port_a, port_b, port_timer;
static u64 page_list;
static u8 spare[4096] __attribute__((aligned(4096)));
static volatile u64 taken, taken_at;

static inline __attribute__((always_inline)) u64 tick(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

static u64 median(void)
{
	for (u32 i = 1; i < ROUNDS; i++)
		for (u32 k = i; k && sample[k - 1] > sample[k]; k--) {
			u64 t = sample[k];

			sample[k] = sample[k - 1];
			sample[k - 1] = t;
		}
	return sample[ROUNDS / 2];
}

static void report(const char *name, u64 net_of)
{
	u64 m = median();

	print("BENCH %s %lu\n", name, (unsigned long)(m > net_of ? m - net_of : 0));
}

/* Statements before; the measured statement. */
#define BENCH(name, before, statement)                \
	do {                                          \
		for (u32 i_ = 0; i_ < ROUNDS; i_++) { \
			before;                       \
			u64 t_ = tick();              \
			statement;                    \
			sample[i_] = tick() - t_;     \
		}                                     \
		report(name, empty);                  \
	} while (0)

/* The shortest hypercall: no stub between the measurement and the instruction. */
#define CALL(insn, nr, a1, a2, a3)                                           \
	({                                                                   \
		s64 r_ = (s64)(nr);                                          \
		u64 a1_ = (u64)(a1), a2_ = (u64)(a2), a3_ = (u64)(a3);       \
		__asm__ volatile(insn                                        \
				 : "+a"(r_), "+D"(a1_), "+S"(a2_), "+d"(a3_) \
				 :                                           \
				 : "r8", "r9", "r10", "r11", "memory");      \
		r_;                                                          \
	})
#define HYPERCALL(nr, a1, a2, a3)                                                \
	(hypercall_native == hypercall_vmmcall ? CALL("vmmcall", nr, a1, a2, a3) \
					       : CALL("vmcall", nr, a1, a2, a3))

static void self_ipi(struct trap_frame *f)
{
	(void)f;
	taken++;
	if (apic_x2_mode())
		wrmsr(0x80B, 0);
	else
		*apic_mmio(APIC_EOI) = 0;
}
static void self_ipi_x2(struct trap_frame *f)
{
	(void)f;
	wrmsr(0x80B, 0);
	taken++;
}
static void self_ipi_x(struct trap_frame *f)
{
	(void)f;
	*apic_mmio(APIC_EOI) = 0;
	taken++;
}
static void upcall(struct trap_frame *f)
{
	volatile struct vcpu_info *v = (volatile struct vcpu_info *)(volatile void *)shared_info();

	(void)f;
	v->evtchn_upcall_pending = 0;
	v->evtchn_pending_sel = 0;
	event_clear(port_b);
	event_clear(port_timer);
	taken_at = tick();
	taken++;
}

static void calibrate(void)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 t = tick();
		sample[i] = tick() - t;
	}
	empty = median();
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 t = tick();

		__asm__ volatile("movl $1000, %%ecx; 1: decl %%ecx; jnz 1b" : : : "ecx", "cc");
		sample[i] = tick() - t;
	}
	print("BENCH empty %lu\n", (unsigned long)empty);
	report("calibration_2001", empty);
}

static void plain_operations(void)
{
	u64 efer = rdmsr(MSR_EFER), cr4 = read_cr4();
	u32 version = XENVER_version;

	BENCH("port_read", , (void)inb(0x5678));
	BENCH("port_write_e9", , outb(0xE9, '.'));
	outb(0xE9, '\n');
	BENCH("cpuid_0", , (void)cpuid(0, 0));
	BENCH("null_hypercall", , (void)HYPERCALL(HYPERVISOR_xen_version, version, 0, 0));
	BENCH("rdmsr_efer", , (void)rdmsr(MSR_EFER));
	BENCH("wrmsr_efer", , wrmsr(MSR_EFER, efer));
	BENCH("mov_cr4", , write_cr4(cr4 ^ 0x80));
	write_cr4(cr4);
	BENCH("sched_yield", , (void)HYPERCALL(HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0));
	BENCH("hlt_with_event", event_send(port_a), halt_once());
}

static void event_operations(void)
{
	struct evtchn_port_arg send = {port_a};

	event_mask(port_b);
	BENCH("event_send_masked", event_clear(port_b),
	      (void)HYPERCALL(HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, 0));
	event_clear(port_b);
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, port_b), 0, "unmask");
	interrupts_on();
	BENCH("event_send_upcall", ,
	      (void)HYPERCALL(HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, 0));
	interrupts_off();
	CHECK(taken >= ROUNDS, "upcalls");
}

static void memory_operations(void)
{
	struct gnttab_query_size q = {.dom = DOMID_SELF};
	struct xen_memory_reservation r = {
		.extent_start = (u64)&page_list, .nr_extents = 1, .domid = DOMID_SELF};

	BENCH("grant_query_size", ,
	      (void)HYPERCALL(HYPERVISOR_grant_table_op, GNTTABOP_query_size, &q, 1));
	BENCH("page_give_take", page_list = (u64)spare >> 12, {
		(void)HYPERCALL(HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r, 0);
		(void)HYPERCALL(HYPERVISOR_memory_op, XENMEM_populate_physmap, &r, 0);
	});
	CHECK_EQ(spare[0], 0, "the page is there");
}

static void timer_operations(void)
{
	struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = 1ull << 40};

	BENCH("timer_arm", t.timeout_abs_ns = clock_ns() + 1000000000,
	      (void)HYPERCALL(HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, &t));
	BENCH("set_timer_op", , (void)HYPERCALL(HYPERVISOR_set_timer_op, t.timeout_abs_ns, 0, 0));
	(void)set_timer_op(0);
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 due = clock_ns() + 1000000, before = taken;

		CHECK_EQ(set_singleshot(0, due), 0, "arm");
		while (taken == before)
			halt_once();
		sample[i] = clock_ns() - due;
	}
	report("timer_hlt_late_ns", 0);
}

static void apic_operations(bool x2)
{
	u64 n;

	trap_set_handler(VECTOR, self_ipi);
	if (x2) {
		trap_set_handler(VECTOR, self_ipi_x2);
		BENCH("x2apic_tpr_write", , wrmsr(0x808, 0));
		BENCH("x2apic_tpr_read", , (void)rdmsr(0x808));
		interrupts_on();
		BENCH("x2apic_self_ipi", n = taken, {
			wrmsr(0x83F, VECTOR);
			while (taken == n)
				;
		});
		interrupts_off();
		BENCH("x2apic_eoi", , wrmsr(0x80B, 0));
		return;
	}
	trap_set_handler(VECTOR, self_ipi_x);
	BENCH("xapic_tpr_read", , (void)*apic_mmio(APIC_TPR));
	BENCH("xapic_tpr_write", , *apic_mmio(APIC_TPR) = 0);
	BENCH("xapic_eoi", , *apic_mmio(APIC_EOI) = 0);
	interrupts_on();
	BENCH("xapic_self_ipi", n = taken, {
		*apic_mmio(APIC_ICR) = ICR_SELF | VECTOR;
		while (taken == n)
			;
	});
	interrupts_off();
}

/* Until the control domain has found its devices: meanwhile two share the CPU, and slices end. */
static void let_the_machine_settle(void)
{
	struct sched_poll p = {.timeout = clock_ns() + 2 * NS_PER_SEC};

	CHECK_EQ(sched_op(SCHEDOP_poll, &p), 0, "poll");
}

void test_main(void)
{
	let_the_machine_settle();
	calibrate();
	event_init();
	trap_set_handler(UPCALL_VECTOR, upcall);
	apic_enable();
	event_loop_pair(&port_a, &port_b);
	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &port_timer), 0, "timer");
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, port_timer), 0, "unmask");
	event_clear(port_b);
	CHECK_EQ(event_port_op(EVTCHNOP_unmask, port_b), 0, "unmask");
	event_operations();
	plain_operations();
	memory_operations();
	timer_operations();
	if (apic_x2_mode()) {
		apic_operations(true);
		return;
	}
	apic_operations(false);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 0x400);
	apic_operations(true);
}
