/* SPDX-License-Identifier: BSD-2-Clause */
/* The control domain's ELF image. */
#ifndef CORE_CONTROL_IMAGE_H
#define CORE_CONTROL_IMAGE_H

#include <core/types.h>

struct control_image {
	const u8 *data;
	u64 size;
	u64 memory; /* bytes from the load base that the segments need */
	u64 entry;  /* PHYS32_ENTRY, from the load base */
};

/* Checks the file: an ELF64 for x86-64 with loadable segments inside the file and within `room`
 * bytes of the load base (p_paddr counts from there), and a PHYS32_ENTRY note inside them. NULL,
 * or what is wrong. */
must_use const char *control_image_check(struct control_image *image, const void *data, u64 size,
					 u64 room);
/* Copies the segments of a checked image to base (room bytes, zeroed). */
void control_image_load(const struct control_image *image, u8 *base);

#endif
