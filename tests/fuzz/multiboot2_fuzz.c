/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as Multiboot2 information: no fault, and results that stay within their bounds. */
// links: boot/multiboot2.c core/lib/string.c
#include <stdint.h>
#include <stdlib.h>

#include <boot/multiboot2.h>
#include <core/lib/string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct boot_info info;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 *copy = malloc(size + 8);
	u32 total = (u32)size + 8;
	u64 start, end, from = 0;

	if (copy == NULL)
		return 0;
	/* The right total size, so that the tags are reached. */
	memset(copy, 0, 8);
	memcpy(copy, &total, 4);
	memcpy(copy + 8, data, size);
	if (multiboot2_parse(&info, copy, total) == NULL) {
		if (info.module_count > BOOT_MAX_MODULES || info.range_count > BOOT_MAX_RANGES)
			abort();
		for (u32 i = 0; i < info.module_count; i++)
			(void)strlen(info.modules[i].cmdline);
		while (boot_ram_next(&info, from, &start, &end)) {
			if (start < from || start >= end)
				abort();
			from = end;
		}
	}
	free(copy);
	return 0;
}
