/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry format of VT-x: SDM volume 3, "The Extended Page Table Mechanism (EPT)". */
#include <ept/ept.h>

#define EPT_WB       (6ull << 3) /* memory type of a leaf; uncached is 0 */
#define EPT_ACCESSED (1ull << 8)
#define EPT_DIRTY    (1ull << 9)
#define EPT_EXECUTE  2u /* the number of the bit that EPT_X is */

/* Rights are the AND of all levels: tables give all. Accessed and dirty are set from the start:
 * the processor never writes to a table, and the walker may change an entry without an atomic
 * operation. Where the CPU has no such bits it ignores these. The guest's own PAT counts, as on
 * AMD-V: bit 6 (ignore PAT) is clear. */
#define EPT_TABLE (EPT_R | EPT_W | EPT_X | EPT_ACCESSED)
#define EPT_LEAF  (EPT_WB | EPT_ACCESSED | EPT_DIRTY)

const struct ept_format ept_format = {
	.name = "EPT",
	.execute_bit = EPT_EXECUTE,
	.execute_inverted = false,
	.table = EPT_TABLE,
	.leaf = {[EPT_TYPE_ram] = EPT_LEAF,
		 [EPT_TYPE_foreign] = EPT_LEAF,
		 [EPT_TYPE_grant] = EPT_LEAF,
		 [EPT_TYPE_shared] = EPT_LEAF,
		 [EPT_TYPE_mmio] = EPT_ACCESSED | EPT_DIRTY},
};
