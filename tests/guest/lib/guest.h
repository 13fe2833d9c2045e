/* SPDX-License-Identifier: BSD-2-Clause */
/* The library of the test guests. A test is one file with a title and test_main(); it ends with
 * exactly one verdict line on port 0xE9 and powers its domain off. Everything is identity mapped
 * below 4 GiB, pages are open to user mode, vCPU 0 runs with interrupts off. */
#ifndef TESTS_GUEST_LIB_GUEST_H
#define TESTS_GUEST_LIB_GUEST_H

#include <core/types.h>
#include <tests/guest/lib/cpu.h>
#include <tests/guest/lib/hypercall.h>
#include <xen/errno.h>
#include <xen/shared_info.h>
#include <xen/start_info.h>

/* ---- a test gives these two ---- */
extern const char test_title[];
void test_main(void); /* returning means PASS */

/* ---- verdicts: none of them returns ---- */
noreturn_fn void test_pass(void);
noreturn_fn void test_skip(const char *fmt, ...) printf_like(1, 2);
noreturn_fn void test_fail(const char *fmt, ...) printf_like(1, 2);
noreturn_fn void test_error(const char *fmt, ...) printf_like(1, 2);
#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)
#define WHERE         __FILE__ ":" STRINGIFY(__LINE__)
#define CHECK(cond, what)                                 \
	do {                                              \
		if (!(cond))                              \
			test_fail("%s, %s", what, WHERE); \
	} while (0)
#define CHECK_EQ(got, want, what)                                                              \
	do {                                                                                   \
		s64 got_ = (s64)(got), want_ = (s64)(want);                                    \
		if (got_ != want_)                                                             \
			test_fail("%s: %lld (0x%llx) instead of %lld (0x%llx), %s", what,      \
				  (long long)got_, (unsigned long long)got_, (long long)want_, \
				  (unsigned long long)want_, WHERE);                           \
	} while (0)

/* ---- text: one call is one piece of output, at most 255 bytes ---- */
void print(const char *fmt, ...) printf_like(1, 2);
size_t format_text(char *buf, size_t size, const char *fmt, __builtin_va_list ap);
void *memset(void *p, int c, size_t n);
void *memcpy(void *d, const void *s, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
/* Does the command line hold this word? */
bool cmdline_has(const char *word);

/* ---- start of day ---- */
extern u64 start_info_address;
static inline const struct hvm_start_info *start_info(void)
{
	return (const struct hvm_start_info *)start_info_address;
}
extern const char image_end[];
bool on_xen(void); /* false: plain machine without Xen's CPUID leaves */

/* ---- traps ---- */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};
typedef void (*trap_fn)(struct trap_frame *f);
#define VECTOR_NONE 0xFFFFu
struct fault {
	u32 vector; /* VECTOR_NONE: the function returned */
	u32 error;
	u64 rip, cr2, rflags, rax, cs;
};
/* For all CPUs. NULL: unexpected ones end the test. Handlers of exceptions are asked after guards.
 */
void trap_set_handler(u8 vector, trap_fn fn);
/* Runs fn(arg) and says which exception ended it. May nest; each CPU has its own. */
struct fault expect_fault(void (*fn)(void *arg), void *arg);
/* The same at CPL 3 on a small stack of its own. Returned: vector 0x80. */
struct fault run_user(void (*fn)(void *arg), void *arg);
struct table_pointer {
	u16 limit;
	u64 base;
} __attribute__((packed));

/* ---- CPUs ---- */
#define CPU_MAX    8u
#define CPU_STACK  0x4000u
#define TRAMPOLINE 0x8000u
#define CS_KERNEL  0x08u
#define CS_USER    0x2Bu
#define SS_USER    0x23u
struct cpu {
	u32 id;
	u32 apic_id;
	volatile u32 running; /* fn runs */
	void (*fn)(void *arg);
	void *arg;
	u64 *guard; /* innermost expect_fault: its saved RSP */
	struct fault fault;
	volatile u64 interrupts[256]; /* taken by count_interrupt */
	u64 gdt[8];
	u8 tss[104];
	u8 user_stack[1024];
};
/* The CPU's own struct, found from the stack. */
static inline struct cpu *this_cpu(void)
{
	u64 rsp;

	__asm__ volatile("movq %%rsp, %0" : "=r"(rsp));
	return (struct cpu *)(rsp & ~(u64)(CPU_STACK - 1));
}
static inline u32 cpu_id(void)
{
	return this_cpu()->id;
}
struct cpu *cpu_get(u32 id);
u32 cpu_count(void);     /* of the MADT; at most CPU_MAX */
u32 cpu_apic_id(u32 id); /* by the MADT's uid */
/* INIT, STARTUP; fn(arg) runs on CPU id with interrupts off, then the CPU halts for ever with IF=0.
 * Returns when it runs; ends the test if it does not within 20 s. */
