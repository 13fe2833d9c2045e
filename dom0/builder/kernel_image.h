/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel file as its owner gives it: a plain ELF, or a bzImage that carries one packed. */
#ifndef DOM0_BUILDER_KERNEL_IMAGE_H
#define DOM0_BUILDER_KERNEL_IMAGE_H

#include <core/types.h>
#include <dom0/builder/error.h>
#include <dom0/builder/unpack.h>

/* Upper limit of an unpacked kernel. */
#define KERNEL_IMAGE_MAX GIB(1)

struct kernel_image {
	bool packed;               /* false: payload is the ELF itself */
	enum unpack_method method; /* if packed */
	const u8 *payload;         /* inside the file's bytes; without the appended size */
	u64 payload_size;
	u64 unpacked_size; /* bytes the ELF has once unpacked */
	u64 scratch_size;  /* bytes of scratch kernel_image_unpack() needs */
};

/* Finds out what the size bytes at data are. They stay the caller's and must outlive image.
 * -EINVAL with a text if they are no kernel or the header lies. */
int kernel_image_open(struct kernel_image *image, const void *data, u64 size,
		      struct build_error *err) must_use;

/* Writes the ELF to out, image->unpacked_size bytes; for a plain ELF a copy (a caller may as
 * well use payload in place). scratch: image->scratch_size bytes, 16-byte aligned. Errors as
 * for unpack(). */
int kernel_image_unpack(const struct kernel_image *image, void *out, void *scratch,
			struct build_error *err) must_use;

#endif
