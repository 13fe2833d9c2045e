/* SPDX-License-Identifier: BSD-2-Clause */
/* From the loader's memory map to final page tables and a working frame allocator. */
#ifndef BOOT_MEMORY_H
#define BOOT_MEMORY_H

#include <boot/multiboot2.h>

/* Panics if there is not enough memory to begin with. */
void memory_init(const struct boot_info *bi);
/* A page of RAM below 1 MiB, for starting CPUs; false if there is none. */
bool memory_low_page(const struct boot_info *bi, hpa_t *page);

#endif
