/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses to names, from the table that symbols.awk makes between the two links. */
#include <arch/x86_64/cpu/traps.h>

#include <arch/x86_64/mm/layout.h>

/* Sorted. Addresses are relative to IMAGE_VIRT_OFFSET; names are offsets into symbol_names. */
struct symbol {
	u32 address, name;
};
extern const struct symbol symbol_table[];
extern const u32 symbol_count;
extern const char symbol_names[];
extern const char image_text_end[];

const char *symbol_find(u64 address, u64 *offset)
{
	u32 low = 0, high = symbol_count;
	u64 relative = address - IMAGE_VIRT_OFFSET;

	*offset = 0;
	if (address >= (u64)(uintptr_t)image_text_end)
		return "?";
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (symbol_table[middle].address <= relative)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address < IMAGE_VIRT_OFFSET)
		return "?";
	*offset = relative - symbol_table[low - 1].address;
	return &symbol_names[symbol_table[low - 1].name];
}
