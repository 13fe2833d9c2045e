/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends its domain in the way the command line says: poweroff, reboot, crash, watchdog, triple,
 * halt, softreset, loop, wait. Started by the life-cycle cases. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "ends of a domain";

static void shut_down(u32 reason)
{
	struct sched_shutdown s = {reason};

	sched_op(SCHEDOP_shutdown, &s);
	test_fail("shutdown %u returned", reason);
}

void test_main(void)
{
	static const char *const words[] = {"poweroff", "reboot",   "-",
					    "crash",    "watchdog", "softreset"};
	struct table_pointer none = {0, 0};

	print("here\n");
	for (u32 i = 0; i < ARRAY_SIZE(words); i++)
		if (cmdline_has(words[i]))
			shut_down(i);
	if (cmdline_has("triple")) {
		__asm__ volatile("lidt %0; ud2" : : "m"(none));
		test_fail("survived a triple fault");
	}
	if (cmdline_has("halt"))
		for (;;)
			__asm__ volatile("cli; hlt");
	if (cmdline_has("loop")) /* interrupts off, for ever */
		for (;;)
			barrier();
	if (cmdline_has("badtables")) { /* page tables that name no memory */
		write_cr3(0xC0000000);
		test_fail("runs without page tables");
	}
	if (cmdline_has("runhole")) { /* instructions where no memory is */
		((void (*)(void))0xC0000000ul)();
		test_fail("ran in a hole");
	}
	if (cmdline_has("wait")) {
		event_init();
		for (;;) {
			struct sched_poll p = {.timeout = clock_ns() + 1000000000};

			sched_op(SCHEDOP_poll, &p);
		}
	}
	test_error("no word in the command line");
}
// guest: boot=own
