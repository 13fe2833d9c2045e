/* SPDX-License-Identifier: BSD-2-Clause */
/* See machine.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86_64/platform/clock.h>
#include <core/lib/print.h>
#include <core/mm/frame.h>
#include <iommu/machine.h>

unsigned int fake_lines_written, fake_pages_left = ~0u;
u64 fake_now;
char fake_log[65536];
static void *pages[1024];
static size_t page_count;

void *page_alloc(unsigned int order)
{
	size_t bytes = PAGE_SIZE << order;

	if (fake_pages_left == 0)
		return NULL;
	fake_pages_left -= fake_pages_left != ~0u;
	assert_true(page_count < ARRAY_SIZE(pages));
	pages[page_count] = aligned_alloc(bytes, bytes);
	return memset(pages[page_count++], 0, bytes);
}

void fake_machine_reset(void)
{
	while (page_count)
		free(pages[--page_count]);
	fake_pages_left = ~0u;
	fake_lines_written = 0;
	fake_log[0] = 0;
}

void clflush(const void *p)
{
	(void)p;
	fake_lines_written++;
}

u64 clock_ns(void)
{
	return fake_now += 1000000;
}

void log_line(const char *fmt, ...)
{
	size_t used = strlen(fake_log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fake_log + used, sizeof(fake_log) - used - 1, fmt, ap);
	va_end(ap);
	strcat(fake_log, "\n");
}

noreturn_fn void panic(const char *fmt, ...)
{
	mock_assert(0, fmt, __FILE__, __LINE__);
	abort();
}
