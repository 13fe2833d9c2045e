/* SPDX-License-Identifier: BSD-2-Clause */
/* A fault of the control domain's own: registers to the log, then the end. */
#include <dom0/entry/traps.h>

#include <stdarg.h>
#include <stdio.h>
#include <core/types.h>
#include <dom0/entry/panic.h>
#include <dom0/hyper/hypercall.h>

struct trap_frame { /* as trap_common in entry.S pushes it */
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};
struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "AMD APM vol. 2, \"Interrupt-Gate Descriptor\"");

#define STUB_SIZE 16u

extern const char trap_stubs[];
void trap_report(const struct trap_frame *f);

static struct gate idt[32];

static void say(const char *fmt, ...) printf_like(1, 2);
static void say(const char *fmt, ...)
{
	char line[200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		hyper_console_write(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void backtrace(u64 rip, u64 rbp)
{
	say("  called from: %#lx", rip);
	/* Frame pointers of our own code, in the image or its stack: stop at anything odd. */
	for (unsigned int i = 0;
	     i < 16 && rbp >= 0xffffffff80000000ull && !(rbp & 7) && rbp < 0xfffffffffffff000ull;
	     i++) {
		const u64 *frame = (const u64 *)(uintptr_t)rbp;

		say(" %#lx", frame[1]);
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
	say("\n");
}

void trap_report(const struct trap_frame *f)
{
	u64 cr2;

	__asm__("mov %%cr2, %0" : "=r"(cr2));
	say("\ncontrol domain: exception %lu, error %#lx, rip %#lx, cr2 %#lx\n", f->vector,
	    f->error, f->rip, cr2);
	say("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	say("  rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", f->rsi, f->rdi, f->rbp, f->rsp);
	say("  r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", f->r8, f->r9, f->r10, f->r11);
	say("  r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", f->r12, f->r13, f->r14, f->r15);
	say("  cs %04lx ss %04lx rflags %#lx\n", f->cs, f->ss, f->rflags);
	backtrace(f->rip, f->rbp);
	hyper_shutdown(SHUTDOWN_crash);
}

void panic(const char *format, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	say("\ncontrol domain: %s\n", line);
	backtrace((u64)(uintptr_t)__builtin_return_address(0),
		  (u64)(uintptr_t)__builtin_frame_address(0));
	hyper_shutdown(SHUTDOWN_crash);
}

void traps_init(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, (u64)(uintptr_t)idt};

	for (unsigned int i = 0; i < 32; i++) {
		u64 at = (u64)(uintptr_t)trap_stubs + i * STUB_SIZE;

		idt[i] = (struct gate){.offset_low = (u16)at,
				       .selector = 8,
				       .type = 0x8E,
				       .offset_middle = (u16)(at >> 16),
				       .offset_high = (u32)(at >> 32)};
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}
