/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a guest could not be built, as text for its owner. */
#ifndef DOM0_BUILDER_ERROR_H
#define DOM0_BUILDER_ERROR_H

#include <core/types.h>

/* One line without a newline. Valid only after a function returned an error. */
struct build_error {
	char text[160];
};

/* Writes the text (cut if too long) and returns -code, a negative errno. err may be NULL. */
int build_fail(struct build_error *err, int code, const char *format, ...) printf_like(3, 4);

#endif