void cpu_start(u32 id, void (*fn)(void *arg), void *arg);
/* Starts all others. */
void cpu_start_all(void (*fn)(void *arg), void *arg);
/* Waits until fn has returned on CPU id. */
void cpu_join(u32 id);
extern const char ap_trampoline[], ap_trampoline_end[];
/* A trap handler that counts in this_cpu()->interrupts and gives EOI. */
void count_interrupt(struct trap_frame *f);
void count_upcall(struct trap_frame *f); /* counts, no EOI */

/* ---- local APIC, in the mode that IA32_APIC_BASE says ---- */
#define APIC_ID        0x020u
#define APIC_VERSION   0x030u
#define APIC_TPR       0x080u
#define APIC_PPR       0x0A0u
#define APIC_EOI       0x0B0u
#define APIC_LDR       0x0D0u
#define APIC_DFR       0x0E0u
#define APIC_SVR       0x0F0u
#define APIC_ISR       0x100u
#define APIC_TMR       0x180u
#define APIC_IRR       0x200u
#define APIC_ESR       0x280u
#define APIC_ICR       0x300u
#define APIC_ICR2      0x310u
#define APIC_LVT_TIMER 0x320u
#define APIC_LVT_LINT0 0x350u
#define APIC_LVT_ERROR 0x370u
#define APIC_TMICT     0x380u
#define APIC_TMCCT     0x390u
#define APIC_TDCR      0x3E0u
#define ICR_NMI        0x400u
#define ICR_INIT       0x500u
#define ICR_STARTUP    0x600u
#define ICR_LOGICAL    0x800u
#define ICR_ASSERT     0x4000u
#define ICR_SELF       0x40000u
#define ICR_ALL        0x80000u
#define ICR_OTHERS     0xC0000u
#define APIC_MMIO      0xFEE00000u
u32 apic_read(u32 offset);
void apic_write(u32 offset, u32 value);
void apic_icr(u32 dest, u32 low);
bool apic_bit(u32 bank, u8 vector); /* bank: APIC_ISR, APIC_IRR, APIC_TMR */
void apic_enable(void);             /* SVR on, spurious vector 0xFF */
bool apic_x2_mode(void);
static inline volatile u32 *apic_mmio(u32 offset)
{
	return (volatile u32 *)(u64)(APIC_MMIO + offset);
}

/* ---- time ---- */
u64 clock_ns(void); /* pvclock of this CPU; maps shared_info if need be */
u64 pvclock_read(const volatile struct vcpu_time_info *t, u64 *tsc);
void delay_ns(u64 ns);
/* Waits for cond with interrupts opened between looks; false after ms. */
#define WAIT_FOR(cond, ms)                                 \
	({                                                 \
		u64 end_ = clock_ns() + (u64)(ms)*1000000; \
		bool ok_ = true;                           \
		while (!(cond)) {                          \
			if (clock_ns() > end_) {           \
				ok_ = (cond);              \
				break;                     \
			}                                  \
			interrupts_poll();                 \
			cpu_relax();                       \
		}                                          \
		ok_;                                       \
	})

/* ---- shared info and events ---- */
#define UPCALL_VECTOR 0xF3u
volatile struct shared_info *shared_info(void); /* mapped on first use */
volatile struct vcpu_info *vcpu_info(u32 cpu);
/* Masks all ports, registers the type 2 upcall; event_upcall_handler serves it. */
void event_init(void);
extern volatile u32 event_count[XEN_EVTCHN_COUNT];
extern volatile u32 event_last_cpu[XEN_EVTCHN_COUNT];
/* Scans this CPU's pending words as a guest must; counts and clears. */
void event_scan(void);
bool event_pending(u32 port);
void event_clear(u32 port);
void event_mask(u32 port);
bool event_masked(u32 port);
bool event_test_set(volatile u64 *words, u32 bit);
u32 event_alloc_self(void);                    /* unbound port for this domain */
void event_loop_pair(u32 *first, u32 *second); /* two ports bound to each other */

/* ---- memory ---- */
/* Maps a 4 KiB page at va (in 512 GiB..1 TiB) with page-table bits flags; 0 removes it. */
#define MAP_WINDOW 0x8000000000ull
void map_page(u64 va, u64 pa, u64 flags);
/* Reservation call on one or more gfns; returns what the hypercall does. */
s64 reservation(u32 cmd, u64 *gfns, u64 count, u32 order);
s64 add_to_physmap(u32 space, u64 idx, u64 gfn);
#define EMPTY_GFN 0xC0000ull /* nothing is there in a small guest */
static inline volatile u64 *gfn_ptr(u64 gfn)
{
	return (volatile u64 *)(gfn << 12);
}

#endif
