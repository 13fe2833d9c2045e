/* SPDX-License-Identifier: BSD-2-Clause */
/* Types of the boot information's tags; the header asks for them by the same numbers. Plain
 * constants, so that assembly can use them too. */
#ifndef BOOT_MULTIBOOT2_TAGS_H
#define BOOT_MULTIBOOT2_TAGS_H

#define TAG_END      0
#define TAG_CMDLINE  1
#define TAG_LOADER   2
#define TAG_MODULE   3
#define TAG_MEMORY   6
#define TAG_ACPI_OLD 14
#define TAG_ACPI_NEW 15

#endif
