/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's virtual memory. Plain constants: assembly and the linker script use them too.
 *
 *   0x0000_0000_0000_0000  nothing (one page, executable and read-only, while CPUs are started)
 *   0xffff_8000_0000_0000  direct map: physical 0 up; RAM and ACPI ranges, RW and NX; the image's
 *                          text and constants are read-only here too
 *   0xffff_c000_0000_0000  MMIO, uncached, and stacks with a gap below, given out upwards
 *   0xffff_ffff_8000_0000  the image, physical 0 up; linked at +2 MiB: text RX, constants R, the
 *                          rest RW
 */
#ifndef ARCH_X86_64_MM_LAYOUT_H
#define ARCH_X86_64_MM_LAYOUT_H

#define IMAGE_VIRT_OFFSET 0xffffffff80000000
#define IMAGE_PHYS_BASE   0x200000

/* Host tests define it as the address of a mapping of their own. */
#ifndef DIRECT_MAP_BASE
#define DIRECT_MAP_BASE 0xffff800000000000
#endif
#define DIRECT_MAP_SIZE 0x400000000000 /* 64 TiB */

#define WINDOW_BASE 0xffffc00000000000
#define WINDOW_SIZE 0x010000000000 /* 1 TiB */

/* What each CPU has: its tables, two fault stacks, a gap, its main stack (struct cpu_area). */
#define CPU_AREA_SIZE 0x8000

#endif
