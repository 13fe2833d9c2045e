/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared info, clocks, event channels and memory calls of a test guest. */
#include <tests/guest/lib/trap.h>

static u8 shared_page[4096] __attribute__((aligned(4096)));
static volatile struct shared_info *shared;
volatile u32 event_count[XEN_EVTCHN_COUNT];
volatile u32 event_last_cpu[XEN_EVTCHN_COUNT];

s64 add_to_physmap(u32 space, u64 idx, u64 gfn)
{
	struct xen_add_to_physmap a = {
		.domid = DOMID_SELF, .size = 0x5555, .space = space, .idx = idx, .gpfn = gfn};

	return memory_op(XENMEM_add_to_physmap, &a);
}

volatile struct shared_info *shared_info(void)
{
	if (!shared) {
		s64 r = add_to_physmap(XENMAPSPACE_shared_info, 0, (u64)shared_page >> 12);

		CHECK_EQ(r, 0, "add_to_physmap of shared info");
		shared = (volatile struct shared_info *)(void *)shared_page;
	}
	return shared;
}

volatile struct vcpu_info *vcpu_info(u32 cpu)
{
	return &shared_info()->vcpu_info[cpu];
}

u64 pvclock_read(const volatile struct vcpu_time_info *t, u64 *tsc_used)
{
	u64 tsc, delta, ns;
	u32 version;

	do {
		do
			version = t->version;
		while (version & 1);
		barrier();
		tsc = rdtsc();
		delta = tsc - t->tsc_timestamp;
		delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
		ns = t->system_time +
		     (u64)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
		barrier();
	} while (t->version != version);
	if (tsc_used)
		*tsc_used = tsc;
	return ns;
}

u64 clock_ns(void)
{
	if (!on_xen())
		return rdtsc();
	return pvclock_read(&vcpu_info(cpu_id())->time, NULL);
}

void delay_ns(u64 ns)
{
	u64 end = clock_ns() + ns;

	while (clock_ns() < end)
		cpu_relax();
}

bool event_test_set(volatile u64 *words, u32 bit)
{
	u64 mask = 1ull << (bit % 64);

	return __atomic_fetch_or(&words[bit / 64], mask, __ATOMIC_SEQ_CST) & mask;
}
static bool test_clear(volatile u64 *words, u32 bit)
{
	u64 mask = 1ull << (bit % 64);

	return __atomic_fetch_and(&words[bit / 64], ~mask, __ATOMIC_SEQ_CST) & mask;
}
bool event_pending(u32 port)
{
	return shared_info()->evtchn_pending[port / 64] >> (port % 64) & 1;
}
void event_clear(u32 port)
{
	(void)test_clear(shared_info()->evtchn_pending, port);
}
void event_mask(u32 port)
{
	(void)event_test_set(shared_info()->evtchn_mask, port);
}
bool event_masked(u32 port)
{
	return shared_info()->evtchn_mask[port / 64] >> (port % 64) & 1;
}

void event_scan(void)
{
	volatile struct vcpu_info *v = vcpu_info(cpu_id());

	while (__atomic_exchange_n(&v->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
		u64 sel = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

		for (; sel; sel &= sel - 1) {
			u32 w = (u32)__builtin_ctzll(sel);
			u64 bits = shared->evtchn_pending[w] & ~shared->evtchn_mask[w];

			for (; bits; bits &= bits - 1) {
				u32 port = w * 64 + (u32)__builtin_ctzll(bits);

				if (!test_clear(shared->evtchn_pending, port))
					continue;
				event_last_cpu[port] = cpu_id();
				__atomic_fetch_add(&event_count[port], 1, __ATOMIC_SEQ_CST);
			}
		}
	}
}

static void upcall(struct trap_frame *f)
{
	this_cpu()->interrupts[f->vector]++;
	event_scan();
}

void event_init(void)
{
	for (u32 i = 0; i < 64; i++)
		shared_info()->evtchn_mask[i] = ~0ull;
	trap_set_handler(UPCALL_VECTOR, upcall);
	CHECK_EQ(hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 2ull << 56 | UPCALL_VECTOR), 0,
		 "HVM_PARAM_CALLBACK_IRQ type 2");
}

u32 event_alloc_self(void)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};

	CHECK_EQ(event_op(EVTCHNOP_alloc_unbound, &a), 0, "alloc_unbound for self");
	return a.port;
}

void event_loop_pair(u32 *first, u32 *second)
{
	struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF};

	*first = b.remote_port = event_alloc_self();
	CHECK_EQ(event_op(EVTCHNOP_bind_interdomain, &b), 0, "bind_interdomain to self");
	*second = b.local_port;
}

s64 reservation(u32 cmd, u64 *gfns, u64 count, u32 order)
{
	struct xen_memory_reservation r = {.extent_start = (u64)gfns,
					   .nr_extents = count,
					   .extent_order = order,
					   .domid = DOMID_SELF};

	return memory_op(cmd, &r);
}

extern u64 boot_pml4[512];
static u64 window_tables[6][512] __attribute__((aligned(4096)));
static u32 window_used;

static u64 *next_table(u64 *entry)
{
	if (!*entry) {
		if (window_used == ARRAY_SIZE(window_tables))
			test_error("map_page: out of tables");
		*entry = (u64)window_tables[window_used++] | 7;
	}
	return (u64 *)(*entry & ~0xFFFull);
}

void map_page(u64 va, u64 pa, u64 flags)
{
	u64 *pdpt = next_table(&boot_pml4[va >> 39 & 511]);
	u64 *pd = next_table(&pdpt[va >> 30 & 511]);
	u64 *pt = next_table(&pd[va >> 21 & 511]);

	pt[va >> 12 & 511] = flags ? pa | flags : 0;
	invlpg((const void *)va);
}
