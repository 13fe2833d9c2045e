/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry format of AMD-V: AMD APM volume 2, "Nested Paging", which reuses the long-mode format
 * of "Page Translation and Protection". */
#include <ept/ept.h>

#define NPT_P   (1ull << 0)
#define NPT_W   (1ull << 1)
#define NPT_US  (1ull << 2) /* nested walks count as user accesses: needed at every level */
#define NPT_PWT (1ull << 3)
#define NPT_PCD (1ull << 4)
#define NPT_A   (1ull << 5)
#define NPT_D   (1ull << 6)
#define NPT_NX  63u /* the number of the bit */

/* Accessed and dirty are set from the start: the processor never writes to a table, and the walker
 * may change an entry without an atomic operation. P comes from EPT_R, W from EPT_W. */
#define NPT_LEAF (NPT_US | NPT_A | NPT_D)

const struct ept_format npt_format = {
	.name = "NPT",
	.execute_bit = NPT_NX,
	.execute_inverted = true,
	.table = NPT_P | NPT_W | NPT_US | NPT_A,
	.leaf = {[EPT_TYPE_ram] = NPT_LEAF,
		 [EPT_TYPE_foreign] = NPT_LEAF,
		 [EPT_TYPE_grant] = NPT_LEAF,
		 [EPT_TYPE_shared] = NPT_LEAF,
		 /* Index 3 of the host's PAT, uncached in its power-on value. */
		 [EPT_TYPE_mmio] = NPT_LEAF | NPT_PCD | NPT_PWT},
};
