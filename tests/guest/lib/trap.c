/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables, exceptions and guarded calls of a test guest. */
#include <tests/guest/lib/trap.h>

extern char trap_stubs[];
extern void guard_resume(void);
int guard_call(u64 *saved_rsp, void (*fn)(void *), void *arg);
void user_enter(void (*fn)(void *), void *arg, void *stack_top, u64 *rsp0);
void trap_entry(struct trap_frame *f);

static struct {
	u64 low, high;
} idt[256];
static trap_fn handlers[256];

static void idt_init(void)
{
	for (u32 i = 0; i < 256; i++) {
		u64 at = (u64)trap_stubs + i * 16;
		u64 dpl = i == 0x80 || i == 3 ? 3 : 0;

		idt[i].low = (at & 0xFFFF) | CS_KERNEL << 16 | (0x8E00ull | dpl << 13) << 32 |
			     (at >> 16 & 0xFFFF) << 48;
		idt[i].high = at >> 32;
	}
}

void trap_init_cpu(struct cpu *c)
{
	u64 tss = (u64)c->tss;
	struct table_pointer gdtr = {sizeof(c->gdt) - 1, (u64)c->gdt};
	struct table_pointer idtr = {sizeof(idt) - 1, (u64)idt};

	if (!idt[0].low)
		idt_init();
	c->gdt[1] = 0x00AF9B000000FFFF;
	c->gdt[2] = 0x00CF93000000FFFF;
	c->gdt[3] = 0x00CF9B000000FFFF;
	c->gdt[4] = 0x00CFF3000000FFFF;
	c->gdt[5] = 0x00AFFB000000FFFF;
	c->gdt[6] = (sizeof(c->tss) - 1) | (tss & 0xFFFFFF) << 16 | 0x89ull << 40 |
		    (tss >> 24 & 0xFF) << 56;
	c->gdt[7] = tss >> 32;
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdtr), "m"(idtr), "r"(0x30));
}

void trap_set_handler(u8 vector, trap_fn fn)
{
	handlers[vector] = fn;
}

static void leave_guard(struct cpu *c, struct trap_frame *f)
{
	c->fault = (struct fault){(u32)f->vector, (u32)f->error, f->rip, read_cr2(),
				  f->rflags,      f->rax,        f->cs};
	f->rsp = *c->guard;
	f->rip = (u64)guard_resume;
	f->rax = 1;
	f->cs = CS_KERNEL;
	f->ss = 0x10;
	f->rflags = 2;
}

void trap_entry(struct trap_frame *f)
{
	struct cpu *c = this_cpu();

	if (c->guard && (f->vector == 0x80 || (f->vector < 32 && f->vector != 2)))
		leave_guard(c, f);
	else if (handlers[f->vector])
		handlers[f->vector](f);
	else
		test_error("CPU %u: unexpected vector %u error %x at %x:%lx cr2 %lx", c->id,
			   (u32)f->vector, (u32)f->error, (u32)f->cs, f->rip, read_cr2());
}

struct fault expect_fault(void (*fn)(void *arg), void *arg)
{
	struct cpu *c = this_cpu();
	u64 *outer = c->guard, rsp;
	u64 rflags = read_rflags();
	int faulted;

	c->guard = &rsp;
	faulted = guard_call(&rsp, fn, arg);
	c->guard = outer;
	if (rflags & RFLAGS_IF)
		interrupts_on();
	if (!faulted)
		c->fault = (struct fault){.vector = VECTOR_NONE};
	return c->fault;
}

struct user_call {
	void (*fn)(void *arg);
	void *arg;
};

static void enter_user(void *p)
{
	struct user_call *u = p;
	struct cpu *c = this_cpu();

	user_enter(u->fn, u->arg, c->user_stack + sizeof(c->user_stack),
		   (u64 *)(void *)(c->tss + 4));
}

struct fault run_user(void (*fn)(void *arg), void *arg)
{
	struct user_call u = {fn, arg};

	return expect_fault(enter_user, &u);
}

void count_upcall(struct trap_frame *f)
{
	this_cpu()->interrupts[f->vector]++;
}

void count_interrupt(struct trap_frame *f)
{
	this_cpu()->interrupts[f->vector]++;
	apic_write(APIC_EOI, 0);
}
